"""Train recipes with several seeds, here or on a cluster; finished runs are used again."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
    """Refuse a place for work that is unknown."""
    if on not in (None, "ray"):
        raise UsageError(f"--on takes ray, not '{on}'. Leave it out to compute in this process.")


def train_seeds(
    recipes: Sequence[tuple[BaseRecipe, str | None]],
    *,
    seeds: int,
    fresh: bool = False,
    on: str | None = None,
    session: Session,
) -> list[SeedRuns]:
    """Train each recipe on its device with seeds 0 to ``seeds - 1``; see :func:`compare`.

    Raises:
        TrainingError: no seed of a recipe could be trained.
    """
    if seeds < 1:
        raise UsageError(f"There must be at least 1 seed, not {seeds}.")
    for recipe, _ in recipes:
        if seeds > 1 and recipe.own is not None and recipe.own.fixed:
            raise UsageError(
                f"{recipe.name} starts from its own weights, so {seeds} seeds would train the same "
                "model. Use one seed, or give a function or class that builds the model."
            )
    with _trainer(on, fresh, session) as trainer:

        def begin(recipe: BaseRecipe, seed: int, device: str | None) -> Callable[[], Run]:
            recipe = recipe.for_classes(len(session.dataset.classes))
            run = None if fresh else find_run(session.folder, recipe, seed, session.dataset)
            if run is None:
                return trainer(recipe, seed, device)
            session.progress.say(f"{recipe.name}, seed {seed}: using the finished run {run.folder}")
            return lambda: run

        begun = [
            (
                recipe.name,
                [
                    begin(recipe, seed, device)
                    for seed in range(1 if recipe.deterministic else seeds)
                ],
            )
            for recipe, device in recipes
        ]
        return [_finished(name, waiting, session) for name, waiting in begun]


def _finished(name: str, waiting: Sequence[Callable[[], Run]], session: Session) -> SeedRuns:
    """Wait for the trainings of one recipe."""
    runs: list[Run] = []
    failures: list[str] = []
    for seed, wait in enumerate(waiting):
        try:
            runs.append(wait())
        except TrainingError as error:
            failures.append(f"{name}, seed {seed}: {error}")
            session.progress.say(failures[-1])
    if not runs:
        raise TrainingError(f"No seed of {name} could be trained. {failures[-1]}")
    return tuple(runs), tuple(failures)


@contextmanager
def _trainer(on: str | None, fresh: bool, session: Session) -> Iterator[Trainer]:
    """Who trains, for as long as the context lasts."""
    if on is None:
        # Each training starts when its run is waited for.
        yield lambda recipe, seed, device: partial(
            train, recipe, seed=seed, resume=not fresh, session=replace(session, device=device)
        )
        return
    from fittingroom.jobs.cluster.trainings import train_on_cluster

    with train_on_cluster(session, fresh=fresh) as trainer:
        yield trainer
