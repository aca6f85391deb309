"""Train one recipe with several seeds, here or elsewhere; finished runs are used again."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from fittingroom.errors import TrainingError, UsageError
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.recipes import BaseRecipe
from fittingroom.runs import Run, find_run

# The runs in the order of their seeds, and the trainings that failed, in words.
SeedRuns = tuple[tuple[Run, ...], tuple[str, ...]]
# Takes over a training, by recipe, seed and device; what it returns waits for the run.
Trainer = Callable[[BaseRecipe, int, str | None], Callable[[], Run]]


def check_place(on: str | None) -> None:
    """Check where work is to be done.

    Raises:
        UsageError: the place is unknown.
    """
    if on not in (None, "ray"):
        raise UsageError(f"--on takes ray, not '{on}'. Leave it out to compute in this process.")


def train_here(session: Session, *, fresh: bool) -> Trainer:
    """Train in this process, one after the other: each when its run is waited for."""
    return lambda recipe, seed, device: partial(
        train, recipe, seed=seed, resume=not fresh, session=replace(session, device=device)
    )


def train_seeds(recipe: BaseRecipe, *, seeds: int, fresh: bool, session: Session) -> SeedRuns:
    """Train a recipe in this process with seeds 0 to ``seeds - 1``.

    Args and errors are those of :func:`begin_seeds`.

    Raises:
        TrainingError: no seed could be trained.
    """
    trainer = train_here(session, fresh=fresh)
    return begin_seeds(
        recipe, session.device, seeds=seeds, fresh=fresh, session=session, trainer=trainer
    )()


def begin_seeds(
    recipe: BaseRecipe,
    device: str | None,
    *,
    seeds: int,
    fresh: bool,
    session: Session,
    trainer: Trainer,
) -> Callable[[], SeedRuns]:
    """Hand over the trainings of a recipe with seeds 0 to ``seeds - 1`` that have no finished run.

    Args:
        recipe: what to train.
        device: where to train, as in :class:`Session`.
        seeds: how many.
        fresh: train again even if there are finished runs.
        session: data, folder of runs, and listener.
        trainer: who trains.

    Returns:
        A function that waits for all of them. It raises ``TrainingError`` if no seed could be
        trained.

    Raises:
        UsageError: fewer than one seed, or several of a model that starts from its own weights.
    """
    if seeds < 1:
        raise UsageError(f"There must be at least 1 seed, not {seeds}.")
    if seeds > 1 and recipe.own is not None and recipe.own.fixed:
        raise UsageError(
            f"{recipe.name} starts from its own weights, so {seeds} seeds would train the same "
            "model. Use one seed, or give a function or class that builds the model."
        )
    recipe = recipe.for_classes(len(session.dataset.classes))
    begun: list[Callable[[], Run]] = []
    for seed in range(seeds):
        run = None if fresh else find_run(session.folder, recipe, seed, session.dataset)
        if run is None:
            begun.append(trainer(recipe, seed, device))
        else:
            session.progress.say(f"{recipe.name}, seed {seed}: using the finished run {run.folder}")
            begun.append(partial(_same, run))

    def wait() -> SeedRuns:
        finished: list[Run] = []
        failures: list[str] = []
        for seed, wait_for in enumerate(begun):
            try:
                finished.append(wait_for())
            except TrainingError as error:
                failures.append(f"{recipe.name}, seed {seed}: {error}")
                session.progress.say(failures[-1])
        if not finished:
            raise TrainingError(f"No seed of {recipe.name} could be trained. {failures[-1]}")
        return tuple(finished), tuple(failures)

    return wait


def _same(run: Run) -> Run:
    return run
