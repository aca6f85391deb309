"""An ``.npz`` archive of plain arrays: read by hand, so that nothing in it is believed too soon."""

import io
import math
import tokenize
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fittingroom.elsewhere.said import MOST_BYTES, Said, quoted, refusal, some
from fittingroom.errors import PredictionsError

# What unpacking an archive that is none, or a malicious one, can raise.
_BROKEN = (
    *(OSError, ValueError, KeyError, EOFError, TypeError, OverflowError, RuntimeError, MemoryError),
    *(zipfile.BadZipFile, zlib.error, SyntaxError, tokenize.TokenError),
)
_SPREADSHEETS = ("xl/", "content.xml")


def read_archive(path: Path, content: bytes, classes: tuple[str, ...]) -> Said:
    """The arrays ``labels``, ``predicted`` and, where they are there, ``indices`` and
    ``probabilities`` or ``log_probabilities``; ``label`` and ``index`` are as good.

    Raises:
        PredictionsError: it is no such archive, or was made for other classes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _said(path, archive, classes)
    except PredictionsError:
        raise
    except _BROKEN as error:
        received = str(error) or type(error).__name__
        raise refusal(path, "an .npz archive of plain arrays", received) from error


def _said(path: Path, archive: zipfile.ZipFile, classes: tuple[str, ...]) -> Said:
    members = archive.namelist()
    names = {name.removesuffix(".npy") for name in members if name.endswith(".npy")}
    if any(name.startswith(_SPREADSHEETS) for name in members):
        raise refusal(path, "a CSV file or .npz archive", "a spreadsheet", "Save it as CSV.")

    def array(*called: str) -> npt.NDArray[Any] | None:
        return next((_array(path, archive, name) for name in called if name in names), None)

    label, predicted = array("labels", "label"), array("predicted")
    if label is None or predicted is None:
        raise refusal(
            path,
            "the arrays 'labels' and 'predicted'",
            some(sorted(names)),
            "Save them with np.savez(file, labels=…, predicted=…).",
        )
    known = array("classes")
    if known is not None and tuple(str(name) for name in known.ravel()) != classes:
        raise refusal(
            path,
            f"predictions of the classes {', '.join(classes)}",
            f"the classes {some([str(name) for name in known.ravel()])}",
        )
    probabilities, logs = array("probabilities"), array("log_probabilities")
    if probabilities is None and logs is not None:
        with np.errstate(over="ignore"):  # what is no logarithm is found by its sum
            probabilities = np.exp(_numbers(path, "log_probabilities", logs, 2))
    index = array("indices", "index")
    return Said(
        index=None if index is None else _numbers(path, "indices", index, 1),
        label=_numbers(path, "labels", label, 1),
        predicted=_numbers(path, "predicted", predicted, 1),
        probabilities=None
        if probabilities is None
        else _numbers(path, "probabilities", probabilities, 2),
    )


def _array(path: Path, archive: zipfile.ZipFile, name: str) -> npt.NDArray[Any]:
    """One array, after its header has shown that it is plain and how large it is."""
    with archive.open(f"{name}.npy") as stream:
        version = np.lib.format.read_magic(stream)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if read is None:
            raise refusal(path, f"{name} as an array of plain numbers", f"NumPy's format {version}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a header of Python 2 reads as well
            shape, by_columns, kind = read(stream)
        if kind.hasobject or kind.kind not in "iufU":
            raise refusal(
                path,
                f"{name} as an array of plain numbers",
                f"one of {quoted(str(kind))}",
                "Convert it to whole numbers, or probabilities to float32.",
            )
        size = kind.itemsize * math.prod(shape)
        if min(shape, default=0) < 0 or size > MOST_BYTES:
            raise refusal(
                path,
                f"{name} of at most {MOST_BYTES // 2**20} MiB",
                f"an array of shape {quoted(shape)}",
            )
        data = stream.read(size + 1)
    if len(data) != size:
        raise refusal(path, f"{name} of {size:,} bytes", "more or fewer", "The file is damaged.")
    return np.frombuffer(data, kind).reshape(shape, order="F" if by_columns else "C")


def _numbers(
    path: Path, name: str, array: npt.NDArray[Any], dimensions: int
) -> npt.NDArray[np.float64]:
    if array.ndim != dimensions or array.dtype.kind == "U":
        shape = "(N,)" if dimensions == 1 else "(N, classes)"
        raise refusal(
            path,
            f"{name} as numbers of shape {shape}",
            f"{array.dtype} of shape {quoted(array.shape)}",
        )
    return array.astype(np.float64)
