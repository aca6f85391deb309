"""The course of a training, the same for every engine: its epochs and its learning rate."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy.typing as npt

from fittingroom.errors import RunChangedError, TrainingError
from fittingroom.recipes import BaseRecipe, Recipe
from fittingroom.runs import Checkpoint, Epoch, best_epoch, ending


class Course:
    """The epochs of a training so far, in ``history``; ``on_epoch`` is called after each."""

    def __init__(self, on_epoch: Callable[[Epoch], None], start: Checkpoint | None = None) -> None:
        self._on_epoch = on_epoch
        self.history = list(start.history) if start else []
        before = self.history[-1].seconds if self.history else 0.0
        self._began = time.perf_counter() - before

    @property
    def seconds(self) -> float:
        """Seconds of training so far, those before the checkpoint included."""
        return time.perf_counter() - self._began

    def best(self, recipe: Recipe) -> Epoch:
        """The epoch so far whose weights are kept."""
        return best_epoch(self.history, recipe.keep)

    def ended(self, recipe: Recipe) -> bool:
        """Whether the epochs so far are all."""
        return bool(self.history) and ending(self.history, recipe) is not None

    def add(
        self,
        train_loss: float,
        train_accuracy: float,
        val_loss: float,
        val_accuracy: float,
        learning_rate: float,
    ) -> None:
        """Add an epoch and report it.

        Raises:
            TrainingError: a loss is no longer a number.
        """
        number = len(self.history) + 1
        if not math.isfinite(train_loss) or not math.isfinite(val_loss):
            raise TrainingError(
                f"The loss is {train_loss} in training and {val_loss} in validation after epoch "
                f"{number}, so training broke down. Try other settings, such as a lower learning "
                "rate: `--set learning_rate=…`."
            )
        losses = (train_loss, train_accuracy, val_loss, val_accuracy)
        self.history.append(Epoch(number, self.seconds, *losses, learning_rate))
        self._on_epoch(self.history[-1])


def learning_rate(recipe: Recipe, step: int, total: int) -> float:
    """The learning rate of a step, counted from 0, of so many in all epochs.

    ``"one-cycle"`` is a linear rise from a tenth over the warm-up, then a linear fall to zero.
    """
    if recipe.schedule == "constant":
        return recipe.learning_rate
    rise = recipe.warmup * total
    if step < rise:
        return recipe.learning_rate * (0.1 + 0.9 * step / rise)
    return recipe.learning_rate * (total - step) / max(total - rise, 1)


def other_training(recipe: BaseRecipe, why: object) -> RunChangedError:
    """The error for a checkpoint of another training."""
    return RunChangedError(
        f"The checkpoint is not of {recipe.name}, but of another training: {why}. Train it from "
        "the start, without `--resume`."
    )


def check_arrays(
    received: Mapping[str, npt.NDArray[Any]], expected: Mapping[str, npt.NDArray[Any]]
) -> None:
    """Raise a KeyError or ValueError if an array is missing, or has another shape or type."""
    for name, mine in expected.items():
        given = received[name]
        if (given.shape, given.dtype) != (mine.shape, mine.dtype):
            raise ValueError(f"{name} of shape {given.shape} and type {given.dtype}")


def below(prefix: str, named: Mapping[str, Any]) -> dict[str, Any]:
    """The entries whose names have a prefix, without it."""
    return {
        name.removeprefix(prefix): each for name, each in named.items() if name.startswith(prefix)
    }
