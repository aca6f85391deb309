"""Operations and parameters of an ONNX model, counted from its graph."""

import math
from collections import defaultdict
from typing import Any

import numpy as np
import onnx
import onnxruntime

_MATRIX = ("Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum", "GRU", "LSTM", "RNN")
# ONNX' own domain for classical models, whose nodes hold their numbers as attributes.
_ML = "ai.onnx.ml"
_SHAPES = "shape of "


def operation_count(model: bytes) -> int:
    """Multiply-adds for one picture, forward, and for trees the comparisons of the longest path.

    The model is run once on a blank picture, for the shapes that reach its nodes. Counted are
    convolutions, matrix products, recurrent layers, linear and support vector machines, and
    trees, as a sum over trees of the comparisons on the longest way to a leaf and one addition.
    Nodes inside a loop or condition are not.

    Args:
        model: a graph from ``pictures``, float32 ``(N, 28, 28)``.
    """
    proto = onnx.load_from_string(model)
    nodes = list(proto.graph.node)
    shapes = _shapes(proto, [node for node in nodes if node.op_type in _MATRIX])
    return sum(_operations(node, shapes) for node in nodes)


def parameter_count(proto: onnx.ModelProto) -> int:
    """Numbers that a classical model's graph holds: arrays of them, and those of its nodes.

    A branch of a tree counts as two, a pixel and a threshold.
    """
    arrays = sum(
        math.prod(array.dims)
        for array in proto.graph.initializer
        if array.data_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)
    )
    return arrays + sum(_held(node) for node in proto.graph.node if node.domain == _ML)


def _held(node: onnx.NodeProto) -> int:
    if node.op_type.startswith("TreeEnsemble"):
        values = _attributes(node)
        modes = values["nodes_modes"]
        leaves = len(values.get("class_weights", values.get("target_weights", ())))
        return (
            2 * sum(mode != b"LEAF" for mode in modes) + leaves + len(values.get("base_values", ()))
        )
    return sum(len(attribute.floats) for attribute in node.attribute)


def _shapes(proto: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> dict[str, tuple[int, ...]]:
    """The shapes of all that some nodes take and give, for one picture."""
    shapes = {array.name: tuple(array.dims) for array in proto.graph.initializer}
    asked = onnx.ModelProto()
    asked.CopyFrom(proto)
    del asked.graph.output[:]
    names = [
        name
        for name in dict.fromkeys(name for node in nodes for name in (*node.input, *node.output))
        if name and name not in shapes
    ]
    if not names:
        return shapes
    for name in names:
        asked.graph.node.append(onnx.helper.make_node("Shape", [name], [f"{_SHAPES}{name}"]))
        asked.graph.output.append(
            onnx.helper.make_tensor_value_info(f"{_SHAPES}{name}", onnx.TensorProto.INT64, None)
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        asked.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    blank = np.zeros((1, 28, 28), np.float32)
    found = session.run([f"{_SHAPES}{name}" for name in names], {"pictures": blank})
    return shapes | {
        name: tuple(int(side) for side in shape) for name, shape in zip(names, found, strict=True)
    }


def _operations(node: onnx.NodeProto, shapes: dict[str, tuple[int, ...]]) -> int:
    values = _attributes(node)
    match node.op_type:
        case "Conv":
            kernel = shapes[node.input[1]]  # (filters, channels / groups, height, width)
            return math.prod(kernel[1:]) * math.prod(shapes[node.output[0]])
        case "ConvTranspose":
            kernel = shapes[node.input[1]]  # (channels, filters / groups, height, width)
            return math.prod(kernel[1:]) * math.prod(shapes[node.input[0]])
        case "Gemm":
            shared = shapes[node.input[0]][0 if values.get("transA") else -1]
            return shared * math.prod(shapes[node.output[0]])
        case "MatMul":
            return shapes[node.input[0]][-1] * math.prod(shapes[node.output[0]])
        case "Einsum":
            return _einsum(values["equation"].decode(), [shapes[name] for name in node.input])
        case "GRU" | "LSTM" | "RNN":
            steps, batch = shapes[node.input[0]][:2]
            return steps * batch * sum(math.prod(shapes[name]) for name in node.input[1:3])
        case "LinearClassifier" | "LinearRegressor":
            return len(values["coefficients"])
        case "SVMClassifier" | "SVMRegressor":
            return len(values["support_vectors"]) + len(values["coefficients"])
        case "TreeEnsembleClassifier" | "TreeEnsembleRegressor":
            return _longest_paths(values)
    return 0


def _einsum(equation: str, shapes: list[tuple[int, ...]]) -> int:
    """The product of all letters' sizes."""
    sizes: dict[str, int] = {}
    terms = equation.replace(" ", "").partition("->")[0].split(",")
    for term, shape in zip(terms, shapes, strict=True):
        sizes |= dict(
            zip(term.replace("...", ""), shape[-len(term.replace("...", "")) :], strict=True)
        )
    return math.prod(sizes.values())


def _longest_paths(values: dict[str, Any]) -> int:
    """The sum over trees of the comparisons on the longest way to a leaf, and its addition."""
    columns = ("treeids", "nodeids", "truenodeids", "falsenodeids", "modes")
    rows = zip(*(values[f"nodes_{name}"] for name in columns), strict=True)
    children: dict[tuple[int, int], tuple[int, int]] = {}
    nodes: dict[int, list[int]] = defaultdict(list)
    for tree, node, true, false, mode in rows:
        nodes[tree].append(node)
        if mode != b"LEAF":
            children[tree, node] = (true, false)
    total = 0
    for tree, members in nodes.items():
        inner = {child for node in members for child in children.get((tree, node), ())}
        level = [node for node in members if node not in inner]  # the root
        while level:
            total += 1
            level = [child for node in level for child in children.get((tree, node), ())]
    return total


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
