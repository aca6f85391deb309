"""One recipe over several seeds, finished runs of it used again."""

from pathlib import Path

from fittingroom.data import Dataset
from fittingroom.errors import TrainingError, UsageError
from fittingroom.jobs.progress import Progress
from fittingroom.jobs.train import train
from fittingroom.recipes import Described
from fittingroom.runs import Run, find_run


def train_seeds(
    recipe: Described,
    dataset: Dataset,
    *,
    seeds: int,
    runs: Path,
    fresh: bool,
    device: str | None,
    threads: int | None,
    progress: Progress,
    cut: Described | None = None,
) -> tuple[tuple[Run, ...], tuple[str, ...]]:
    """Train a recipe with seeds 0 to ``seeds - 1``, or use the finished runs that there are.

    Args:
        recipe: what to train.
        dataset: whose training half.
        seeds: how many.
        runs: the folder of runs.
        fresh: train anew even where there are finished runs.
        device: as for :func:`fittingroom.train`.
        threads: as for :func:`fittingroom.train`.
        progress: who listens.
        cut: the recipe cut to a budget, which is trained in its place where the recipe itself
            has no finished run.

    Returns:
        The runs in the order of their seeds, and the trainings that broke down, in words.

    Raises:
        UsageError: fewer than one seed, or several of a model whose weights no seed draws.
        TrainingError: no seed could be trained.
    """
    if seeds < 1:
        raise UsageError(f"Expected at least 1 seed. Received {seeds}.")
    if seeds > 1 and recipe.own is not None and recipe.own.fixed:
        raise UsageError(
            f"Expected one seed for {recipe.name}, a model that starts from weights of its own: "
            f"seeds would not draw them. Received {seeds}. Give a function or class that builds "
            "the model instead."
        )
    recipe, cut = (each.for_classes(len(dataset.classes)) for each in (recipe, cut or recipe))
    usable = {each.key: each for each in (recipe, cut)}.values()
    finished: list[Run] = []
    failures: list[str] = []
    for seed in range(seeds):
        run = None
        if not fresh:
            found = (find_run(runs, each, seed, dataset) for each in usable)
            run = next(filter(None, found), None)
        if run is not None:
            progress.say(f"{recipe.name}, seed {seed}: using the finished run {run.folder}")
            finished.append(run)
            continue
        try:
            finished.append(
                train(
                    cut,
                    seed=seed,
                    data=dataset,
                    runs=runs,
                    device=device,
                    threads=threads,
                    resume=not fresh,
                    progress=progress,
                )
            )
        except TrainingError as error:
            failures.append(f"{recipe.name}, seed {seed}: {error}")
            progress.say(failures[-1])
    if not finished:
        raise TrainingError(f"No seed of {recipe.name} could be trained. {failures[-1]}")
    return tuple(finished), tuple(failures)
