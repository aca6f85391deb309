"""Open a folder of four IDX files, and recognise the data set by its content."""

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from fittingroom.classes import GARMENTS
from fittingroom.data import idx, official
from fittingroom.data.dataset import Dataset
from fittingroom.data.idx import FileInvalidError
from fittingroom.data.official import FILE_NAMES, TEST, TRAINING, Payload, PinnedSet, SetFiles
from fittingroom.data.split import ImageSet
from fittingroom.errors import DataInvalidError, DataNotFoundError
from fittingroom.safe_io import is_inside

_MOST_CLASSES = 10
_LOOK_ELSEWHERE = "Check the path, leave out --data, or use --data sample."
_ALLOW_UNKNOWN = "If it is meant to be other data, add --allow-unknown-data."


def open_folder(
    folder: Path,
    *,
    only: PinnedSet | None = None,
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
    paths = locate(folder)
    classes = None if names is None else _read_names(names)
    most = _MOST_CLASSES if classes is None else len(classes)
    files = _read_pair(paths, TRAINING, most)
    if allow_unknown and classes is None:
        most = int(files[TRAINING.labels].array.max()) + 1
        if most < 2:
            raise FileInvalidError(paths[TRAINING.labels], "has one class; it takes two or more")
    files |= _read_pair(paths, TEST, most)

    hashes = {name: file.sha256 for name, file in files.items()}
    known = next((each for each in _known_sets() if each.hashes == hashes), None)
    if known is not None and (only is None or known is only):
        if classes not in (None, GARMENTS):
            raise DataInvalidError(
                f"{folder} holds {known.name}, which has class names of its own. "
                "Leave out --classes."
            )
        return _dataset(known.name, folder, GARMENTS, hashes)
    if not allow_unknown:
        raise _unknown(paths, files, only or official.FASHION_MNIST)
    if classes is None:
        classes = tuple(f"class {label}" for label in range(most))
    whole = "\n".join([*(hashes[name] for name in FILE_NAMES), *classes])
    digest = hashlib.sha256(whole.encode()).hexdigest()
    return _dataset(f"unknown-{digest[:8]}", folder, classes, hashes)


def locate(folder: Path) -> dict[str, Path]:
    """File name → path of the four files, with or without ``.gz``.

    Raises:
        DataNotFoundError: there is no such folder, or not all four files are in it.
        DataInvalidError: the folder can't be read.
    """
    require_folder(folder)
    found = {name: _find_file(folder, name) for name in FILE_NAMES}
    paths = {name: path for name, path in found.items() if path is not None}
    if len(paths) < len(FILE_NAMES):
        missing = ", ".join(name for name in FILE_NAMES if name not in paths)
        raise DataNotFoundError(f"{folder} lacks {missing}, plain or .gz. {_LOOK_ELSEWHERE}")
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


def holds(folder: Path, payload: Payload) -> bool:
    """Whether a folder has this file, plain or ``.gz``, with exactly this content."""
    try:
        path = _find_file(folder, payload.name)
        if path is None:
            return False
        check_payload(path, payload)
    except DataInvalidError:
        return False
    return True


def check_payload(path: Path, payload: Payload) -> None:
    """Raise an error unless a file has exactly this content.

    Raises:
        DataInvalidError: it doesn't.
    """
    received = _read(path, payload.name).sha256
    if received != payload.sha256:
        raise _changed(path, payload.sha256, received)


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
    path = _find_file(folder, name)
    if path is None:
        return FileReport(name, problem=f"{name} is not in {folder}.")
    try:
        file = _read(path, name)
    except DataInvalidError as error:
        return FileReport(name, path, problem=str(error))
    known = (each.name for each in _known_sets() if each.hashes[name] == file.sha256)
    return FileReport(name, path, file.size, file.sha256, next(known, None))


def _known_sets() -> tuple[PinnedSet, ...]:
    return (official.FASHION_MNIST, official.SAMPLE)


def _dataset(
    name: str, folder: Path, classes: tuple[str, ...], hashes: Mapping[str, str]
) -> Dataset:
    return Dataset(
        name=name,
        folder=folder,
        classes=classes,
        official=name == official.FASHION_MNIST.name,
        training_hashes={each: hashes[each] for each in TRAINING},
        test_hashes={each: hashes[each] for each in TEST},
        read=functools.partial(_read_set, folder, hashes, len(classes)),
    )


def _read_set(
    folder: Path, hashes: Mapping[str, str], classes: int, which: Literal["training", "test"]
) -> ImageSet:
    """Read one set, and check that it is still what it was when it was found."""
    paths = locate(folder)
    files = TRAINING if which == "training" else TEST
    read = _read_pair(paths, files, classes)
    for name, file in read.items():
        if file.sha256 != hashes[name]:
            raise _changed(paths[name], hashes[name], file.sha256)
    images, labels = read[files.images].array, read[files.labels].array
    return ImageSet(images, labels, np.arange(len(labels), dtype=np.int64))


def _read_pair(paths: dict[str, Path], files: SetFiles, classes: int) -> dict[str, idx.IdxFile]:
    """Read the images and labels of one set, by file name."""
    images = idx.read_images(paths[files.images])
    labels = idx.read_labels(paths[files.labels], classes)
    if len(images.array) != len(labels.array):
        reason = f"has {len(labels.array):,} labels for {len(images.array):,} images"
        raise FileInvalidError(paths[files.labels], reason)
    return {files.images: images, files.labels: labels}


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


def _unknown(
    paths: dict[str, Path], files: dict[str, idx.IdxFile], expected: PinnedSet
) -> FileInvalidError:
    """Why a folder doesn't hold the data set that is expected, by the first file that differs."""
    advice = f"{idx.REPLACE} {_ALLOW_UNKNOWN}"
    wrong = next(name for name in FILE_NAMES if files[name].sha256 != expected.hashes[name])
    return _changed(paths[wrong], expected.hashes[wrong], files[wrong].sha256, advice)


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
    names = tuple(line.strip() for line in lines if line.strip())
    if not 2 <= len(set(names)) == len(names) <= _MOST_CLASSES:
        reason = f"has {len(names)} class names, not 2 to {_MOST_CLASSES} different ones"
        raise FileInvalidError(path, reason, advice)
    return names
