"""An ``.npz`` archive of predictions: what its arrays say."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fittingroom.errors import PredictionsError
from fittingroom.external_predictions.said import MOST_BYTES, Said, quoted, refusal, some
from fittingroom.safe_io import Archive, Refusal

# They are held as float64 afterwards.
_MOST_NUMBERS = MOST_BYTES // 8
_MOST_CLASSES = 1000
_SPREADSHEETS = ("xl/", "content.xml")


def read_archive(path: Path, content: bytes, classes: tuple[str, ...]) -> Said:
    """The arrays ``labels``, ``predicted`` and, where they are there, ``indices`` and
    ``probabilities`` or ``log_probabilities``; ``label`` and ``index`` are as good.

    Raises:
        PredictionsError: it is no such archive, or was made for other classes.
    """
    try:
        with Archive(content, MOST_BYTES, _MOST_NUMBERS) as archive:
            return _said(path, archive, classes)
    except Refusal as error:
        raise PredictionsError(f"{path}: {error}") from error


def _said(path: Path, archive: Archive, classes: tuple[str, ...]) -> Said:
    members = archive.members
    names = {name.removesuffix(".npy") for name in members if name.endswith(".npy")}
    if any(name.startswith(_SPREADSHEETS) for name in members):
        raise refusal(path, "a CSV file or .npz archive", "a spreadsheet", "Save it as CSV.")

    def array(*called: str) -> npt.NDArray[Any] | None:
        return next((archive.array(name) for name in called if name in names), None)

    label, predicted = array("labels", "label"), array("predicted")
    if label is None or predicted is None:
        raise refusal(
            path,
            "the arrays 'labels' and 'predicted'",
            some(sorted(names)),
            "Save them with np.savez(file, labels=…, predicted=…).",
        )
    known = array("classes")
    if known is not None and known.size > _MOST_CLASSES:
        raise refusal(path, "the names of classes", f"{known.size:,} of them")
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
