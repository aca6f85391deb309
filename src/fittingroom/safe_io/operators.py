"""The shapes that operators give which compute, and the multiply-adds that they take."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from fittingroom.safe_io.files import Refusal
from fittingroom.safe_io.graphs import ITEM_BYTES, Value
from fittingroom.safe_io.shapes import (
    MOST_NUMBERS,
    Call,
    Rules,
    Shape,
    axis_of,
    broadcast,
    known,
    valued,
    walk,
)

_SAME = """
    Abs Acos Acosh Asin Asinh Atan Atanh BatchNormalization BitwiseNot Cast CastLike Ceil Celu
    Clip Cos Cosh CumSum Dropout Elu Erf Exp Floor Gelu GroupNormalization HardSigmoid HardSwish
    Hardmax Identity InstanceNormalization IsInf IsNaN LayerNormalization LeakyRelu Log LogSoftmax
    LpNormalization MeanVarianceNormalization Mish Neg Not RMSNormalization Reciprocal Relu Round
    ScatterElements ScatterND Selu Shrink Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt Tan
    Tanh ThresholdedRelu Trilu ai.onnx.ml.Binarizer ai.onnx.ml.Imputer
    ai.onnx.ml.Normalizer ai.onnx.ml.Scaler
""".split()  # noqa: SIM905 (a column of strings is no list to read)
_BROADCAST = """
    Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less
    LessOrEqual Max Mean Min Mod Mul Or PRelu Pow Sub Sum Where Xor
""".split()  # noqa: SIM905 (a column of strings is no list to read)
_REDUCE = """
    ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd
    ReduceSum ReduceSumSquare
""".split()  # noqa: SIM905 (a column of strings is no list to read)

_VECTOR = 16

# Of small arrays the numbers are worked out too: exporters compute shapes in the graph.
_NUMBERS: Mapping[str, Callable[..., object]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Equal": np.equal,
    "Less": np.less,
    "Greater": np.greater,
    "Where": np.where,
    "Max": np.maximum,
    "Min": np.minimum,
    "Neg": np.negative,
    "Not": np.logical_not,
}


def _same(call: Call) -> list[Value]:
    shape = call.shape()
    if call.node.kind == "LayerNormalization" and call.inputs[2:] == [None]:
        raise ValueError("a bias without a name")  # which ONNX Runtime looks into nevertheless
    if call.node.kind == "Trilu" and call.optional(1) is not None:
        (diagonal,) = call.integers(1)
        if abs(diagonal) > max(shape[-2:]):
            raise ValueError(f"the diagonal {diagonal}")
    for each in call.inputs[1:]:
        if each is not None and call.node.kind in ("ScatterElements", "ScatterND"):
            call.cost(math.prod(each.shape))
    numbers = call.value(0).numbers
    if call.node.kind == "Cast" and call.whole("to") not in ITEM_BYTES:
        raise ValueError("texts for numbers")
    if call.node.kind == "Cast" and numbers is not None:
        to = {1: np.float32, 6: np.int32, 7: np.int64, 9: np.bool_, 11: np.float64}
        kind = to.get(call.whole("to"))
        # What does not fit comes out differently from one processor to the other.
        if numbers.dtype.kind == "f" and not (np.abs(numbers) < 2**31).all():
            kind = None
        with np.errstate(invalid="ignore"):
            return valued(shape, None if kind is None else numbers.astype(kind))
    if call.node.kind == "Identity" or (call.node.kind in _NUMBERS and numbers is not None):
        apply = _NUMBERS.get(call.node.kind)
        return valued(shape, numbers if apply is None else apply(numbers))
    return [Value(shape)] * max(len(call.node.outputs), 1)


def _broadcast(call: Call) -> list[Value]:
    shape = broadcast([call.shape(place) for place in range(len(call.inputs))])
    numbers = [each.numbers for each in call.inputs if each is not None]
    if call.node.kind in ("Div", "Mod") and call.value(0).whole:
        _check_divisor(call)
    if known(*call.inputs) and math.prod(shape) <= MOST_NUMBERS:
        kinds = {each.dtype.kind for each in numbers if each is not None}
        with np.errstate(all="ignore"):
            if call.node.kind == "Div" and kinds == {"i"}:
                top, divisor = np.asarray(numbers[0]), np.asarray(numbers[1])
                # Towards zero, as ONNX divides, and exactly.
                beyond = (top % divisor != 0) & ((top < 0) != (divisor < 0))
                return valued(shape, top // divisor + beyond)
            apply = _NUMBERS.get(call.node.kind)
            if apply is not None and len(numbers) == (3 if call.node.kind == "Where" else 2):
                return valued(shape, apply(*numbers))
    return [Value(shape)]


def _check_divisor(call: Call) -> None:
    """Whole numbers are divided by what is known, and is neither 0 nor −1.

    The least of them divided by −1 is none of them: the processor stops the whole program.

    Raises:
        Refusal: by something else.
    """
    divisor = call.value(1).numbers
    if divisor is None or divisor.size == 0 or np.isin(divisor, (0, -1)).any():
        received = "unknown ones" if divisor is None or not divisor.size else "0 or −1"
        raise Refusal(
            "Expected an ONNX model that divides whole numbers by constants other than 0 and −1. "
            f"Received {received}, at an operation {call.node.kind}."
        )


def _reduce(call: Call) -> list[Value]:
    shape = call.shape()
    axes = call.wholes("axes")
    if call.optional(1) is not None:
        axes = call.integers(1)
    call.cost(math.prod(shape))
    if not axes:
        axes = [] if call.whole("noop_with_empty_axes") else list(range(len(shape)))
    gone = {axis_of(axis, len(shape)) for axis in axes}
    kept = call.whole("keepdims", 1)
    result = tuple(
        1 if place in gone else side
        for place, side in enumerate(shape)
        if kept or place not in gone
    )
    numbers = call.value(0).numbers
    if call.node.kind == "ReduceProd" and numbers is not None:
        factors: Any = numbers
        axis, kind = tuple(gone), factors.dtype
        return valued(result, np.prod(factors, axis=axis, keepdims=bool(kept), dtype=kind))
    return [Value(result)]


def _arg(call: Call) -> list[Value]:
    shape = call.shape()
    axis = axis_of(call.whole("axis"), len(shape))
    middle = (1,) if call.whole("keepdims", 1) else ()
    call.cost(math.prod(shape))
    return [Value(shape[:axis] + middle + shape[axis + 1 :])]


def _matmul(call: Call) -> list[Value]:
    left, right = call.shape(0), call.shape(1)
    wide = (left if len(left) > 1 else (1, *left)), (right if len(right) > 1 else (*right, 1))
    if wide[0][-1] != wide[1][-2]:
        raise ValueError(f"{left} times {right}")
    outer = broadcast([wide[0][:-2], wide[1][:-2]]) if max(map(len, wide)) > 2 else ()
    result = (
        *outer,
        *(wide[0][-2:-1] if len(left) > 1 else ()),
        *(wide[1][-1:] if len(right) > 1 else ()),
    )
    call.cost(math.prod(outer) * wide[0][-2] * wide[0][-1] * wide[1][-1])
    return [Value(result)]


def _gemm(call: Call) -> list[Value]:
    left, right = call.shape(0), call.shape(1)
    if len(left) != 2 or len(right) != 2:
        raise ValueError(f"{left} times {right}")
    left = left[::-1] if call.whole("transA") else left
    right = right[::-1] if call.whole("transB") else right
    if left[1] != right[0]:
        raise ValueError(f"{left} times {right}")
    call.cost(left[0] * left[1] * right[1])
    return [Value((left[0], right[1]))]


def _einsum(call: Call) -> list[Value]:
    equation = call.node.attributes["equation"].text.decode().replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if not arrow or len(terms) != len(call.inputs):
        raise ValueError("an equation without an arrow, or of other inputs")
    # At a sign that is no letter ONNX Runtime stays for ever (1.32, found by fuzzing).
    if not re.fullmatch("[A-Za-z]*", "".join((*terms, right))):
        raise ValueError("an equation of other signs than letters")
    sizes: dict[str, int] = {}
    for term, place in zip(terms, range(len(terms)), strict=True):
        for letter, side in zip(term, call.shape(place), strict=True):
            if sizes.setdefault(letter, side) != side:
                raise ValueError(f"two sizes of {letter}")
    work = math.prod(sizes.values())
    call.cost(work, work)  # what is multiplied may be laid out in full first
    return [Value(tuple(sizes[letter] for letter in right))]


def _window(call: Call, spatial: Shape, kernel: Sequence[int]) -> Shape:
    """The sides after a window was moved over others (``Conv``, ``MaxPool`` and the like)."""
    count = len(spatial)
    strides = call.wholes("strides") or [1] * count
    dilations = call.wholes("dilations") or [1] * count
    pads = call.wholes("pads") or [0] * (2 * count)
    automatic = call.attribute("auto_pad")
    mode = b"NOTSET" if automatic is None else automatic.text
    if len(kernel) != count or len(strides) != count or len(dilations) != count:
        raise ValueError("a window of other dimensions")
    if mode == b"VALID":
        pads = [0] * (2 * count)
    if len(pads) != 2 * count or min(*strides, *dilations, *kernel) < 1 or min(pads) < 0:
        raise ValueError("a window, its strides or its padding")
    sides = []
    for place, side in enumerate(spatial):
        reach = (kernel[place] - 1) * dilations[place] + 1
        if mode in (b"SAME_UPPER", b"SAME_LOWER"):
            sides.append(-(-side // strides[place]))
            continue
        # What a kernel can only pad is no reason to pad more than the kernel is large.
        if max(pads[place], pads[place + count]) > reach:
            raise ValueError("padding beyond the window")
        room = side + pads[place] + pads[place + count] - reach
        up = room + strides[place] - 1 if call.whole("ceil_mode") else room
        sides.append(up // strides[place] + 1)
    if min(sides) < 1:
        raise ValueError("a window larger than the picture")
    return tuple(sides)


def _conv(call: Call) -> list[Value]:
    shape, kernel = call.shape(0), call.shape(1)
    groups = call.whole("group", 1)
    if len(shape) < 3 or len(kernel) != len(shape) or groups < 1:
        raise ValueError(f"{shape} and kernels {kernel}")
    if kernel[1] * groups != shape[1] or kernel[0] % groups:
        raise ValueError(f"{shape} and kernels {kernel} in {groups} groups")
    sides = _window(call, shape[2:], kernel[2:])
    positions, reach = math.prod(sides), math.prod(kernel[1:])
    # One picture's patches side by side, as the kernel that multiplies them wants them.
    patches = reach * groups * positions
    # ONNX Runtime fills channels up to a whole vector of them.
    filled = shape[0] * positions * (-kernel[0] % _VECTOR)
    call.cost(shape[0] * kernel[0] * positions * reach, patches + filled)
    return [Value((shape[0], kernel[0], *sides))]


def _conv_transpose(call: Call) -> list[Value]:
    shape, kernel = call.shape(0), call.shape(1)
    groups, count = call.whole("group", 1), len(shape) - 2
    strides = call.wholes("strides") or [1] * count
    dilations = call.wholes("dilations") or [1] * count
    pads = call.wholes("pads") or [0] * (2 * count)
    extra = call.wholes("output_padding") or [0] * count
    if len(kernel) != len(shape) or kernel[0] != shape[1] or groups < 1 or count < 1:
        raise ValueError(f"{shape} and kernels {kernel}")
    if call.attribute("output_shape") or min(*strides, *dilations, *pads, *extra, 0) < 0:
        raise ValueError("an output_shape")
    sides = tuple(
        strides[at] * (side - 1)
        + extra[at]
        + (kernel[2 + at] - 1) * dilations[at]
        + 1
        - (pads[at] + pads[at + count])
        for at, side in enumerate(shape[2:])
    )
    work = math.prod(shape) * math.prod(kernel[1:])
    call.cost(work, math.prod(shape[2:]) * math.prod(kernel[1:]) * groups)
    return [Value((shape[0], kernel[1] * groups, *sides))]


def _pool(call: Call) -> list[Value]:
    shape, kernel = call.shape(), call.wholes("kernel_shape") or []
    sides = _window(call, shape[2:], kernel)
    result = (*shape[:2], *sides)
    call.cost(math.prod(result) * math.prod(kernel))
    return [Value(result)] * 2


def _global_pool(call: Call) -> list[Value]:
    shape = call.shape()
    call.cost(math.prod(shape))
    return [Value((*shape[:2], *[1] * (len(shape) - 2)))]


def _recurrent(call: Call) -> list[Value]:
    steps, batch, _ = call.shape(0)
    directions, gates, width = call.shape(1)
    hidden = call.whole("hidden_size")
    if call.whole("layout") or hidden < 1 or gates % hidden or directions not in (1, 2):
        raise ValueError("a layout, or sizes that do not fit")
    work = steps * batch * directions * gates * (width + hidden)
    call.cost(work, steps * batch * directions * gates)
    last = Value((directions, batch, hidden))
    return [Value((steps, directions, batch, hidden)), last, last]


def _scan(call: Call) -> list[Value]:
    """A graph gone through once for each place along the first axis of some inputs."""
    body = call.node.attributes["body"].graph
    known = {"body", "num_scan_inputs"}
    if body is None or not set(call.node.attributes) <= known:
        raise ValueError("axes or directions of its own")
    scanned = call.whole("num_scan_inputs")
    states = len(call.inputs) - scanned
    if scanned < 1 or states < 0 or len(body.inputs) != len(call.inputs):
        raise ValueError("inputs that do not fit its graph")
    lengths = {call.shape(place)[0] for place in range(states, len(call.inputs))}
    if len(lengths) != 1:
        raise ValueError("lengths that differ")
    (length,) = lengths
    given = dict(call.surroundings)
    for place, name in enumerate(body.inputs):
        shape = call.shape(place)
        taken = call.value(place)
        sides = shape if place < states else shape[1:]
        given[name] = Value(sides, wide=taken.wide, whole=taken.whole)
    values = walk(body, given, call.work, call.rules, call.times * max(length, 1))
    results = [values[name] for name in body.outputs]
    if [call.shape(place) for place in range(states)] != [each.shape for each in results[:states]]:
        raise ValueError("a state that changes its shape")
    return [
        Value(each.shape if place < states else (length, *each.shape), wide=True, whole=each.whole)
        for place, each in enumerate(results)
    ]


RULES: Rules = {
    **dict.fromkeys(_SAME, _same),
    **dict.fromkeys(_BROADCAST, _broadcast),
    **dict.fromkeys(_REDUCE, _reduce),
    **dict.fromkeys(("ArgMax", "ArgMin"), _arg),
    **dict.fromkeys(("MaxPool", "AveragePool", "LpPool"), _pool),
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"), _global_pool),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), _recurrent),
    "MatMul": _matmul,
    "Gemm": _gemm,
    "Einsum": _einsum,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Scan": _scan,
}
