"""Check a folder of four IDX files, and say which data they are by what is in them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fittingroom.classes import GARMENTS
from fittingroom.data import idx, official
from fittingroom.data.dataset import Dataset, find_file, locate, require_folder, wrong_hash
from fittingroom.data.official import (
    DIGITS_LABEL_COUNTS,
    FILE_NAMES,
    TEST,
    TRAINING,
    HalfFiles,
    Payload,
    PinnedSet,
)
from fittingroom.errors import DataInvalidError, DataNotFoundError
from fittingroom.predictions import UInt8

_MOST_CLASSES = 10
_LARGEST_NAMES_FILE = 64 * 1024


@dataclass(frozen=True)
class FileReport:
    """What ``data verify`` says of one file.

    Attributes:
        name: the file's name without ``.gz``.
        path: where it is, or None where it is missing.
        size: bytes of its decompressed content, or None where it cannot be read.
        sha256: of its decompressed content, or None where it cannot be read.
        known_as: the data set that it belongs to by its hash ("fashion-mnist" or "sample"),
            or None where the hash is unknown.
        problem: what is wrong with it as a file, or None.
    """

    name: str
    path: Path | None
    size: int | None
    sha256: str | None
    known_as: str | None
    problem: str | None


def known_sets() -> tuple[PinnedSet, ...]:
    """The data that this project knows byte for byte."""
    return (official.FASHION_MNIST, official.SAMPLE)


def open_known(folder: Path, allowed: tuple[PinnedSet, ...] | None = None) -> Dataset:
    """The known data in a folder, every file checked against its pinned hash.

    Args:
        folder: where the four files are.
        allowed: which data it may be; left out, any that is known. Errors compare to the first.

    Raises:
        DataNotFoundError: the folder or some of its files are missing.
        DataInvalidError: a file is not what it should be.
    """
    allowed = known_sets() if allowed is None else allowed
    paths = locate(folder)
    payloads: dict[str, Payload] = {}
    for files in (TRAINING, TEST):
        counts = {known.payloads[files.images].count for known in allowed}
        labels = _check_half(paths, files, payloads, counts)
        _refuse_digits(paths[files.labels], labels, files)
    hashes = {name: payload.sha256 for name, payload in payloads.items()}
    for known in allowed:
        if known.hashes == hashes:
            is_official = known is official.FASHION_MNIST
            return Dataset(known.name, folder, GARMENTS, is_official, known.payloads)
    expected = allowed[0].payloads
    wrong = next(name for name in FILE_NAMES if hashes[name] != expected[name].sha256)
    raise wrong_hash(
        paths[wrong], expected[wrong], hashes[wrong], f"{idx.REPLACE} {idx.ALLOW_UNKNOWN}"
    )


def open_any(folder: Path, names: Path | None = None) -> Dataset:
    """The data in a folder, known or not, with every check of its structure.

    Unknown data has the class names of the file ``names``, one a line, or "class 0", "class 1", …
    where none is given: to call them garments is what nobody can vouch for.

    Raises:
        DataNotFoundError: the folder, some of its files, or the file of names is missing.
        DataInvalidError: a file is not what it should be.
    """
    paths = locate(folder)
    classes = None if names is None else _read_names(names)
    most = _MOST_CLASSES if classes is None else len(classes)
    payloads: dict[str, Payload] = {}
    training = _check_half(paths, TRAINING, payloads, None, most)
    if classes is None:
        most = int(training.max()) + 1
    if most < 2:
        raise idx.invalid(paths[TRAINING.labels], "labels of two classes or more", "0 alone")
    _check_half(paths, TEST, payloads, None, most)

    hashes = {name: payload.sha256 for name, payload in payloads.items()}
    for known in known_sets():
        if known.hashes == hashes and (names is None or classes == GARMENTS):
            is_official = known is official.FASHION_MNIST
            return Dataset(known.name, folder, GARMENTS, is_official, known.payloads)
        if known.hashes == hashes:
            raise DataInvalidError(
                f"Expected unknown data in {folder}, because {names} names its classes. Received "
                f"{known.name}, whose class names are fixed. Leave out --classes."
            )
    if classes is None:
        classes = tuple(f"class {label}" for label in range(most))
    # All four files and the class names: scores are kept under this name.
    whole = "\n".join([*(hashes[name] for name in FILE_NAMES), *classes])
    digest = hashlib.sha256(whole.encode()).hexdigest()
    return Dataset(f"unknown-{digest[:8]}", folder, classes, False, payloads)


def holds(folder: Path, payload: Payload) -> bool:
    """Whether a folder has this file, plain or ``.gz``, with exactly this content."""
    path = find_file(folder, payload.name)
    if path is None:
        return False
    try:
        check_payload(path, payload)
    except DataInvalidError:
        return False
    return True


def check_payload(path: Path, payload: Payload) -> None:
    """Raise an error unless a file has exactly this content.

    Raises:
        DataInvalidError: it has not.
    """
    received = _read(path, payload.name, {payload.count})
    if received.sha256 != payload.sha256:
        raise wrong_hash(path, payload, received.sha256)


def verify(folder: Path) -> tuple[FileReport, ...]:
    """Check each of the four files in a folder by itself, whatever is wrong with the others.

    Raises:
        DataError: there is no such folder, or it cannot be read.
    """
    require_folder(folder)
    return tuple(_report(folder, name) for name in FILE_NAMES)


def _report(folder: Path, name: str) -> FileReport:
    path = find_file(folder, name)
    if path is None:
        return FileReport(name, None, None, None, None, f"{name} is not in {folder}.")
    try:
        file = _read(path, name, None)
    except DataInvalidError as error:
        return FileReport(name, path, None, None, None, str(error))
    known_as = next(
        (known.name for known in known_sets() if known.hashes[name] == file.sha256), None
    )
    return FileReport(name, path, file.size, file.sha256, known_as, None)


def _read(path: Path, name: str, counts: set[int] | None) -> idx.IdxFile:
    if name in (TRAINING.images, TEST.images):
        return idx.read_images(path, counts)
    return idx.read_labels(path, counts)


def _check_half(
    paths: dict[str, Path],
    files: HalfFiles,
    payloads: dict[str, Payload],
    counts: set[int] | None,
    classes: int = _MOST_CLASSES,
) -> UInt8:
    """Check one half's two files, note what they hold in ``payloads``, return the labels."""
    images = idx.read_images(paths[files.images], counts)
    labels = idx.read_labels(paths[files.labels], counts, classes)
    if len(images.array) != len(labels.array):
        raise idx.invalid(
            paths[files.labels],
            f"{len(images.array):,} labels, one for each picture",
            f"{len(labels.array):,}",
        )
    for name, file in ((files.images, images), (files.labels, labels)):
        payloads[name] = Payload(name, file.sha256, file.size)
    return labels.array


def _refuse_digits(path: Path, labels: UInt8, files: HalfFiles) -> None:
    if tuple(np.bincount(labels, minlength=10)) == DIGITS_LABEL_COUNTS[files.labels]:
        raise idx.invalid(
            path,
            "the labels of garments",
            "those of MNIST's handwritten digits, which have the same file names",
            f"{idx.REPLACE} {idx.ALLOW_UNKNOWN}",
        )


def _read_names(path: Path) -> tuple[str, ...]:
    """Class names, one a line; empty lines do not count."""
    advice = "Write one class name a line, in the order of the labels, as UTF-8 text."
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST_NAMES_FILE + 1)
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        raise DataNotFoundError(
            f"Expected a file of class names at {path}. Received none: there is no such file. "
            "Check the path."
        ) from None
    except OSError as error:
        raise idx.invalid(path, "class names", error.strerror or str(error), advice) from error
    except UnicodeDecodeError as error:
        raise idx.invalid(path, "class names as UTF-8 text", "other bytes", advice) from error
    names = tuple(line.strip() for line in text.splitlines() if line.strip())
    if len(content) > _LARGEST_NAMES_FILE or not 2 <= len(names) <= _MOST_CLASSES:
        raise idx.invalid(path, f"2 to {_MOST_CLASSES} class names", f"{len(names)}", advice)
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise idx.invalid(path, "class names that differ", f"{repeated!r} twice", advice)
    return names
