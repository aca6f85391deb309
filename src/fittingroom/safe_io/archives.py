"""An ``.npz`` archive of plain arrays, whose size is known before anything is unpacked."""

import io
import warnings
import zipfile
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from fittingroom.safe_io.files import MEBIBYTE, Refusal

# What unpacking a broken or malicious archive can raise.
_BROKEN = (
    *(OSError, ValueError, KeyError, EOFError, TypeError, OverflowError, RuntimeError, MemoryError),
    *(zipfile.BadZipFile, zlib.error, SyntaxError, NotImplementedError, AssertionError),
)
# Each entry of the directory takes hundreds of bytes once it is read.
_ENTRY, _MOST_MEMBERS = b"PK\x01\x02", 100
# NumPy's two. Other methods take as much memory as they please.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def read_arrays(content: bytes, most: int = 128 * MEBIBYTE) -> dict[str, npt.NDArray[Any]]:
    """All arrays of an archive by their names; nothing in it is unpickled.

    Args:
        content: the whole file.
        most: bytes that all arrays may take together, at most.

    Raises:
        Refusal: it is no such archive, or it is damaged or too large.
    """
    try:
        if content.count(_ENTRY) > _MOST_MEMBERS:
            raise Refusal(f"The archive has more than {_MOST_MEMBERS} arrays.")
        source = io.BytesIO(content)
        members = zipfile.ZipFile(source).infolist()
        size = sum(member.file_size for member in members)
        if size > most:
            raise Refusal(f"The archive unpacks to {size:,} bytes; at most {most:,} are allowed.")
        if any(member.compress_type not in _METHODS for member in members):
            raise Refusal("The archive is compressed in a way that NumPy's archives are not.")
        with warnings.catch_warnings(), np.load(source, allow_pickle=False) as archive:
            warnings.simplefilter("ignore")  # of headers that Python 2 wrote
            arrays = {name: archive[name] for name in archive.files}
    except Refusal:
        raise
    except _BROKEN as error:
        reason = (str(error) or type(error).__name__)[:200]
        raise Refusal(f"This isn't an .npz archive of plain arrays: {reason}.") from error
    strange = [name for name, each in arrays.items() if not isinstance(each, np.ndarray)]
    if strange or not arrays:
        raise Refusal("The archive must hold arrays alone. Write it with numpy.savez.")
    return arrays
