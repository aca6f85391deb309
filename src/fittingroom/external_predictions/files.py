"""What stands in a file of predictions: a CSV file by pandas, or an ``.npz`` archive by NumPy."""

import io
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fittingroom.errors import PredictionsError, missing_extra
from fittingroom.safe_io import MEBIBYTE, Refusal, read_arrays, read_whole

Float64 = npt.NDArray[np.float64]

# A file for 10,000 images with all probabilities takes 2 MB or so.
MOST_BYTES = 16 * MEBIBYTE
_NEEDED = ("index", "label", "predicted")
# Spreadsheets in countries with a decimal comma separate cells by semicolons.
_SEPARATORS = (",", ";", "\t")
_LONGEST_HEADER = 20_000
_SAVE = "Save it with np.savez(file, labels=…, predicted=…)."


@dataclass(frozen=True, eq=False)
class Columns:
    """A file's numbers before they are checked, all float64.

    Attributes:
        index: ``(M,)``, or None if the file relies on its order.
        label, predicted: ``(M,)``.
        probabilities: ``(M, K)``, or None.
    """

    index: Float64 | None
    label: Float64
    predicted: Float64
    probabilities: Float64 | None


def read_columns(path: Path, classes: tuple[str, ...], most: int) -> Columns:
    """The numbers in a file, whose content says which of the two kinds it is.

    Args:
        path: the file.
        classes: the ``K`` class names.
        most: how many images there are; a few more rows are read at most.

    Raises:
        PredictionsError: it is no such file, or was made for other classes.
    """
    try:
        content = read_whole(path, MOST_BYTES)
        if not content.strip():
            raise Refusal("The file is empty.")
        if content.startswith(b"PK"):
            return _archive(content, classes)
        if content.startswith(b"\x93NUMPY"):
            raise Refusal(f"It has a single array; labels are needed beside predictions. {_SAVE}")
        return _table(content, len(classes), most)
    except FileNotFoundError as error:
        raise PredictionsError(f"There is no file {path}. Give a .csv or .npz file.") from error
    except (OSError, ValueError) as error:  # a Refusal is a ValueError too
        reason = getattr(error, "strerror", None) or str(error)
        raise PredictionsError(f"{path} can't be used as predictions. {reason}") from error


def _archive(content: bytes, classes: tuple[str, ...]) -> Columns:
    arrays = read_arrays(content, MOST_BYTES)
    label, predicted = arrays.get("labels", arrays.get("label")), arrays.get("predicted")
    if label is None or predicted is None:
        found = _some(sorted(arrays))
        raise Refusal(f"It needs the arrays 'labels' and 'predicted', but has {found}. {_SAVE}")
    known = arrays.get("classes")
    if known is not None and [str(name) for name in known.ravel()[:1000]] != list(classes):
        raise Refusal(
            f"It is of the classes {_some([str(name) for name in known.ravel()[:1000]])}, not of "
            f"{', '.join(classes)}."
        )
    probabilities = arrays.get("probabilities")
    if probabilities is None and "log_probabilities" in arrays:
        with np.errstate(over="ignore"):  # what is no logarithm is found by its sum
            probabilities = np.exp(_numbers("log_probabilities", arrays["log_probabilities"], 2))
    index = arrays.get("indices", arrays.get("index"))
    return Columns(
        index=None if index is None else _numbers("indices", index, 1),
        label=_numbers("labels", label, 1),
        predicted=_numbers("predicted", predicted, 1),
        probabilities=None
        if probabilities is None
        else _numbers("probabilities", probabilities, 2),
    )


def _numbers(name: str, array: npt.NDArray[Any], dimensions: int) -> Float64:
    if array.ndim != dimensions or array.dtype.kind not in "biuf":
        expected = "(N,)" if dimensions == 1 else "(N, classes)"
        raise Refusal(
            f"The array {name} must be numbers of shape {expected}, not {array.dtype} of shape "
            f"{str(array.shape)[:40]}."
        )
    return array.astype(np.float64)


def _table(content: bytes, kinds: int, most: int) -> Columns:
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise missing_extra(error, "train") from error
    try:
        text = content.decode(
            "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        )
    except UnicodeDecodeError as error:
        raise Refusal("It is neither text (CSV, in UTF-8) nor an .npz archive.") from error
    # A spreadsheet's own first line, `sep=;`, says what the header shows anyway.
    text = re.sub(r"\A\s*sep=.[\r\n]+", "", text).lstrip()
    separator, names = _header(re.split(r"[\r\n]", text, maxsplit=1)[0], kinds)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # of cells left out
            table = pd.read_csv(
                io.StringIO(text),
                sep=separator,
                decimal="." if separator == "," else ",",
                header=0,
                names=names,
                index_col=False,
                skipinitialspace=True,
                low_memory=False,
                nrows=2 * most + 10,
            ).dropna(how="all")
    except (ValueError, OverflowError, pd.errors.ParserWarning) as error:
        raise Refusal(
            f"It isn't a CSV file that can be read: {_short(error)}. A comma as the decimal point "
            "needs semicolons between the cells."
        ) from error
    wanted = [name for name in names if name in (*_NEEDED, *_shares(kinds))]
    numbers = table[wanted].apply(pd.to_numeric, errors="coerce").astype(np.float64)
    for name in wanted:
        wrong = np.flatnonzero(numbers[name].isna() & table[name].notna())
        if len(wrong):
            raise Refusal(
                f"In row {wrong[0] + 1}, {_short(table[name].iloc[wrong[0]])!r} is no number for "
                f"the column {name!r}."
            )
    return Columns(
        index=numbers["index"].to_numpy(),
        label=numbers["label"].to_numpy(),
        predicted=numbers["predicted"].to_numpy(),
        probabilities=numbers[_shares(kinds)].to_numpy() if "p0" in names else None,
    )


def _shares(kinds: int) -> list[str]:
    return [f"p{k}" for k in range(kinds)]


def _header(line: str, kinds: int) -> tuple[str, list[str]]:
    """What separates the cells, and the columns' names; empty columns get names of their own."""
    columns = f"index, label, predicted and, for probabilities, p0 to p{kinds - 1}"
    for separator in _SEPARATORS if len(line) < _LONGEST_HEADER else ():
        cells = [cell.strip(' "').lower() for cell in line.split(separator)]
        given = sorted(filter(None, cells))
        if given in (
            sorted(_NEEDED),
            sorted([*_NEEDED, *_shares(kinds)]),
        ):
            return separator, [cell or f"empty {place}" for place, cell in enumerate(cells)]
    raise Refusal(
        f"The first line must name the columns {columns}, and no others. It is "
        f"{_short(line[:100])!r}."
    )


def _short(value: object) -> str:
    """Something from a file, short and harmless in a message."""
    return " ".join(str(value).split())[:100].encode("unicode_escape").decode()


def _some(names: list[str]) -> str:
    """A few of the names that a file has, short and harmless in a message."""
    shown = ", ".join(repr(name[:40]) for name in names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown or "none"
