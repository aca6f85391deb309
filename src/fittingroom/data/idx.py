"""Read an IDX file (the format of MNIST), plain or gzipped, without trusting its header.

The format: a big-endian magic number (``0x00000801`` labels, ``0x00000803`` images), one 32-bit
length for each dimension, then the bytes (http://yann.lecun.com/exdb/mnist). Lengths are checked
before memory is taken, and decompression stops at the exact byte count.
"""

import gzip
import hashlib
import os
import stat
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from fittingroom.data.official import IMAGES_HEADER, LABELS_HEADER, SIDE
from fittingroom.errors import DataInvalidError
from fittingroom.predictions import UInt8
from fittingroom.safe_io import most_behind

_IMAGES_MAGIC = 0x00000803
_LABELS_MAGIC = 0x00000801
_GZIP_MAGIC = b"\x1f\x8b"
# 784 MB of images: more than any known set of this format has.
_MOST_IMAGES = 1_000_000
_CHUNK = 1 << 20

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
    return _read(path, _IMAGES_MAGIC, IMAGES_HEADER)


def read_labels(path: Path, classes: int = 10) -> IdxFile:
    """Read labels, uint8 ``(N,)``, each below ``classes``.

    Raises:
        DataInvalidError: the file can't be read or holds something else.
    """
    labels = _read(path, _LABELS_MAGIC, LABELS_HEADER)
    largest = int(labels.array.max())
    if largest >= classes:
        at = int(labels.array.argmax())
        raise FileInvalidError(
            path, f"has the label {largest} at position {at}, but labels go from 0 to {classes - 1}"
        )
    return labels


def _read(path: Path, magic: int, header_size: int) -> IdxFile:
    try:
        with open(path, "rb", opener=_without_waiting) as stored:
            status = os.fstat(stored.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise FileInvalidError(path, "is a folder, pipe or device, not a plain file")
            # The content decides, not the name: some browsers unpack a .gz and keep its name.
            packed = stored.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
            stored.seek(0)
            most = most_behind(status)
            if packed:
                with gzip.GzipFile(fileobj=stored) as stream:
                    return _read_content(path, stream, magic, header_size, most)
            return _read_content(path, stored, magic, header_size, most)
    except EOFError as error:
        raise FileInvalidError(path, "is a truncated gzip file") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise FileInvalidError(path, f"is a damaged gzip file ({error})") from error
    except OSError as error:
        raise FileInvalidError(path, f"can't be read: {error.strerror or error}") from error


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; should it be a pipe, don't wait for its other end."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _read_content(
    path: Path, stream: IO[bytes] | gzip.GzipFile, magic: int, header_size: int, most: int
) -> IdxFile:
    """Read the decompressed content, which can't be longer than ``most`` bytes."""
    kind = "images" if magic == _IMAGES_MAGIC else "labels"
    header = stream.read(header_size)
    _check_magic(path, header, magic, kind)
    if len(header) < header_size:
        raise FileInvalidError(path, f"is truncated: {len(header)} bytes are no whole header")
    lengths = [int.from_bytes(header[at : at + 4], "big") for at in range(4, header_size, 4)]
    count, shape = lengths[0], tuple(lengths[1:])
    if shape and shape != (SIDE, SIDE):
        received = "×".join(str(length) for length in shape)
        raise FileInvalidError(path, f"has images of {received} pixels, not {SIDE}×{SIDE}")
    if not 1 <= count <= _MOST_IMAGES:
        raise FileInvalidError(path, f"has {count:,} {kind}, not 1 to {_MOST_IMAGES:,}")

    length = count * (SIDE**2 if shape else 1)
    size = header_size + length
    if size > most:
        raise FileInvalidError(path, f"doesn't hold the {size:,} bytes that its header promises")
    data: UInt8 = np.empty(length, dtype=np.uint8)
    filled = _fill(stream, data.data)
    if filled < length:
        raise FileInvalidError(
            path, f"is truncated: {header_size + filled:,} bytes instead of {size:,}"
        )
    # At the end of a gzip file, this read is also what makes zlib compare its checksum.
    if stream.read(1):
        raise FileInvalidError(path, f"has trailing bytes after the {size:,} of its header")

    digest = hashlib.sha256(header)
    digest.update(data.data)
    return IdxFile(data.reshape(count, *shape), digest.hexdigest(), size)


def _check_magic(path: Path, header: bytes, magic: int, kind: str) -> None:
    received = header[:4]
    if received == magic.to_bytes(4, "big"):
        return
    if not header:
        found = "it is an empty file"
    elif header.lstrip().startswith(b"<"):
        found = "it looks like a web page"
    elif received in (_IMAGES_MAGIC.to_bytes(4, "big"), _LABELS_MAGIC.to_bytes(4, "big")):
        found = f"it holds {'labels' if kind == 'images' else 'images'}; were two files exchanged?"
    else:
        found = f"its magic number is 0x{received.hex()}, not 0x{magic:08x}"
    raise FileInvalidError(path, f"isn't an IDX file of {kind}: {found}")


def _fill(stream: IO[bytes] | gzip.GzipFile, buffer: memoryview) -> int:
    """Read until ``buffer`` is full or the stream ends; return how many bytes were read."""
    filled = 0
    while piece := stream.read(min(_CHUNK, len(buffer) - filled)):
        buffer[filled : filled + len(piece)] = piece
        filled += len(piece)
    return filled
