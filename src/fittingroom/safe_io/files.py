"""Read plain files and JSON of limited size, and refuse files that are never opened."""

import contextlib
import io
import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from fittingroom.errors import missing_extra

MEBIBYTE = 2**20
_SURROGATES = re.compile("[\ud800-\udfff]")

# A packed or sparse file may grow to so many times its size on disk, or to this size. Images pack
# four to one or so; a bomb packs a thousand to one.
_MOST_PACKED = 32
_ALWAYS_ALLOWED = 128 * MEBIBYTE

# If the system has them: don't follow a link, and don't wait for a pipe's other end.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)

# Model files that can run code when their framework loads them: by name, and by first bytes.
_PICKLE, _KERAS = "it is a pickle", "a Keras file may hold Python code in its layers"
_NEVER_OPENED = {
    **dict.fromkeys((".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib"), _PICKLE),
    **dict.fromkeys((".keras", ".h5", ".hdf5"), _KERAS),
}
_BEGINNINGS = {
    **dict.fromkeys((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK"), _PICKLE),
    b"\x89H": _KERAS,
}


class Refusal(ValueError):
    """A file that is not used; the message says what is wrong with it."""


@contextlib.contextmanager
def open_plain(path: Path, most: int) -> Iterator[io.BufferedReader]:
    """Open a plain file of at most ``most`` bytes for reading.

    Raises:
        Refusal: it is a link, a pipe or a device, too large, or nearly all holes.
        OSError: it isn't there, is a folder or can't be read.
    """
    if path.is_symlink():
        raise Refusal(f"{path} is a symbolic link, which is not followed. Give the file itself.")
    with open(path, "rb", opener=lambda name, _: os.open(name, _FLAGS)) as stream:
        status = os.fstat(stream.fileno())
        size = status.st_size
        if not stat.S_ISREG(status.st_mode):
            raise Refusal(f"{path} isn't a plain file, but a pipe or device.")
        if size > most:
            raise Refusal(f"{path} has {size:,} bytes; at most {most:,} are allowed.")
        if size > most_behind(status):
            raise Refusal(f"{path} has {size:,} bytes, but nearly all are holes (a sparse file).")
        yield stream


def most_behind(status: os.stat_result) -> int:
    """The most bytes that a file may be read or unpacked to, by its size on disk."""
    blocks = getattr(status, "st_blocks", None)  # Windows doesn't tell
    on_disk = status.st_size if blocks is None else min(status.st_size, 512 * int(blocks))
    return max(_MOST_PACKED * on_disk, _ALWAYS_ALLOWED)


def read_whole(path: Path, most: int) -> bytes:
    """The content of a plain file of at most ``most`` bytes; raises as :func:`open_plain` does."""
    with open_plain(path, most) as stream:
        # No more than its size when it was opened, even if it grows.
        return stream.read(os.fstat(stream.fileno()).st_size)


def read_json(path: Path, most: int = 16 * MEBIBYTE) -> Any:
    """The content of a JSON file of at most ``most`` bytes.

    Raises:
        Refusal: it isn't a plain file, is too large, or isn't JSON in UTF-8.
        OSError: it isn't there or can't be read.
    """
    return parse_json(read_whole(path, most), str(path))


def parse_json(content: bytes | str, where: str) -> Any:
    """The values in JSON. Unlike Python's own parser, it takes finite numbers only.

    Raises:
        Refusal: it isn't such JSON, or it is nested too deeply.
    """
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
        values = json.loads(text, parse_constant=_refuse_constant)
        if "\\ud" in text.lower():  # half a character, which no file or figure could hold
            values = json.loads(utf8(json.dumps(values, ensure_ascii=False)))
        return values
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Refusal(f"The JSON in {where} can't be read: {reason}.") from error


def utf8(text: str) -> str:
    """A text as UTF-8, which files and figures need, and names of files in it need not be."""
    return _SURROGATES.sub("�", text)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


def cache_folder(name: str) -> Path:
    """The project's own folder of this name in the platform's cache; it may not exist yet.

    Raises:
        MissingExtraError: platformdirs isn't installed.
    """
    try:
        import platformdirs
    except ModuleNotFoundError as error:
        raise missing_extra(error, "train") from error
    return platformdirs.user_cache_path("fittingroom", appauthor=False) / name


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a path is within a folder, once every link on the way has been followed."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # links in a circle, a name with a NUL in it
        return False


def refuse_model_file(path: Path, content: bytes = b"") -> None:
    """Raise a Refusal of a model that could run code, by its name or, if given, its first bytes."""
    reason = _NEVER_OPENED.get(path.suffix.lower()) or _BEGINNINGS.get(content[:2])
    if reason is not None:
        raise Refusal(
            f"{path.name} is never opened: {reason}, so loading it can run the code of whoever "
            "made it. Load the model yourself in Python and train it (`fittingroom.train(model)`), "
            "or compare its predictions (`fittingroom compare … --with predictions.csv`)."
        )
