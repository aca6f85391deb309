"""A ``.safetensors`` file: its header is checked against the file before anything is allocated."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fittingroom.safe_io.documents import parse_json
from fittingroom.safe_io.files import MEBIBYTE, Refusal, read_whole

MOST_BYTES = 256 * MEBIBYTE
_LARGEST_HEADER = MEBIBYTE
_MOST_DIMENSIONS = 8
# The format's names of the types that NumPy has too.
_KINDS = {
    **{"F64": "<f8", "F32": "<f4", "F16": "<f2", "BOOL": "|b1"},
    **{f"I{bits}": f"<i{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"U{bits}": f"<u{bits // 8}" for bits in (8, 16, 32, 64)},
}


def read_weights(path: Path, most: int = MOST_BYTES) -> dict[str, npt.NDArray[Any]]:
    """The arrays by their names, as views on the file's content.

    The format is eight bytes of a length, so much JSON, and the arrays one after the other
    (https://huggingface.co/docs/safetensors).

    Args:
        path: the file.
        most: so many bytes at most.

    Raises:
        Refusal: it is no such file, or says of itself what is not so.
        OSError: it is not there or cannot be read.
    """
    content = read_whole(path, most)
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > min(_LARGEST_HEADER, len(content) - 8):
        raise Refusal(
            f"Expected a header of at most {_LARGEST_HEADER:,} bytes in {path}. Received one of "
            f"{length:,}, in a file of {len(content):,}."
        )
    header = parse_json(content[8 : 8 + length], str(path))
    if not isinstance(header, dict):
        raise Refusal(f"Expected names and types of arrays in {path}. Received something else.")
    data = memoryview(content)[8 + length :]
    entries = {name: each for name, each in header.items() if name != "__metadata__"}
    arrays = {name: _array(path, name, each, data) for name, each in entries.items()}
    # Nothing is hidden between them, and none of them shares bytes with another.
    if sum(array.nbytes for array in arrays.values()) != len(data):
        raise Refusal(f"Expected arrays that fill {path}. Received gaps, or arrays that overlap.")
    return arrays


def _array(path: Path, name: str, entry: Any, data: memoryview) -> npt.NDArray[Any]:
    shape: Any = entry.get("shape") if isinstance(entry, Mapping) else None
    ends: Any = entry.get("data_offsets") if isinstance(entry, Mapping) else None
    if not (_whole_numbers(shape) and len(shape) <= _MOST_DIMENSIONS) or not (
        _whole_numbers(ends) and len(ends) == 2
    ):
        raise _refused(path, name, entry)
    kind = _KINDS.get(str(entry.get("dtype")))
    begin, end = ends
    if kind is None or not begin <= end <= len(data):
        raise _refused(path, name, entry)
    if math.prod(shape) * np.dtype(kind).itemsize != end - begin:
        raise _refused(path, name, entry)
    try:
        return np.frombuffer(data[begin:end], kind).reshape(shape)
    except ValueError as error:  # none of something, times more than there can be
        raise _refused(path, name, entry) from error


def _whole_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(type(each) is int and each >= 0 for each in values)


def _refused(path: Path, name: str, entry: Any) -> Refusal:
    return Refusal(
        f"Expected for {name[:40]!r} a type, a shape, and a place in {path} that has as many "
        f"bytes. Received {json.dumps(entry)[:100]}."
    )
