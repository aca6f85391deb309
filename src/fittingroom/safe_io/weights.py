"""A ``.safetensors`` file: plain arrays, checked by the format's own library."""

from pathlib import Path
from typing import Any

import numpy.typing as npt

from fittingroom.safe_io.files import MEBIBYTE, Refusal, read_whole

MOST_BYTES = 256 * MEBIBYTE
_LARGEST_HEADER = MEBIBYTE


def read_weights(path: Path, most: int = MOST_BYTES) -> dict[str, npt.NDArray[Any]]:
    """The arrays by their names.

    Args:
        path: the file.
        most: so many bytes at most.

    Raises:
        Refusal: it is no such file, or its header claims what isn't so.
        OSError: it isn't there or can't be read.
    """
    # Here, since an answer alone needs no weights.
    from safetensors import SafetensorError
    from safetensors.numpy import load

    content = read_whole(path, most)
    # Eight bytes of a length, so much JSON, then the arrays (https://huggingface.co/docs/safetensors).
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > min(_LARGEST_HEADER, len(content) - 8):
        raise Refusal(
            f"{path} isn't a .safetensors file: its header would take {length:,} bytes; at most "
            f"{_LARGEST_HEADER:,} are allowed, in a file of {len(content):,}."
        )
    try:
        arrays: dict[str, npt.NDArray[Any]] = load(content)
    except (SafetensorError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise Refusal(f"{path} isn't a .safetensors file that can be read: {error}.") from error
    return arrays
