"""An ONNX file as nodes and constants: what stands in it, and nothing that it points to."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fittingroom.safe_io.files import Refusal
from fittingroom.safe_io.protobuf import (
    Budget,
    count_whole_numbers,
    fields,
    lists,
    signed,
    whole_numbers,
)

# Numbers of the types (onnx.proto3, TensorProto.DataType), and bytes of one value each.
ITEM_BYTES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8}
WIDE = (7, 11, 13)
WHOLE = (2, 3, 4, 5, 6, 7, 12, 13)
_REAL = (1, 10, 11)
_NUMPY = {1: "<f4", 6: "<i4", 7: "<i8", 9: "|b1", 11: "<f8"}
_MOST_NODES, _MOST_DIMENSIONS, _DEEPEST = 20_000, 8, 3
# Arrays up to this size may be sizes of others; what is larger is never looked into.
SMALL = 4096


@dataclass(frozen=True, eq=False)
class Value:
    """An array that is known by its shape, and by its numbers where these may be sizes.

    Attributes:
        shape: its sides.
        numbers: itself, where it is small and follows from the file and the number of pictures.
        wide: whether each number takes eight bytes, and not four or fewer.
        whole: whether they may be whole numbers.
    """

    shape: tuple[int, ...]
    numbers: npt.NDArray[np.generic] | None = None
    wide: bool = False
    whole: bool = False


@dataclass(frozen=True, eq=False)
class Attribute:
    """One attribute of a node; what it is not stays empty."""

    whole: int = 0
    text: bytes = b""
    wholes: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    reals: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    texts: tuple[bytes, ...] = ()
    value: Value | None = None
    graph: "Graph | None" = None


@dataclass(frozen=True, eq=False)
class Node:
    """One operation.

    Attributes:
        kind: the operator's name, with its domain where that is not ONNX' own.
        inputs, outputs: names; an empty one is left out.
        attributes: by name.
    """

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute]


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes in their order, constants, and the ends.

    Attributes:
        nodes: each after what it takes.
        constants: by name.
        inputs: by name, shape as it is declared, None for a side that is not fixed.
        real: names of those inputs that are no whole numbers.
        outputs: names.
    """

    nodes: tuple[Node, ...]
    constants: Mapping[str, Value]
    inputs: Mapping[str, tuple[int | None, ...]]
    real: frozenset[str]
    outputs: tuple[str, ...]


def read_graph(content: bytes) -> Graph:
    """The graph of an ONNX model (``ModelProto`` in onnx.proto3).

    Raises:
        Refusal: it is no such file, refers to other files, defines operators of its own, or holds
            arrays whose size is not the one that they claim.
    """
    budget = Budget()
    graph: memoryview | None = None
    for number, _, value in fields(memoryview(content), budget):
        if number == 7 and isinstance(value, memoryview):
            if graph is not None:
                raise Refusal("Expected one graph in an ONNX model. Received two.")
            graph = value
        elif number in (20, 25):
            what = "functions of its own" if number == 25 else "what a training needs"
            raise Refusal(f"Expected an ONNX model for prediction alone. Received one with {what}.")
    if graph is None:
        raise Refusal("Expected an ONNX model. Received a file without a graph.")
    return _graph(graph, budget, 0)


def _graph(data: memoryview, budget: Budget, depth: int) -> Graph:
    if depth > _DEEPEST:
        raise Refusal("Expected graphs that end somewhere. Received one in one in one …")
    nodes: list[Node] = []
    constants: dict[str, Value] = {}
    outputs: list[str] = []
    inputs: dict[str, tuple[int | None, ...]] = {}
    real: set[str] = set()
    for number, _, value in fields(data, budget):
        if not isinstance(value, memoryview):
            continue
        match number:
            case 1:
                nodes.append(_node(value, budget, depth))
            case 5:
                name, constant = _tensor(value, budget)
                if name in constants:
                    raise Refusal(f"Expected constants once. Received {name[:40]!r} twice.")
                constants[name] = constant
            case 11:
                name, shape, kind = _declared(value, budget)
                inputs[name] = shape
                if kind in _REAL:
                    real.add(name)
            case 12:
                outputs.append(_declared(value, budget)[0])
            case 15:
                raise Refusal("Expected plain constants in an ONNX model. Received sparse ones.")
        if len(nodes) > _MOST_NODES:
            raise Refusal(f"Expected at most {_MOST_NODES:,} nodes in an ONNX model.")
    return Graph(tuple(nodes), constants, inputs, frozenset(real), tuple(outputs))


def _node(data: memoryview, budget: Budget, depth: int) -> Node:
    inputs: list[str] = []
    outputs: list[str] = []
    attributes: dict[str, Attribute] = {}
    kind = domain = ""
    for number, _, value in fields(data, budget):
        if not isinstance(value, memoryview):
            continue
        match number:
            case 1:
                inputs.append(_text(value))
            case 2:
                outputs.append(_text(value))
            case 4:
                kind = _text(value)
            case 5:
                name, attribute = _attribute(value, budget, depth)
                if name in attributes:
                    raise Refusal(f"Expected attributes once. Received {name[:40]!r} twice.")
                attributes[name] = attribute
            case 7:
                domain = _text(value)
    prefix = "" if domain in ("", "ai.onnx") else f"{domain}."
    return Node(f"{prefix}{kind}", tuple(inputs), tuple(outputs), attributes)


def _attribute(data: memoryview, budget: Budget, depth: int) -> tuple[str, Attribute]:
    found = lists(data, budget, real=7, whole=8, texts=9)
    name, text = found.single.get(1, b""), found.single.get(4, b"")
    tensor, graph = found.single.get(5), found.single.get(6)
    if any(number in found.single for number in (10, 11, 15, 22, 23)):
        raise Refusal("Expected plain attributes in an ONNX model. Received lists of graphs.")
    whole = found.single.get(3, 0)
    return _text(name), Attribute(
        whole=signed(whole) if isinstance(whole, int) else 0,
        text=bytes(text) if isinstance(text, bytes | memoryview) else b"",
        wholes=found.whole,
        reals=found.real,
        texts=tuple(found.texts),
        value=_tensor(tensor, budget)[1] if isinstance(tensor, memoryview) else None,
        graph=_graph(graph, budget, depth + 1) if isinstance(graph, memoryview) else None,
    )


def _tensor(data: memoryview, budget: Budget) -> tuple[str, Value]:
    """An array: its size is the product of its sides, and all of it is in this file."""
    sides: list[int] = []
    name, kind = "", 0
    raw: memoryview | None = None
    lengths: dict[int, list[int | memoryview]] = {}
    for number, _, value in fields(data, budget):
        if number == 1:
            if count_whole_numbers(value) > _MOST_DIMENSIONS:
                raise Refusal(f"Expected at most {_MOST_DIMENSIONS} dimensions. Received more.")
            sides += whole_numbers(value, budget)
        elif number == 2 and isinstance(value, int):
            kind = value
        elif number == 8 and isinstance(value, memoryview):
            name = _text(value)
        elif number == 9 and isinstance(value, memoryview):
            if raw is not None:
                raise Refusal(f"Expected one content of {name[:40]!r}. Received two.")
            raw = value
        elif number == 13 or (number == 14 and value != 0):
            raise Refusal(
                "Expected an ONNX model in one file. Received one that keeps arrays in other files "
                "(external data), which are not opened. Save it with its weights inside."
            )
        elif number == 3:
            raise Refusal("Expected whole arrays in an ONNX model. Received a part of one.")
        elif number in (4, 5, 7, 10, 11):
            lengths.setdefault(number, []).append(value)
    shape = tuple(sides)
    if kind not in ITEM_BYTES or len(shape) > _MOST_DIMENSIONS or min(shape, default=0) < 0:
        raise Refusal(
            f"Expected arrays of plain numbers in an ONNX model. Received {name[:40]!r} of type "
            f"{kind} and shape {str(shape)[:60]}."
        )
    size = math.prod(shape) * ITEM_BYTES[kind]
    if raw is None:
        listed = _listed(name, shape, kind, lengths, budget)
        return name, Value(shape, listed, kind in WIDE, kind in WHOLE)
    if len(raw) != size or lengths:
        raise Refusal(
            f"Expected {size:,} bytes for {name[:40]!r} of shape {str(shape)[:60]}. Received "
            f"{len(raw):,}."
        )
    small = size <= SMALL and kind in _NUMPY
    numbers = np.frombuffer(raw, _NUMPY[kind]).reshape(shape) if small else None
    return name, Value(shape, numbers, kind in WIDE, kind in WHOLE)


def _listed(
    name: str,
    shape: tuple[int, ...],
    kind: int,
    lengths: Mapping[int, list[int | memoryview]],
    budget: Budget,
) -> npt.NDArray[np.generic] | None:
    """The numbers of an array that stand in lists of their own type, as many as there are to be.

    They are unpacked only where they are few.
    """
    count, there = math.prod(shape), 0
    few = count * ITEM_BYTES[kind] <= SMALL and kind in _NUMPY
    held: list[float] = []
    for number, values in lengths.items():
        for value in values:
            if number in (4, 10):
                width = 4 if number == 4 else 8
                if isinstance(value, int) or len(value) % width:
                    raise Refusal(f"Expected numbers for {name[:40]!r}. Received bytes.")
                there += len(value) // width
            else:
                there += count_whole_numbers(value)
            if there > count:
                raise Refusal(f"Expected {count:,} numbers for {name[:40]!r}. Received more.")
            if few and number in (4, 10) and not isinstance(value, int):
                held += np.frombuffer(value, f"<f{width}").tolist()
            elif few:
                held += whole_numbers(value, budget)
    if there != count:
        raise Refusal(f"Expected {count:,} numbers for {name[:40]!r}. Received {there:,}.")
    return np.array(held).astype(_NUMPY[kind]).reshape(shape) if few else None


def _declared(data: memoryview, budget: Budget) -> tuple[str, tuple[int | None, ...], int]:
    """Name, shape and type of an end (``ValueInfoProto``); empty and 0 where it is no array."""
    name = ""
    kinds: list[int | memoryview] = [0]
    shape: list[int | None] = []
    for number, _, value in fields(data, budget):
        if number == 1 and isinstance(value, memoryview):
            name = _text(value)
        for dimension in _inside(value, budget, 2, 1, 2, 1) if number == 2 else ():
            sides = [side for at, _, side in fields(dimension, budget) if at == 1]
            shape.append(sides[0] if len(sides) == 1 and isinstance(sides[0], int) else None)
        for array in _inside(value, budget, 2, 1) if number == 2 else ():
            kinds += [each for at, _, each in fields(array, budget) if at == 1]
    kind = kinds[-1]  # of a type that came twice nothing is believed
    return name, tuple(shape), kind if len(kinds) == 2 and isinstance(kind, int) else 0


def _inside(value: int | memoryview, budget: Budget, *path: int) -> list[memoryview]:
    """All messages at a path of field numbers, the first of which is the value itself."""
    level = [value] if isinstance(value, memoryview) else []
    for number in path[1:]:
        level = [
            inner
            for each in level
            for at, _, inner in fields(each, budget)
            if at == number and isinstance(inner, memoryview)
        ]
    return level


def _text(value: int | memoryview | bytes) -> str:
    if isinstance(value, int):
        raise Refusal("Expected a name in an ONNX model. Received a number.")
    return bytes(value).decode("utf-8", errors="replace")
