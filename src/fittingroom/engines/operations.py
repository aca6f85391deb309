"""Operations and parameters of an ONNX model, counted from its graph."""

import math
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

from fittingroom.safe_io.models import start_session

_MATRIX = ("Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum", "GRU", "LSTM", "RNN")
# ONNX' own domain for classical models, whose nodes hold their numbers as attributes.
_ML = "ai.onnx.ml"


def operation_count(model: bytes) -> int:
    """Multiply-adds for one image, forward, of a graph from ``images``, float32 ``(N, 28, 28)``.

    It is run once on a blank image, for the shapes that reach its nodes. Counted are convolutions,
    matrix products, recurrent layers, linear and support vector machines, and trees, each with the
    comparisons on the longest way to a leaf and one addition. Nodes inside a loop or condition
    are not.
    """
    proto = onnx.load_from_string(model)
    nodes = list(proto.graph.node)
    shapes = {array.name: tuple(array.dims) for array in proto.graph.initializer}
    matrices = [node for node in nodes if node.op_type in _MATRIX]
    used = {name for node in matrices for name in (*node.input, *node.output)}
    names = sorted(used - shapes.keys() - {"", "images"})
    del proto.graph.output[:]
    proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    shapes["images"] = (1, 28, 28)
    if names:
        blank = np.zeros(shapes["images"], np.float32)
        session = start_session(proto.SerializeToString(), None, limited=False)
        found = session.run(None, {"images": blank})
        shapes |= {name: array.shape for name, array in zip(names, found, strict=True)}
    return sum(_operations(node, shapes) for node in nodes)


def parameter_count(proto: onnx.ModelProto) -> int:
    """Numbers that a classical model's graph holds: arrays of them, and those of its nodes.

    A branch of a tree counts as two, a pixel and a threshold.
    """
    kinds = (TensorProto.FLOAT, TensorProto.DOUBLE)
    arrays = [array for array in proto.graph.initializer if array.data_type in kinds]
    nodes = [node for node in proto.graph.node if node.domain == _ML]
    return sum(math.prod(array.dims) for array in arrays) + sum(map(_held, nodes))


def _held(node: onnx.NodeProto) -> int:
    values = _attributes(node)
    if node.op_type.startswith("TreeEnsemble"):
        branches = sum(mode != b"LEAF" for mode in values["nodes_modes"])
        leaves = values.get("class_weights", values.get("target_weights", ()))
        return 2 * branches + len(leaves) + len(values.get("base_values", ()))
    return sum(len(attribute.floats) for attribute in node.attribute)


def _operations(node: onnx.NodeProto, shapes: dict[str, tuple[int, ...]]) -> int:
    values = _attributes(node)
    taken, given = ([shapes.get(name, ()) for name in names] for names in (node.input, node.output))
    match node.op_type:
        case "Conv":  # a kernel of (filters, channels / groups, height, width)
            return math.prod(taken[1][1:]) * math.prod(given[0])
        case "ConvTranspose":  # a kernel of (channels, filters / groups, height, width)
            return math.prod(taken[1][1:]) * math.prod(taken[0])
        case "Gemm":
            return taken[0][0 if values.get("transA") else -1] * math.prod(given[0])
        case "MatMul":
            return taken[0][-1] * math.prod(given[0])
        case "Einsum":  # the product of all letters' sizes
            terms = values["equation"].decode().replace(" ", "").partition("->")[0]
            sizes: dict[str, int] = {}
            for term, shape in zip(terms.replace("...", "").split(","), taken, strict=True):
                sizes |= dict(zip(reversed(term), reversed(shape), strict=False))
            return math.prod(sizes.values())
        case "GRU" | "LSTM" | "RNN":  # an input of (steps, N, features)
            return math.prod(taken[0][:2]) * sum(math.prod(shape) for shape in taken[1:3])
        case "LinearClassifier" | "LinearRegressor":
            return len(values["coefficients"])
        case "SVMClassifier" | "SVMRegressor":
            return len(values["support_vectors"]) + len(values["coefficients"])
        case "TreeEnsembleClassifier" | "TreeEnsembleRegressor":
            return _longest_paths(values)
    return 0


def _longest_paths(values: dict[str, Any]) -> int:
    """The sum over trees of the comparisons on the longest way to a leaf, and its addition."""
    columns = ("treeids", "nodeids", "truenodeids", "falsenodeids", "modes")
    children: dict[tuple[int, int], tuple[int, int]] = {}
    for tree, node, *both, mode in zip(*(values[f"nodes_{name}"] for name in columns), strict=True):
        if mode != b"LEAF":
            children[tree, node] = (both[0], both[1])

    def depth(tree: int, node: int) -> int:
        return 1 + max((depth(tree, child) for child in children.get((tree, node), ())), default=0)

    return sum(depth(tree, 0) for tree in set(values["nodes_treeids"]))  # the root is 0


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
