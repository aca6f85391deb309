"""A training that can go on: all that it needs after an epoch, in one file of the run folder."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fittingroom.errors import RunBusyError, RunChangedError, RunError
from fittingroom.runs.files import cannot_write, make_folder, write_file
from fittingroom.runs.history import Epoch, read_history
from fittingroom.safe_io import Refusal, read_weights

CHECKPOINT = "checkpoint.safetensors"
_STATE = "state."
_HISTORY = "history"
_DIGEST = "digest"
# What is read of it; an honest one holds a model's weights about four times.
_MOST_BYTES = 4 * 2**30


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state of a training after an epoch.

    Attributes:
        history: the epochs so far, one or more.
        arrays: what the engine needs to go on exactly, under names of its own: weights, optimizer,
            random states, step, and the weights of the best epoch so far.
    """

    history: tuple[Epoch, ...]
    arrays: Mapping[str, npt.NDArray[Any]]

    def digest(self) -> bytes:
        """SHA-256 of the arrays: names, types, shapes and numbers."""
        return _digest(self.arrays).tobytes()


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a run's checkpoint, in the place of the one before it, so that one of them is there.

    It is in no manifest, so it holds a hash of all that is in it: a number that a disk changed
    would train on, and nobody would see it.

    Raises:
        RunError: it cannot be written.
    """
    import safetensors.numpy

    text = "".join(epoch.to_line() for epoch in checkpoint.history).encode()
    arrays = {f"{_STATE}{name}": array for name, array in checkpoint.arrays.items()}
    arrays[_HISTORY] = np.frombuffer(text, np.uint8)
    arrays[_DIGEST] = _digest(arrays)
    write_file(folder / CHECKPOINT, safetensors.numpy.save(arrays))


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """A run's checkpoint, or None where there is none.

    Raises:
        RunChangedError: the file is not one that training writes, or not as it was written.
        RunError: the system does not let us read it.
    """
    try:
        arrays = read_weights(folder / CHECKPOINT, _MOST_BYTES)
        digest = arrays.pop(_DIGEST)
        if digest.tobytes() != _digest(arrays).tobytes():
            raise RunChangedError("Expected what its hash is of. Received other numbers.")
        text = arrays.pop(_HISTORY)
        others = [name for name in arrays if not name.startswith(_STATE)]
        if others:
            raise RunChangedError(f"Expected nothing else in it. Received {others[0][:40]!r}.")
        if text.dtype != np.uint8:
            raise RunChangedError(f"Expected bytes as the history. Received {text.dtype}.")
        history = read_history(text.tobytes().decode())
        numbers = [epoch.epoch for epoch in history]
        if not history or numbers != list(range(1, len(history) + 1)):
            raise RunChangedError(f"Expected epochs 1, 2, … in a row. Received {numbers[:9]}.")
    except FileNotFoundError:
        return None
    except OSError as error:  # that may pass, and is no reason to begin anew
        raise RunError(
            f"Expected to read {folder / CHECKPOINT}. Received: {error.strerror or error}. Make it "
            "readable, and the training goes on from it; or remove it, to begin anew."
        ) from error
    except (Refusal, KeyError, UnicodeDecodeError, RunChangedError) as error:
        raise RunChangedError(
            f"Expected a checkpoint at {folder / CHECKPOINT}. Received something else: {error} "
            "Train the recipe anew, without `--resume`."
        ) from error
    return Checkpoint(history, {name.removeprefix(_STATE): array for name, array in arrays.items()})


def _digest(arrays: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.uint8]:
    """SHA-256 of names, types, shapes and numbers: uint8 ``(32,)``."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return np.frombuffer(digest.digest(), np.uint8)


@contextmanager
def only_here(runs: Path, name: str, *, wait: bool = False) -> Iterator[None]:
    """While it lasts, no other process trains the run of that name in this folder of runs.

    The system takes the lock back from a process that dies, however it dies.

    Args:
        runs: the folder of runs.
        name: of the run; any other name is a lock of its own.
        wait: for another process that holds it, until it is done.

    Raises:
        RunBusyError: another process does so now, and is not waited for.
        RunError: the folder cannot be written to.
    """
    import filelock

    locks = runs / ".locks"
    if locks.is_symlink():  # a stranger's, which would have files made elsewhere
        raise RunError(
            f"Expected a folder of our own at {locks}. Received a link. Remove it, or name another "
            "folder of runs: `--runs`."
        )
    make_folder(locks)
    lock = filelock.FileLock(locks / f"{name}.lock", blocking=wait, thread_local=False)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise RunBusyError(
            f"Expected to be alone in training {name} in {runs}. Received a second training of "
            "the same recipe, seed and data: another process is at it. Wait for it, stop it, or "
            "name another folder: `--runs`."
        ) from error
    except OSError as error:
        raise cannot_write(locks / f"{name}.lock", error) from error
    try:
        yield
    finally:
        lock.release()
