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
    on_first: Callable[[list[tuple[Run, ...]], int], object] | None = None,
    session: Session,
) -> list[SeedRuns]:
    """Train each recipe on its device with seeds 0 to ``seeds - 1``; see :func:`compare`.

    A recipe of which every seed gives the same, or that starts from its own weights, is trained
    once.

    Args:
        on_first: called with the first seed's runs of all recipes, and how many trainings are left;
            not if one failed, or none is left.

    Raises:
        TrainingError: no seed of a recipe could be trained.
    """
    if seeds < 1:
        raise UsageError(f"There must be at least 1 seed, not {seeds}.")
    with _trainer(on, fresh, session) as trainer:

        def begin(recipe: BaseRecipe, seed: int, device: str | None) -> Run | Callable[[], Run]:
            recipe = recipe.for_classes(len(session.dataset.classes))
            run = None if fresh else find_run(session.folder, recipe, seed, session.dataset)
            if run is None:
                return trainer(recipe, seed, device)
            session.progress.say(f"{recipe.name}, seed {seed}: using the finished run {run.folder}")
            return run

        begun = [
            [begin(recipe, seed, device) for seed in range(1 if _once(recipe) else seeds)]
            for recipe, device in recipes
        ]
        runs: list[list[Run]] = [[] for _ in recipes]
        failures: list[list[str]] = [[] for _ in recipes]
        for seed in range(seeds):
            for (recipe, _), waiting, done, failed in zip(
                recipes, begun, runs, failures, strict=True
            ):
                for each in waiting[seed : seed + 1]:
                    try:
                        done.append(each if isinstance(each, Run) else each())
                    except TrainingError as error:
                        failed.append(f"{recipe.name}, seed {seed}: {error}")
                        session.progress.say(failed[-1])
            left = sum(not isinstance(each, Run) for waiting in begun for each in waiting[1:])
            if seed == 0 and left and on_first is not None and all(runs):
                on_first([tuple(done) for done in runs], left)
    for (recipe, _), done, failed in zip(recipes, runs, failures, strict=True):
        if not done:
            raise TrainingError(f"No seed of {recipe.name} could be trained. {failed[-1]}")
    return [(tuple(done), tuple(failed)) for done, failed in zip(runs, failures, strict=True)]


def _once(recipe: BaseRecipe) -> bool:
    return recipe.deterministic or (recipe.own is not None and recipe.own.fixed)


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
