"""What a model says about pictures: the one form in which models of any framework are compared."""

import hashlib
import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fittingroom.errors import PredictionsError
from fittingroom.safe_io import MEBIBYTE, Refusal, read_arrays, read_whole

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

# One picture's probabilities, as float32, sum to one within this.
_SUM_TOLERANCE = 1e-3
_LARGEST_FILE = 64 * MEBIBYTE
_MOST_CLASSES = 1000
# As many pictures as a file of them may hold.
_MOST_ROWS = 1_000_000
# Checked so many pictures at a time, since float64 takes twice the memory.
_ROWS = 100_000


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


@dataclass(frozen=True, eq=False)
class Predictions:
    """The true labels of some pictures and what one model says of them.

    Attributes:
        labels: uint8 ``(N,)``, the true labels, each below ``len(classes)``.
        predicted: uint8 ``(N,)``, the predicted labels.
        log_probabilities: float32 ``(N, K)``, natural logarithms of the calibrated
            probabilities, or None for a model that gives classes alone.
        indices: int64 ``(N,)``, where each picture stands in its data file.
        classes: the ``K`` class names in the order of their labels.

    Raises:
        PredictionsError: shapes, types or values that do not fit together.
    """

    labels: UInt8
    predicted: UInt8
    log_probabilities: Float32 | None
    indices: Int64
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        kinds = len(self.classes)
        if self.labels.ndim != 1:
            raise PredictionsError(
                f"Expected `labels` of shape (N,). Received shape {self.labels.shape}."
            )
        count = len(self.labels)
        if count == 0:
            raise PredictionsError("Expected predictions for at least one picture. Received none.")
        for name in ("labels", "predicted"):
            array = getattr(self, name)
            if array.shape != (count,) or array.dtype != np.uint8:
                raise PredictionsError(
                    f"Expected `{name}` as uint8 of shape ({count},). "
                    f"Received {array.dtype} of shape {array.shape}."
                )
            if array.max() >= kinds:
                raise PredictionsError(
                    f"Expected `{name}` between 0 and {kinds - 1}, one for each of {kinds} "
                    f"classes. Received {int(array.max())}."
                )
        if self.indices.shape != (count,) or self.indices.dtype.kind not in "iu":
            raise PredictionsError(
                f"Expected `indices` as whole numbers of shape ({count},). "
                f"Received {self.indices.dtype} of shape {self.indices.shape}."
            )
        if self.log_probabilities is not None:
            self._check_probabilities(self.log_probabilities, (count, kinds))

    @staticmethod
    def _check_probabilities(log_probabilities: Float32, shape: tuple[int, int]) -> None:
        if log_probabilities.shape != shape or log_probabilities.dtype != np.float32:
            raise PredictionsError(
                f"Expected `log_probabilities` as float32 of shape {shape}. "
                f"Received {log_probabilities.dtype} of shape {log_probabilities.shape}."
            )
        sums = np.empty(len(log_probabilities))
        for start in range(0, len(sums), _ROWS):
            rows = log_probabilities[start : start + _ROWS].astype(np.float64)
            with np.errstate(over="ignore"):  # what is no logarithm is found by its sum
                sums[start : start + _ROWS] = np.exp(rows).sum(axis=1)
        wrong = ~(np.abs(sums - 1) <= _SUM_TOLERANCE)  # true for NaN too
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise PredictionsError(
                "Expected each picture's probabilities to sum to one. "
                f"Received {sums[row]:.6g} in row {row} ({int(wrong.sum())} such rows)."
            )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def probabilities(self) -> npt.NDArray[np.float64] | None:
        """Float64 ``(N, K)``, or None where the model gives classes alone."""
        if self.log_probabilities is None:
            return None
        return np.exp(self.log_probabilities.astype(np.float64))

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Bool ``(N,)``: where the predicted label is the true one."""
        return self.predicted == self.labels

    @cached_property
    def labels_hash(self) -> str:
        """SHA-256 of the true labels: two sets of predictions compare only where it is equal."""
        return hashlib.sha256(self.labels.tobytes()).hexdigest()

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
            if names.ndim != 1 or len(names) > _MOST_CLASSES or names.dtype.kind != "U":
                raise Refusal(f"class names as {names.dtype} of shape {names.shape}")
            if arrays["labels"].size > _MOST_ROWS:
                raise Refusal(f"{arrays['labels'].size:,} labels; {_MOST_ROWS:,} are allowed")
            predictions = cls(
                labels=arrays["labels"],
                predicted=arrays["predicted"],
                log_probabilities=arrays.get("log_probabilities"),
                indices=arrays["indices"],
                classes=tuple(str(name) for name in names),
            )
            stored = str(arrays["labels_hash"])
        except KeyError as error:
            raise PredictionsError(
                f"{path} isn't a file of predictions by this project: it has no array {error}."
            ) from error
        except (OSError, ValueError) as error:
            raise PredictionsError(
                f"{path} isn't a file of predictions by this project: {error}"
            ) from error
        if stored != predictions.labels_hash:
            raise PredictionsError(
                f"The labels in {path} were changed: their hash is "
                f"{predictions.labels_hash[:12]}…, not {stored[:12]}…. Score the model again."
            )
        return predictions
