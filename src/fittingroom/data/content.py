"""What a reader gives: the images and labels of a file or folder, as they are there."""

import gzip
import io
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fittingroom.errors import DataInvalidError, PhotoError
from fittingroom.photos import Limits
from fittingroom.photos.opening import open_photo
from fittingroom.predictions import UInt8
from fittingroom.safe_io import most_behind, open_plain

REPLACE = "Replace this file, or name other data with --data."


class FileInvalidError(DataInvalidError):
    """A data file is not what it should be.

    Args:
        path: the file.
        reason: what is wrong with it, as the end of a sentence that begins with its name.
        advice: what to do.
    """

    def __init__(self, path: Path, reason: str, advice: str = REPLACE) -> None:
        super().__init__(f"{path} {reason}. {advice}")
        self.path = path
        self.reason = reason


class Decoded(Sequence[UInt8]):
    """Images, each decoded anew when it is asked for: uint8 ``(H, W)`` grey or ``(H, W, 3)``.

    An image whose three channels are equal is grey, however it is stored.

    Args:
        names: what messages call each image.
        load: the path or the content of image ``i``.
    """

    def __init__(self, names: Sequence[str], load: Callable[[int], Path | bytes]) -> None:
        self.names = names
        self._load = load

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, at: Any) -> Any:
        source = self._load(at)
        try:
            pixels = open_photo(source, Limits())
        except PhotoError as error:
            # Paths are in the message already.
            where = f"{self.names[at]}: " if isinstance(source, bytes) else ""
            raise DataInvalidError(f"{where}{error} Or remove it from the data.") from error
        grey = pixels[..., 0]
        return grey if (pixels == grey[..., None]).all() else pixels


@dataclass(frozen=True, eq=False)
class Part:
    """The images and labels of one part of a data set: of training, validation or test.

    Attributes:
        images: uint8 ``(N, H, W)`` grey or ``(N, H, W, 3)``; or :class:`Decoded`, each image of a
            size of its own.
        labels: ``(N,)``, whole numbers (int64) or names (str).
    """

    images: UInt8 | Sequence[UInt8]
    labels: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Content:
    """What a reader found.

    Attributes:
        training: the images to train on.
        test: the test set, or None if the source has none.
        validation: a validation set, or None.
        classes: the name of each label, by its number; empty if the source has no names.
        notes: what the reader did or left out, a sentence each.
        format: what it was read from, in words.
    """

    training: Part
    test: Part | None = None
    validation: Part | None = None
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    format: str = "arrays"


@contextmanager
def opened(path: Path, most: int) -> Iterator[tuple[io.BufferedIOBase, int]]:
    """Open a file of at most ``most`` bytes, plain or gzipped; links are followed.

    Yields:
        Its unpacked content, and how many bytes that may have.

    Raises:
        DataInvalidError: it can't be opened or read, or whoever reads it raises a ValueError.
    """
    try:
        with open_plain(path.resolve(), most) as stored:
            # The content decides, not the name: some browsers unpack a .gz and keep its name.
            packed = stored.peek(2).startswith(b"\x1f\x8b")
            stream = gzip.GzipFile(fileobj=stored) if packed else stored
            yield stream, most_behind(os.fstat(stored.fileno()))
    except (OSError, EOFError, zlib.error, ValueError) as error:
        reason = str(getattr(error, "strerror", None) or error).strip().rstrip(".")
        raise FileInvalidError(path, f"can't be read: {reason}") from error


def labels_of(values: npt.ArrayLike, where: Path) -> npt.NDArray[Any]:
    """Labels as whole numbers (int64) or names (str), ``(N,)``.

    Numbers may be stored as floats or text, as long as each is whole.

    Raises:
        DataInvalidError: missing values, numbers that are not whole, or several labels an image.
    """
    labels = np.asarray(values)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]  # (N, 1) → (N,), as MedMNIST has it
    if labels.ndim != 1:
        raise FileInvalidError(
            where, f"has labels of shape {labels.shape}", "Give one label an image."
        )
    if labels.dtype.kind in "OSU":
        labels = np.array(
            [each.decode() if isinstance(each, bytes) else str(each) for each in labels]
        )
        try:
            return labels.astype(np.int64)
        except (ValueError, OverflowError):
            return np.char.strip(labels)
    whole = labels.astype(np.int64) if np.isfinite(labels).all() else None
    if whole is None or (whole != labels).any():
        raise FileInvalidError(where, "has labels that are not whole numbers")
    return whole
