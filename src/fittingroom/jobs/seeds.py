"""One recipe over several seeds, finished runs of it used again, trained here or elsewhere."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from fittingroom.errors import TrainingError, UsageError
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.recipes import BaseRecipe
from fittingroom.runs import Run, find_run

# The runs in the order of their seeds, and the trainings that broke down, in words.
SeedRuns = tuple[tuple[Run, ...], tuple[str, ...]]


class Trainer(Protocol):
    """Takes trainings over."""

    def __call__(self, recipe: BaseRecipe, seed: int, device: str | None) -> Callable[[], Run]:
        """Take one over: what is returned waits for the run, or raises why there is none."""


def check_place(on: str | None) -> None:
    """Check where work is to be done.

    Raises:
        UsageError: on something unknown.
    """
    if on not in (None, "ray"):
        raise UsageError(f"Expected --on ray, or none for this process. Received '{on}'.")


def train_here(session: Session, *, fresh: bool) -> Trainer:
    """Trains in this process, one after the other: each when its run is waited for."""

    def take_over(recipe: BaseRecipe, seed: int, device: str | None) -> Callable[[], Run]:
        def wait() -> Run:
            place = replace(session, device=device)
            return train(recipe, seed=seed, resume=not fresh, session=place)

        return wait

    return take_over


def train_seeds(
    recipe: BaseRecipe,
    *,
    seeds: int,
    fresh: bool,
    session: Session,
) -> SeedRuns:
    """Train a recipe in this process with seeds 0 to ``seeds - 1``; see :func:`begin_seeds`.

    Args:
        recipe, seeds, fresh, session: as for :func:`begin_seeds`.

    Raises:
        UsageError: fewer than one seed, or several of a model whose weights no seed draws.
        TrainingError: no seed could be trained.
    """
    return begin_seeds(
        recipe,
        seeds=seeds,
        fresh=fresh,
        device=session.device,
        session=session,
        trainer=train_here(session, fresh=fresh),
    )()


def begin_seeds(
    recipe: BaseRecipe,
    *,
    seeds: int,
    fresh: bool,
    device: str | None,
    session: Session,
    trainer: Trainer,
) -> Callable[[], SeedRuns]:
    """Hand over the trainings of a recipe with seeds 0 to ``seeds - 1`` that have no finished run.

    Args:
        recipe: what to train.
        seeds: how many.
        fresh: train anew even where there are finished runs.
        device: where to train, as in :class:`Session`.
        session: data, folder of runs, and listener.
        trainer: who trains.

    Returns:
        What waits for all of them; it raises ``TrainingError`` where no seed could be trained.

    Raises:
        UsageError: fewer than one seed, or several of a model whose weights no seed draws.
    """
    if seeds < 1:
        raise UsageError(f"Expected at least 1 seed. Received {seeds}.")
    if seeds > 1 and recipe.own is not None and recipe.own.fixed:
        raise UsageError(
            f"Expected one seed for {recipe.name}, a model that starts from weights of its own: "
            f"seeds would not draw them. Received {seeds}. Give a function or class that builds "
            "the model instead."
        )
    dataset, progress, runs = session.dataset, session.progress, session.folder
    recipe = recipe.for_classes(len(dataset.classes))
    begun: list[Callable[[], Run]] = []
    for seed in range(seeds):
        run = None if fresh else find_run(runs, recipe, seed, dataset)
        if run is not None:
            progress.say(f"{recipe.name}, seed {seed}: using the finished run {run.folder}")
            begun.append(_finished(run))
        else:
            begun.append(trainer(recipe, seed, device))

    def wait() -> SeedRuns:
        finished: list[Run] = []
        failures: list[str] = []
        for seed, wait_for in enumerate(begun):
            try:
                finished.append(wait_for())
            except TrainingError as error:
                failures.append(f"{recipe.name}, seed {seed}: {error}")
                progress.say(failures[-1])
        if not finished:
            raise TrainingError(f"No seed of {recipe.name} could be trained. {failures[-1]}")
        return tuple(finished), tuple(failures)

    return wait


def _finished(run: Run) -> Callable[[], Run]:
    return lambda: run
