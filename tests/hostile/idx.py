"""Hostile IDX files."""

import os
import struct
import zlib
from pathlib import Path

from tests.hostile.reading import Hostile, stored


def images(count: int, rows: int = 28, columns: int = 28) -> bytes:
    return struct.pack(">IIII", 0x803, count, rows, columns)


def labels(count: int) -> bytes:
    return struct.pack(">II", 0x801, count)


def bomb(path: Path) -> None:
    path.write_bytes(zeros_packed(images(200_000), 156_800_000))


def zeros_packed(header: bytes, count: int) -> bytes:
    """A gzip bomb: hundreds of bytes for each that it has."""
    packer = zlib.compressobj(1, wbits=31)
    chunk = bytes(2**20)
    parts = [packer.compress(header)]
    parts += [packer.compress(chunk) for _ in range(count // 2**20)]
    parts.append(packer.compress(bytes(count % 2**20)))
    return b"".join(parts) + packer.flush()


def sparse(path):
    with path.open("wb") as stream:
        stream.write(images(1_000_000))
        stream.truncate(16 + 784 * 1_000_000)


def folder_of_links(path):
    """A folder of data whose images are a link to a file outside."""
    secret = path.parent / "secret"
    secret.write_bytes(images(2) + bytes(2 * 784))
    path.mkdir()
    for name in ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte"):
        (path / name).symlink_to(secret)
    for name in ("train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"):
        (path / name).write_bytes(labels(2) + b"\0\1")


one = images(1) + bytes(784)
IMAGES = [
    Hostile("labels instead", stored(labels(784) + bytes(784)), "begins with"),
    Hostile("four billion images", stored(images(2**32 - 1) + bytes(784)), "1 to 1,000,000"),
    Hostile("sides of four billion", stored(images(1, 2**32 - 1, 2**32 - 1)), "promises"),
    Hostile("fewer than it says", stored(images(1_000_000) + bytes(784)), "promises"),
    Hostile("a bomb of 157 MB", bomb, "its header promises"),
    Hostile("holes of 784 MB", sparse, "holes"),
    Hostile("a pipe", lambda path: os.mkfifo(path), "a plain file"),
    Hostile("a device", lambda path: type(path)("/dev/zero"), "a plain file"),
]  # fmt: skip
LABELS = [
    Hostile("a bomb of labels", stored(zeros_packed(labels(2**32 - 1), 2**26)), "1 to 1,000,000"),
]  # fmt: skip
FOLDERS = [Hostile("links that leave the folder", folder_of_links, "a symbolic link")]
