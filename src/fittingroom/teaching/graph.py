"""The photo model's graph with another last layer: the same images in, the same outputs."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto, compose, helper

from fittingroom.graphs import GraphBuilder
from fittingroom.teaching.fit import Head


def replace_head(
    model: bytes,
    head: Head,
    *,
    classes: Sequence[str],
    temperature: float,
    metadata: Mapping[str, str],
) -> bytes:
    """The ONNX model that gives a head's classes.

    ``logits``, ``probabilities`` and ``evidence`` are of the new classes, ``features`` the same as
    before. ``ood_score`` is how far they lie from the nearest class: :meth:`Head.distances`.

    Args:
        model: the photo model. It gives ``features``, and ``evidence`` by a convolution of what
            they are the mean of.
        metadata: stored in the model beside classes and temperature.
    """
    # Prefixed, as the new nodes may have names that are taken.
    whole = compose.add_prefix(
        onnx.load_from_string(model), "photo_", rename_inputs=False, rename_outputs=False
    )
    old = whole.graph
    (before,) = (node.input[0] for node in old.node if "evidence" in node.output)
    needed = {"features", before}
    nodes: list[onnx.NodeProto] = []
    for node in reversed(old.node):
        if needed & set(node.output):
            nodes.insert(0, node)
            needed |= set(node.input)
    graph = GraphBuilder(nodes, [each for each in old.initializer if each.name in needed])
    shapes = {
        each.name: [side.dim_value for side in each.type.tensor_type.shape.dim]
        for each in old.output
    }
    height, width = shapes["evidence"][2:]
    length = graph.add("ReduceL2", "features", graph.integers(1), keepdims=1)
    scaled = graph.add("Div", "features", length)
    weights = head.weights / np.float32(temperature)  # (K, D)
    bias = graph.constant(head.bias / np.float32(temperature))
    graph.add("Gemm", scaled, graph.constant(weights), bias, transB=1, output="logits")
    graph.add("Softmax", "logits", axis=1, output="probabilities")
    each_place = weights[:, :, None, None] / np.float32(height * width)
    places = graph.add("Conv", before, graph.constant(each_place))
    by = graph.add("Reshape", length, graph.integers(-1, 1, 1, 1))
    graph.add("Div", places, by, output="evidence")
    cosines = graph.add("MatMul", scaled, graph.constant(head.means.T))  # (N, K)
    nearest = graph.add("ReduceMax", cosines, graph.integers(1), keepdims=0)
    graph.add("Sub", graph.floats(1), nearest, output="ood_score")
    outputs = {
        "logits": [len(classes)],
        "probabilities": [len(classes)],
        "features": shapes["features"][1:],
        "ood_score": [],
        "evidence": [len(classes), height, width],
    }
    return graph.serialise(
        list(old.input),
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *sides])
            for name, sides in outputs.items()
        ],
        opsets={each.domain: each.version for each in whole.opset_import},
        metadata={"classes": json.dumps(list(classes)), "temperature": repr(temperature)}
        | dict(metadata),
    )
