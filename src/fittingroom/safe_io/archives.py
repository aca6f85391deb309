"""An ``.npz`` archive of plain arrays: read by hand, so that nothing in it is believed too soon."""

import ast
import io
import math
import re
import warnings
import zipfile
import zlib
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt

from fittingroom.safe_io.files import MEBIBYTE, Refusal

# What unpacking an archive that is none, or a malicious one, can raise.
_BROKEN = (
    *(OSError, ValueError, KeyError, EOFError, TypeError, OverflowError, RuntimeError, MemoryError),
    *(zipfile.BadZipFile, zlib.error, SyntaxError, NotImplementedError, AssertionError),
)
# Each entry of the directory takes hundreds of bytes once it is read.
_ENTRY, _MOST_MEMBERS = b"PK\x01\x02", 100
# NumPy's two. Others unpack by decoders of their own, with errors and appetites of their own.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_LARGEST_HEADER = 2000
_LONGEST_NAME = 200
_MAGIC = b"\x93NUMPY"
_LENGTH_BYTES = {b"\1\0": 2, b"\2\0": 4, b"\3\0": 4}
# Plain numbers and texts; nothing with fields, and no objects.
_KIND = re.compile(r"[<>|=]?([iuf][1248]|U\d{1,6})")


class Archive:
    """The arrays in an archive, each unpacked when it is asked for.

    Args:
        content: the whole file.
        most: so many bytes at most in one array.
        most_numbers: so many numbers at most in one array.

    Attributes:
        members: the names of the files in the archive.

    Raises:
        Refusal: it is no such archive.
    """

    def __init__(
        self, content: bytes, most: int = 64 * MEBIBYTE, most_numbers: int = 16_000_000
    ) -> None:
        self._most, self._most_numbers = most, most_numbers
        if content.count(_ENTRY) > _MOST_MEMBERS:
            raise Refusal(
                f"Expected an archive of at most {_MOST_MEMBERS} arrays. Received more of them."
            )
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
            self.members = tuple(self._archive.namelist())
        except _BROKEN as error:
            raise _broken(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def array(self, name: str) -> npt.NDArray[Any]:
        """The array that was saved under a name.

        Raises:
            Refusal: there is none, or it is not plain, too large or damaged.
        """
        if f"{name}.npy" not in self.members:
            shown = ", ".join(repr(each[:_LONGEST_NAME]) for each in self.members[:5])
            raise Refusal(f"Expected an array {name!r}. Received the files {shown or 'none'}.")
        method = self._archive.getinfo(f"{name}.npy").compress_type
        if method not in _METHODS:
            raise Refusal(
                f"Expected {name} as NumPy stores it, deflated or as it is. Received the ZIP "
                f"method {method}. Write the file anew, with numpy.savez."
            )
        try:
            with self._archive.open(f"{name}.npy") as stream:
                kind, shape, by_columns = _header(stream, name)
                size = kind.itemsize * math.prod(shape)
                if size > self._most or math.prod(shape) > self._most_numbers:
                    raise Refusal(
                        f"Expected {name} of at most {self._most // MEBIBYTE} MiB and "
                        f"{self._most_numbers:,} numbers. Received an array of shape "
                        f"{_short(shape)}."
                    )
                data = stream.read(size + 1)
        except Refusal:
            raise
        except _BROKEN as error:
            raise _broken(error) from error
        if len(data) != size:
            raise Refusal(
                f"Expected {name} of {size:,} bytes. Received more or fewer. The file is damaged."
            )
        try:
            if size == 0:
                return np.zeros(shape, kind)
            return np.frombuffer(data, kind).reshape(shape, order="F" if by_columns else "C")
        except ValueError as error:  # none of something, times more than there can be
            raise _broken(error) from error


def _header(stream: IO[bytes], name: str) -> tuple[np.dtype[Any], tuple[int, ...], bool]:
    """Type, shape and order, from the header of NumPy's format (NEP 1), which is short."""
    magic = stream.read(len(_MAGIC) + 2)
    length_bytes = _LENGTH_BYTES.get(magic[len(_MAGIC) :])
    if not magic.startswith(_MAGIC):
        raise Refusal(
            f"Expected an .npz archive of plain arrays. Received {name} that begins with {magic!r}."
        )
    if length_bytes is None:
        raise Refusal(
            f"Expected {name} as an array of plain numbers. Received NumPy's format "
            f"{tuple(magic[len(_MAGIC) :])}."
        )
    length = int.from_bytes(stream.read(length_bytes), "little")
    if length > _LARGEST_HEADER:
        raise Refusal(
            f"Expected a header of at most {_LARGEST_HEADER:,} bytes before {name}. Received "
            f"{length:,}."
        )
    text = stream.read(length).decode("latin-1").strip()
    # Python 2 wrote its long whole numbers with an L.
    text = re.sub(r"(\d)L\b", r"\1", text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = ast.literal_eval(text)
    if not isinstance(values, dict) or set(values) != {"descr", "fortran_order", "shape"}:
        raise Refusal(f"Expected the header of an array before {name}. Received {_short(text)}.")
    kind, shape, by_columns = values["descr"], values["shape"], values["fortran_order"]
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        raise Refusal(
            f"Expected {name} as an array of plain numbers. Received one of {_short(kind)}. "
            "Convert it to whole numbers, or probabilities to float32."
        )
    plain = isinstance(shape, tuple) and all(type(side) is int and side >= 0 for side in shape)
    if not plain or len(shape) > 4 or type(by_columns) is not bool:
        raise Refusal(f"Expected the shape of an array for {name}. Received {_short(shape)}.")
    return np.dtype(kind), shape, by_columns


def _broken(error: BaseException) -> Refusal:
    reason = str(error)[:_LONGEST_NAME] or type(error).__name__
    return Refusal(f"Expected an .npz archive of plain arrays. Received {reason}.")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
