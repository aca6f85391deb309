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
from fittingroom.photos.opening import open_pixels
from fittingroom.predictions import UInt8
from fittingroom.safe_io import most_behind, open_plain

# What parts of the data are called in the names of files and folders.
PARTS = {
    **dict.fromkeys(("train", "training"), "training"),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
REPLACE = "Replace this file, or name other data with --data."


class FileInvalidError(DataInvalidError):
    """A data file is not what it should be; its name and ``reason`` make a sentence."""

    def __init__(self, path: Path, reason: str, advice: str = REPLACE) -> None:
        super().__init__(f"{path} {reason}. {advice}")
        self.path = path
        self.reason = reason


class Decoded(Sequence[UInt8]):
    """Images, each decoded anew when it is asked for: uint8 ``(H, W)`` grey or ``(H, W, 3)``.

    An image whose three channels are equal is grey, however it is stored. ``names`` are for
    messages; ``load`` gives the path or the content of image ``i``.
    """

    def __init__(self, names: Sequence[str], load: Callable[[int], Path | bytes]) -> None:
        self.names = names
        self._load = load

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, at: Any) -> Any:
        source = self._load(at)
        try:
            pixels = open_pixels(source, Limits())
        except PhotoError as error:
            # Paths are in the message already.
            where = f"{self.names[at]}: " if isinstance(source, bytes) else ""
            raise DataInvalidError(f"{where}{error} Or remove it from the data.") from error
        grey = pixels[..., 0]
        return grey if (pixels == grey[..., None]).all() else pixels


@dataclass(frozen=True, eq=False)
class Part:
    """The images and labels of one part of a data set: of training, validation or test."""

    images: UInt8 | Sequence[UInt8]  # (N, H, W), (N, H, W, 3), or Decoded, of various sizes
    labels: npt.NDArray[Any]  # (N,), whole numbers (int64) or names (str)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Content:
    """What a reader found; None for parts that the source doesn't have."""

    training: Part
    test: Part | None = None
    validation: Part | None = None
    classes: tuple[str, ...] = ()  # the name of each label, by its number; empty without names
    notes: tuple[str, ...] = ()  # what the reader did or left out, a sentence each
    format: str = "arrays"  # what it was read from, in words


@contextmanager
def opened(path: Path, most: int) -> Iterator[tuple[io.BufferedIOBase, int]]:
    """Open a file of at most ``most`` bytes, plain or gzipped; links are followed.

    Gives its unpacked content, and how many bytes that may have. A ValueError of whoever reads it
    becomes a DataInvalidError, as those of opening and unpacking do.
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


def labelled(images: UInt8 | Sequence[UInt8], labels: npt.ArrayLike, where: Path) -> Part:
    """Images with their labels; ``where`` is what messages call the labels."""
    numbers = labels_of(labels, where)
    if len(numbers) != len(images):
        reason = f"has {len(numbers):,} labels for {len(images):,} images"
        raise FileInvalidError(where, reason, "Give one label an image.")
    return Part(images, numbers)


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
