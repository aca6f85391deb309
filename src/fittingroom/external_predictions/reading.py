"""Read external predictions, and compare them with the images that they are of."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from fittingroom.errors import PredictionsError
from fittingroom.external_predictions.files import Columns, Float64, read_columns
from fittingroom.predictions import Float32, Int64, Predictions, UInt8

# Probabilities of one image, written with four digits each, sum to one within this.
_SUM_TOLERANCE = 1e-3


def read_external(
    path: Path, *, labels: UInt8, indices: Int64, classes: tuple[str, ...]
) -> Predictions:
    """Somebody else's predictions for these images, checked against what is known of the images.

    The file's content tells whether it is a CSV file or an archive. Nothing in it is executed or
    unpickled, and no more than 16 MiB are read or unpacked.

    Args:
        path: a CSV file or ``.npz`` archive, see ``docs/how-to/external-predictions.md``.
        labels: uint8 ``(N,)``, the true labels of the images.
        indices: int64 ``(N,)``, the position of each image in its data file.
        classes: the ``K`` class names.

    Returns:
        Predictions; their log-probabilities are None if the file gives no probabilities.

    Raises:
        PredictionsError: there is no such file, it has another form, or its numbers don't fit:
            another length or order, other labels, unknown classes, or wrong probabilities.
        MissingExtraError: it is a CSV file, and pandas is not installed.
    """
    found = read_columns(path, classes, len(labels))
    try:
        _check_length(found, len(labels))
        _check_images(found, labels, indices, classes)
        unknown = ~np.isin(found.predicted, np.arange(len(classes)))
        if unknown.any():
            raise PredictionsError(
                f"Predicted classes must be 0 to {len(classes) - 1}. Row {_first(unknown) + 1} has "
                f"{found.predicted[unknown][0]:g}."
            )
        shares = found.probabilities
        logs = None if shares is None else _logs(shares, len(classes))
    except PredictionsError as error:
        raise PredictionsError(f"{path}: {error}") from error
    return Predictions(
        labels=labels,
        predicted=found.predicted.astype(np.uint8),
        log_probabilities=logs,
        indices=indices,
        classes=classes,
    )


def _check_length(found: Columns, count: int) -> None:
    for name, array in (
        ("labels", found.label),
        ("predicted classes", found.predicted),
        ("indices", found.index),
        ("rows of probabilities", found.probabilities),
    ):
        if array is not None and len(array) != count:
            raise PredictionsError(
                f"The test set has {count:,} images, but the file has {len(array):,} {name}, or "
                "more. Predict each test image once, in the order of its file."
            )


def _check_images(found: Columns, labels: UInt8, indices: Int64, classes: tuple[str, ...]) -> None:
    if found.index is not None and not np.array_equal(found.index, indices):
        row = _first(found.index != indices)
        raise PredictionsError(
            f"Row {row + 1} should be test image {indices[row]}, but is image "
            f"{found.index[row]:g}. Count images from 0, and sort the rows by index."
        )
    wrong = found.label != labels
    if wrong.any():
        row = _first(wrong)
        raise PredictionsError(
            f"{int(wrong.sum()):,} of {len(labels):,} labels differ from the test set's. In row "
            f"{row + 1}, {found.label[row]:g} should be {labels[row]} ({classes[labels[row]]}). "
            "Count classes from 0, and keep the images of this data set in their order."
        )


def _logs(probabilities: Float64, kinds: int) -> Float32:
    """Natural logarithms of probabilities ``(N, kinds)``, which are checked first."""
    if probabilities.shape[1] != kinds:
        raise PredictionsError(
            f"Probabilities are needed for each of {kinds} classes, not {probabilities.shape[1]}."
        )
    outside = ~((probabilities >= 0) & (probabilities <= 1 + _SUM_TOLERANCE))  # NaN too
    if outside.any():
        row, kind = (int(place) for place in np.argwhere(outside)[0])
        raise PredictionsError(
            f"Probabilities must be from 0 to 1. Row {row + 1} has "
            f"{probabilities[row, kind]:g} for class {kind}. Give the output of a softmax, not "
            "logits or percentages."
        )
    sums = probabilities.sum(axis=1)
    wrong = np.abs(sums - 1) > _SUM_TOLERANCE
    if wrong.any():
        row = _first(wrong)
        raise PredictionsError(
            f"The probabilities of each image must sum to one. Those of row {row + 1} sum to "
            f"{sums[row]:.6g}. Give one for every class, with four digits or more."
        )
    with np.errstate(divide="ignore"):  # a probability of zero is taken as it is
        return np.minimum(np.log(probabilities), 0.0).astype(np.float32)


def _first(where: npt.NDArray[np.bool_]) -> int:
    return int(np.flatnonzero(where)[0])
