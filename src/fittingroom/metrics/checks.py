"""Validation at the public door: what comes in as arrays is checked here once, then trusted."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fittingroom.errors import PredictionsError

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

# One picture's probabilities, as float32, sum to one within this.
_SUM_TOLERANCE = 1e-3


def checked_count(classes: int | Sequence[str]) -> int:
    """The number of classes, given as such or by their names.

    Raises:
        PredictionsError: fewer than one.
    """
    count = classes if isinstance(classes, int) else len(classes)
    if count < 1:
        raise PredictionsError(f"Expected at least one class. Received {count}.")
    return count


def checked_labels(labels: npt.ArrayLike, classes: int, name: str = "labels") -> Int64:
    """Labels as int64 ``(N,)``.

    Raises:
        PredictionsError: no picture, not whole numbers, not one dimension, or not below `classes`.
    """
    array = np.asarray(labels)
    if array.ndim != 1 or len(array) == 0 or array.dtype.kind not in "iu":
        raise PredictionsError(
            f"Expected `{name}` as whole numbers of shape (N,) with at least one picture. "
            f"Received {array.dtype} of shape {array.shape}."
        )
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= classes:
        raise PredictionsError(
            f"Expected `{name}` between 0 and {classes - 1}. Received {low if low < 0 else high}."
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
            f"Expected one prediction for each of {len(true)} labels. Received {len(called)}."
        )
    return true, called


def checked_matrix(values: npt.ArrayLike, name: str) -> Float64:
    """A row a picture and a column a class, float64 ``(N, K)``.

    Raises:
        PredictionsError: not a matrix, empty, or with a value that is not a number.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or 0 in array.shape:
        raise PredictionsError(f"Expected `{name}` of shape (N, K). Received {array.shape}.")
    if np.isnan(array).any():
        row = int(np.flatnonzero(np.isnan(array).any(axis=1))[0])
        raise PredictionsError(f"Expected `{name}` without NaN. Received one in row {row}.")
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
            f"Expected probabilities for each of {count} pictures. Received {len(array)} rows."
        )
    if array.min() < 0 or array.max() > 1 + _SUM_TOLERANCE:
        wrong = array.min() if array.min() < 0 else array.max()
        raise PredictionsError(f"Expected probabilities between 0 and 1. Received {wrong:.6g}.")
    sums = array.sum(axis=1)
    off = int(np.abs(sums - 1).argmax())
    if abs(sums[off] - 1) > _SUM_TOLERANCE:
        raise PredictionsError(
            "Expected each picture's probabilities to sum to one. "
            f"Received {sums[off]:.6g} in row {off}."
        )
    return np.minimum(array, 1.0)
