"""What a model predicts: the one form in which models of any framework are compared."""

import hashlib
import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fittingroom.classes import check_class_names
from fittingroom.errors import DataError, PredictionsError
from fittingroom.safe_io import MEBIBYTE, Refusal, read_arrays, read_whole

UInt8 = npt.NDArray[np.uint8]
# Class numbers, counted from 0: uint8, or uint16 for more than 256 classes.
Labels = npt.NDArray[np.unsignedinteger[Any]]
Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

# One image's probabilities, as float32, sum to one within this.
_SUM_TOLERANCE = 1e-3
_LARGEST_FILE = 128 * MEBIBYTE
# As many images as a file of predictions may hold.
_MOST_ROWS = 1_000_000


def as_labels(numbers: npt.ArrayLike, classes: int) -> Labels:
    """Whole numbers below ``classes`` as labels: uint8 up to 256 classes, uint16 above."""
    return np.asarray(numbers).astype(np.min_scalar_type(classes - 1), copy=False)


def log_softmax(logits: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Natural logarithms of the softmax along the last axis, without overflow: float64.

    Args:
        logits: ``(N, K)``. A row with an infinite one becomes NaN, in silence.
    """
    scores = np.asarray(logits, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        shifted = scores - scores.max(axis=-1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def softmax(logits: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """``exp(x_k) / Σ exp(x_j)`` along the last axis, without overflow: float64, as `logits`."""
    scores = np.asarray(logits, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        exponents = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return exponents / exponents.sum(axis=-1, keepdims=True)


def _check_sums(log_probabilities: Float32) -> None:
    """Refuse a row of probabilities that do not sum to one."""
    with np.errstate(over="ignore"):  # what is no logarithm is found by its sum
        sums = np.exp(log_probabilities).sum(axis=1, dtype=np.float64)
    wrong = ~(np.abs(sums - 1) <= _SUM_TOLERANCE)  # true for NaN too
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise PredictionsError(
            f"The probabilities in row {row} sum to {sums[row]:.6g} ({int(wrong.sum())} such). "
            "Each row must sum to one."
        )


@dataclass(frozen=True, eq=False)
class Predictions:
    """The true labels of some images, and what one model predicts for them.

    Attributes:
        labels: uint8 or uint16 ``(N,)``, the true labels, each below ``len(classes)``.
        predicted: the same of the predicted labels.
        log_probabilities: float32 ``(N, K)``, natural logarithms of the calibrated
            probabilities, or None for a model that gives classes alone.
        indices: int64 ``(N,)``, each image's position in its data file.
        classes: the ``K`` class names in the order of their labels.

    Raises:
        PredictionsError: shapes, types or values that do not fit together.
    """

    labels: Labels
    predicted: Labels
    log_probabilities: Float32 | None
    indices: Int64
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        count, classes = self.labels.size, len(self.classes)
        if count == 0:
            raise PredictionsError("There are no predictions. Give at least one image.")
        forms = {
            "labels": ((count,), np.unsignedinteger),
            "predicted": ((count,), np.unsignedinteger),
            "indices": ((count,), np.integer),
            "log_probabilities": ((count, classes), np.float32),
        }
        for name, (shape, kind) in forms.items():
            array = getattr(self, name)
            if array is not None and not (
                array.shape == shape and np.issubdtype(array.dtype, kind)
            ):
                raise PredictionsError(
                    f"`{name}` is {array.dtype} of shape {array.shape}. Give {kind.__name__} of "
                    f"shape {shape}."
                )
        for name in ("labels", "predicted"):
            largest = int(getattr(self, name).max())
            if largest >= classes:
                raise PredictionsError(
                    f"`{name}` holds {largest}. Give numbers between 0 and {classes - 1}, one for "
                    f"each of {classes} classes."
                )
        if self.log_probabilities is not None:
            _check_sums(self.log_probabilities)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def probabilities(self) -> npt.NDArray[np.float64] | None:
        """Float64 ``(N, K)``, or None if the model gives classes alone."""
        if self.log_probabilities is None:
            return None
        return np.exp(self.log_probabilities.astype(np.float64))

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Bool ``(N,)``: whether each image is classified correctly."""
        return self.predicted == self.labels

    @cached_property
    def unlikely(self) -> int:
        """For how many images the predicted class is not the one of highest probability."""
        logs = self.log_probabilities
        if logs is None:
            return 0
        of_predicted = logs[np.arange(len(logs)), self.predicted]
        return int((of_predicted < logs.max(axis=1)).sum())

    @cached_property
    def labels_hash(self) -> str:
        """SHA-256 of the true labels: only predictions with the same hash can be compared."""
        return hashlib.sha256(as_labels(self.labels, len(self.classes)).tobytes()).hexdigest()

    def take(self, positions: Int64) -> "Predictions":
        """The predictions at these positions, int64 ``(M,)``, at least one.

        Raises:
            PredictionsError: no position.
        """
        logs = self.log_probabilities
        return Predictions(
            labels=self.labels[positions],
            predicted=self.predicted[positions],
            log_probabilities=None if logs is None else logs[positions],
            indices=self.indices[positions],
            classes=self.classes,
        )

    def to_bytes(self) -> bytes:
        """Everything as an ``.npz`` archive of plain arrays."""
        arrays: dict[str, npt.NDArray[np.generic]] = {
            "labels": self.labels,
            "predicted": self.predicted,
            "indices": self.indices,
            "classes": np.array(self.classes),
            "labels_hash": np.array(self.labels_hash),
        }
        if self.log_probabilities is not None:
            arrays["log_probabilities"] = self.log_probabilities
        stream = io.BytesIO()
        np.savez_compressed(stream, allow_pickle=False, **arrays)
        return stream.getvalue()

    @classmethod
    def read(cls, path: Path) -> "Predictions":
        """Read what :meth:`to_bytes` gave; nothing in the file is executed.

        Raises:
            PredictionsError: the file is not such an archive, or its labels were changed.
        """
        try:
            arrays = read_arrays(read_whole(path, _LARGEST_FILE))
            names = arrays["classes"]
            if names.ndim != 1 or names.dtype.kind != "U":
                raise Refusal(f"class names as {names.dtype} of shape {names.shape}")
            if arrays["labels"].size > _MOST_ROWS:
                raise Refusal(f"{arrays['labels'].size:,} labels; {_MOST_ROWS:,} are allowed")
            predictions = cls(
                labels=arrays["labels"],
                predicted=arrays["predicted"],
                log_probabilities=arrays.get("log_probabilities"),
                indices=arrays["indices"],
                classes=check_class_names(names.tolist()),
            )
            stored = str(arrays["labels_hash"])
        except KeyError as error:
            raise PredictionsError(
                f"{path} isn't a file of predictions by this project: it has no array {error}."
            ) from error
        except (DataError, OSError, ValueError) as error:
            raise PredictionsError(
                f"{path} isn't a file of predictions by this project: {error}"
            ) from error
        if stored != predictions.labels_hash:
            raise PredictionsError(
                f"The labels in {path} were changed: their hash is "
                f"{predictions.labels_hash[:12]}…, not {stored[:12]}…. Score the model again."
            )
        return predictions
