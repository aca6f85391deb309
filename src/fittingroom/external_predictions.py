"""Predictions of a model that isn't here: a CSV or ``.npz`` file, read without trusting it.

``docs/how-to/external-predictions.md`` describes the files.
"""

import io
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fittingroom.classes import in_short
from fittingroom.errors import PredictionsError, missing_extra
from fittingroom.predictions import Int64, Labels, Predictions, as_labels
from fittingroom.safe_io import MEBIBYTE, Refusal, read_arrays, read_whole

# A file for 10,000 images with the probabilities of 1,000 classes takes 40 MB.
MOST_BYTES = 64 * MEBIBYTE
# Probabilities of one image, written with four digits each, sum to one within this.
_SUM_TOLERANCE = 1e-3
_LONGEST_HEADER = 20_000  # bytes
_DIMENSIONS = {
    "labels": 1,
    "predicted": 1,
    "indices": 1,
    "probabilities": 2,
    "log_probabilities": 2,
}

# A file's numbers under the names of its arrays; `indices` and `probabilities` may be missing.
_Numbers = dict[str, npt.NDArray[np.float64]]


def read_external(
    path: Path, *, labels: Labels, indices: Int64, classes: tuple[str, ...]
) -> Predictions:
    """Somebody else's predictions for these images, checked against what is known of the images.

    The file's content tells whether it is a CSV file or an archive. Nothing in it is executed or
    unpickled, and no more than 64 MiB are read or unpacked.

    Args:
        path: a CSV file or ``.npz`` archive.
        labels: uint8 or uint16 ``(N,)``, the true labels of the images.
        indices: int64 ``(N,)``, the position of each image in its data file.
        classes: the ``K`` class names.

    Returns:
        Predictions; their log-probabilities are None if the file gives no probabilities.

    Raises:
        PredictionsError: there is no such file, it has another form, or its numbers don't fit:
            another length or order, other labels, unknown classes, or wrong probabilities.
        MissingExtraError: it is a CSV file, and pandas is not installed.
    """
    try:
        content = read_whole(path, MOST_BYTES)
        if content.startswith(b"PK"):
            found = _archive(content, classes)
        else:
            found = _table(content, len(classes), len(labels))
        _check_images(found, labels, indices, classes)
        shares = found.get("probabilities")
        if shares is not None:
            _check_probabilities(shares, len(classes))
    except (OSError, ValueError) as error:  # a Refusal is a ValueError too
        raise unusable(path, error) from error
    with np.errstate(divide="ignore"):  # a probability of zero is taken as it is
        logs = None if shares is None else np.minimum(np.log(shares), 0.0).astype(np.float32)
    predicted = as_labels(found["predicted"], len(classes))
    return Predictions(labels, predicted, logs, indices, classes)


def unusable(path: Path, error: Exception) -> PredictionsError:
    """The error for a file that can't be read or is refused, in words that a terminal can show."""
    reason = " ".join(str(getattr(error, "strerror", None) or error)[:500].split())
    reason = "".join(each if each.isprintable() else "?" for each in reason)
    return PredictionsError(f"{path} can't be used as predictions. {reason}")


def _archive(content: bytes, classes: tuple[str, ...]) -> _Numbers:
    arrays = read_arrays(content, MOST_BYTES)
    theirs = arrays.get("classes")
    if theirs is not None and theirs.tolist() != list(classes):
        raise Refusal(
            f"It is of the classes {str(theirs.tolist()[:20])[:200]}, not of {in_short(classes)}."
        )
    found = {}
    for name, dimensions in _DIMENSIONS.items():
        array = arrays.get(name)
        if array is None:
            continue
        if array.ndim != dimensions or array.dtype.kind not in "biuf":
            raise Refusal(
                f"The array {name} must be numbers of shape (N,), or (N, classes) for "
                f"probabilities, not {array.dtype} of shape {array.shape}."
            )
        found[name] = array.astype(np.float64)
    if "labels" not in found or "predicted" not in found:
        raise Refusal("Save its arrays with np.savez(file, labels=…, predicted=…).")
    logs = found.pop("log_probabilities", None)
    if logs is not None and "probabilities" not in found:
        with np.errstate(over="ignore"):  # the sum of the probabilities will be wrong
            found["probabilities"] = np.exp(logs)
    return found


def _table(content: bytes, kinds: int, most: int) -> _Numbers:
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise missing_extra(error, "train") from error
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = content.decode(encoding).lstrip()
    # Spreadsheets in countries with a decimal comma separate cells by semicolons.
    header = text[:_LONGEST_HEADER].partition("\n")[0].partition("\r")[0]
    separator = next((each for each in ";\t" if each in header), ",")
    if len(header) == _LONGEST_HEADER:
        raise Refusal(f"The first line has more than {_LONGEST_HEADER:,} characters.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # about cells left out
            table = pd.read_csv(
                io.StringIO(text),
                sep=separator,
                decimal="." if separator == "," else ",",
                index_col=False,
                skipinitialspace=True,
                low_memory=False,
                nrows=2 * most + 10,
            ).dropna(how="all")
        table.columns = [str(name).strip(' "').lower() for name in table.columns]
        shares = [f"p{k}" for k in range(kinds)]
        shares *= any(name in table.columns for name in shares)
        numbers = table[["index", "label", "predicted", *shares]].astype(np.float64)
    except KeyError as error:
        raise Refusal(
            "The first line must name the columns index, label, predicted and, for probabilities, "
            f"p0 to p{kinds - 1}. It is {header[:100]!r}."
        ) from error
    except (ValueError, OverflowError, pd.errors.ParserWarning) as error:
        raise Refusal(
            f"It isn't a CSV file of numbers: {str(error)[:200]}. With a comma as the decimal "
            "point, separate the cells by semicolons."
        ) from error
    if len(numbers.columns) > 3 + len(shares):
        raise Refusal("Two columns have the same name.")
    found = {
        "labels": numbers["label"].to_numpy(),
        "predicted": numbers["predicted"].to_numpy(),
        "indices": numbers["index"].to_numpy(),
    }
    return found | ({"probabilities": numbers[shares].to_numpy()} if shares else {})


def _check_images(
    found: _Numbers, labels: Labels, indices: Int64, classes: tuple[str, ...]
) -> None:
    """Refuse numbers of other images, and classes that are unknown."""
    for name, array in found.items():
        if len(array) != len(labels):
            raise Refusal(
                f"The test set has {len(labels):,} images, but the file has {len(array):,} rows of "
                f"{name}, or more. Predict each test image once, in the order of its file."
            )
    theirs, predicted = found.get("indices", indices), found["predicted"]
    if (wrong := theirs != indices).any():
        row = wrong.argmax()
        raise Refusal(
            f"Row {row + 1} should be test image {indices[row]}, but is image {theirs[row]:g}. "
            "Count images from 0, and sort the rows by index."
        )
    if (wrong := found["labels"] != labels).any():
        row = wrong.argmax()
        raise Refusal(
            f"{int(wrong.sum()):,} of {len(labels):,} labels differ from the test set's. In row "
            f"{row + 1}, {found['labels'][row]:g} should be {labels[row]} "
            f"({classes[labels[row]]}). Count classes from 0, and keep the images of this data set "
            "in their order."
        )
    if (wrong := ~np.isin(predicted, np.arange(len(classes)))).any():
        row = wrong.argmax()
        raise Refusal(
            f"Predicted classes must be 0 to {len(classes) - 1}. Row {row + 1} has "
            f"{predicted[row]:g}."
        )


def _check_probabilities(shares: npt.NDArray[np.float64], kinds: int) -> None:
    """Refuse rows that are no probabilities of so many classes."""
    if shares.shape[1] != kinds:
        raise Refusal(
            f"Probabilities are needed for each of {kinds} classes, not {shares.shape[1]}."
        )
    sums = shares.sum(axis=1)
    # NaN fails both.
    wrong = ~((shares >= 0).all(axis=1) & (np.abs(sums - 1) <= _SUM_TOLERANCE))
    if wrong.any():
        row = wrong.argmax()
        raise Refusal(
            f"The probabilities of each image must be 0 or more and sum to one. Those of row "
            f"{row + 1} sum to {sums[row]:.6g}, and the lowest is {shares[row].min():g}. Give the "
            "output of a softmax with four digits or more, not logits or percentages."
        )
