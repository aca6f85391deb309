"""Read an IDX file (the format of MNIST and its relatives), plain or gzipped, trusting nothing.

The format: a big-endian magic number (``0x00000801`` labels, ``0x00000803`` images), one 32-bit
length for each dimension, then the bytes (http://yann.lecun.com/exdb/mnist). Every length is
checked before memory is taken for it, and decompression stops at the exact byte count, so that
no file can fill the memory.
"""

import gzip
import hashlib
import os
import stat
import zlib
from collections.abc import Collection
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

# 784 MB of pictures: more than any set of ten classes in this format, and still a machine's worth.
_MOST_PICTURES = 1_000_000
# Deflate cannot pack more than this into one byte (zlib.net/zlib_tech.html).
_LARGEST_RATIO = 1032
_CHUNK = 1 << 20

REPLACE = "Replace this file, or leave out --data and run `fittingroom data fetch`."
ALLOW_UNKNOWN = "If it is meant to be other data, say so with --data DIR --allow-unknown-data."


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

    Attributes:
        path: the file.
        reason: what was expected and what came, without the path and what to do.
    """

    path: Path
    reason: str


def invalid(path: Path, expected: str, received: str, advice: str = REPLACE) -> FileInvalidError:
    """An error that says what was expected in which file, what came and what to do."""
    error = FileInvalidError(f"Expected {expected} in {path}. Received {received}. {advice}")
    error.path = path
    error.reason = f"expected {expected}, received {received}"
    return error


def read_images(path: Path, counts: Collection[int] | None = None) -> IdxFile:
    """Read pictures, uint8 ``(N, 28, 28)``; ``counts``, where given, are the allowed ``N``.

    Raises:
        DataInvalidError: the file cannot be read or is not exactly that.
    """
    return _read(path, _IMAGES_MAGIC, IMAGES_HEADER, counts)


def read_labels(path: Path, counts: Collection[int] | None = None, classes: int = 10) -> IdxFile:
    """Read labels, uint8 ``(N,)``, each below ``classes``; ``counts`` as in :func:`read_images`.

    Raises:
        DataInvalidError: the file cannot be read or is not exactly that.
    """
    labels = _read(path, _LABELS_MAGIC, LABELS_HEADER, counts)
    largest = int(labels.array.max())
    if largest >= classes:
        at = int(labels.array.argmax())
        raise invalid(path, f"labels from 0 to {classes - 1}", f"{largest} at position {at}")
    return labels


def _read(path: Path, magic: int, header_size: int, counts: Collection[int] | None) -> IdxFile:
    try:
        with open(path, "rb", opener=_at_once) as stored:
            status = os.fstat(stored.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise invalid(path, "a plain file", "a folder, pipe or device")
            stored_size = status.st_size
            backed = most_behind(status)
            # The content decides, not the name: some browsers unpack a .gz and keep its name.
            packed = stored.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
            stored.seek(0)
            if packed:
                with gzip.GzipFile(fileobj=stored) as stream:
                    most = min(stored_size * _LARGEST_RATIO, backed)
                    return _read_payload(path, stream, magic, header_size, counts, most)
            most = min(stored_size, backed)
            return _read_payload(path, stored, magic, header_size, counts, most)
    except EOFError as error:
        raise invalid(path, "a whole gzip file", "a truncated one") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise invalid(path, "an undamaged gzip file", f"one that is damaged ({error})") from error
    except OSError as error:
        why = error.strerror or str(error)
        raise invalid(path, "a file that can be read", f"the system's answer: {why}") from error


def _at_once(path: str, flags: int) -> int:
    """Open a file without waiting for the other end of a pipe, which it should not be."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _read_payload(
    path: Path,
    stream: IO[bytes] | gzip.GzipFile,
    magic: int,
    header_size: int,
    counts: Collection[int] | None,
    most: int,
) -> IdxFile:
    """Read the content; ``most`` is a number of bytes that it cannot be longer than."""
    header = stream.read(header_size)
    _check_magic(path, header, magic)
    if len(header) < header_size:
        raise invalid(path, f"a header of {header_size} bytes", f"{len(header)} bytes in all")
    lengths = [int.from_bytes(header[at : at + 4], "big") for at in range(4, header_size, 4)]
    count, shape = lengths[0], tuple(lengths[1:])
    if magic == _IMAGES_MAGIC and shape != (SIDE, SIDE):
        received = "×".join(str(length) for length in shape)
        raise invalid(path, f"pictures of {SIDE}×{SIDE} pixels", f"pictures of {received}")
    _check_count(path, count, "pictures" if magic == _IMAGES_MAGIC else "labels", counts)

    length = count * (SIDE**2 if magic == _IMAGES_MAGIC else 1)
    size = header_size + length
    if size > most:
        raise invalid(path, f"{size:,} bytes, as its header says", f"at most {most:,}: truncated")
    data: UInt8 = np.empty(length, dtype=np.uint8)
    filled = _fill(stream, data.data)
    if filled < length:
        received = f"{header_size + filled:,}: truncated"
        raise invalid(path, f"{size:,} bytes, as its header says", received)
    # At the end of a gzip file, this read is also what makes zlib compare its checksum.
    if stream.read(1):
        raise invalid(path, f"{size:,} bytes, as its header says", "trailing bytes after them")

    digest = hashlib.sha256(header)
    digest.update(data.data)
    return IdxFile(data.reshape(count, *shape), digest.hexdigest(), size)


def _check_magic(path: Path, header: bytes, magic: int) -> None:
    received = header[:4]
    if received == magic.to_bytes(4, "big"):
        return
    kind = "images" if magic == _IMAGES_MAGIC else "labels"
    if not header:
        words = "an empty file"
    elif header.lstrip().startswith(b"<"):
        words = f"{header!r}…, which looks like a web page"
    elif received in (_IMAGES_MAGIC.to_bytes(4, "big"), _LABELS_MAGIC.to_bytes(4, "big")):
        other = "labels" if kind == "images" else "images"
        words = f"0x{received.hex()}, the one of {other}: are two files exchanged?"
    else:
        words = f"0x{received.hex()}"
    raise invalid(path, f"the magic number 0x{magic:08x} of IDX {kind}", words)


def _check_count(path: Path, count: int, what: str, counts: Collection[int] | None) -> None:
    if counts is not None and count not in counts:
        expected = " or ".join(f"{allowed:,}" for allowed in sorted(counts, reverse=True))
        raise invalid(path, f"{expected} {what}", f"{count:,}", f"{REPLACE} {ALLOW_UNKNOWN}")
    if not 1 <= count <= _MOST_PICTURES:
        raise invalid(path, f"1 to {_MOST_PICTURES:,} {what}", f"{count:,}")


def _fill(stream: IO[bytes] | gzip.GzipFile, buffer: memoryview) -> int:
    """Read until ``buffer`` is full or the stream ends; return how many bytes came."""
    filled = 0
    while filled < len(buffer):
        piece = stream.read(min(_CHUNK, len(buffer) - filled))
        if not piece:
            break
        buffer[filled : filled + len(piece)] = piece
        filled += len(piece)
    return filled
