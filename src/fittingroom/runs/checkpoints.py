"""Checkpoints: all that a training needs to resume after an epoch, in one file of the run."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fittingroom.errors import RunChangedError, RunError
from fittingroom.runs.files import write_file
from fittingroom.runs.history import Epoch, read_history
from fittingroom.safe_io import Refusal, read_weights

CHECKPOINT = "checkpoint.safetensors"
_STATE = "state."
_HISTORY = "history"
_DIGEST = "digest"
_MOST_BYTES = 4 * 2**30


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state of a training after an epoch.

    Attributes:
        history: the epochs so far, one or more.
        arrays: what the engine needs to resume exactly, under its own names: weights, optimizer,
            random states, step, and the weights of the best epoch so far.
    """

    history: tuple[Epoch, ...]
    arrays: Mapping[str, npt.NDArray[Any]]


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Replace a run's checkpoint; a crash leaves the old one or the new one.

    It is not in the manifest, so it holds its own hash: a number that changed on the disk would
    otherwise be trained on unnoticed.
    """
    import safetensors.numpy

    text = "".join(epoch.to_line() for epoch in checkpoint.history).encode()
    arrays = {f"{_STATE}{name}": array for name, array in checkpoint.arrays.items()}
    arrays[_HISTORY] = np.frombuffer(text, np.uint8)
    arrays[_DIGEST] = _digest(arrays)
    write_file(folder / CHECKPOINT, safetensors.numpy.save(arrays))


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """A run's checkpoint, or None if there is none.

    Raises:
        RunChangedError: the file is damaged, or not a checkpoint.
        RunError: the system does not let us read it.
    """
    path = folder / CHECKPOINT
    try:
        arrays = read_weights(path, _MOST_BYTES)
        if arrays.pop(_DIGEST).tobytes() != _digest(arrays).tobytes():
            raise RunChangedError("Its numbers don't match its hash.")
        history = read_history(arrays.pop(_HISTORY).tobytes().decode())
        numbers = [epoch.epoch for epoch in history]
        if not history or numbers != list(range(1, len(history) + 1)):
            raise RunChangedError(f"Its epochs must be 1, 2, … in a row. They are {numbers[:9]}.")
    except FileNotFoundError:
        return None
    except OSError as error:  # which may pass, so it is no reason to start again
        raise RunError(
            f"{path} can't be read: {error.strerror or error}. Make it readable to resume the "
            "training, or remove it to start again."
        ) from error
    except (Refusal, KeyError, UnicodeDecodeError, RunChangedError) as error:
        raise RunChangedError(
            f"{path} is no checkpoint that can be used: {error} Train again, without --resume."
        ) from error
    return Checkpoint(history, {name.removeprefix(_STATE): array for name, array in arrays.items()})


def _digest(arrays: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.uint8]:
    """SHA-256 of names, types, shapes and numbers: uint8 ``(32,)``."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return np.frombuffer(digest.digest(), np.uint8)
