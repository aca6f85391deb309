"""Check what comes in as arrays once, at the public door; the code behind it trusts them.

What is something else raises a ``PredictionsError``.
"""

import numpy as np
import numpy.typing as npt

from fittingroom.errors import PredictionsError

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

# One image's probabilities, as float32, sum to one within this.
_SUM_TOLERANCE = 1e-3


def checked_labels(
    labels: npt.ArrayLike, classes: int, name: str = "labels", count: int | None = None
) -> Int64:
    """Labels as int64 ``(N,)``: one or more, and `count` of them if it is given."""
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
    if count not in (None, len(array)):
        raise PredictionsError(f"`{name}` holds {len(array)} numbers for {count} images.")
    return array.astype(np.int64)


def checked_rows(labels: npt.ArrayLike, values: Float64, name: str = "labels") -> Int64:
    """Labels as int64 ``(N,)``, one for each row of a matrix ``(N, K)``, all below ``K``."""
    return checked_labels(labels, values.shape[1], name, len(values))


def checked_matrix(values: npt.ArrayLike, name: str, *, finite: bool = False) -> Float64:
    """A row an image and a column a class, float64 ``(N, K)``, without NaN."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or 0 in array.shape:
        raise PredictionsError(f"`{name}` has the shape {array.shape}. Give it as (N, K).")
    odd = ~np.isfinite(array) if finite else np.isnan(array)
    if odd.any():
        row, column = np.argwhere(odd)[0]
        kind = "finite numbers" if finite else "numbers"
        raise PredictionsError(f"`{name}` has {array[row, column]} in row {row}. Give {kind}.")
    return array


def checked_probabilities(probabilities: npt.ArrayLike) -> Float64:
    """Probabilities, float64 ``(N, K)``, from 0 to 1, each row summing to one."""
    array = checked_matrix(probabilities, "probabilities")
    low, high = array.min(), array.max()
    if low < 0 or high > 1 + _SUM_TOLERANCE:
        wrong = low if low < 0 else high
        raise PredictionsError(f"A probability is {wrong:.6g}. Give numbers from 0 to 1.")
    sums = array.sum(axis=1)
    off = int(np.abs(sums - 1).argmax())
    if abs(sums[off] - 1) > _SUM_TOLERANCE:
        raise PredictionsError(
            f"The probabilities in row {off} sum to {sums[off]:.6g}. Each row must sum to one."
        )
    return np.minimum(array, 1.0)
