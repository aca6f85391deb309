"""Locks, so that no two processes train or score the same run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fittingroom.errors import RunBusyError, RunError
from fittingroom.runs.files import cannot_write, make_folder


@contextmanager
def only_here(runs: Path, name: str, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock of a name in a folder of runs; the system frees it if the process dies.

    Args:
        runs: the folder of runs.
        name: usually a run's.
        wait: for another process that holds it, until that is done.

    Raises:
        RunBusyError: another process holds it, and `wait` is False.
        RunError: the folder cannot be written to.
    """
    import filelock

    locks = runs / ".locks"
    if locks.is_symlink():  # of an untrusted folder, which would make us write elsewhere
        raise RunError(f"{locks} is a link. Remove it, or choose another folder with --runs.")
    make_folder(locks)
    lock = filelock.FileLock(locks / f"{name}.lock", blocking=wait, thread_local=False)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise RunBusyError(
            f"Another process is training {name} in {runs}. Wait for it, stop it, or choose "
            "another folder with --runs."
        ) from error
    except OSError as error:
        raise cannot_write(locks / f"{name}.lock", error) from error
    try:
        yield
    finally:
        lock.release()
