"""Compare: train what is missing, score everything, compare it, write a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fittingroom.comparison import LEAST_SEEDS, MARGIN, Comparison, check_margin, compare_models
from fittingroom.data import Dataset
from fittingroom.engines import PROCESSOR_ONLY, engine_named
from fittingroom.errors import FittingRoomError, RecipeError, UsageError, did_you_mean
from fittingroom.evaluation import ModelReport, evaluate_predictions
from fittingroom.findings import Finding
from fittingroom.jobs.evaluate import evaluate
from fittingroom.jobs.export import export_run
from fittingroom.jobs.others import Others, named_others, read_others
from fittingroom.jobs.register import plan_of
from fittingroom.jobs.report import entrants_of, name_entrants, write
from fittingroom.jobs.seeds import check_place, train_seeds
from fittingroom.jobs.session import Session, dataset_of
from fittingroom.recipes import RECIPES, BaseRecipe, Recipe, recipe_of
from fittingroom.recipes.resolve import names_file
from fittingroom.runs import Run, add_to_output, list_runs, open_output, open_run, resolved


@dataclass(frozen=True, eq=False)
class Outcome:
    """The result of a comparison."""

    comparison: Comparison  # accuracies, differences and verdicts
    evaluated: tuple[tuple[ModelReport, ...], ...]  # for each recipe or run, one a seed
    failures: tuple[str, ...]  # trainings that failed, in words
    report: Path  # its index.html
    findings: tuple[Finding, ...]  # what deserves a second look (docs/methods/findings.md)
    dataset: Dataset

    @property
    def runs(self) -> list[Run]:
        """Every run behind the numbers, in the order of the entrants and their seeds."""
        return [each.run for group in self.evaluated for each in group if each.run is not None]


def compare(
    entrants: Sequence[Any],
    *,
    others: Others = (),
    margin: float = MARGIN,
    seeds: int = LEAST_SEEDS,
    out: Path | str = "report",
    fresh: bool = False,
    on: str | None = None,
    session: Session | None = None,
) -> Outcome:
    """Compare two or more recipes or runs on one test set.

    Args:
        entrants: recipes, names of recipes, runs, folders of runs, and your own models as
            :func:`fittingroom.recipe_of` takes them.
        others: external predictions of the same test set: files, or names and files or
            :class:`Predictions` (see ``docs/how-to/external-predictions.md``).
        margin: the difference in accuracy that does not matter in practice, a fraction.
        seeds: how many seeds, from 0, each recipe is trained with; once if every seed gives the
            same, or if it starts from its own weights. The report is written after the first
            training of each, and again after the last.
        out: the folder of the report, new, empty or of an earlier report.
        fresh: train again even if there are finished runs of the same recipe, seed and data.
        on: ``"ray"`` trains all recipes and seeds in parallel on a Ray cluster whose machines all
            see the folder of runs; None one after the other, here.
        session: data (None for the data that the first entrant was trained on, if all are runs),
            folder of runs, device, threads and listener. Engines that compute on the processor
            only are trained there, and the listener is told.

    Raises:
        UsageError: fewer than two entrants, one given twice, something else in the folder of the
            report, or a device that is not there or that no recipe's engine can use.
        ClusterError: the cluster is not there, or one of its machines does not see the runs.
        RecipeError: neither a recipe nor a run has that name.
        PredictionsError: the external predictions are not of this test set.
    """
    check_margin(margin)
    check_place(on)
    session = session or Session()
    # A single model may be a sequence too: of layers, or of steps.
    one = isinstance(entrants, str) or callable(entrants) or hasattr(entrants, "fit")
    entrants = [entrants] if one else entrants
    found = [_resolve(entrant, session.folder) for entrant in entrants]
    sources = named_others(others)
    names = name_entrants(found, [name for name, _ in sources])
    if len(names) < 2:
        raise UsageError(
            f"A comparison needs two recipes or runs, not {len(names)}. `fittingroom report` shows "
            "a single one."
        )
    recipes = [each for each in found if not isinstance(each, Run)]
    runs = [each for each in found if isinstance(each, Run)]
    if session.data is None and runs and not recipes:
        session = replace(session, data=dataset_of(runs[0]))
    session = replace(session, data=session.dataset)  # found once, and handed on

    # Before the trainings, which may take hours: a file that does not fit is reported at once.
    external = read_others(sources, session)
    devices = _devices(recipes, session, here=on is None)
    wanted = [(recipe, devices[recipe.engine]) for recipe in recipes]
    folder = open_output(out, "a report")

    def judge(
        trained: Sequence[Sequence[Run]], failures: tuple[str, ...] = (), left: int = 0
    ) -> Outcome:
        groups = iter(trained)
        evaluated = tuple(
            tuple(
                evaluate(run, purpose="compare", session=session)
                for run in ((each,) if isinstance(each, Run) else next(groups))
            )
            for each in found
        )
        models = dict(zip(names, evaluated, strict=False)) | {
            name: (ModelReport(name, session.dataset.name, evaluate_predictions(each)),)
            for name, each in external.items()
        }
        comparison = compare_models(entrants_of(models), margin=margin)
        index, findings = write(
            folder,
            models,
            session.dataset,
            comparison,
            failures=failures,
            left=left,
            runs=session.folder,
        )
        if left:
            session.progress.say(f"A first report, on one training of each: {index}")
        else:
            leave_winner(folder, comparison, models, session)
        return Outcome(comparison, evaluated, failures, index, findings, session.dataset)

    classes = len(session.dataset.classes)
    keys = [
        each.recipe.key if isinstance(each, Run) else each.for_classes(classes).key
        for each in found
    ]
    plan = plan_of([session.folder], session.dataset.name, keys)
    # A look that the plan does not have would be one too many.
    looks = plan is None or 1 in plan["looks"]
    trained = train_seeds(
        wanted,
        seeds=seeds,
        fresh=fresh,
        on=on,
        on_first=(lambda runs, left: judge(runs, left=left)) if looks else None,
        session=session,
    )
    return judge(
        [runs for runs, _ in trained], tuple(words for _, failed in trained for words in failed)
    )


def leave_winner(
    out: Path,
    comparison: Comparison,
    groups: Mapping[str, Sequence[ModelReport]],
    session: Session,
) -> None:
    """Leave the most accurate model beside the report as ``best_model.keras`` and ``.h5``.

    Of its seeds, it is the one of the highest validation accuracy: the test set chooses no seed. If
    Keras is not installed, or the network cannot be one of Keras, the listener is told, and no file
    is left; a model that is no network has none, without a word.
    """
    progress = session.progress
    best = max(comparison.models, key=lambda model: model.accuracy.value)
    paths = {to: out / f"best_model.{to}" for to in ("keras", "h5")}
    runs = [each.run for each in groups[best.name] if each.run is not None]
    if not runs:
        progress.say(f"No Keras model beside the report: {best.name} was not trained here.")
        return
    run = max(runs, key=lambda run: run.summary.validation_accuracy)
    if not isinstance(run.recipe, Recipe):
        return
    add_to_output(out, [path.name for path in paths.values()])
    try:
        for to, path in paths.items():
            takes = export_run(run, to=to, out=path, force=True)
            progress.say(f"{path}: {run.name}; it {takes}")
    except FittingRoomError as error:
        progress.say(f"No Keras model beside the report: {error}")


def _devices(
    recipes: Sequence[BaseRecipe], session: Session, *, here: bool
) -> dict[str, str | None]:
    """The device of each engine, checked before the first training if that is on this machine."""
    device = session.device
    engines = list(dict.fromkeys(recipe.engine for recipe in recipes))
    # If all compute on the processor only, their engine says that it has no such device.
    able = [name for name in engines if name not in PROCESSOR_ONLY] or engines
    if device in (None, "cpu"):
        able = engines
    for name in engines:
        if name not in able:
            session.progress.say(
                f"{name} computes on the processor only; --device {device} is for the other "
                "engines."
            )
        elif here and device is not None:
            engine_named(name).device(device, None)
    return {name: device if name in able else None for name in engines}


def _resolve(entrant: Any, runs: Path) -> BaseRecipe | Run:
    """The recipe or run meant: a recipe's name, a run's folder, its name in ``runs``, or your own
    model."""
    if isinstance(entrant, Run):
        return entrant
    if isinstance(entrant, str | Path) and str(entrant) not in RECIPES:
        for folder in (resolved(entrant), runs / entrant):
            if folder.is_dir():
                return open_run(folder)
        if not names_file(str(entrant)) and not Path(entrant).suffix:
            known = [*RECIPES, *(listed.folder.name for listed in list_runs(runs))]
            raise RecipeError(
                f"There is no recipe or run '{entrant}'. Give a recipe ({', '.join(RECIPES)}), a "
                "run's folder, or your own model as my_file.py:build."
                + did_you_mean(str(entrant), known)
            )
    return recipe_of(entrant)
