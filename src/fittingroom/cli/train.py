"""``train``, ``verify``, ``reproduce``, ``tune``, ``audit`` and ``cv``: the commands that train."""

from pathlib import Path
from typing import Annotated

import typer

from fittingroom.cli import options
from fittingroom.cli.output import print_json, print_table, print_text, prints_aside
from fittingroom.cli.results import POINTS, Margin, run_values, validation_accuracy
from fittingroom.errors import UsageError
from fittingroom.numbers import decimal_estimate, percent, percent_range

app = typer.Typer()


@app.command()
@options.takes_session("runs", "device", "threads")
def train(
    recipe: Annotated[
        str,
        typer.Argument(
            help="A recipe's name (`fittingroom recipes` lists them), the JSON file of one, or "
            "your own model: my_file.py:build."
        ),
    ],
    seed: Annotated[
        int, typer.Option(help="Random seed of the first weights and the order of images.")
    ] = 0,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting: --set epochs=3. May be repeated."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume a stopped training from its last checkpoint.")
    ] = False,
    json: options.Json = False,
    *,
    session: "options.Session",
) -> None:
    """Train one recipe into a new run folder."""
    from fittingroom.jobs.train import train as train_job
    from fittingroom.recipes import recipe_of

    with prints_aside():
        chosen = recipe_of(recipe).with_settings(_settings(set_ or []))
        run = train_job(chosen, seed=seed, resume=resume, session=session)
    if json:
        print_json(run_values(run))
    else:
        kept = f" (epoch {run.summary.best_epoch} of {len(run.history)} is kept)"
        print_text(
            f"{run.folder}: validation accuracy {validation_accuracy(run).percent} in "
            f"{run.summary.seconds:.1f} s{'' if run.recipe.in_one_go else kept}"
        )


def _settings(pairs: list[str]) -> dict[str, str]:
    """``["epochs=3"]`` → ``{"epochs": "3"}``."""
    settings = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator:
            raise UsageError(f"'{pair}' is no setting. Write --set name=value: --set epochs=3.")
        settings[name.strip()] = value.strip()
    return settings


@app.command()
@options.takes_session("runs", "device", "threads")
def verify(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, or my_file.py:build.")],
    claim: Annotated[float, typer.Option(help="The claimed test accuracy, such as 0.8834.")],
    seeds: Annotated[int, typer.Option(help="Train with seeds 0 to N-1.")] = 5,
    margin: Margin = POINTS,
    json: options.Json = False,
    *,
    session: "options.Session",
) -> None:
    """Train a recipe over seeds, and say whether it gives a claimed accuracy."""
    from fittingroom.findings import exploratory
    from fittingroom.jobs.verify import verify as verify_job

    with prints_aside():
        verification = verify_job(recipe, claim, seeds=seeds, margin=margin / 100, session=session)
    if json:
        print_json(verification.as_dict())
        return
    rows = [
        (
            str(run.seed),
            accuracy.percent,
            "–" if run.recipe.in_one_go else str(len(run.history)),
            f"{run.summary.seconds:.1f}",
        )
        for run, accuracy in verification.per_seed
    ]
    print_table(None, ("seed", "test accuracy", "epochs", "seconds"), rows)
    print_text("In brackets: 95% intervals of each seed, which cover the test images alone.")
    print_text(verification.sentence)
    if verification.exploratory:
        print_text(exploratory(verification.exploratory).sentence)


@app.command()
@options.takes_session("device", "threads")
def reproduce(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    model: Annotated[
        str | None,
        typer.Option(help="The code of your own model, my_file.py:build, if the run trained one."),
    ] = None,
    json: options.Json = False,
    *,
    session: "options.Session",
) -> None:
    """Train a run again, and say whether the results are the same, or what differs and why.

    Device and threads are by default those of the run. The exit code is 1 if the results differ and
    nothing in the environment explains it.
    """
    from fittingroom.jobs.reproduce import reproduce as reproduce_job

    with prints_aside():
        reproduction = reproduce_job(run, model=model, session=session)
    if json:
        print_json(reproduction.as_dict())
    else:
        print_text(reproduction.sentence)
    if reproduction.verdict == "unexplained":
        raise typer.Exit(1)


@app.command()
@options.takes_session("runs", "device", "threads")
def tune(
    recipe: Annotated[
        str, typer.Argument(help="A recipe's name, its JSON file, or my_file.py:build.")
    ],
    trials: Annotated[
        int, typer.Option(help="How many in all, including those of earlier calls.")
    ] = 20,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            help="Vary only this setting, in a range of yours if you give one: "
            "learning_rate=0.001:0.1:log. May be repeated."
        ),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(
            help="Afterwards train the best trial and the original recipe with this many other "
            "seeds; 0 for none."
        ),
    ] = 3,
    seed: Annotated[int, typer.Option(help="Random seed of all trials and of the search.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The folder of the search. Default: one of its own in the folder of runs."
        ),
    ] = None,
    on: options.On = None,
    json: options.Json = False,
    *,
    session: "options.Session",
) -> None:
    """Search hyper-parameters of a recipe on validation data, or resume a search."""
    from fittingroom.jobs.tune import tune as tune_job
    from fittingroom.reporting import tune_page

    with prints_aside():
        search = tune_job(
            recipe,
            trials=trials,
            vary=vary or (),
            seeds=seeds,
            seed=seed,
            out=out,
            on=on,
            session=session,
        )
    if json:
        file = search.recipe_file and str(search.recipe_file)
        print_json({**search.as_dict(), "recipe_file": file, "page": str(search.page)})
        return
    results = tune_page.results_table(search)
    print_table(None, results.columns, results.rows, left=("",))
    print_text(f"{tune_page.headline(search)} {tune_page.caution(search)}")
    print_text(f"To train it: {tune_page.train_command(search)}")
    print_text(f"To look at: {search.page}")


@app.command()
@options.takes_session("runs", "device", "threads")
def audit(
    recipe: Annotated[
        str | None,
        typer.Option(
            help="The models that judge the labels: a recipe's name, or my_file.py:build. Left "
            "out: cnn with half of its epochs."
        ),
    ] = None,
    folds: Annotated[
        int, typer.Option(help="How many models to train, each without one fold of the images.")
    ] = 5,
    seed: Annotated[int, typer.Option(help="Random seed of folds and trainings.")] = 0,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Audit again even if there is a finished audit.")
    ] = False,
    json: options.Json = False,
    *,
    session: "options.Session",
) -> None:
    """Find doubtful labels, near-duplicates and outliers; opens the test set, and logs that."""
    from fittingroom.jobs.audit import audit as audit_job
    from fittingroom.reporting.audit_page import audit_sentence, counts_table

    with prints_aside():
        found = audit_job(recipe=recipe, folds=folds, seed=seed, fresh=fresh, session=session)
    if json:
        print_json({**found.values, "page": str(found.page)})
        return
    counts = counts_table(found)
    print_table(None, counts.columns, counts.rows, left=("",))
    print_text(audit_sentence(found))
    print_text(f"Page: {found.page}")


@app.command()
@options.takes_session("runs", "device", "threads")
def cv(
    recipe: Annotated[
        list[str], typer.Argument(help="One recipe or more, or your own models: my_file.py:build.")
    ],
    folds: Annotated[
        int, typer.Option(help="How many models to train, each without one fold of the images.")
    ] = 5,
    seeds: Annotated[int, typer.Option(help="Cross-validate with seeds 0 to N-1.")] = 1,
    margin: Margin = POINTS,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Train again even if there are finished folds.")
    ] = False,
    json: options.Json = False,
    *,
    session: "options.Session",
) -> None:
    """Score recipes on all training images, each held out once; the test set stays closed."""
    from fittingroom.jobs.cv import cross_validate

    with prints_aside():
        found = cross_validate(
            recipe, folds=folds, seeds=seeds, margin=margin / 100, fresh=fresh, session=session
        )
    if json:
        print_json(found.as_dict())
        return
    print_table(
        None,
        ("recipe", "seeds", "accuracy", "95% interval", "log loss"),
        [
            (
                model.name,
                str(len(model.seeds)),
                percent(model.accuracy.value, 2),
                percent_range(model.accuracy, 2),
                decimal_estimate(loss),
            )
            for model, loss in zip(found.comparison.models, found.log_losses, strict=True)
        ],
        left=("recipe",),
    )
    print_text(f"{found.comparison.headline} {found.method}")
