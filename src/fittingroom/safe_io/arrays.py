"""Plain arrays from an ``.npz`` archive or a ``.safetensors`` file."""

import io
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fittingroom.safe_io.files import MEBIBYTE, Refusal, read_whole

# Each entry of an archive's directory takes hundreds of bytes once it is read.
_ENTRY, _MOST_MEMBERS = b"PK\x01\x02", 100


def read_arrays(content: bytes, most: int = 128 * MEBIBYTE) -> dict[str, npt.NDArray[Any]]:
    """All arrays of an ``.npz`` archive by their names; nothing in it is unpickled.

    Raises:
        Refusal: it isn't such an archive, is damaged, or unpacks to more than ``most`` bytes.
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    try:
        if content.count(_ENTRY) > _MOST_MEMBERS:
            raise Refusal(f"The archive has more than {_MOST_MEMBERS} arrays.")
        source = io.BytesIO(content)
        size = sum(member.file_size for member in zipfile.ZipFile(source).infolist())
        if size > most:
            raise Refusal(f"The archive unpacks to {size:,} bytes; at most {most:,} are allowed.")
        with warnings.catch_warnings(), np.load(source, allow_pickle=False) as archive:
            warnings.simplefilter("ignore")  # about headers that Python 2 wrote
            for name in archive.files:
                try:
                    arrays[name] = archive[name]
                except ValueError as error:
                    if "pickle" not in str(error):
                        raise
                    raise Refusal(
                        f"The array {name} holds Python objects. Save text as {name}.astype(str)."
                    ) from error
    except Refusal:
        raise
    except Exception as error:  # a damaged archive can raise nearly anything
        reason = (str(error) or type(error).__name__)[:200]
        raise Refusal(f"This isn't an .npz archive of plain arrays: {reason}.") from error
    if not arrays or not all(isinstance(each, np.ndarray) for each in arrays.values()):
        raise Refusal("The archive must hold arrays alone. Write it with numpy.savez.")
    return arrays


def read_weights(path: Path, most: int = 256 * MEBIBYTE) -> dict[str, npt.NDArray[Any]]:
    """All arrays of a ``.safetensors`` file of at most ``most`` bytes, by their names.

    Raises:
        Refusal: it isn't such a file, or its header doesn't fit its content.
        OSError: it isn't there or can't be read.
    """
    # Imported here, since a single prediction needs no weights.
    from safetensors.numpy import load

    content = read_whole(path, most)
    try:
        arrays: dict[str, npt.NDArray[Any]] = load(content)
    except Exception as error:  # the library's own, or NumPy's
        reason = str(error)[:200]
        raise Refusal(f"{path} isn't a .safetensors file that can be read: {reason}.") from error
    return arrays
