"""Validation at the public door: what comes in as arrays is checked here once, then trusted."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fittingroom.errors import PredictionsError

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

# One image's probabilities, as float32, sum to one within this.
_SUM_TOLERANCE = 1e-3


def checked_count(classes: int | Sequence[str]) -> int:
    """The number of classes, given as such or by their names.

    Raises:
        PredictionsError: fewer than one.
    """
    count = classes if isinstance(classes, int) else len(classes)
    if count < 1:
        raise PredictionsError(f"There are {count} classes. Give at least one.")
    return count


def checked_labels(labels: npt.ArrayLike, classes: int, name: str = "labels") -> Int64:
    """Labels as int64 ``(N,)``.

    Raises:
        PredictionsError: no image, not whole numbers, not one dimension, or not below `classes`.
    """
    array = np.asarray(labels)
    if array.ndim != 1 or len(array) == 0 or array.dtype.kind not in "iu":
        raise PredictionsError(
            f"`{name}` is {array.dtype} of shape {array.shape}. Give whole numbers of shape (N,), "
            "one or more."
        )
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= classes:
        raise PredictionsError(
            f"`{name}` holds {low if low < 0 else high}. Give numbers from 0 to {classes - 1}."
        )
    return array.astype(np.int64)


def checked_pair(
    labels: npt.ArrayLike, predicted: npt.ArrayLike, classes: int
) -> tuple[Int64, Int64]:
    """True and predicted labels, each int64 ``(N,)``.

    Raises:
        PredictionsError: see :func:`checked_labels`; or not equally many of both.
    """
    true = checked_labels(labels, classes)
    called = checked_labels(predicted, classes, "predicted")
    if len(true) != len(called):
        raise PredictionsError(
            f"There are {len(true)} labels and {len(called)} predictions. Give as many of both."
        )
    return true, called


def checked_matrix(values: npt.ArrayLike, name: str) -> Float64:
    """A row an image and a column a class, float64 ``(N, K)``.

    Raises:
        PredictionsError: not a matrix, empty, or with a value that is not a number.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or 0 in array.shape:
        raise PredictionsError(f"`{name}` has the shape {array.shape}. Give it as (N, K).")
    if np.isnan(array).any():
        row = int(np.flatnonzero(np.isnan(array).any(axis=1))[0])
        raise PredictionsError(f"`{name}` has a NaN in row {row}.")
    return array


def checked_probabilities(probabilities: npt.ArrayLike, count: int | None = None) -> Float64:
    """Probabilities, float64 ``(N, K)``, each row summing to one.

    Raises:
        PredictionsError: see :func:`checked_matrix`; or a value outside 0 to 1 (beyond rounding),
            a row that does not sum to one, or another number of rows than `count`.
    """
    array = checked_matrix(probabilities, "probabilities")
    if count is not None and len(array) != count:
        raise PredictionsError(
            f"There are {count} labels and {len(array)} rows of probabilities. Give as many."
        )
    if array.min() < 0 or array.max() > 1 + _SUM_TOLERANCE:
        wrong = array.min() if array.min() < 0 else array.max()
        raise PredictionsError(f"A probability is {wrong:.6g}. Give numbers from 0 to 1.")
    sums = array.sum(axis=1)
    off = int(np.abs(sums - 1).argmax())
    if abs(sums[off] - 1) > _SUM_TOLERANCE:
        raise PredictionsError(
            f"The probabilities in row {off} sum to {sums[off]:.6g}. Each row must sum to one."
        )
    return np.minimum(array, 1.0)
