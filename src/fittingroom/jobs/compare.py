"""Compare: train what is missing, score everything, hold it against each other, write a report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fittingroom.comparison import Comparison, compare_models
from fittingroom.data import Dataset, find_dataset
from fittingroom.errors import RecipeError, TrainingError, UsageError, did_you_mean
from fittingroom.jobs.evaluate import Evaluated, evaluate
from fittingroom.jobs.progress import Progress, Silence
from fittingroom.jobs.report import entrants_of, write
from fittingroom.jobs.train import train
from fittingroom.recipes import RECIPES, Described
from fittingroom.runs import Run, find_run, list_runs, open_run


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a comparison left.

    Attributes:
        comparison: accuracies, differences and verdicts.
        evaluated: for each entrant its scored runs, one a seed.
        failures: trainings that broke down, in words; they are reported, not hidden.
        report: the report's ``index.html``.
    """

    comparison: Comparison
    evaluated: tuple[tuple[Evaluated, ...], ...]
    failures: tuple[str, ...]
    report: Path


def compare(
    entrants: Sequence[Described | Run | Path | str],
    *,
    seeds: int = 1,
    data: Dataset | Path | str | None = None,
    runs: Path | str = "runs",
    out: Path | str = "report",
    fresh: bool = False,
    device: str | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Compare two or more recipes or runs on one test half.

    Args:
        entrants: recipes, names of recipes, runs, or folders of runs.
        seeds: how many seeds, 0 and up, each recipe is trained with.
        data: as for :func:`fittingroom.train`.
        runs: the folder of runs; finished runs of the same recipe, seed and data are used again.
        out: the folder of the report.
        fresh: train anew even so.
        device: as for :func:`fittingroom.train`.
        threads: as for :func:`fittingroom.train`.
        progress: who listens.

    Raises:
        UsageError: fewer than two entrants, or the same one twice.
        RecipeError: neither a recipe nor a run has that name.
    """
    progress = progress or Silence()
    runs = Path(runs)
    if seeds < 1:
        raise UsageError(f"Expected at least 1 seed. Received {seeds}.")
    found = [_resolve(entrant, runs) for entrant in entrants]
    names = _names(found)
    if len(found) < 2:
        raise UsageError(
            f"Expected two recipes or runs to compare, or more. Received {len(found)}. "
            "`fittingroom report` shows a single one."
        )
    dataset = data if isinstance(data, Dataset) else find_dataset(data)

    failures: list[str] = []
    trained: list[tuple[Run, ...]] = []
    for entrant in found:
        if isinstance(entrant, Run):
            trained.append((entrant,))
            continue
        group = []
        for seed in range(seeds):
            run = None if fresh else find_run(runs, entrant, seed, dataset.training_hashes)
            if run is not None:
                progress.say(f"{entrant.name}, seed {seed}: using the finished run {run.folder}")
                group.append(run)
                continue
            try:
                group.append(
                    train(
                        entrant,
                        seed=seed,
                        data=dataset,
                        runs=runs,
                        device=device,
                        threads=threads,
                        progress=progress,
                    )
                )
            except TrainingError as error:
                failures.append(f"{entrant.name}, seed {seed}: {error}")
                progress.say(failures[-1])
        if not group:
            raise TrainingError(f"No seed of {entrant.name} could be trained. {failures[-1]}")
        trained.append(tuple(group))

    evaluated = tuple(
        tuple(evaluate(run, data=dataset, purpose="compare", progress=progress) for run in group)
        for group in trained
    )
    by_name = dict(zip(names, evaluated, strict=True))
    comparison = compare_models(entrants_of(by_name))
    index = write(Path(out), by_name, dataset, comparison, failures)
    return Outcome(comparison, evaluated, tuple(failures), index)


def _resolve(entrant: Described | Run | Path | str, runs: Path) -> Described | Run:
    """The recipe or run meant: a recipe's name, a run's folder, or its name in ``runs``."""
    if isinstance(entrant, Described | Run):
        return entrant
    if str(entrant) in RECIPES:
        return RECIPES[str(entrant)]
    for folder in (Path(entrant), runs / entrant):
        if folder.is_dir():
            return open_run(folder)
    known = [*RECIPES, *(listed.folder.name for listed in list_runs(runs))]
    raise RecipeError(
        f"Expected a recipe ({', '.join(RECIPES)}) or a run's folder. Received '{entrant}'."
        + did_you_mean(str(entrant), known)
    )


def _names(entrants: Sequence[Described | Run]) -> list[str]:
    """A short name each: the recipe's where that tells them apart, otherwise the run's."""
    recipes = [each.recipe.name if isinstance(each, Run) else each.name for each in entrants]
    names = [
        each.name if isinstance(each, Run) and recipes.count(recipe) > 1 else recipe
        for each, recipe in zip(entrants, recipes, strict=True)
    ]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"Expected each recipe or run once. Received '{name}' twice.")
    return names
