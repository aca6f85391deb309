"""Tensors of the Open Inference Protocol, version 2: requests read strictly, answers written.

The protocol: https://github.com/kserve/open-inference-protocol, with the extension for binary data
(https://docs.nvidia.com/deeplearning/triton-inference-server, "Binary Tensor Data Extension"): the
JSON comes first, ``Inference-Header-Content-Length`` says how long it is, and the tensors' bytes
follow. Read by hand, since a schema's checks would take longer than the model.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fittingroom.errors import RequestError
from fittingroom.predictions import UInt8
from fittingroom.serve.replies import JSON, Reply

INPUT = "pictures"
SIDE = 28
_DATATYPES = {"float32": "FP32", "uint8": "UINT8", "int64": "INT64"}
_LONGEST_LENGTH = 18  # digits
_LONGEST_REMEMBERED = 2_000  # bytes of JSON; clients send the same few again and again


@dataclass(frozen=True)
class Asked:
    """What the JSON of a request asks for.

    Attributes:
        rows: how many pictures.
        id: the request's own name, which the answer repeats; None where it has none.
        outputs: names, and whether each is wanted as binary data.
    """

    rows: int
    id: str | None
    outputs: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class Output:
    """One output of a model: its name, datatype as the protocol calls it, and shape of a row."""

    name: str
    datatype: str
    row: tuple[int, ...]

    @classmethod
    def of(cls, name: str, array: npt.NDArray[Any]) -> "Output":
        """As an array of answers has it, ``(N, …)``."""
        return cls(name, _DATATYPES[array.dtype.name], array.shape[1:])


def read_request(
    body: bytes, header_length: bytes | None, known: tuple[str, ...]
) -> tuple[UInt8, Asked]:
    """Pictures, and what is asked of them.

    Args:
        body: the request's.
        header_length: value of ``Inference-Header-Content-Length``, or None where the body is JSON
            alone.
        known: names of the model's outputs.

    Returns:
        uint8 ``(N, 28, 28)``, N from 1, and what is asked.

    Raises:
        RequestError: status 400, the request is not as the protocol says.
    """
    if header_length is None:
        values = _json(body)
        asked, size = _asked(values, known)
        if size is not None:
            raise _wrong("the header Inference-Header-Content-Length", "binary data without it")
        return _from_lists(values["inputs"][0].get("data"), asked.rows), asked
    # So few digits that each is read: `int` refuses thousands of them, be they zeros.
    if (
        not header_length.isdigit()
        or len(header_length) > _LONGEST_LENGTH
        or not 0 < int(header_length) <= len(body)
    ):
        raise _wrong(
            f"an Inference-Header-Content-Length from 1 to the body's {len(body)} bytes",
            f"'{header_length[:20].decode('latin-1')}'",
        )
    end = int(header_length)
    header = body[:end]
    read = _remembered if end <= _LONGEST_REMEMBERED else _read_header
    asked, size = read(header, known)
    if size is None:
        if len(body) != end:
            raise _wrong("no bytes after the JSON", f"{len(body) - end}")
        return _from_lists(_json(header)["inputs"][0].get("data"), asked.rows), asked
    if size != asked.rows * SIDE * SIDE or len(body) - end != size:
        raise _wrong(
            f"{asked.rows * SIDE * SIDE} bytes of binary data for {asked.rows} pictures",
            f"{len(body) - end}, announced as {size}",
        )
    pictures = np.frombuffer(body, np.uint8, offset=end).reshape(asked.rows, SIDE, SIDE)
    return pictures, asked


def write_answer(model: str, asked: Asked, arrays: Mapping[str, npt.NDArray[Any]]) -> Reply:
    """The answer to a request.

    Args:
        model: its name.
        asked: as :func:`read_request` gave it.
        arrays: every output, each with ``asked.rows`` rows.
    """
    if any(binary for _, binary in asked.outputs):
        chosen = tuple((Output.of(name, arrays[name]), binary) for name, binary in asked.outputs)
        if all(binary for _, binary in chosen):
            header = _binary_header(model, asked, chosen)
        else:
            header = _header(model, asked, chosen, arrays)
        parts = [header, *(arrays[each.name].tobytes() for each, binary in chosen if binary)]
        length = (b"inference-header-content-length", b"%d" % len(header))
        return Reply(200, b"".join(parts), b"application/octet-stream", (length,))
    chosen = tuple((Output.of(name, arrays[name]), False) for name, _ in asked.outputs)
    return Reply(200, _header(model, asked, chosen, arrays), JSON)


def _header(
    model: str,
    asked: Asked,
    chosen: tuple[tuple[Output, bool], ...],
    arrays: Mapping[str, npt.NDArray[Any]] | None,
) -> bytes:
    outputs = []
    for output, binary in chosen:
        shape = [asked.rows, *output.row]
        described: dict[str, Any] = {
            "name": output.name,
            "datatype": output.datatype,
            "shape": shape,
        }
        if binary:
            item = {"FP32": 4, "UINT8": 1, "INT64": 8}[output.datatype]
            described["parameters"] = {"binary_data_size": item * int(np.prod(shape))}
        elif arrays is not None:
            described["data"] = arrays[output.name].ravel().tolist()
        outputs.append(described)
    named = {} if asked.id is None else {"id": asked.id}
    return json.dumps({"model_name": model, **named, "outputs": outputs}).encode()


@functools.lru_cache(256)
def _binary_header(model: str, asked: Asked, chosen: tuple[tuple[Output, bool], ...]) -> bytes:
    return _header(model, asked, chosen, None)


def _json(content: bytes) -> dict[str, Any]:
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _wrong("JSON", f"something else: {type(error).__name__}") from error
    if not isinstance(values, dict):
        raise _wrong("a JSON object", type(values).__name__)
    return values


def _read_header(header: bytes, known: tuple[str, ...]) -> tuple[Asked, int | None]:
    return _asked(_json(header), known)


_remembered = functools.lru_cache(256)(_read_header)


def _asked(values: dict[str, Any], known: tuple[str, ...]) -> tuple[Asked, int | None]:
    """What is asked, and how many bytes of binary data the input says to have."""
    name = values.get("id")
    if name is not None and not (isinstance(name, str) and len(name) <= 256):
        raise _wrong("an id of at most 256 characters", type(name).__name__)
    parameters = _parameters(values, "the request")
    all_binary = _flag(parameters, "binary_data_output", False)
    inputs = values.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise _wrong(f"one input, '{INPUT}'", "another list of inputs")
    given = inputs[0]
    if given.get("name") != INPUT or given.get("datatype") != "UINT8":
        raise _wrong(
            f"an input named '{INPUT}' of datatype UINT8",
            f"{_short(given.get('name'))} of {_short(given.get('datatype'))}",
        )
    rows = _rows(given.get("shape"))
    size = _parameters(given, "the input").get("binary_data_size")
    if size is not None and (type(size) is not int or size < 0):
        raise _wrong("a binary_data_size in bytes", _short(size))
    if size is not None and "data" in given:
        raise _wrong("either data or binary_data_size", "both")
    wanted = values.get("outputs")
    if wanted is None:
        return Asked(rows, name, tuple((each, all_binary) for each in known)), size
    if not isinstance(wanted, list) or not 1 <= len(wanted) <= len(known):
        raise _wrong(f"outputs among {', '.join(known)}", "another list of outputs")
    outputs = []
    for each in wanted:
        if not isinstance(each, dict) or each.get("name") not in known:
            raise _wrong(f"an output among {', '.join(known)}", _short(each))
        binary = _flag(_parameters(each, "the output"), "binary_data", all_binary)
        outputs.append((each["name"], binary))
    if len({each for each, _ in outputs}) < len(outputs):
        raise _wrong("each output once", "one twice")
    return Asked(rows, name, tuple(outputs)), size


def _rows(shape: Any) -> int:
    if (
        not isinstance(shape, list)
        or len(shape) != 3
        or any(type(each) is not int for each in shape)
        or shape[1:] != [SIDE, SIDE]
        or shape[0] < 1
    ):
        raise _wrong("a shape of [N, 28, 28], N from 1", _short(shape))
    return int(shape[0])


def _from_lists(data: Any, rows: int) -> UInt8:
    """Numbers as JSON has them, nested or flat → uint8 ``(rows, 28, 28)``."""
    if not isinstance(data, list):
        raise _wrong("data as a list of numbers", _short(data))
    numbers = data
    if len(data) != rows * SIDE * SIDE:
        numbers = _flat(_flat(data, rows), rows * SIDE)
    if len(numbers) != rows * SIDE * SIDE:
        raise _wrong(f"data of {rows} × 28 × 28 numbers, nested or flat", f"{len(numbers)}")
    # Not by an array of whatever it holds: one long text among many short ones fills the memory.
    try:
        pixels = bytes(numbers)
    except (TypeError, ValueError) as error:
        raise _wrong("whole numbers from 0 to 255", "something else among them") from error
    return np.frombuffer(pixels, np.uint8).reshape(rows, SIDE, SIDE)


def _flat(lists: list[Any], count: int) -> list[Any]:
    """The members of ``count`` lists, one after another; each list is a picture or a row of one."""
    if len(lists) != count or any(
        not isinstance(each, list) or len(each) != SIDE for each in lists
    ):
        raise _wrong("data of N × 28 × 28 numbers, nested or flat", "lists of other lengths")
    return [each for inner in lists for each in inner]


def _parameters(values: dict[str, Any], whose: str) -> dict[str, Any]:
    parameters = values.get("parameters", {})
    if not isinstance(parameters, dict):
        raise _wrong(f"parameters of {whose} as an object", _short(parameters))
    return parameters


def _flag(parameters: dict[str, Any], name: str, otherwise: bool) -> bool:
    value = parameters.get(name, otherwise)
    if not isinstance(value, bool):
        raise _wrong(f"{name} as true or false", _short(value))
    return value


def _short(value: Any) -> str:
    """What came, for a message: never long."""
    if isinstance(value, dict | list):
        return f"a {type(value).__name__} of {len(value)}"
    return repr(value)[:40]


def _wrong(expected: str, received: str) -> RequestError:
    return RequestError(400, f"Expected {expected}. Received {received}.")
