"""Open a folder of four IDX files, and recognise the data set by its content."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fittingroom.classes import GARMENTS, check_class_names
from fittingroom.data import idx, official
from fittingroom.data.dataset import Dataset
from fittingroom.data.idx import FileInvalidError
from fittingroom.data.official import FILE_NAMES, TEST, TRAINING, KnownSet, SetFiles
from fittingroom.data.split import ImageSet
from fittingroom.errors import DataError, DataInvalidError, DataNotFoundError
from fittingroom.safe_io import is_inside

_MOST_CLASSES = 10
_LOOK_ELSEWHERE = "Check the path, leave out --data, or use --data sample."


def open_folder(
    folder: Path,
    *,
    only: KnownSet | None = None,
    allow_unknown: bool = False,
    names: Path | None = None,
) -> Dataset:
    """The data set in a folder, every file checked.

    Args:
        folder: where the four files are, plain or ``.gz``.
        only: accept this data set alone.
        allow_unknown: accept unknown data if its structure is right.
        names: a file with the class names of unknown data, one a line. Without it they are
            "class 0", "class 1" and so on.

    Raises:
        DataNotFoundError: the folder or some of its files are missing.
        DataInvalidError: a file is not what it should be.
    """
    paths = _locate(folder)
    given = None if names is None else _read_names(names)
    training, training_hashes = _read_pair(paths, TRAINING, given or GARMENTS)
    classes = given or GARMENTS
    if allow_unknown and given is None:
        classes = tuple(f"class {label}" for label in range(int(training.labels.max()) + 1))
        if len(classes) < 2:
            raise FileInvalidError(paths[TRAINING.labels], "has one class; it takes two or more")
    test, test_hashes = _read_pair(paths, TEST, classes)
    hashes = training_hashes | test_hashes
    known = next((each for each in _known_sets() if each.hashes == hashes), None)
    if known is not None and only in (None, known):
        if given not in (None, GARMENTS):
            raise DataInvalidError(
                f"{folder} holds {known.name}, which has class names of its own. "
                "Leave out --classes."
            )
        name, classes = known.name, GARMENTS
    elif allow_unknown:
        whole = "\n".join([*(hashes[name] for name in FILE_NAMES), *classes])
        name = f"unknown-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"
    else:
        expected = (only or official.FASHION_MNIST).hashes
        wrong = next(name for name in FILE_NAMES if hashes[name] != expected[name])
        advice = f"{idx.REPLACE} If it is meant to be other data, add --allow-unknown-data."
        raise _changed(paths[wrong], expected[wrong], hashes[wrong], advice)
    official_data = known is official.FASHION_MNIST
    return Dataset(
        name, folder, classes, official_data, training_hashes, test_hashes, training, test
    )


def _locate(folder: Path) -> dict[str, Path]:
    """File name → path of the four files, with or without ``.gz``."""
    require_folder(folder)
    found = {name: _find_file(folder, name) for name in FILE_NAMES}
    paths = {name: path for name, path in found.items() if path is not None}
    if len(paths) < len(FILE_NAMES):
        lacking = ", ".join(name for name in FILE_NAMES if name not in paths)
        raise DataNotFoundError(f"{folder} lacks {lacking}, plain or .gz. {_LOOK_ELSEWHERE}")
    return paths


def require_folder(folder: Path) -> None:
    """Raise an error unless this is a folder that can be read.

    Raises:
        DataNotFoundError: there is no such folder.
        DataInvalidError: it is something else, or can't be read.
    """
    try:
        # Unlike Path.is_dir, this tells "not there" from "may not be looked at".
        next(folder.iterdir(), None)
    except FileNotFoundError:
        raise DataNotFoundError(f"There is no such folder: {folder}. {_LOOK_ELSEWHERE}") from None
    except OSError as error:
        reason = f"isn't a folder that can be read: {error.strerror or error}"
        raise FileInvalidError(folder, reason, _LOOK_ELSEWHERE) from error


def check_official(path: Path, name: str) -> None:
    """Raise an error unless a file has the content of one of Fashion-MNIST's.

    Raises:
        DataInvalidError: it doesn't.
    """
    expected, received = official.FASHION_MNIST.hashes[name], _read(path, name).sha256
    if received != expected:
        raise _changed(path, expected, received)


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
    require_folder(folder)
    return tuple(_report(folder, name) for name in FILE_NAMES)


def _report(folder: Path, name: str) -> FileReport:
    try:
        path = _find_file(folder, name)
        if path is None:
            return FileReport(name, problem=f"{name} is not in {folder}.")
        file = _read(path, name)
    except FileInvalidError as error:
        return FileReport(name, error.path, problem=str(error))
    known = (each.name for each in _known_sets() if each.hashes[name] == file.sha256)
    return FileReport(name, path, file.size, file.sha256, next(known, None))


def missing(folder: Path) -> list[str]:
    """The names of Fashion-MNIST's files that a folder doesn't have, plain or ``.gz``."""
    hashes = official.FASHION_MNIST.hashes
    return [each.name for each in verify(folder) if each.sha256 != hashes[each.name]]


def _known_sets() -> tuple[KnownSet, ...]:
    return (official.FASHION_MNIST, official.SAMPLE)


def _read_pair(
    paths: dict[str, Path], files: SetFiles, classes: tuple[str, ...]
) -> tuple[ImageSet, dict[str, str]]:
    """The images and labels of one set, and the SHA-256 of each file by its name."""
    images = idx.read_images(paths[files.images])
    labels = idx.read_labels(paths[files.labels], len(classes))
    count = len(labels.array)
    if len(images.array) != count:
        reason = f"has {count:,} labels for {len(images.array):,} images"
        raise FileInvalidError(paths[files.labels], reason)
    indices = np.arange(count, dtype=np.int64)
    hashes = {files.images: images.sha256, files.labels: labels.sha256}
    return ImageSet(images.array, labels.array, indices), hashes


def _find_file(folder: Path, name: str) -> Path | None:
    """The path of one of the four files, ``.gz`` first, or None if it is missing."""
    found = next((path for path in (folder / f"{name}.gz", folder / name) if path.is_file()), None)
    if found is not None and found.is_symlink() and not is_inside(found, folder):
        raise FileInvalidError(
            found,
            f"is a symbolic link to a place outside {folder}",
            "Put the file itself there, or name the folder that holds it.",
        )
    return found


def _read(path: Path, name: str) -> idx.IdxFile:
    images = name in (TRAINING.images, TEST.images)
    return idx.read_images(path) if images else idx.read_labels(path)


def _changed(
    path: Path, expected: str, received: str, advice: str = idx.REPLACE
) -> FileInvalidError:
    reason = f"has other content: its SHA-256 is {received[:16]}…, not {expected[:16]}…"
    return FileInvalidError(path, reason, advice)


def _read_names(path: Path) -> tuple[str, ...]:
    """Class names, one a line; empty lines don't count."""
    advice = "Write one class name a line, in the order of the labels, as UTF-8 text."
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileInvalidError(path, f"can't be read: {error}", advice) from error
    names = tuple(line for line in lines if line.strip())
    if len(names) > _MOST_CLASSES:
        reason = f"has {len(names)} class names; at most {_MOST_CLASSES} are allowed"
        raise FileInvalidError(path, reason, advice)
    try:
        return check_class_names(names)
    except DataError as error:
        raise DataInvalidError(f"{path}: {error}") from error
