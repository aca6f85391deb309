"""Histograms of oriented gradients (Dalal and Triggs, 2005, doi:10.1109/CVPR.2005.177) in ONNX.

Training's features are made by running this very graph, and the exported model holds it, so that
the two cannot differ.
"""

import math

import numpy as np

from fittingroom.graphs import GraphBuilder, open_session
from fittingroom.predictions import Float32, UInt8

# Pixels along a side of a cell. Both divide 28; the smaller sees seams, the larger the outline.
_CELLS = (4, 7)
# Pixels along a side of the squares whose mean brightness is a feature beside the histograms.
_SQUARE = 4
# Added to a block's length, so that the faint noise of an empty block is not blown up; in the
# units of a gradient, which is at most 255·√2.
_SOFTENING = 5.0
# No share of a block above this, so that one strong edge does not silence the others.
_CLIP = 0.2
_BATCH = 500


def add_features(graph: GraphBuilder, images: str, orientations: int) -> str:
    """Add histograms of both cell sizes, then mean brightness.

    Takes the name of float32 ``(N, 28, 28)``, 0–255, and gives that of float32 ``(N, F)``.
    """
    images = graph.add("Unsqueeze", images, graph.integers(1))  # (N, 1, 28, 28)
    votes = _votes(graph, images, orientations)
    histograms = [_blocks(graph, votes, orientations, cell) for cell in _CELLS]
    squares = graph.add("AveragePool", images, kernel_shape=[_SQUARE] * 2, strides=[_SQUARE] * 2)
    brightness = graph.add("Flatten", graph.add("Div", squares, graph.floats(255)), axis=1)
    return graph.add("Concat", *histograms, brightness, axis=1)


def features(images: UInt8, orientations: int, threads: int) -> Float32:
    """The features of images, uint8 ``(N, 28, 28)``, by ONNX Runtime: float32 ``(N, F)``."""
    graph = GraphBuilder()
    graph.add("Identity", add_features(graph, "images", orientations), output="features")
    session = open_session(graph.from_images("features", "F"), threads)
    batches = [
        session.run(None, {"images": images[start : start + _BATCH].astype(np.float32)})[0]
        for start in range(0, len(images), _BATCH)
    ]
    return np.concatenate(batches)


def _votes(graph: GraphBuilder, images: str, orientations: int) -> str:
    """Each pixel's gradient, shared between the two nearest directions: ``(N, B, 28, 28)``."""
    padded = graph.add("Pad", images, graph.integers(0, 0, 1, 1, 0, 0, 1, 1), mode="edge")
    kernel = np.zeros((2, 1, 3, 3), np.float32)
    kernel[0, 0, 1] = kernel[1, 0, :, 1] = (-1, 0, 1)
    gradients = graph.add("Conv", padded, graph.constant(kernel))  # (N, 2, 28, 28)
    squares = graph.add("ReduceSumSquare", gradients, graph.integers(1), keepdims=1)
    length = graph.add("Sqrt", squares)
    across, down = (
        graph.add("Slice", gradients, *(graph.integers(value) for value in (axis, axis + 1, 1)))
        for axis in (0, 1)
    )
    # ONNX has no arc tangent of two arguments. Gradients are whole numbers: 1e-6 stands for zero.
    level = graph.add("Equal", across, graph.floats(0))
    across = graph.add("Where", level, graph.floats(1e-6), across)
    angle = graph.add("Atan", graph.add("Div", down, across))
    backwards = graph.add("Less", across, graph.floats(0))
    angle = graph.add(
        "Add", angle, graph.add("Where", backwards, graph.floats(math.pi), graph.floats(0))
    )
    directions = np.arange(orientations, dtype=np.float32).reshape(1, -1, 1, 1)
    place = graph.add("Mul", angle, graph.floats(orientations / (2 * math.pi)))
    distance = graph.add("Sub", place, graph.constant(directions))
    turns = graph.add("Round", graph.add("Div", distance, graph.floats(orientations)))
    distance = graph.add("Sub", distance, graph.add("Mul", turns, graph.floats(orientations)))
    share = graph.add("Relu", graph.add("Sub", graph.floats(1), graph.add("Abs", distance)))
    return graph.add("Mul", share, length)


def _blocks(graph: GraphBuilder, votes: str, orientations: int, cell: int) -> str:
    """Histograms of cells, in overlapping blocks of two by two, normalised: ``(N, H)``."""
    # A pixel votes in the four nearest cells, by its distance from their middles.
    side = 2 * cell - cell % 2
    ramp = 1 - np.abs(np.arange(side) - (side - 1) / 2) / cell
    kernel = (np.outer(ramp, ramp) / cell**2).astype(np.float32)
    cells = graph.add(
        "Conv",
        votes,
        graph.constant(np.tile(kernel, (orientations, 1, 1, 1))),
        group=orientations,
        kernel_shape=[side] * 2,
        strides=[cell] * 2,
        pads=[cell // 2] * 4,
    )  # (N, B, 28 / cell, 28 / cell)
    last = 28 // cell - 1
    corners = [
        graph.add(
            "Slice",
            cells,
            graph.integers(row, column),
            graph.integers(row + last, column + last),
            graph.integers(2, 3),
        )
        for row in (0, 1)
        for column in (0, 1)
    ]
    blocks = graph.add("Concat", *corners, axis=1)  # (N, 4·B, last, last)
    blocks = graph.add("Min", _normalised(graph, blocks, _SOFTENING), graph.floats(_CLIP))
    return graph.add("Flatten", _normalised(graph, blocks, 0.01), axis=1)


def _normalised(graph: GraphBuilder, blocks: str, softening: float) -> str:
    squares = graph.add("ReduceSumSquare", blocks, graph.integers(1), keepdims=1)
    length = graph.add("Sqrt", graph.add("Add", squares, graph.floats(softening**2)))
    return graph.add("Div", blocks, length)
