"""Operations and parameters counted from a graph, against the formulas of each kind of node."""

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from fittingroom.engines.operations import operation_count, parameter_count
from fittingroom.engines.own import build_core, reason_of
from fittingroom.errors import ExportError
from fittingroom.graphs import GraphBuilder


def model_of(graph: GraphBuilder) -> bytes:
    graph.add("Flatten", "given", axis=1, output="logits")
    return graph.from_images("logits", "K", opsets={"ai.onnx.ml": 3})


def zeros(graph: GraphBuilder, *shape: int) -> str:
    return graph.constant(np.zeros(shape, np.float32))


def convolution(graph):
    image = graph.add("Unsqueeze", "images", graph.integers(1))
    kernel = zeros(graph, 6, 1, 4, 4)
    graph.add("Conv", image, kernel, strides=[4, 4], output="given")


def grouped_convolution(graph):
    image = graph.add("Expand", "images", graph.integers(1, 28, 28))
    image = graph.add("Reshape", image, graph.integers(-1, 4, 14, 14))
    graph.add("Conv", image, zeros(graph, 8, 2, 3, 3), group=2, output="given")


def transposed_convolution(graph):
    image = graph.add("Unsqueeze", "images", graph.integers(1))
    kernel = zeros(graph, 1, 5, 2, 2)
    graph.add("ConvTranspose", image, kernel, strides=[2, 2], output="given")


def matrices(graph):
    flat = graph.add("Flatten", "images", axis=1)
    hidden = graph.add("Gemm", flat, zeros(graph, 784, 3), zeros(graph, 3))
    graph.add("MatMul", hidden, zeros(graph, 3, 10), output="given")


def einsum(graph):
    graph.add("Einsum", "images", zeros(graph, 28, 5), equation="nij,jk->nik", output="given")


def recurrent(graph):
    steps = graph.add("Transpose", "images", perm=[1, 0, 2])
    weights = [zeros(graph, 1, 3 * 4, 28), zeros(graph, 1, 3 * 4, 4)]
    graph.add("GRU", steps, *weights, hidden_size=4, output="given")


def trees(graph):
    """Two trees: one of a branch and two leaves, one of three levels."""
    graph.add(
        "TreeEnsembleRegressor",
        graph.add("Flatten", "images", axis=1),
        output="given",
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=[0, 0, 0, 1, 1, 1, 1, 1],
        nodes_nodeids=[0, 1, 2, 0, 1, 2, 3, 4],
        nodes_modes=["LEAF" if leaf else "BRANCH_LEQ" for leaf in (0, 1, 1, 0, 1, 0, 1, 1)],
        nodes_featureids=[0] * 8,
        nodes_values=[0.5] * 8,
        nodes_truenodeids=[1, 0, 0, 1, 0, 3, 0, 0],
        nodes_falsenodeids=[2, 0, 0, 2, 0, 4, 0, 0],
        target_treeids=[0, 0, 1, 1, 1],
        target_nodeids=[1, 2, 1, 3, 4],
        target_ids=[0] * 5,
        target_weights=[1.0] * 5,
    )


@pytest.mark.parametrize(
    ("build", "operations", "parameters"),
    [
        (convolution, 6 * 16 * 49, 96),
        (grouped_convolution, 8 * 2 * 9 * 144, 144),
        (transposed_convolution, 5 * 4 * 784, 20),
        (matrices, 784 * 3 + 30, 784 * 3 + 3 + 30),
        (einsum, 28 * 28 * 5, 140),
        (recurrent, 28 * (12 * 28 + 12 * 4), 12 * 28 + 12 * 4),
        (trees, 2 + 3, 2 * 3 + 5),
    ],
)
def test_each_kind_of_node_is_counted_by_its_formula(build, operations, parameters):
    graph = GraphBuilder()
    build(graph)
    model = model_of(graph)
    assert operation_count(model) == operations
    assert parameter_count(onnx.load_from_string(model)) == parameters


def core_of(**settings):
    graph = GraphBuilder()
    graph.add("Gemm", "images", zeros(graph, 784, 10), output="given")
    inner = graph.serialise(
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", 784])],
        [helper.make_tensor_value_info("given", TensorProto.FLOAT, ["N", 10])],
    )
    given: dict[str, Any] = {"shape": (784,), "classes": 10, "gives": "logits", "parameters": 7840}
    return build_core(onnx.load_from_string(inner), **given | settings)


def test_a_core_of_another_shape_is_refused():
    with pytest.raises(ExportError, match="ONNX Runtime can't use"):
        core_of(shape=(3, 7))
    with pytest.raises(ExportError, match="ONNX Runtime can't use"):
        core_of(classes=9)


def test_an_exporters_reason_is_that_of_its_first_error_without_colours():
    error = RuntimeError("told at length")
    error.__cause__ = ValueError('\x1b[96mno such\nnode\x1b[0m\n\nmore\n\n  File "a.py", line 3')
    assert reason_of(error) == 'no such node (File "a.py", line 3)'
    assert reason_of(KeyError()) == "KeyError"
    assert len(reason_of(ValueError("x" * 5000))) < 700
