"""The shapes that operators give which only move, repeat or choose numbers."""

import math
from collections.abc import Callable, Mapping

import numpy as np

from fittingroom.safe_io.graphs import Value
from fittingroom.safe_io.shapes import Call, axis_of, broadcast, few, valued


def _reshape(call: Call) -> list[Value]:
    shape, asked = call.shape(), call.integers(1)
    if not call.whole("allowzero"):
        asked = [shape[place] if side == 0 else side for place, side in enumerate(asked)]
    return [_reshaped(call, asked)]


def _reshaped(call: Call, asked: list[int]) -> Value:
    """The first input in another shape, of which one side may be left open as −1."""
    count = math.prod(call.shape())
    if asked.count(-1) == 1:
        rest = math.prod(side for side in asked if side != -1)
        asked = [count // rest if side == -1 else side for side in asked]
    if math.prod(asked) != count or min(asked, default=0) < 0:
        raise ValueError(f"{call.shape()} as {asked}")
    numbers = call.value(0).numbers
    return valued(tuple(asked), None if numbers is None else numbers.reshape(asked))[0]


def _flatten(call: Call) -> list[Value]:
    shape, axis = call.shape(), call.whole("axis", 1)
    axis = axis if axis == len(call.shape()) else axis_of(axis, len(shape))
    return [Value((math.prod(shape[:axis]), math.prod(shape[axis:])))]


def _transpose(call: Call) -> list[Value]:
    shape = call.shape()
    order = call.wholes("perm") or list(range(len(shape)))[::-1]
    if sorted(order) != list(range(len(shape))):
        raise ValueError(f"the order {order}")
    return [Value(tuple(shape[place] for place in order))]


def _squeeze(call: Call) -> list[Value]:
    shape, axes = call.shape(), call.wholes("axes")
    if call.optional(1) is not None:
        axes = call.integers(1)
    if axes is None:
        axes = [place for place, side in enumerate(shape) if side == 1]
    gone = {axis_of(axis, len(shape)) for axis in axes}
    if any(shape[place] != 1 for place in gone):
        raise ValueError(f"{shape} without {axes}")
    return [_reshaped(call, [side for place, side in enumerate(shape) if place not in gone])]


def _unsqueeze(call: Call) -> list[Value]:
    axes = call.wholes("axes")
    if call.optional(1) is not None:
        axes = call.integers(1)
    rank = len(call.shape()) + len(axes or ())
    places = {axis_of(axis, rank) for axis in axes or ()}
    if len(places) != len(axes or ()):
        raise ValueError(f"the axes {axes}"[:80])
    sides = iter(call.shape())
    return [_reshaped(call, [1 if place in places else next(sides) for place in range(rank)])]


def _concat(call: Call) -> list[Value]:
    shapes = [call.shape(place) for place in range(len(call.inputs))]
    axis = axis_of(call.node.attributes["axis"].whole, len(shapes[0]))
    rests = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
    if len(rests) != 1 or {len(shape) for shape in shapes} != {len(shapes[0])}:
        raise ValueError(f"{shapes} together"[:80])
    side = sum(shape[axis] for shape in shapes)
    result = (*shapes[0][:axis], side, *shapes[0][axis + 1 :])
    numbers = [each.numbers for each in call.inputs if each is not None]
    if all(each is not None for each in numbers) and few(result):
        return valued(result, np.concatenate([np.asarray(each) for each in numbers], axis))
    return [Value(result)]


def _split(call: Call) -> list[Value]:
    shape = call.shape()
    axis = axis_of(call.whole("axis"), len(shape))
    sizes = call.wholes("split")
    if call.optional(1) is not None:
        sizes = call.integers(1)
    if sizes is None:
        count = len(call.node.outputs)
        if call.whole("num_outputs", count) != count:
            raise ValueError("another number of outputs")
        each = -(-shape[axis] // count)
        sizes = [each] * (count - 1) + [shape[axis] - each * (count - 1)]
    if sum(sizes) != shape[axis] or min(sizes) < 0:
        raise ValueError(f"{shape} in parts of {sizes}")
    numbers = call.value(0).numbers
    ends = np.cumsum(sizes)[:-1]
    parts = [None] * len(sizes) if numbers is None else np.split(numbers, ends, axis)
    return [
        valued((*shape[:axis], size, *shape[axis + 1 :]), part)[0]
        for size, part in zip(sizes, parts, strict=True)
    ]


def _slice(call: Call) -> list[Value]:
    shape = list(call.shape())
    starts, ends = call.integers(1), call.integers(2)
    axes = call.integers(3) if call.optional(3) is not None else list(range(len(starts)))
    steps = call.integers(4) if call.optional(4) is not None else [1] * len(starts)
    numbers = call.value(0).numbers
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        place = axis_of(axis, len(shape))
        kept = _places(shape[place], start, end, step)
        shape[place] = len(kept)
        if numbers is not None:
            numbers = np.take(numbers, list(kept), axis=place)
    return valued(tuple(shape), numbers)


def _places(side: int, start: int, end: int, step: int) -> range:
    """The places along an axis that a slice takes, bounded as ONNX Runtime bounds them."""
    start += side if start < 0 else 0
    if step > 0:
        end += side if end < 0 else 0
        return range(min(max(start, 0), side), min(max(end, 0), side), step)
    if side == 0:
        raise ValueError("nothing, backwards")
    # What stands for the end of all stands for the beginning, backwards.
    end = -1 if end in (2**31 - 1, 2**63 - 1) else end + side if end < 0 else end
    return range(min(max(start, 0), side - 1), min(max(end, -1), side), step)


def _gather(call: Call) -> list[Value]:
    shape, indices = call.shape(0), call.shape(1)
    axis = axis_of(call.whole("axis"), len(shape))
    result = (*shape[:axis], *indices, *shape[axis + 1 :])
    numbers, places = call.value(0).numbers, call.value(1).numbers
    if numbers is not None and places is not None and few(result):
        return valued(result, np.take(numbers, places.astype(np.int64), axis=axis))
    return [Value(result)]


def _gather_elements(call: Call) -> list[Value]:
    if len(call.shape(0)) != len(call.shape(1)):
        raise ValueError("indices of other dimensions")
    return [Value(call.shape(1))]


def _gather_nd(call: Call) -> list[Value]:
    shape, indices, batches = call.shape(0), call.shape(1), call.whole("batch_dims")
    depth = indices[-1]
    if not 0 <= batches < len(indices) or batches + depth > len(shape):
        raise ValueError("indices of other dimensions")
    if shape[:batches] != indices[:batches] or 0 in (*shape, *indices):
        raise ValueError("batches that do not fit, or nothing")
    return [Value((*indices[:-1], *shape[batches + depth :]))]


def _array_feature_extractor(call: Call) -> list[Value]:
    return [Value((*(call.shape()[:-1] or (1,)), math.prod(call.shape(1))))]


def _expand(call: Call) -> list[Value]:
    shape = broadcast([call.shape(), tuple(call.integers(1))])
    numbers = call.value(0).numbers
    if numbers is None or not few(shape):
        return [Value(shape)]
    return valued(shape, np.broadcast_to(numbers, shape))


def _tile(call: Call) -> list[Value]:
    repeats = call.integers(1)
    if min(repeats, default=0) < 0:
        raise ValueError("fewer than no repeats")
    sides = zip(call.shape(), repeats, strict=True)
    return [Value(tuple(side * times for side, times in sides))]


def _pad(call: Call) -> list[Value]:
    shape, pads = call.shape(), call.wholes("pads")
    if call.optional(1) is not None:
        pads = call.integers(1)
    axes = call.integers(3) if call.optional(3) is not None else list(range(len(shape)))
    if pads is None or len(pads) != 2 * len(axes):
        raise ValueError("padding of other dimensions")
    mode = call.attribute("mode")
    mirrored = mode is not None and mode.text == b"reflect"
    sides = list(shape)
    for place, axis in enumerate(axes):
        side, both = shape[axis_of(axis, len(shape))], (pads[place], pads[place + len(axes)])
        if min(both) < 0 or (mirrored and max(both) >= max(side, 1)):
            raise ValueError(f"padding of {both} beside {side}")
        sides[axis_of(axis, len(shape))] += sum(both)
    return [Value(tuple(sides))]


def _constant_of_shape(call: Call) -> list[Value]:
    shape = tuple(call.integers(0))
    fill = call.attribute("value")
    number = np.zeros(1, np.float32) if fill is None or not fill.value else fill.value.numbers
    if number is not None and min(shape, default=0) >= 0 and few(shape):
        return valued(shape, np.full(shape, number.ravel()[0]))
    return [Value(shape)]


def _range(call: Call) -> list[Value]:
    (start,), (limit,), (step,) = (call.integers(place) for place in range(3))
    kind, *others = (np.asarray(call.value(place).numbers).dtype for place in range(3))
    if kind.kind != "i" or set(others) != {kind}:
        raise ValueError("a range of other than whole numbers")
    count = len(range(start, limit, step))
    there = np.arange(start, limit, step, dtype=kind) if few((count,)) else None
    return valued((count,), there)


def _shape_of(call: Call) -> list[Value]:
    sides = call.shape()
    end = call.attribute("end")
    part = sides[call.whole("start") : None if end is None else end.whole]
    return valued((len(part),), np.array(part, np.int64))


def _size(call: Call) -> list[Value]:
    return valued((), np.array(math.prod(call.shape()), np.int64))


def _constant(call: Call) -> list[Value]:
    (name, held), *others = call.node.attributes.items()
    if others:
        raise ValueError("several values")
    match name:
        case "value" if held.value is not None:
            return [held.value]
        case "value_int":
            return valued((), np.array(held.whole, np.int64))
        case "value_ints":
            return valued((len(held.wholes),), held.wholes)
        case "value_float":
            return [Value(())]
        case "value_floats":
            return valued((len(held.reals),), held.reals)
    raise ValueError(f"a {name[:40]}")


def _one_hot(call: Call) -> list[Value]:
    shape, (depth,) = call.shape(), call.integers(1)
    axis = axis_of(call.whole("axis", -1), len(shape) + 1)
    return [Value((*shape[:axis], depth, *shape[axis:]))]


def _top_k(call: Call) -> list[Value]:
    shape, (count,) = call.shape(), call.integers(1)
    axis = axis_of(call.whole("axis", -1), len(shape))
    if not 0 <= count <= shape[axis]:
        raise ValueError(f"the first {count} of {shape[axis]}")
    call.cost(math.prod(shape) * 16, math.prod(shape))
    return [Value((*shape[:axis], count, *shape[axis + 1 :]))] * 2


def _resize(call: Call) -> list[Value]:
    shape = call.shape()
    policy = call.attribute("keep_aspect_ratio_policy")
    if call.attribute("axes") is not None or call.attribute("antialias") is not None:
        raise ValueError("axes or antialias")
    if policy is not None and policy.text != b"stretch":
        raise ValueError("sizes that are no sizes")
    if call.optional(3) is not None:
        sizes = tuple(call.integers(3))
        if len(sizes) != len(shape):
            raise ValueError(f"{len(sizes)} sizes of {shape}")
        return [Value(sizes)]
    scales = call.value(2).numbers
    if scales is None or len(scales) != len(shape):
        raise ValueError("scales that are not fixed")
    factors = [float(each) for each in scales]
    if not all(0 < each < 1000 for each in factors):
        raise ValueError("scales")
    return [Value(tuple(int(side * by) for side, by in zip(shape, factors, strict=True)))]


def _depth_to_space(call: Call) -> list[Value]:
    count, depth, height, width = call.shape()
    block = call.node.attributes["blocksize"].whole
    deep = call.node.kind == "DepthToSpace"
    if block < 1 or (depth % block**2 if deep else height % block or width % block):
        raise ValueError(f"{call.shape()} in blocks of {block}")
    if deep:
        return [Value((count, depth // block**2, height * block, width * block))]
    return [Value((count, depth * block**2, height // block, width // block))]


RULES: Mapping[str, Callable[[Call], list[Value]]] = {
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "DepthToSpace": _depth_to_space,
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "OneHot": _one_hot,
    "Pad": _pad,
    "Range": _range,
    "Reshape": _reshape,
    "Resize": _resize,
    "Shape": _shape_of,
    "Size": _size,
    "Slice": _slice,
    "SpaceToDepth": _depth_to_space,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "TopK": _top_k,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "ai.onnx.ml.ArrayFeatureExtractor": _array_feature_extractor,
}
