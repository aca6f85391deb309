"""Read IDX files (the format of MNIST), plain or gzipped, without trusting their headers.

The format: a big-endian magic number (``0x00000801`` labels, ``0x00000803`` images), one 32-bit
length for each dimension, then the bytes (http://yann.lecun.com/exdb/mnist). Lengths are checked
before memory is taken, and decompression stops at the exact byte count.
"""

import math
import re
from pathlib import Path

import numpy as np

from fittingroom.data.content import Content, FileInvalidError, Part, labelled, opened
from fittingroom.data.official import FILE_NAMES, TEST, TRAINING, SetFiles
from fittingroom.data.readers.emnist import upright
from fittingroom.errors import DataInvalidError, DataNotFoundError
from fittingroom.predictions import UInt8
from fittingroom.safe_io import is_inside

NEEDS = f"{', '.join(FILE_NAMES)}, plain or .gz"

# 784 MB of images: more than any known set of this format has.
_MOST_IMAGES = 1_000_000
_LARGEST = 16 + _MOST_IMAGES * 28**2
# As in "train-images.idx3-ubyte", "T10K-LABELS-IDX1-UBYTE.gz", "emnist-letters-test-images-idx3-…".
_NAME = re.compile(
    r"(?P<set>.*?)(?P<part>train|t10k|test)-(?P<what>images|labels)[-.]idx[13]-ubyte(\.gz)?",
    re.IGNORECASE,
)


def recognises(path: Path) -> bool:
    """Whether a file, or a file in a folder, has one of the format's names."""
    return bool(_sets(path))


def read(path: Path) -> Content:
    """The four files in a folder, or those that belong to the named one."""
    sets = _sets(path)
    if len(sets) > 1:
        raise DataInvalidError(
            f"{path} holds {len(sets)} data sets: {', '.join(sorted(sets))}. Name one of the "
            "wanted set's files with --data."
        )
    ((name, files),) = sets.items()
    lacking = [name for name in FILE_NAMES if name not in files]
    if lacking:
        raise DataNotFoundError(
            f"{path} lacks {', '.join(lacking)}, plain or .gz. Check the path, leave out --data, "
            "or use --data sample."
        )
    notes = (f"The test set beside it is {files[TEST.images].name}.",) if path.is_file() else ()
    content = Content(_read_part(files, TRAINING), _read_part(files, TEST), notes=notes)
    if name.startswith("emnist"):
        return upright(content, files[TRAINING.images].parent / f"{name}mapping.txt")
    return content


def find_files(folder: Path) -> dict[str, Path]:
    """Of the four files' names in a folder, plain or ``.gz``, those that are there, by name."""
    return _sets(folder).get("", {})


def _sets(path: Path) -> dict[str, dict[str, Path]]:
    """What stands before the files' names ("" or "emnist-letters-") → name → path."""
    folder = path if path.is_dir() else path.parent
    wanted = None
    if path != folder:
        named = _NAME.fullmatch(path.name)
        if named is None:
            return {}
        wanted = named["set"].lower()
    found: dict[str, dict[str, Path]] = {}
    for each in sorted(folder.iterdir(), reverse=True):  # .gz is preferred, and comes first
        match = _NAME.fullmatch(each.name)
        if match is None or wanted not in (None, match["set"].lower()):
            continue
        if each.is_dir():  # some programs unpack a file into a folder of its own name
            inner = [file for file in each.iterdir() if _NAME.fullmatch(file.name)]
            if len(inner) != 1:
                continue
            (each,) = inner
        names = TRAINING if match["part"].lower() == "train" else TEST
        name = names.images if match["what"].lower() == "images" else names.labels
        found.setdefault(match["set"].lower(), {}).setdefault(name, each)
    return found


def _read_part(files: dict[str, Path], names: SetFiles) -> Part:
    for path in (files[name] for name in names):
        if path.is_symlink() and not is_inside(path, path.parent):
            raise FileInvalidError(
                path,
                f"is a symbolic link to a place outside {path.parent}",
                "Put the file itself there, or name the folder that holds it.",
            )
    images, labels = read_array(files[names.images], 3), read_array(files[names.labels], 1)
    return labelled(images, labels, files[names.labels])


def read_array(path: Path, dimensions: int) -> UInt8:
    """Images, uint8 ``(N, H, W)``, if a file is to have 3 dimensions; labels, ``(N,)``, if 1."""
    magic = bytes([0, 0, 8, dimensions])
    header_size = 4 + 4 * dimensions
    kind = "images" if dimensions == 3 else "labels"
    with opened(path, _LARGEST) as (stream, most):
        header = stream.read(header_size)
        if not header.startswith(magic):
            found = f"it begins with {header!r}" if header else "it is an empty file"
            raise FileInvalidError(
                path, f"isn't an IDX file of {kind}: {found}, not with {magic!r}"
            )
        if len(header) < header_size:
            raise FileInvalidError(path, f"is truncated: {len(header)} bytes are no whole header")
        count, *sides = np.frombuffer(header, ">u4")[1:].tolist()
        if 0 in sides:
            received = "×".join(map(str, sides))
            raise FileInvalidError(path, f"has images of {received} pixels")
        if not 1 <= count <= _MOST_IMAGES:
            raise FileInvalidError(path, f"has {count:,} {kind}, not 1 to {_MOST_IMAGES:,}")
        size = header_size + count * math.prod(sides)
        if size > most:
            raise FileInvalidError(
                path, f"doesn't hold the {size:,} bytes that its header promises"
            )
        array: UInt8 = np.empty((count, *sides), np.uint8)
        filled = header_size + stream.readinto(array.data)
        if filled < size:
            raise FileInvalidError(path, f"is truncated: {filled:,} bytes instead of {size:,}")
        # At the end of a gzip file, this read is also what makes zlib compare its checksum.
        if stream.read(1):
            raise FileInvalidError(path, f"has trailing bytes after the {size:,} of its header")
    return array
