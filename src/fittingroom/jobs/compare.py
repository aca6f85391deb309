"""Compare: train what is missing, score everything, hold it against each other, write a report."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fittingroom.comparison import MARGIN, Comparison, check_margin, compare_models
from fittingroom.engines import engine_named, on_processor_only
from fittingroom.errors import (
    FittingRoomError,
    RecipeError,
    UsageError,
    did_you_mean,
)
from fittingroom.evaluation import ModelReport
from fittingroom.findings import Finding
from fittingroom.jobs.evaluate import dataset_of, evaluate
from fittingroom.jobs.export import export_run
from fittingroom.jobs.others import Others, read_others
from fittingroom.jobs.progress import Progress
from fittingroom.jobs.report import entrants_of, external_model, name_entrants, write
from fittingroom.jobs.seeds import Trainer, begin_seeds, check_place, train_here
from fittingroom.jobs.session import Session
from fittingroom.predictions import Predictions
from fittingroom.recipes import RECIPES, BaseRecipe, recipe_of
from fittingroom.recipes.loading import is_file_and_name
from fittingroom.recipes.resolve import is_model
from fittingroom.recipes.stored import is_recipe_file
from fittingroom.runs import Run, list_runs, open_run
from fittingroom.safe_io import Refusal, refuse_model_file


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a comparison left.

    Attributes:
        comparison: accuracies, differences and verdicts.
        evaluated: for each recipe or run its scored runs, one a seed.
        failures: trainings that broke down, in words; they are reported, not hidden.
        report: the report's ``index.html``.
        others: what was predicted elsewhere, by name.
        findings: what deserves a second look, each under a code (``docs/methods/findings.md``).
    """

    comparison: Comparison
    evaluated: tuple[tuple[ModelReport, ...], ...]
    failures: tuple[str, ...]
    report: Path
    others: Mapping[str, Predictions] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @property
    def runs(self) -> list[Run]:
        """Every run behind the numbers, in the order of the entrants and their seeds."""
        return [each.run for group in self.evaluated for each in group if each.run is not None]


def compare(
    entrants: Sequence[Any],
    *,
    others: Others = (),
    margin: float = MARGIN,
    seeds: int = 1,
    out: Path | str = "report",
    fresh: bool = False,
    on: str | None = None,
    session: Session | None = None,
) -> Outcome:
    """Compare two or more recipes or runs on one test half.

    Args:
        entrants: recipes, names of recipes, runs, folders of runs, and models of one's own as
            :func:`fittingroom.recipe_of` takes them.
        others: predictions of the same test half that somebody else made: files, or names and
            files or :class:`Predictions` (see ``docs/how-to/external-predictions.md``).
        margin: the difference in accuracy that counts as none, a fraction.
        seeds: how many seeds, 0 and up, each recipe is trained with.
        out: the folder of the report.
        fresh: train again even if there are finished runs of the same recipe, seed and data.
        on: ``"ray"`` trains all recipes and seeds at once, as far as there is room, on a Ray
            cluster whose machines all see ``runs``; None one after the other, here.
        session: data (if all entrants are runs, None is the data that the first was trained
            on), folder of runs, device, threads and listener. Recipes whose engine computes on the
            processor only are trained there, and the listener is told.

    Raises:
        UsageError: fewer than two entrants, the same one twice, or a device that is not there or
            that no recipe's engine can use.
        ClusterError: the cluster is not there, or a machine of it does not see ``runs``.
        RecipeError: neither a recipe nor a run has that name.
        PredictionsError: what was predicted elsewhere is not this test half.
    """
    check_margin(margin)
    check_place(on)
    session = session or Session()
    runs, progress = session.folder, session.progress
    # A single model may be a sequence too: of layers, or of steps.
    entrants = [entrants] if isinstance(entrants, str) or is_model(entrants) else entrants
    found = [_resolve(entrant, runs) for entrant in entrants]
    names = name_entrants(found)
    count = len(found) + (1 if isinstance(others, str | Path) else len(others))
    if count < 2:
        raise UsageError(
            f"Expected two recipes or runs to compare, or more. Received {count}. "
            "`fittingroom report` shows a single one."
        )
    first = found[0] if found else None
    if (
        session.data is None
        and isinstance(first, Run)
        and all(isinstance(each, Run) for each in found)
    ):
        session = replace(session, data=dataset_of(first))
    dataset = session.dataset

    # Before anything is trained, which may take hours: a file that does not fit is told at once.
    elsewhere = read_others(others, names, dataset, runs, progress)
    recipes = [each for each in found if not isinstance(each, Run)]
    devices = _devices(recipes, session.device, progress, here=on is None)
    with _trainer(on, fresh, session) as trainer:
        begun = [
            begin_seeds(
                recipe,
                seeds=seeds,
                fresh=fresh,
                device=devices[recipe.engine],
                session=session,
                trainer=trainer,
            )
            for recipe in recipes
        ]
        waited = [wait() for wait in begun]
    failures = [words for _, broken in waited for words in broken]
    groups = iter(runs for runs, _ in waited)
    trained = [(each,) if isinstance(each, Run) else next(groups) for each in found]

    evaluated = tuple(
        tuple(evaluate(run, purpose="compare", session=session) for run in group)
        for group in trained
    )
    models = dict(zip(names, evaluated, strict=True)) | {
        name: (external_model(name, said, dataset),) for name, said in elsewhere.items()
    }
    comparison = compare_models(entrants_of(models), margin=margin)
    index, findings = write(Path(out), models, dataset, comparison, failures=failures, runs=runs)
    leave_winner(Path(out), comparison, models, progress)
    return Outcome(comparison, evaluated, tuple(failures), index, elsewhere, findings)


@contextmanager
def _trainer(on: str | None, fresh: bool, session: Session) -> Iterator[Trainer]:
    """What trains, for as long as the context lasts."""
    if on is None:
        yield train_here(session, fresh=fresh)
        return
    from fittingroom.jobs.cluster.trainings import train_on_cluster

    with train_on_cluster(session, fresh=fresh) as trainer:
        yield trainer


def leave_winner(
    out: Path,
    comparison: Comparison,
    groups: Mapping[str, Sequence[ModelReport]],
    progress: Progress,
) -> None:
    """Leave the most accurate model beside the report as ``best_model.keras`` and ``.h5``.

    Of its seeds it is the one of highest validation accuracy: test accuracy tells entrants apart,
    and chooses no seed. Where Keras is not installed, or the model has no form in Keras, the
    listener is told, and no file is left.
    """
    best = max(comparison.models, key=lambda model: model.accuracy.value)
    paths = {to: out / f"best_model.{to}" for to in ("keras", "h5")}
    for path in paths.values():
        path.unlink(missing_ok=True)  # that of an earlier winner
    runs = [each.run for each in groups[best.name] if each.run is not None]
    if not runs:
        progress.say(f"No Keras model beside the report: {best.name} was not trained here.")
        return
    run = max(runs, key=lambda run: run.summary.validation_accuracy)
    try:
        for to, path in paths.items():
            exported = export_run(run, to=to, out=path)
            progress.say(f"{path}: {run.name}; it {exported.takes}")
    except FittingRoomError as error:
        progress.say(f"No model for Keras beside the report: {error}")


def _devices(
    recipes: Sequence[BaseRecipe], device: str | None, progress: Progress, *, here: bool
) -> dict[str, str | None]:
    """The device of each engine, checked before the first training where that is on this machine.

    Raises:
        UsageError: it is not there, or it is one that no recipe's engine can use.
    """
    engines = list(dict.fromkeys(recipe.engine for recipe in recipes))
    if device in (None, "cpu"):
        return dict.fromkeys(engines, device)
    alone = [name for name in engines if on_processor_only(name)]
    # Where all compute on the processor alone, the device is nobody's: their engine says so.
    for name in engines if alone == engines else set(engines) - set(alone):
        if here:
            engine_named(name).device(device, None)
    for name in alone:
        progress.say(
            f"The engine {name} computes on the processor alone; --device {device} is for the "
            "others."
        )
    return {name: None if name in alone else device for name in engines}


def _resolve(entrant: Any, runs: Path) -> BaseRecipe | Run:
    """The recipe or run meant: a recipe's name, a run's folder, its name in ``runs``, or a model of
    one's own."""
    if isinstance(entrant, Run):
        return entrant
    if not isinstance(entrant, str | Path):
        return recipe_of(entrant)
    if str(entrant) in RECIPES:
        return RECIPES[str(entrant)]
    for folder in (Path(entrant), runs / entrant):
        if folder.is_dir():
            return open_run(folder)
    if is_file_and_name(str(entrant)) or is_recipe_file(str(entrant)):
        return recipe_of(entrant)
    try:
        refuse_model_file(Path(entrant))
    except Refusal as error:
        raise UsageError(str(error)) from error
    known = [*RECIPES, *(listed.folder.name for listed in list_runs(runs))]
    raise RecipeError(
        f"Expected a recipe ({', '.join(RECIPES)}), a run's folder, or a model of one's own as "
        f"my_file.py:build. Received '{entrant}'." + did_you_mean(str(entrant), known)
    )
