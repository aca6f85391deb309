"""The course of one training, a line an epoch."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fittingroom.errors import RunChangedError
from fittingroom.recipes import Keep, Recipe
from fittingroom.safe_io import parse_json

_LARGEST = 1e39  # beyond float32
Ending = Literal["epochs", "patience"]


@dataclass(frozen=True)
class Epoch:
    """One line of ``history.jsonl``.

    Attributes:
        epoch: counted from 1.
        seconds: since training began, validation included.
        train_loss: mean log loss of the training images, each when it was last trained on:
            augmentation and dropout on (so often above `val_loss`), label smoothing left out.
        train_accuracy: accuracy on the training images, likewise.
        val_loss: mean log loss on the validation set.
        val_accuracy: accuracy on the validation set.
        learning_rate: at the end of the epoch.
    """

    epoch: int
    seconds: float
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float

    def to_line(self) -> str:
        """One line of JSON, its newline included."""
        return json.dumps(dataclasses.asdict(self)) + "\n"


def finite(item: Any) -> bool:
    """Whether a dataclass that was read from a file holds numbers that training could give."""
    return all(
        type(number) in (int, float) and abs(number) < _LARGEST
        for number in dataclasses.astuple(item)
    )


def read_history(text: str) -> tuple[Epoch, ...]:
    """The epochs of a ``history.jsonl``."""
    try:
        epochs = tuple(Epoch(**parse_json(line, "a line")) for line in text.splitlines())
        if not all(type(each.epoch) is int and finite(each) for each in epochs):
            raise ValueError("a number is missing or not finite")
        return epochs
    except (TypeError, ValueError, OverflowError) as error:
        raise RunChangedError(
            f"history.jsonl must hold one epoch a line. It has another line: {error}."
        ) from error


def best_epoch(history: Sequence[Epoch], keep: Keep = "best accuracy") -> Epoch:
    """The epoch whose weights a recipe keeps; the earlier one between equals.

    With ``"best accuracy"`` the validation loss decides between equal accuracies.
    """

    def merit(epoch: Epoch) -> tuple[float, ...]:
        match keep:
            case "best accuracy":
                return epoch.val_accuracy, -epoch.val_loss
            case "best loss":
                return (-epoch.val_loss,)
            case "last":
                return (epoch.epoch,)

    return max(history, key=merit)


def ending(history: Sequence[Epoch], recipe: Recipe) -> Ending | None:
    """What ends a training after these epochs, the recipe's number of epochs or its patience; None
    if the next epoch follows."""
    last = history[-1]
    if last.epoch >= recipe.epochs:
        return "epochs"
    if last.epoch - best_epoch(history, recipe.keep).epoch >= recipe.patience:
        return "patience"
    return None
