"""A trial of a search: a training that leaves a learning curve and no folder; and many of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from fittingroom.data import Split
from fittingroom.engines import Device, engine_named
from fittingroom.errors import FittingRoomError
from fittingroom.recipes import BaseRecipe
from fittingroom.runs import Epoch

# Called with a trial's number and an epoch that ended; whether the training should go on.
Watch = Callable[[int, Epoch], bool]


@dataclass(frozen=True, eq=False)
class Assignment:
    """A trial to be trained.

    Attributes:
        number: the trial's.
        recipe: with the settings that are tried.
        seed: of the weights, the order of pictures, and augmentation.
    """

    number: int
    recipe: BaseRecipe
    seed: int


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a trial.

    Attributes:
        state: how it ended.
        history: one entry an epoch.
        accuracy: on the validation half, of the weights that the recipe keeps; None unless
            complete.
        seconds: the whole training; None unless complete.
        error: why it failed, in words.
    """

    state: Literal["complete", "pruned", "failed"]
    history: tuple[Epoch, ...]
    accuracy: float | None = None
    seconds: float | None = None
    error: str = ""


# Trains assignments, each with its outcome as it comes, which need not be their order. The next
# assignment is taken when there is a place to train it, and no earlier: what it is depends on the
# outcomes so far. `Watch` is called in the process that maps.
Trainings = Callable[[Iterator[Assignment], Watch], Iterator[tuple[Assignment, Outcome]]]


class _Ended(Exception):
    """The training of a trial that should not go on."""


def one_by_one(split: Split, place: Device) -> Trainings:
    """Trials trained in this process, one after the other."""

    def trainings(
        assignments: Iterator[Assignment], watch: Watch
    ) -> Iterator[tuple[Assignment, Outcome]]:
        for assignment in assignments:
            yield assignment, train_trial(assignment, split, place, watch)

    return trainings


def train_trial(assignment: Assignment, split: Split, place: Device, watch: Watch) -> Outcome:
    """Train one trial: training half for the weights, validation half for the score, no files.

    A training that breaks down is an outcome like any other. An accelerator that is out of memory
    says so by a ``RuntimeError``.

    Args:
        assignment: what to train.
        split: training and validation halves.
        place: where to compute.
        watch: asked after each epoch whether to go on.
    """
    history: list[Epoch] = []

    def on_epoch(epoch: Epoch) -> None:
        history.append(epoch)
        if not watch(assignment.number, epoch):
            raise _Ended

    try:
        fitted = engine_named(assignment.recipe.engine).fit(
            assignment.recipe, split, seed=assignment.seed, device=place, on_epoch=on_epoch
        )
    except _Ended:
        return Outcome("pruned", tuple(history))
    except (FittingRoomError, MemoryError, RuntimeError) as error:
        reason = str(error) or type(error).__name__
        return Outcome("failed", tuple(history), error=reason)
    accuracy = history[fitted.best_epoch - 1].val_accuracy
    return Outcome("complete", tuple(history), accuracy, fitted.seconds)
