"""The numbers in a file of predictions: a CSV file by pandas, or an ``.npz`` archive by NumPy."""

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fittingroom.errors import PredictionsError, missing_extra
from fittingroom.safe_io import MEBIBYTE, Refusal, read_arrays, read_whole

Float64 = npt.NDArray[np.float64]

# A file for 10,000 images with all probabilities takes about 2 MB.
MOST_BYTES = 16 * MEBIBYTE
_NEEDED = ["index", "label", "predicted"]
_LONGEST_HEADER = 20_000  # bytes


@dataclass(frozen=True, eq=False)
class Columns:
    """A file's numbers before they are checked, all float64.

    Attributes:
        label, predicted: ``(M,)``.
        index: ``(M,)``, or None if the file relies on its order.
        probabilities: ``(M, K)``, or None.
    """

    label: Float64
    predicted: Float64
    index: Float64 | None = None
    probabilities: Float64 | None = None


def read_columns(path: Path, classes: tuple[str, ...], most: int) -> Columns:
    """The numbers in a file. Its content tells whether it is a CSV file or an archive.

    Args:
        path: the file.
        classes: the ``K`` class names.
        most: how many images there are; a few more rows are read at most.

    Raises:
        PredictionsError: it is neither, or was made for other classes.
    """
    try:
        content = read_whole(path, MOST_BYTES)
        if content.startswith(b"PK"):
            return _archive(content, classes)
        return _table(content, len(classes), most)
    except (OSError, ValueError) as error:  # a Refusal is a ValueError too
        reason = " ".join(str(getattr(error, "strerror", None) or error)[:500].split())
        reason = "".join(each if each.isprintable() else "?" for each in reason)
        raise PredictionsError(f"{path} can't be used as predictions. {reason}") from error


def _archive(content: bytes, classes: tuple[str, ...]) -> Columns:
    arrays = read_arrays(content, MOST_BYTES)
    theirs = arrays.get("classes")
    if theirs is not None and theirs.tolist() != list(classes):
        raise Refusal(
            f"It is of the classes {str(theirs.tolist()[:20])[:200]}, not of {', '.join(classes)}."
        )

    def numbers(*names: str, dimensions: int = 1) -> Float64 | None:
        """The array under one of these names, or None."""
        for name in names:
            array = arrays.get(name)
            if array is None:
                continue
            if array.ndim != dimensions or array.dtype.kind not in "biuf":
                raise Refusal(
                    f"The array {name} must be numbers of shape (N,), or (N, classes) for "
                    f"probabilities, not {array.dtype} of shape {array.shape}."
                )
            return array.astype(np.float64)
        return None

    label, predicted = numbers("labels", "label"), numbers("predicted")
    if label is None or predicted is None:
        raise Refusal("Save its arrays with np.savez(file, labels=…, predicted=…).")
    probabilities = numbers("probabilities", dimensions=2)
    logs = numbers("log_probabilities", dimensions=2)
    if probabilities is None and logs is not None:
        with np.errstate(over="ignore"):  # the sum of the probabilities will be wrong
            probabilities = np.exp(logs)
    return Columns(label, predicted, numbers("indices", "index"), probabilities)


def _table(content: bytes, kinds: int, most: int) -> Columns:
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
        with_shares = any(name in table.columns for name in shares)
        numbers = table[_NEEDED + shares * with_shares].astype(np.float64)
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
    if len(numbers.columns) > 3 + kinds * with_shares:
        raise Refusal("Two columns have the same name.")
    return Columns(
        label=numbers["label"].to_numpy(),
        predicted=numbers["predicted"].to_numpy(),
        index=numbers["index"].to_numpy(),
        probabilities=numbers[shares].to_numpy() if with_shares else None,
    )
