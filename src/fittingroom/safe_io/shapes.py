"""How large everything in a graph gets, before ONNX Runtime sees it.

Each operator that is let in has a rule: the shapes of what it takes → those of what it gives. The
shapes follow from the file and the number of pictures alone. Where one would depend on what is in
the pictures, the graph is refused, so that nothing is allocated whose size was not known before.
Shapes are as the operators' reference has them (https://onnx.ai/onnx/operators).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fittingroom.safe_io.files import Refusal
from fittingroom.safe_io.graphs import SMALL, WHOLE, WIDE, Attribute, Graph, Node, Value

Shape = tuple[int, ...]
# What a rule meets where a node's inputs or attributes are not those of its operator.
_MISFITS = (KeyError, IndexError, ValueError, TypeError, AttributeError, ArithmeticError)
_MADE = ("ConstantOfShape", "Shape", "Size", "ArgMax", "ArgMin", "OneHot", "Constant", "Range")
# Of machine learning's operators, those whose output has the type of their input.
_KEEPING = tuple(f"ai.onnx.ml.{name}" for name in ("ArrayFeatureExtractor", "Binarizer", "Imputer"))
# Arrays that may be sizes are worked out up to so many numbers.
MOST_NUMBERS = SMALL // 4


@dataclass
class Work:
    """What a graph costs for a number of pictures.

    Attributes:
        numbers: of four bytes, in all arrays that its nodes give and need, together.
        operations: multiply-adds, or numbers passed over where nothing is multiplied.
        most: so many numbers at most, beyond which the graph is refused.
    """

    most: int
    numbers: int = 0
    operations: int = 0

    def take(self, node: Node, numbers: int, operations: int = 0, times: int = 1) -> None:
        """Count an array and what it takes to make it.

        Raises:
            Refusal: it is too large, or all together are.
        """
        self.numbers += numbers
        self.operations += times * max(numbers, operations)
        if self.numbers > self.most:
            raise Refusal(
                f"Expected an ONNX model whose arrays hold {self.most:,} numbers together. "
                f"Received one that needs more, at an operation {node.kind[:40]}."
            )


def walk(
    graph: Graph,
    given: Mapping[str, Value],
    work: Work,
    rules: "Rules",
    times: int = 1,
) -> dict[str, Value]:
    """All values of a graph by name, from those that are given.

    Args:
        graph: its nodes in an order in which each comes after what it takes.
        given: its inputs, and for a graph in a graph what surrounds it.
        work: counts what the values cost.
        rules: the operators that are let in.
        times: how often the graph is gone through.

    Raises:
        Refusal: an operator that is not let in, shapes that do not fit, or too much work.
    """
    values = {**given, **graph.constants}
    # A name stands for one thing, or ONNX Runtime might choose the other.
    defined = [*graph.inputs, *graph.constants]
    defined += [name for node in graph.nodes for name in node.outputs if name]
    if len(set(defined)) < len(defined):
        raise Refusal("Expected each name once in an ONNX model. Received one for two things.")
    for node in graph.nodes:
        rule = rules.get(node.kind)
        if rule is None:
            raise Refusal(
                f"Expected operators that this project knows. Received {node.kind[:40]!r} in the "
                "ONNX model. docs/methods/security.md lists them, and says what to do."
            )
        try:
            taken = [values[name] if name else None for name in node.inputs]
            outputs = rule(Call(node, taken, work, times, values, rules))
        except Refusal:
            raise
        except _MISFITS as error:
            raise Refusal(
                f"Expected an ONNX model whose shapes fit. Received an operation "
                f"{node.kind[:40]} that cannot be worked out: {str(error)[:100] or 'no input'}."
            ) from error
        for place, (name, output) in enumerate(zip(node.outputs, outputs, strict=False)):
            if min(output.shape, default=0) < 0 or len(output.shape) > 16:
                raise Refusal(f"Expected shapes. Received {output.shape} after {node.kind[:40]}.")
            wide = _is_wide(node, place, taken, output)
            numbers = math.prod(output.shape)
            work.take(node, 2 * numbers if wide else numbers, numbers, times)
            whole = _is_whole(node, place, taken, output)
            values[name] = replace(output, wide=wide, whole=whole)
        if len(node.outputs) > len(outputs):
            raise Refusal(f"Expected {len(outputs)} outputs of {node.kind[:40]}. Received more.")
    return values


def _is_wide(node: Node, place: int, taken: Sequence[Value | None], output: Value) -> bool:
    """Whether numbers of an output take eight bytes; true where it is not certain."""
    match node.kind:
        case "Cast":
            to = node.attributes.get("to")
            return to is None or to.whole in WIDE
        case "Conv" | "Gemm" | "MatMul" | "Einsum" | "Concat" | "Reshape" | "Flatten" | "Transpose":
            return taken[0] is None or taken[0].wide
        case "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "And" | "Or" | "Not":
            return False
        case "Gather" | "Slice" | "Pad" | "Expand" | "Tile" | "Squeeze" | "Unsqueeze" | "Split":
            return taken[0] is None or taken[0].wide
        case "Scan":
            return output.wide
    if node.kind.startswith("ai.onnx.ml.") and node.kind not in _KEEPING:
        return node.kind.endswith("Classifier") and place == 0  # the labels
    if node.kind.startswith("Reduce"):
        return taken[0] is None or taken[0].wide
    # What is made of nothing, or of places.
    made = not taken or node.kind in _MADE
    return made or place > 0 or any(each is not None and each.wide for each in taken)


def _is_whole(node: Node, place: int, taken: Sequence[Value | None], output: Value) -> bool:
    """Whether an output may be whole numbers."""
    deciding = 0  # the input whose type the output has
    match node.kind:
        case "Cast":
            to = node.attributes.get("to")
            return to is None or to.whole in WHOLE
        case "Shape" | "Size" | "ArgMax" | "ArgMin":
            return True
        case "Constant" | "ConstantOfShape":
            held = node.attributes.get("value")
            if held is not None and held.value is not None:
                return held.value.whole
            return not node.attributes.keys().isdisjoint(("value_int", "value_ints"))
        case "Scan":
            return output.whole
        case "TopK" | "MaxPool" if place > 0:
            return True
        case "Where" | "CastLike":
            deciding = 1
        case "OneHot":
            deciding = 2
    if node.kind.startswith("ai.onnx.ml.") and node.kind not in _KEEPING:
        return node.kind.endswith("Classifier") and place == 0  # the labels
    found = taken[deciding] if deciding < len(taken) else None
    return found is None or found.whole


@dataclass(frozen=True, eq=False)
class Call:
    """A node with what it takes."""

    node: Node
    inputs: list[Value | None]
    work: Work
    times: int
    surroundings: Mapping[str, Value]
    rules: "Rules"

    def value(self, place: int) -> Value:
        """An input that has to be there."""
        found = self.inputs[place]
        if found is None:
            raise ValueError("an input is missing")
        return found

    def shape(self, place: int = 0) -> Shape:
        """Its shape."""
        return self.value(place).shape

    def optional(self, place: int) -> Value | None:
        """An input that may be left out."""
        return self.inputs[place] if place < len(self.inputs) else None

    def integers(self, place: int) -> list[int]:
        """An input that is a size: known from the file and the number of pictures."""
        numbers = self.value(place).numbers
        if numbers is None:
            raise Refusal(
                f"Expected sizes that follow from the model alone. Received an operation "
                f"{self.node.kind[:40]} whose size depends on the pictures."
            )
        return [int(each) for each in numbers.ravel()]

    def attribute(self, name: str) -> Attribute | None:
        """An attribute, if it is there."""
        return self.node.attributes.get(name)

    def whole(self, name: str, otherwise: int = 0) -> int:
        """A whole number among the attributes."""
        found = self.attribute(name)
        return otherwise if found is None else found.whole

    def wholes(self, name: str) -> list[int] | None:
        """Whole numbers among the attributes, if they are there."""
        found = self.attribute(name)
        return None if found is None else found.wholes.tolist()

    def cost(self, operations: int, numbers: int = 0) -> None:
        """Work beside what the outputs hold."""
        self.work.take(self.node, numbers, operations, self.times)


def axis_of(axis: int, rank: int) -> int:
    """An axis counted from the front; it may have been counted from the back."""
    if not -rank <= axis < rank:
        raise ValueError(f"axis {axis} of {rank}")
    return axis % rank


def known(*inputs: Value | None) -> bool:
    """Whether the numbers of all of these are known and few."""
    return all(each is not None and each.numbers is not None for each in inputs)


def _small(numbers: object) -> np.ndarray | None:
    array = np.asarray(numbers)
    return array if array.size <= MOST_NUMBERS else None


def valued(shape: Shape, numbers: object | None) -> list[Value]:
    """A value with its numbers, if these have the shape that they are to have."""
    array = None if numbers is None else _small(numbers)
    return [Value(shape, array if array is not None and array.shape == shape else None)]


def broadcast(shapes: Sequence[Shape]) -> Shape:
    """The shape that these have together, by NumPy's rule."""
    rank = max(map(len, shapes))
    sides = []
    for place in range(-rank, 0):
        there = {shape[place] for shape in shapes if len(shape) >= -place} - {1}
        if len(there) > 1:
            raise ValueError(f"shapes {[*shapes]} do not go together"[:100])
        sides.append(there.pop() if there else 1)
    return tuple(sides)


def few(shape: Shape) -> bool:
    """Whether an array of this shape is small enough to be worked out."""
    return math.prod(shape) <= MOST_NUMBERS


Rules = Mapping[str, Callable[[Call], list[Value]]]
