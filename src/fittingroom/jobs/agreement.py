"""Agreement: how far two trainings are from each other in their weights and in what they say."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fittingroom.errors import RunChangedError
from fittingroom.predictions import Predictions
from fittingroom.runs import Run
from fittingroom.safe_io import Refusal, read_weights

_WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Weights:
    """How far the weights of two trainings are from each other.

    Attributes:
        identical: whether all are the same, byte for byte.
        difference: the largest between two numbers in the same place; None where they cannot be
            held against each other, as with trees of other shapes, or are no numbers.
    """

    identical: bool
    difference: float | None


@dataclass(frozen=True)
class Answers:
    """How far what two models say of the same pictures is from each other.

    Attributes:
        identical: whether all classes and probabilities are the same, byte for byte.
        difference: the largest of two probabilities.
        same: how many pictures get the same class from both.
        pictures: of so many.
    """

    identical: bool
    difference: float
    same: int
    pictures: int


def compare_answers(then: Predictions, now: Predictions) -> Answers:
    """Hold what two models say of the same pictures against each other.

    Raises:
        RunChangedError: they are not of the same pictures, or without probabilities.
    """
    before, after = then.log_probabilities, now.log_probabilities
    if (
        before is None
        or after is None
        or before.shape != after.shape
        or not np.array_equal(then.indices, now.indices)
        or not np.array_equal(then.labels, now.labels)
    ):
        raise RunChangedError(
            f"Expected probabilities of the same {len(now):,} validation pictures from the run. "
            "Received others. Take the folder back as it was written, or train again."
        )
    # Into float64 first, where small logarithms give no warning.
    moved = np.abs(np.exp(before.astype(np.float64)) - np.exp(after.astype(np.float64)))
    same = then.predicted == now.predicted
    return Answers(
        identical=before.tobytes() == after.tobytes() and bool(same.all()),
        difference=float(moved.max()),
        same=int(same.sum()),
        pictures=len(same),
    )


def compare_weights(run: Run, again: Run) -> Weights | None:
    """How far the weights of two runs are apart; None where neither holds any as arrays.

    Raises:
        RunChangedError: the files of one are not those that training writes.
    """
    before, after = (_weights(each.folder / _WEIGHTS) for each in (run, again))
    if before is None and after is None:
        return None
    if before is None or after is None or not _fit(before, after):
        return Weights(identical=False, difference=None)
    identical = all(before[name].tobytes() == after[name].tobytes() for name in after)
    with np.errstate(invalid="ignore"):  # of infinite ones, in a stranger's file
        apart = [
            float(np.abs(before[name].astype(np.float64) - after[name].astype(np.float64)).max())
            for name in after
            if after[name].size
        ]
    difference = max(apart, default=0.0)
    return Weights(identical, difference if np.isfinite(apart).all() else None)


def _weights(path: Path) -> dict[str, npt.NDArray[Any]] | None:
    """The arrays in a run's file of weights; None where it has no such file.

    Raises:
        RunChangedError: the file holds something else.
    """
    try:
        return read_weights(path)
    except FileNotFoundError:
        return None
    except (OSError, Refusal) as error:
        raise RunChangedError(f"Expected weights in {path}. Received: {error}") from error


def _fit(before: Mapping[str, npt.NDArray[Any]], after: Mapping[str, npt.NDArray[Any]]) -> bool:
    """Whether two sets of arrays have the same names, shapes and types."""
    return before.keys() == after.keys() and all(
        (before[name].shape, before[name].dtype) == (after[name].shape, after[name].dtype)
        for name in after
    )
