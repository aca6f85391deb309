"""Open a file that is plain, no link and no larger than it may be."""

import contextlib
import errno
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path

MEBIBYTE = 2**20

# What is above this size has to be there, more or less, and not be made of a few bytes of a bomb,
# or of the holes of a sparse file; images pack four to one or so.
_TAKEN_AT_ITS_WORD = 128 * MEBIBYTE
_MOST_PACKED = 32

# Where the system has them: do not follow a link, and do not wait for a pipe's other end.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)


class Refusal(ValueError):
    """A file that is not used; the message says what is wrong with it."""


@contextlib.contextmanager
def open_plain(path: Path, most: int) -> Iterator[io.BufferedReader]:
    """A file for reading, once the system has said that it is one and how large.

    Args:
        path: the file; its last part may be no link.
        most: so many bytes at most.

    Raises:
        Refusal: it is a link, a folder, a pipe or a device, too large, or nearly all holes.
        OSError: it is not there or cannot be read.
    """
    if path.is_symlink():
        raise _is_link(path)
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        if error.errno == errno.ELOOP:  # it became one just now
            raise _is_link(path) from error
        raise
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise Refusal(f"{path} isn't a plain file, but a folder, pipe or device.")
    with os.fdopen(descriptor, "rb") as stream:
        if status.st_size > most:
            raise Refusal(f"{path} has {status.st_size:,} bytes; at most {most:,} are allowed.")
        if status.st_size > most_behind(status):
            raise Refusal(
                f"{path} has {status.st_size:,} bytes, but nearly all of them are holes (a sparse "
                "file)."
            )
        yield stream


def most_behind(status: os.stat_result) -> int:
    """The most bytes that a file may be read or unpacked to, by what of it is on the disk.

    Where the system does not say how much that is, its size is believed.
    """
    blocks = getattr(status, "st_blocks", None)
    there = status.st_size if blocks is None else min(status.st_size, 512 * int(blocks))
    return max(_MOST_PACKED * there, _TAKEN_AT_ITS_WORD)


def read_whole(path: Path, most: int) -> bytes:
    """A plain file's content; of one that grows meanwhile, what it was when it was opened.

    Raises:
        Refusal: it is a link, a folder, a pipe or a device, larger than ``most`` bytes, or nearly
            all holes.
        OSError: it is not there or cannot be read.
    """
    with open_plain(path, most) as stream:
        # So many bytes are taken before any is read: no more than there are, whatever may be.
        return stream.read(os.fstat(stream.fileno()).st_size)


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a path is within a folder, once every link on the way has been followed."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # links in a circle, a name with a NUL in it
        return False


def _is_link(path: Path) -> Refusal:
    return Refusal(f"{path} is a symbolic link, which is not followed. Give the file itself.")
