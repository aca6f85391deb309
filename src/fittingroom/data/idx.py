"""Read an IDX file (the format of MNIST), plain or gzipped, without trusting its header.

The format: a big-endian magic number (``0x00000801`` labels, ``0x00000803`` images), one 32-bit
length for each dimension, then the bytes (http://yann.lecun.com/exdb/mnist). Lengths are checked
before memory is taken, and decompression stops at the exact byte count.
"""

import gzip
import hashlib
import io
import math
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fittingroom.data.official import SIDE
from fittingroom.errors import DataInvalidError
from fittingroom.predictions import UInt8
from fittingroom.safe_io import Refusal, most_behind, open_plain

_IMAGES_MAGIC = b"\0\0\x08\x03"  # the last byte is the number of dimensions
_LABELS_MAGIC = b"\0\0\x08\x01"
_GZIP_MAGIC = b"\x1f\x8b"
# 784 MB of images: more than any known set of this format has.
_MOST_IMAGES = 1_000_000
_LARGEST = 16 + _MOST_IMAGES * SIDE**2

REPLACE = "Replace this file, or leave out --data and run `fittingroom data fetch`."


@dataclass(frozen=True, eq=False)
class IdxFile:
    """What one IDX file holds.

    Attributes:
        array: uint8 ``(N, 28, 28)`` for images, ``(N,)`` for labels.
        sha256: of the decompressed file, header included.
        size: bytes of the decompressed file.
    """

    array: UInt8
    sha256: str
    size: int


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


def read_images(path: Path) -> IdxFile:
    """Read images, uint8 ``(N, 28, 28)``.

    Raises:
        DataInvalidError: the file can't be read or holds something else.
    """
    return _read(path, _IMAGES_MAGIC)


def read_labels(path: Path, classes: int = 10) -> IdxFile:
    """Read labels, uint8 ``(N,)``, each below ``classes``.

    Raises:
        DataInvalidError: the file can't be read or holds something else.
    """
    labels = _read(path, _LABELS_MAGIC)
    largest = int(labels.array.max())
    if largest >= classes:
        at = int(labels.array.argmax())
        raise FileInvalidError(
            path, f"has the label {largest} at position {at}, but labels go from 0 to {classes - 1}"
        )
    return labels


def _read(path: Path, magic: bytes) -> IdxFile:
    try:
        # Links are followed here: `folder` has checked that they don't leave their folder.
        with open_plain(path.resolve(), _LARGEST) as stored:
            most = most_behind(os.fstat(stored.fileno()))
            # The content decides, not the name: some browsers unpack a .gz and keep its name.
            packed = stored.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC)
            stream = gzip.GzipFile(fileobj=stored) if packed else stored
            return _read_content(path, stream, magic, most)
    except EOFError as error:
        raise FileInvalidError(path, "is a truncated gzip file") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise FileInvalidError(path, f"is a damaged gzip file ({error})") from error
    except (OSError, Refusal) as error:
        reason = str(getattr(error, "strerror", None) or error).rstrip(".")
        raise FileInvalidError(path, f"can't be read: {reason}") from error


def _read_content(path: Path, stream: io.BufferedIOBase, magic: bytes, most: int) -> IdxFile:
    """Read the decompressed content, which can't be longer than ``most`` bytes."""
    header_size = 4 + 4 * magic[3]
    kind = "images" if magic == _IMAGES_MAGIC else "labels"
    header = stream.read(header_size)
    if not header.startswith(magic):
        found = f"it begins with {header!r}" if header else "it is an empty file"
        raise FileInvalidError(path, f"isn't an IDX file of {kind}: {found}, not with {magic!r}")
    if len(header) < header_size:
        raise FileInvalidError(path, f"is truncated: {len(header)} bytes are no whole header")
    count, *sides = np.frombuffer(header, ">u4")[1:].tolist()
    if sides not in ([], [SIDE, SIDE]):
        received = "×".join(map(str, sides))
        raise FileInvalidError(path, f"has images of {received} pixels, not {SIDE}×{SIDE}")
    if not 1 <= count <= _MOST_IMAGES:
        raise FileInvalidError(path, f"has {count:,} {kind}, not 1 to {_MOST_IMAGES:,}")
    size = header_size + count * math.prod(sides)
    if size > most:
        raise FileInvalidError(path, f"doesn't hold the {size:,} bytes that its header promises")
    array: UInt8 = np.empty((count, *sides), np.uint8)
    filled = header_size + stream.readinto(array.data)
    if filled < size:
        raise FileInvalidError(path, f"is truncated: {filled:,} bytes instead of {size:,}")
    # At the end of a gzip file, this read is also what makes zlib compare its checksum.
    if stream.read(1):
        raise FileInvalidError(path, f"has trailing bytes after the {size:,} of its header")
    digest = hashlib.sha256(header)
    digest.update(array.data)
    return IdxFile(array, digest.hexdigest(), size)
