"""Open a file that is plain, no link and no larger than it may be."""

import contextlib
import errno
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path

MEBIBYTE = 2**20

# Where the system has them: do not follow a link, and do not wait for a pipe's other end.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)


class Refusal(ValueError):
    """Something in a file that is not believed; the message says what was expected and came."""


@contextlib.contextmanager
def open_plain(path: Path, most: int) -> Iterator[io.BufferedReader]:
    """A file for reading, once the system has said that it is one and how large.

    Args:
        path: the file; its last part may be no link.
        most: so many bytes at most.

    Raises:
        Refusal: it is a link, a folder, a pipe or a device, or larger.
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
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise Refusal(f"Expected a plain file at {path}. Received a folder, pipe or device.")
        if status.st_size > most:
            raise Refusal(
                f"Expected at most {most:,} bytes in {path}. Received {status.st_size:,}."
            )
        yield stream


def read_whole(path: Path, most: int) -> bytes:
    """A plain file's content.

    Raises:
        Refusal: it is a link, a folder, a pipe or a device, or larger than ``most`` bytes.
        OSError: it is not there or cannot be read.
    """
    with open_plain(path, most) as stream:
        content = stream.read(most + 1)
    if len(content) > most:  # it grew meanwhile
        raise Refusal(f"Expected at most {most:,} bytes in {path}. Received more.")
    return content


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a path is within a folder, once every link on the way has been followed."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # links in a circle, a name with a NUL in it
        return False


def _is_link(path: Path) -> Refusal:
    return Refusal(
        f"Expected a plain file at {path}. Received a symbolic link, which is not followed."
    )
