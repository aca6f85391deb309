"""``evaluate``, ``compare``, ``plan``, ``register``, ``report``, ``runs``: results of trainings."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from fittingroom.classes import in_short
from fittingroom.cli import options
from fittingroom.cli.output import print_json, print_table, print_text, prints_aside, say
from fittingroom.errors import RunChangedError
from fittingroom.numbers import Estimate, count, percent, percent_estimate, percent_range, some
from fittingroom.recipes import differing_settings
from fittingroom.runs import Listed, Run, list_runs, open_run, unplanned

app = typer.Typer()

OUT = Path("report")
CLASSES = 30  # that a table of `evaluate` has at most
Out = Annotated[Path, typer.Option(help="The folder of the report.")]
POINTS = 0.5  # comparison.MARGIN in points, said here since that imports SciPy
Margin = Annotated[
    float,
    typer.Option(
        min=0,
        max=99,
        help="The difference in accuracy, in percentage points, that does not matter.",
    ),
]


@app.command()
@options.takes_session("threads")
def evaluate(
    run: Annotated[list[Path], typer.Argument(help="Folders of finished runs.")],
    json: options.Json = False,
    *,
    session: "options.Session",
) -> None:
    """Score runs on the test set; it is opened once for each run, and that is logged."""
    from fittingroom.findings import exploratory
    from fittingroom.jobs.evaluate import evaluate as evaluate_job

    opened = {str(folder): open_run(folder) for folder in run}
    evaluated = {name: evaluate_job(each, session=session) for name, each in opened.items()}
    marked = unplanned(each.folder for each in opened.values())
    if json:
        print_json(
            [
                {"run": each, "exploratory": opened[each].name in marked, **model.as_dict()}
                for each, model in evaluated.items()
            ]
        )
        return
    for each, model in evaluated.items():
        accuracy, of_classes = model.evaluation.accuracy, list(model.evaluation.per_class)
        if (kinds := len(of_classes)) > CLASSES:
            of_classes = sorted(of_classes, key=lambda scores: scores.recall.value)[:CLASSES]
        print_table(
            f"{each} on {model.data}: accuracy {percent_estimate(accuracy, 2)}",
            ("class", "images", "precision", "recall", "F1"),
            [
                (
                    scores.name,
                    count(scores.support),
                    *map(percent_estimate, (scores.precision, scores.recall, scores.f1)),
                )
                for scores in of_classes
            ],
            left=("class",),
        )
        if kinds > CLASSES:
            print_text(f"These are the {CLASSES} lowest recalls of {kinds:,}; --json gives all.")
        if opened[each].name in marked:
            print_text(exploratory([opened[each].name]).sentence)


@app.command()
@options.takes_session("runs", "device", "threads")
def compare(
    entrant: Annotated[
        list[str] | None,
        typer.Argument(
            help="Two or more recipes, folders of runs, or your own models: my_file.py:build."
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Train each recipe with seeds 0 to N-1.")] = 3,
    with_: Annotated[
        list[Path] | None,
        typer.Option(
            "--with", help="Predictions that somebody else made, .npz or .csv. May be repeated."
        ),
    ] = None,
    margin: Margin = POINTS,
    out: Out = OUT,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Train again even if there are finished runs.")
    ] = False,
    on: options.On = None,
    json: options.Json = False,
    *,
    session: "options.Session",
) -> None:
    """Train what is missing, compare on the test set, and write a report.

    The report is written after the first seed of each recipe, and again after the last.
    """
    from fittingroom.findings import foremost
    from fittingroom.jobs.compare import compare as compare_job

    with prints_aside():
        outcome = compare_job(
            entrant or [],
            others=with_ or [],
            margin=margin / 100,
            seeds=seeds,
            out=out,
            fresh=fresh,
            on=on,
            session=session,
        )
    if json:
        print_json(
            {
                "data": outcome.dataset.name,
                "data_description": outcome.dataset.description,
                **outcome.comparison.as_dict(),
                "failures": list(outcome.failures),
                "findings": [finding.as_dict() for finding in outcome.findings],
                "report": str(outcome.report),
            }
        )
        return
    print_table(
        None,
        ("model", "seeds", "accuracy", "95% interval"),
        [
            (
                model.name,
                str(len(model.seeds)) if model.seeds else "–",
                percent(model.accuracy.value, 2),
                percent_range(model.accuracy, 2),
            )
            for model in outcome.comparison.models
        ],
        left=("model",),
    )
    if not outcome.dataset.official:
        print_text(f"Note: {outcome.dataset.description}")
    print_text(outcome.comparison.headline)
    shown = foremost(outcome.findings)
    for finding in shown:
        alike = dict.fromkeys(each.about for each in outcome.findings if each.code == finding.code)
        also = in_short([about for about in alike if about != finding.about])
        rest = f" Also: {also}." if also else ""
        print_text(f"[{finding.code}] {finding.sentence}{rest}")
    if more := len(outcome.findings) - len(shown):
        print_text(f"{some(more, 'more finding')} in the report.")
    print_text(f"Report: {outcome.report}")


@app.command()
@options.takes_session("runs", "device", "threads")
def plan(
    recipe: Annotated[tuple[str, str], typer.Argument(help="Two recipes, or my_file.py:build.")],
    gap: Annotated[
        float, typer.Option(help="The difference in accuracy to be found, in percentage points.")
    ],
    seeds: Annotated[int, typer.Option(help="Of the pilot; trained if they are missing.")] = 3,
    json: options.Json = False,
    *,
    session: "options.Session",
) -> None:
    """Say how many seeds it takes to show a gap, from validation images."""
    from fittingroom.jobs.plan import plan as plan_job

    with prints_aside():
        planned = plan_job(*recipe, gap / 100, seeds=seeds, session=session)
    if json:
        print_json(planned.as_dict())
    else:
        print_text(planned.sentence)


@app.command()
@options.takes_session("runs")
def register(
    plan: Annotated[
        Path, typer.Argument(help="A JSON file of recipes, seeds, primary, margin and looks.")
    ],
    json: options.Json = False,
    *,
    session: "options.Session",
) -> None:
    """Register a plan before the test set is opened; all else will be marked as exploratory."""
    from fittingroom.jobs.register import register as register_job

    digest = register_job(plan, session)
    if json:
        print_json({"hash": digest})
    else:
        print_text(f"Registered. Publish the hash, and anyone can check the plan: {digest}")


@app.command()
@options.takes_session("threads")
def report(
    run: Annotated[list[Path], typer.Argument(help="Folders of finished runs.")],
    margin: Margin = POINTS,
    out: Out = OUT,
    map_: Annotated[
        Literal["pca", "tsne"],
        typer.Option(
            "--map",
            help="How the test set is mapped; tsne takes a minute or two for each model.",
            **options.one_of("pca", "tsne"),
        ),
    ] = "pca",
    json: options.Json = False,
    *,
    session: "options.Session",
) -> None:
    """Write a report on one run or more."""
    from fittingroom.jobs.report import report as report_job

    tsne = map_ == "tsne"
    index = report_job(list(run), margin=margin / 100, out=out, tsne=tsne, session=session)
    if json:
        print_json({"report": str(index)})
    else:
        print_text(f"Report: {index}")


@app.command()
def runs(runs: options.Runs = options.RUNS, json: options.Json = False) -> None:
    """List the runs with their accuracies."""
    listed = list_runs(runs)
    if json:
        print_json(
            [
                {
                    "run": str(each.folder),
                    "state": each.state,
                    **({"reason": each.reason} if each.run is None else run_values(each.run)),
                }
                for each in listed
            ]
        )
        return
    if not listed:
        say(f"No runs in {runs}. `fittingroom train cnn` makes one.")
        return
    columns = ("run", "validation", "test", "seconds")
    print_table(None, columns, map(_row, listed), left=("run",))
    print_text("In brackets: 95% intervals for the images, without the variation between seeds.")
    finished = [each.run for each in listed if each.run is not None]
    told = differing_settings([run.recipe for run in finished])
    for run, words in zip(finished, told, strict=True):
        if words:
            print_text(f"{run.name}: {words}")
    for each in listed:
        if each.reason:
            say(f"{each.folder.name}: {each.reason}")


def run_values(run: Run) -> dict[str, Any]:
    """A run as JSON values: its folder, recipe, seed, summary, and accuracies with intervals."""
    return {
        "run": str(run.folder),
        "recipe": run.recipe.name,
        "seed": run.seed,
        "data": run.environment["data"]["name"],
        "data_description": run.environment["data"].get("description"),
        "best_epoch": None if run.recipe.in_one_go else run.summary.best_epoch,
        "validation_accuracy": validation_accuracy(run).as_dict(),
        "seconds": run.summary.seconds,
        "parameters": run.summary.parameters,
        "test_accuracy": {name: each.as_dict() for name, each in _test_accuracies(run).items()},
    }


def validation_accuracy(run: Run) -> Estimate:
    """The run's validation accuracy, with Wilson's interval over the validation images."""
    from fittingroom.metrics import wilson

    images = run.environment["data"]["validation"]
    return wilson(round(run.summary.validation_accuracy * images), images)


def _test_accuracies(run: Run) -> dict[str, Estimate]:
    """Test accuracy, with Wilson's interval, by the data sets that the run was scored on."""
    from fittingroom.metrics import wilson

    folder = run.folder / "evaluations"
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    accuracies = {}
    for name in names:
        try:
            predictions = run.read_predictions(name)
        except RunChangedError as error:
            say(f"The scores of {run.name} can't be used. {error}")
            continue
        if predictions is not None:
            accuracies[name] = wilson(int(predictions.correct.sum()), len(predictions))
    return accuracies


def _row(listed: Listed) -> tuple[str, ...]:
    run = listed.run
    if run is None:
        return (listed.folder.name, listed.state, "", "")
    scores = _test_accuracies(run)
    names = {name: f"{name}: " if len(scores) > 1 else "" for name in scores}
    return (
        run.name,
        validation_accuracy(run).percent,
        ", ".join(f"{names[name]}{each.percent}" for name, each in scores.items()) or "–",
        f"{run.summary.seconds:.1f}",
    )
