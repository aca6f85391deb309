"""The door for external predictions: read, and compared with the images that they are of."""

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
    """Somebody else's predictions of these images, checked against what is known of them.

    The file's content says whether it is a CSV file or an archive. Nothing in it is executed or
    unpickled, and no more than 16 MiB are read or unpacked.

    Args:
        path: a CSV file or ``.npz`` archive, see ``docs/how-to/external-predictions.md``.
        labels: uint8 ``(N,)``, the true labels of the images that were to be predicted.
        indices: int64 ``(N,)``, where each of these stands in its data file.
        classes: the ``K`` class names.

    Returns:
        Predictions; their log-probabilities are None if the file gives no probabilities.

    Raises:
        PredictionsError: no such file, one of another form, or numbers that do not fit: another
            length or order, other labels, unknown classes, or wrong probabilities.
        MissingExtraError: it is a CSV file, and pandas is not installed.
    """
    found = read_columns(path, classes, len(labels))
    try:
        _check_length(found, len(labels))
        _check_order(found, indices)
        _check_labels(found, labels, classes)
        _check_predicted(found.predicted, len(classes))
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
                f"The test set has {count:,} images, but the file has "
                f"{'more' if len(array) > 2 * count else f'{len(array):,}'} {name}. Predict the "
                "whole test set, each image once, in the order of its file."
            )


def _check_order(found: Columns, indices: Int64) -> None:
    if found.index is None or np.array_equal(found.index, indices):
        return
    row = _first(found.index != indices)
    if np.array_equal(found.index, indices + 1):
        advice = "Count images from 0."
    elif np.array_equal(np.sort(found.index), np.sort(indices)):
        advice = "All images are there, in another order: sort the rows by index."
    elif len(np.unique(found.index)) < len(indices):
        advice = "Some images are there more than once, and others are missing."
    else:
        advice = "These are other images."
    raise PredictionsError(
        f"Row {row + 1} should be test image {indices[row]}, but is image "
        f"{found.index[row]:g}. {advice}"
    )


def _check_labels(found: Columns, labels: UInt8, classes: tuple[str, ...]) -> None:
    wrong = found.label != labels
    if not wrong.any():
        return
    row, count = _first(wrong), int(wrong.sum())
    if np.array_equal(found.label, labels.astype(np.float64) + 1):
        advice = "Count classes from 0."
    elif np.array_equal(np.sort(found.label), np.sort(labels)):
        advice = "Each class is there as often as it should be: are the images in another order?"
    else:
        advice = "Are these predictions of another data set?"
    raise PredictionsError(
        f"{count:,} of {len(labels):,} labels are not those of the test set. In row {row + 1}, "
        f"{found.label[row]:g} should be {labels[row]} ({classes[labels[row]]}). {advice}"
    )


def _check_predicted(predicted: Float64, kinds: int) -> None:
    unknown = ~np.isin(predicted, np.arange(kinds))
    if unknown.any():
        row = _first(unknown)
        raise PredictionsError(
            f"Predicted classes must be 0 to {kinds - 1}. Row {row + 1} has {predicted[row]:g}."
        )


def _logs(probabilities: Float64, kinds: int) -> Float32:
    """Natural logarithms of the probabilities, once these have been checked."""
    if probabilities.shape[1] != kinds:
        raise PredictionsError(
            f"Probabilities are needed for each of {kinds} classes, not {probabilities.shape[1]}."
        )
    outside = ~((probabilities >= 0) & (probabilities <= 1 + _SUM_TOLERANCE))  # NaN too
    if outside.any():
        row, kind = (int(place) for place in np.argwhere(outside)[0])
        advice = "A softmax over the classes makes probabilities of logits."
        if np.isnan(probabilities[row, kind]):
            advice = "Give probabilities for every image, or leave them out for all."
        elif np.allclose(probabilities.sum(axis=1), 100, atol=1):
            advice = "Divide percentages by 100."
        raise PredictionsError(
            f"Probabilities must be from 0 to 1. Row {row + 1} has "
            f"{probabilities[row, kind]:g} for class {kind}. {advice}"
        )
    sums = probabilities.sum(axis=1)
    wrong = np.abs(sums - 1) > _SUM_TOLERANCE
    if wrong.any():
        row = _first(wrong)
        raise PredictionsError(
            f"The probabilities of each image must sum to one. Those of row {row + 1} sum to "
            f"{sums[row]:.6g} ({int(wrong.sum()):,} such rows). Give one for every class, with "
            "four digits or more."
        )
    with np.errstate(divide="ignore"):  # a probability of zero is taken at its word
        return np.minimum(np.log(probabilities), 0.0).astype(np.float32)


def _first(where: npt.NDArray[np.bool_]) -> int:
    return int(np.flatnonzero(where)[0])
