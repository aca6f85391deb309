"""The bytes of a protocol buffer as fields, without a schema and without building anything.

The format is that of https://protobuf.dev/programming-guides/encoding: a tag (the field's number
and wire type), then a varint, four or eight bytes, or a length and so many bytes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fittingroom.safe_io.files import Refusal

VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5

_LONGEST_VARINT = 10
# Long lists of one field are read by NumPy once so many stood in a row, in pieces of so many bytes.
_IN_A_ROW, _FIRST_WINDOW, _LAST_WINDOW = 16, 4096, 2**20
_STRINGS = re.compile(rb"(?:\x4a[\x00-\x1f][A-Z_]*)+")
_STRING = re.compile(rb"\x4a[\x00-\x1f]([A-Z_]*)")


@dataclass
class Budget:
    """What is read of all of a file.

    Attributes:
        left: fields that may still be read one by one; each takes a microsecond.
        numbers: whole numbers that may still be unpacked, from a byte or more to eight bytes each.
    """

    left: int = 500_000
    numbers: int = 10_000_000

    def spend(self, numbers: int = 0) -> None:
        """One field more, or so many whole numbers.

        Raises:
            Refusal: there were too many.
        """
        self.left -= not numbers
        self.numbers -= numbers
        if self.left < 0 or self.numbers < 0:
            raise Refusal("Expected an ONNX model of fewer parts. Received one of too many.")


def fields(data: memoryview, budget: Budget) -> Iterator[tuple[int, int, int | memoryview]]:
    """Number, wire type, and value of each field: a whole number, or a view of bytes.

    Raises:
        Refusal: the bytes are no protocol buffer.
    """
    at = 0
    while at < len(data):
        at, number, wire, value = _field(data, at, budget)
        yield number, wire, value


@dataclass
class Lists:
    """The fields of one message, of which some are long lists.

    Attributes:
        single: those that may be there once, by number.
        whole: repeated varints.
        real: repeated four-byte numbers.
        texts: repeated bytes.
    """

    single: dict[int, int | memoryview] = field(default_factory=dict)
    whole: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    real: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    texts: list[bytes] = field(default_factory=list)


def lists(data: memoryview, budget: Budget, *, real: int, whole: int, texts: int) -> Lists:
    """A message with three long lists, under these field numbers; packed or not.

    Raises:
        Refusal: the bytes are no such message, or a field that may be there once is there twice.
    """
    found = Lists()
    wholes: list[npt.NDArray[np.int64]] = []
    reals: list[npt.NDArray[np.float32]] = []
    at, last, row = 0, 0, 0
    while at < len(data):
        tag = data[at]
        row = row + 1 if tag == last else 0
        last = tag
        if row >= _IN_A_ROW and tag == whole << 3:
            at, values = _varint_run(data, at, tag, budget)
            wholes.append(values)
        elif row >= _IN_A_ROW and tag == real << 3 | FOUR_BYTES:
            at, numbers = _four_byte_run(data, at, tag)
            reals.append(numbers)
        elif row >= _IN_A_ROW and tag == 0x4A and texts << 3 | BYTES == tag:
            at = _text_run(data, at, found.texts, budget)
        else:
            at, number, wire, value = _field(data, at, budget)
            if number == whole and isinstance(value, memoryview):
                wholes.append(_packed_varints(value, budget))
            elif number == whole and wire == VARINT:
                wholes.append(np.array([signed(int(value))], np.int64))
            elif number == real and isinstance(value, memoryview):
                if len(value) % 4:
                    raise Refusal("Expected numbers of four bytes in an ONNX model. Received less.")
                reals.append(np.frombuffer(value, "<f4"))
            elif number == texts and wire == BYTES and isinstance(value, memoryview):
                found.texts.append(bytes(value))
            elif number in found.single:
                raise Refusal(f"Expected field {number} once in an ONNX model. Received it twice.")
            else:
                found.single[number] = value
    if wholes:
        found.whole = np.concatenate(wholes)
    if reals:
        found.real = np.concatenate(reals)
    return found


def signed(value: int) -> int:
    """A varint as the signed number of 64 bits that it stands for."""
    return value - 2**64 if value >= 2**63 else value


def whole_numbers(value: int | memoryview, budget: Budget) -> list[int]:
    """A repeated whole number, packed or a single one of it."""
    if isinstance(value, memoryview):
        numbers: list[int] = _packed_varints(value, budget).tolist()
        return numbers
    return [signed(value)]


def count_whole_numbers(value: int | memoryview) -> int:
    """How many of them there are, without unpacking any."""
    if isinstance(value, int):
        return 1
    pieces = range(0, len(value), _LAST_WINDOW)
    views = (np.frombuffer(value[at : at + _LAST_WINDOW], np.uint8) for at in pieces)
    return sum(int(np.count_nonzero(view < 0x80)) for view in views)


def _field(data: memoryview, at: int, budget: Budget) -> tuple[int, int, int, int | memoryview]:
    budget.spend()
    at, tag = _varint(data, at)
    number, wire = tag >> 3, tag & 7
    if number == 0:
        raise Refusal("Expected an ONNX model. Received bytes that are no protocol buffer.")
    if wire == VARINT:
        at, value = _varint(data, at)
        return at, number, wire, value
    if wire == BYTES:
        at, length = _varint(data, at)
    elif wire in (EIGHT_BYTES, FOUR_BYTES):
        length = 8 if wire == EIGHT_BYTES else 4
    else:
        raise Refusal("Expected an ONNX model. Received bytes that are no protocol buffer.")
    if length > len(data) - at:
        raise Refusal("Expected a whole ONNX model. Received one that is cut off.")
    return at + length, number, wire, data[at : at + length]


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for place in range(_LONGEST_VARINT):
        if at >= len(data):
            raise Refusal("Expected a whole ONNX model. Received one that is cut off.")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return at, value & (2**64 - 1)
    raise Refusal("Expected an ONNX model. Received bytes that are no protocol buffer.")


def _varint_run(
    data: memoryview, at: int, tag: int, budget: Budget
) -> tuple[int, npt.NDArray[np.int64]]:
    """All fields of one number in a row: where they end, and their values."""
    window = _FIRST_WINDOW
    found: list[npt.NDArray[np.int64]] = []
    while True:
        piece = np.frombuffer(data[at : at + window], np.uint8)
        values, starts = _varints(piece, budget)
        pairs = len(values) // 2
        others = np.flatnonzero(values[: 2 * pairs : 2] != tag)
        pairs = int(others[0]) if len(others) else pairs
        found.append(values[1 : 2 * pairs : 2])
        taken = int(starts[2 * pairs])
        at += taken
        if len(others) or at >= len(data) or not taken:
            return at, np.concatenate(found)
        window = min(2 * window, _LAST_WINDOW)


def _varints(
    data: npt.NDArray[np.uint8], budget: Budget
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The whole varints in some bytes; where each begins, and after the last where it ends."""
    ends = np.flatnonzero(data < 0x80).astype(np.int64)
    budget.spend(len(ends))
    starts = np.concatenate([np.zeros(1, np.int64), ends + 1])
    lengths = np.diff(starts)
    if len(lengths) and lengths.max() > _LONGEST_VARINT:
        raise Refusal("Expected an ONNX model. Received bytes that are no protocol buffer.")
    values = np.zeros(len(lengths), np.uint64)
    for place in range(int(lengths.max(initial=0))):
        longer = lengths > place
        piece = (data[starts[:-1][longer] + place] & 0x7F).astype(np.uint64)
        values[longer] |= piece << np.uint64(7 * place)
    return values.view(np.int64), starts


def _packed_varints(data: memoryview, budget: Budget) -> npt.NDArray[np.int64]:
    at = 0
    found = [np.zeros(0, np.int64)]
    while at < len(data):
        piece = np.frombuffer(data[at : at + _LAST_WINDOW], np.uint8)
        values, starts = _varints(piece, budget)
        if not len(values):
            raise Refusal("Expected a whole ONNX model. Received one that is cut off.")
        found.append(values)
        at += int(starts[-1])
    return np.concatenate(found)


def _four_byte_run(data: memoryview, at: int, tag: int) -> tuple[int, npt.NDArray[np.float32]]:
    most = (len(data) - at) // 5
    records = np.frombuffer(data[at : at + 5 * most], np.uint8).reshape(most, 5)
    others = np.flatnonzero(records[:, 0] != tag)
    count = int(others[0]) if len(others) else most
    if count == 0:
        raise Refusal("Expected a whole ONNX model. Received one that is cut off.")
    numbers = np.ascontiguousarray(records[:count, 1:]).view("<f4").reshape(count)
    return at + 5 * count, numbers


def _text_run(data: memoryview, at: int, texts: list[bytes], budget: Budget) -> int:
    """Short words in capitals, such as the kinds of a tree's nodes; each is as long as it says."""
    found = _STRINGS.match(data, at)
    words = _STRING.findall(found.group()) if found else []
    # A word's length is that of the bytes before the next: what does not fit is read one by one.
    if found and found.group() == b"".join(bytes((0x4A, len(word))) + word for word in words):
        texts += words
        return found.end()
    at, _, _, value = _field(data, at, budget)
    texts.append(bytes(value) if isinstance(value, memoryview) else b"")
    return at
