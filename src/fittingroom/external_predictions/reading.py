"""The door for predictions from elsewhere: read, and held against the pictures that they are of."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from fittingroom.errors import PredictionsError
from fittingroom.external_predictions.archive import read_archive
from fittingroom.external_predictions.said import MOST_BYTES, Float64, Said, refusal
from fittingroom.external_predictions.spreadsheet import read_spreadsheet
from fittingroom.predictions import Float32, Int64, Predictions, UInt8
from fittingroom.safe_io import Refusal, read_whole

# Probabilities of one picture, written with four digits each, sum to one within this.
_SUM_TOLERANCE = 1e-3


def read_elsewhere(
    path: Path, *, labels: UInt8, indices: Int64, classes: tuple[str, ...]
) -> Predictions:
    """Somebody else's predictions of these pictures, checked against what is known of them.

    Which of the two kinds of file it is, its content says and not its name. Nothing in it is
    executed or unpickled, and nothing above 16 MiB is read or unpacked.

    Args:
        path: a CSV file or ``.npz`` archive, see ``docs/how-to/external-predictions.md``.
        labels: uint8 ``(N,)``, the true labels of the pictures that were to be predicted.
        indices: int64 ``(N,)``, where each of these stands in its data file.
        classes: the ``K`` class names.

    Returns:
        Predictions; their log-probabilities are None where the file gives no probabilities.

    Raises:
        PredictionsError: no such file, one of another form, or numbers that do not fit: another
            length or order, other labels, classes that there are not, or probabilities that are
            none.
    """
    content = _content(path)
    if content.startswith(b"PK"):
        said = read_archive(path, content, classes)
    elif content.startswith(b"\x93NUMPY"):
        raise refusal(
            path,
            "an .npz archive with the arrays 'labels' and 'predicted', or a CSV file",
            "a single array",
            "Save them together with np.savez(file, labels=…, predicted=…).",
        )
    else:
        said = read_spreadsheet(path, content, len(classes), len(labels))
    _check_length(path, said, len(labels))
    _check_order(path, said, indices)
    _check_labels(path, said, labels, classes)
    predicted = said.predicted
    if not np.isin(predicted, np.arange(len(classes))).all():
        row = _first(~np.isin(predicted, np.arange(len(classes))))
        raise refusal(
            path,
            f"predicted classes from 0 to {len(classes) - 1}",
            f"{predicted[row]:g} in row {row + 1}",
        )
    return Predictions(
        labels=labels,
        predicted=predicted.astype(np.uint8),
        log_probabilities=None
        if said.probabilities is None
        else _logs(path, said.probabilities, len(labels), len(classes)),
        indices=indices,
        classes=classes,
    )


def _content(path: Path) -> bytes:
    try:
        if not path.exists():
            received = "none: there is no such file"
            raise refusal(path, "a file of predictions", received, "Name a .csv or .npz file.")
        if path.is_file() and path.stat().st_size > MOST_BYTES:
            raise refusal(
                path,
                f"at most {MOST_BYTES // 2**20} MiB",
                "more",
                "Leave out all but the columns or arrays that are needed.",
            )
        content = read_whole(path, MOST_BYTES)
    except Refusal as error:  # a link, which may lead to any file of ours, or a pipe
        raise PredictionsError(str(error)) from error
    except (OSError, ValueError) as error:  # a name with a NUL in it is a ValueError
        received = f"the system's answer: {getattr(error, 'strerror', None) or error}"
        raise refusal(path, "a file that can be read", received) from error
    if not content.strip():
        raise refusal(path, "predictions", "an empty file")
    return content


def _check_length(path: Path, said: Said, count: int) -> None:
    for name, array in (
        ("labels", said.label),
        ("predicted classes", said.predicted),
        ("indices", said.index),
        ("rows of probabilities", said.probabilities),
    ):
        if array is not None and len(array) != count:
            raise refusal(
                path,
                f"{count:,} {name}, one for each test picture",
                f"{len(array):,}",
                "Predict the whole test half, each picture once, in the order of its file.",
            )


def _check_order(path: Path, said: Said, indices: Int64) -> None:
    if said.index is None or np.array_equal(said.index, indices):
        return
    row = _first(said.index != indices)
    if np.array_equal(said.index, indices + 1):
        advice = "Count pictures from 0."
    elif np.array_equal(np.sort(said.index), np.sort(indices)):
        advice = "All pictures are there, in another order: sort the rows by index."
    elif len(np.unique(said.index)) < len(indices):
        advice = "Some pictures are there more than once, and others are missing."
    else:
        advice = "These are other pictures."
    raise refusal(
        path,
        f"the test pictures in the order of their file: picture {indices[row]} in row {row + 1}",
        f"picture {said.index[row]:g}",
        advice,
    )


def _check_labels(path: Path, said: Said, labels: UInt8, classes: tuple[str, ...]) -> None:
    wrong = said.label != labels
    if not wrong.any():
        return
    row, count = _first(wrong), int(wrong.sum())
    if np.array_equal(said.label, labels.astype(np.float64) + 1):
        advice = "Count classes from 0."
    elif np.array_equal(np.sort(said.label), np.sort(labels)):
        advice = "They are as many of each class: are the pictures in another order?"
    else:
        advice = "Are these predictions of another data set?"
    raise refusal(
        path,
        f"the labels of the test half: {labels[row]} ({classes[labels[row]]}) in row {row + 1}",
        f"{said.label[row]:g} ({count:,} of {len(labels):,} labels differ)",
        advice,
    )


def _logs(path: Path, probabilities: Float64, count: int, kinds: int) -> Float32:
    """Natural logarithms of the probabilities, once these have been checked."""
    if probabilities.shape != (count, kinds):
        raise refusal(
            path,
            f"probabilities of shape ({count}, {kinds})",
            f"{probabilities.shape[0]} rows of {probabilities.shape[1]}",
        )
    outside = ~((probabilities >= 0) & (probabilities <= 1 + _SUM_TOLERANCE))  # NaN too
    if outside.any():
        row, kind = (int(place) for place in np.argwhere(outside)[0])
        advice = "Logits become probabilities by a softmax over the classes."
        if np.isnan(probabilities[row, kind]):
            advice = "Give probabilities for every picture, or leave them out for all."
        elif np.allclose(probabilities.sum(axis=1), 100, atol=1):
            advice = "Divide percentages by 100."
        raise refusal(
            path,
            "probabilities from 0 to 1",
            f"{probabilities[row, kind]:g} for class {kind} in row {row + 1}",
            advice,
        )
    sums = probabilities.sum(axis=1)
    wrong: npt.NDArray[np.bool_] = np.abs(sums - 1) > _SUM_TOLERANCE
    if wrong.any():
        row = _first(wrong)
        raise refusal(
            path,
            "each picture's probabilities to sum to one",
            f"{sums[row]:.6g} in row {row + 1} ({int(wrong.sum()):,} such rows)",
            "Give a probability for every class, with four digits or more.",
        )
    with np.errstate(divide="ignore"):  # a probability of zero is taken at its word
        return np.minimum(np.log(probabilities), 0.0).astype(np.float32)


def _first(where: npt.NDArray[np.bool_]) -> int:
    return int(np.flatnonzero(where)[0])
