"""Write files so that each is either whole or not there, and one process at a time does it."""

import contextlib
import errno
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fittingroom.errors import FittingRoomError, RunBusyError, RunError
from fittingroom.safe_io import utf8

# What a file system answers that is full, that has no locks, and that cannot flush a folder.
_FULL = (errno.ENOSPC, errno.EDQUOT)
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)
_CANNOT_FLUSH = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}")


def write_file(path: Path, content: bytes) -> None:
    """Write a file so that no reader and no crash ever sees half of it.

    The content goes to a temporary name in the same folder, is flushed to the disk and renamed.
    """
    write_files({path: content})


def write_files(content: Mapping[Path, bytes]) -> None:
    """Write several files as :func:`write_file` does, and rename them once all are on the disk.

    Raises:
        RunError: one can't be written; then none was replaced, unless renaming itself failed.
    """
    ending = secrets.token_hex(4)
    temporary = {path: path.with_name(f".{path.name}.{ending}") for path in content}
    path = Path()
    try:
        for path, data in content.items():
            with temporary[path].open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
        for path in content:
            temporary[path].replace(path)
        for folder in dict.fromkeys(each.parent for each in content):
            flush_folder(folder)
    except OSError as error:
        for each in temporary.values():
            with contextlib.suppress(OSError):
                each.unlink(missing_ok=True)
        raise cannot_write(path, error) from error


def remove_file(path: Path) -> None:
    """Remove a file that may not be there."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def is_leftover(path: Path) -> bool:
    """Whether a file is one that :func:`write_file` had not finished when its process died."""
    return _TEMPORARY.fullmatch(path.name) is not None


def remove_leftovers(folder: Path) -> None:
    """Remove the half-written files of a process that died."""
    for path in folder.iterdir():
        if is_leftover(path):
            remove_file(path)


def make_folder(path: Path) -> Path:
    """Make a folder and those above it; it may exist.

    Each new one is flushed too, so that a power failure cannot lose it with its files.
    """
    try:
        missing = [each for each in (path, *path.parents) if not each.exists()]
        path.mkdir(parents=True, exist_ok=True)
        for each in reversed(missing):
            flush_folder(each.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    return path


def resolved(path: Path | str) -> Path:
    """A path without ``~``, ``..`` and links; relative to the current folder if it is below it."""
    # Unlike Path.expanduser, this leaves the name of an unknown user as it is.
    full, here = Path(os.path.expanduser(path)).resolve(), Path.cwd()  # noqa: PTH111
    return full.relative_to(here) if here in full.parents else full


def as_json(values: Any) -> bytes:
    """Values as indented JSON in UTF-8, its newline included."""
    text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
    return f"{utf8(text)}\n".encode()


def cannot_write(path: Path, error: OSError) -> FittingRoomError:
    """The error for a file or folder that the system did not let us write."""
    advice = "Free some space" if error.errno in _FULL else "Choose a folder that you may write to"
    return RunError(f"{path} can't be written: {error.strerror or error}. {advice}.")


def flush_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk, if the system and the file system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_FLUSH:
            raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def only_here(runs: Path, name: str, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock of a name, usually a run's; the system frees it if the process dies.

    If another process holds it, wait for that, or raise ``RunBusyError``.
    """
    import filelock

    locks = runs / ".locks"
    if locks.is_symlink():  # of an untrusted folder, which would make us write elsewhere
        raise RunError(f"{locks} is a link. Remove it, or choose another folder with --runs.")
    make_folder(locks)
    path = locks / f"{name}.lock"
    lock: filelock.BaseFileLock = filelock.FileLock(path, blocking=wait, thread_local=False)
    try:
        try:
            lock.acquire()
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            # Without locks: one process creates the file, and that of one that died is taken over.
            path = locks / f"{name}.taken"
            lock = filelock.SoftFileLock(path, blocking=wait, thread_local=False)
            lock.acquire()
    except filelock.Timeout as error:
        left = "" if path.suffix == ".lock" else f" If none is, remove {path}."
        raise RunBusyError(
            f"Another process is training {name} in {runs}. Wait for it, stop it, or choose "
            f"another folder with --runs.{left}"
        ) from error
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        yield
    finally:
        lock.release()
