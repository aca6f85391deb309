"""Check Fashion-MNIST's four files one by one: what ``data verify`` and downloads do."""

from dataclasses import dataclass
from pathlib import Path

from fittingroom.data import official
from fittingroom.data.content import FileInvalidError
from fittingroom.data.official import FILE_NAMES, TEST, TRAINING
from fittingroom.data.readers import idx
from fittingroom.errors import DataNotFoundError

_LOOK_ELSEWHERE = "Check the path, leave out --data, or use --data sample."


@dataclass(frozen=True)
class FileReport:
    """What ``data verify`` reports of one file.

    Attributes:
        name: the file's name without ``.gz``.
        path: where it is, or None if it is missing.
        size: bytes of its decompressed content, or None if it can't be read.
        sha256: of its decompressed content, or None if it can't be read.
        known_as: the data set that it belongs to by its hash ("fashion-mnist" or "sample"), or
            None if the hash is unknown.
        problem: what is wrong with it as a file, or None.
    """

    name: str
    path: Path | None = None
    size: int | None = None
    sha256: str | None = None
    known_as: str | None = None
    problem: str | None = None


def verify(folder: Path) -> tuple[FileReport, ...]:
    """Check each of the four files in a folder by itself, even if others are damaged.

    Raises:
        DataError: there is no such folder, or it can't be read.
    """
    require_path(folder)
    if not folder.is_dir():
        raise FileInvalidError(folder, "isn't a folder of IDX files", _LOOK_ELSEWHERE)
    found = idx.find_files(folder)
    return tuple(_report(folder, name, found.get(name)) for name in FILE_NAMES)


def missing(folder: Path) -> list[str]:
    """The names of Fashion-MNIST's files that a folder doesn't have, plain or ``.gz``."""
    hashes = official.FASHION_MNIST.hashes
    return [each.name for each in verify(folder) if each.sha256 != hashes[each.name]]


def check_official(path: Path, name: str) -> None:
    """Raise an error unless a file has the content of one of Fashion-MNIST's.

    Raises:
        DataInvalidError: it doesn't.
    """
    expected, received = official.FASHION_MNIST.hashes[name], _read(path, name).sha256
    if received != expected:
        reason = f"has other content: its SHA-256 is {received[:16]}…, not {expected[:16]}…"
        raise FileInvalidError(path, reason)


def require_path(path: Path) -> None:
    """Raise an error unless this is a file or a folder that can be read.

    Raises:
        DataNotFoundError: there is no such file or folder.
        DataInvalidError: it can't be read.
    """
    try:
        # Unlike Path.is_dir, this tells "not there" from "may not be looked at".
        if path.is_dir():
            next(path.iterdir(), None)
        else:
            path.stat()
    except FileNotFoundError:
        raise DataNotFoundError(
            f"There is no such file or folder: {path}. {_LOOK_ELSEWHERE}"
        ) from None
    except OSError as error:
        reason = f"can't be read: {error.strerror or error}"
        raise FileInvalidError(path, reason, _LOOK_ELSEWHERE) from error


def _report(folder: Path, name: str, path: Path | None) -> FileReport:
    if path is None:
        return FileReport(name, problem=f"{name} is not in {folder}.")
    try:
        file = _read(path, name)
    except FileInvalidError as error:
        return FileReport(name, error.path, problem=str(error))
    known = official.known_as({name: file.sha256})
    return FileReport(name, path, file.size, file.sha256, known.name if known else None)


def _read(path: Path, name: str) -> idx.IdxFile:
    images = name in (TRAINING.images, TEST.images)
    return idx.read_images(path) if images else idx.read_labels(path)
