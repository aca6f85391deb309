import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from fittingroom.safe_io.graphs import Value, read_graph
from fittingroom.safe_io.models import RULES
from fittingroom.safe_io.shapes import Work, walk
from tests.hostile.test_models import constant, model, node

# Each gives z from the pixels, float32 (N, 28, 28), flat (N, 784), or constants.
CASES = {
    "Concat": ([node("Concat", "pixels pixels", "z", axis=2)], []),
    "Expand": ([node("Expand", "pixels s", "z")], [constant("s", [2, 1, 28, 28])]),
    "Flatten": ([node("Flatten", "pixels", "z", axis=2)], []),
    "Gather": ([node("Gather", "pixels i", "z", axis=1)], [constant("i", [[0, 3], [5, 7]])]),
    "GatherND": ([node("GatherND", "pixels i", "z")], [constant("i", [[[0, 3], [0, 7]]])]),
    "OneHot": (
        [node("OneHot", "i d v", "z", axis=0)],
        [constant("i", [1, 2]), constant("d", 5), constant("v", [0, 1])],
    ),
    "Pad": ([node("Pad", "pixels p", "z")], [constant("p", [0, 1, 2, 0, 3, 4])]),
    "Range": (
        [node("Range", "a b c", "z")],
        [constant("a", 9), constant("b", -2), constant("c", -3)],
    ),
    "division of negatives": (
        [node("Div", "a b", "s"), node("Neg", "s", "z")],
        [constant("a", [7, -7, 7, -7, 2**60 + 1]), constant("b", [2, 2, -2, -2, 1])],
    ),
    "whole numbers by a constant": (
        [node("Cast", "pixels", "i", to=TensorProto.INT64), node("Div", "i b", "h"),
         node("Cast", "h", "z", to=TensorProto.FLOAT)],
        [constant("b", 2)],
    ),
    "whole numbers by an expanded constant": (
        [node("Cast", "pixels", "i", to=TensorProto.INT64), node("Shape", "pixels", "s"),
         node("Split", "s", "n first rest", axis=0, num_outputs=3), node("Expand", "b first", "e"),
         node("Div", "i e", "h"), node("Cast", "h", "z", to=TensorProto.FLOAT)],
        [constant("b", 2)],
    ),
    "numbers by others": (
        [node("ArgMax", "pixels", "i"), node("Cast", "i", "f", to=TensorProto.FLOAT),
         node("Add", "f one", "above"), node("Div", "pixels above", "z")],
        [constant("one", 1, np.float32)],
    ),
    "Reshape": ([node("Reshape", "pixels s", "z")], [constant("s", [0, -1, 7])]),
    "Resize": (
        [node("Unsqueeze", "pixels one", "u"), node("Resize", "u  s", "z")],
        [constant("one", [1]), constant("s", [1, 1, 1.7, 0.4], np.float32)],
    ),
    "Shape": (
        [node("Shape", "pixels", "s"), node("ConstantOfShape", "s", "z")],
        [],
    ),
    "Slice": (
        [node("Slice", "pixels a b x s", "z")],
        [constant("a", [-1, 3]), constant("b", [-(2**62), 20]), constant("x", [1, 2]),
         constant("s", [-2, 5])],
    ),
    "Split": ([node("Split", "pixels p", "y z", axis=1)], [constant("p", [8, 20])]),
    "Squeeze": (
        [node("Unsqueeze", "pixels a", "u"), node("Squeeze", "u b", "z")],
        [constant("a", [-1, 1]), constant("b", [1])],
    ),
    "Tile": ([node("Tile", "pixels r", "z")], [constant("r", [1, 2, 3])]),
    "TopK": ([node("TopK", "flat k", "z i")], [constant("k", [4])]),
    "Transpose": ([node("Transpose", "pixels", "z", perm=[2, 0, 1])], []),
    "broadcast": ([node("Add", "pixels r", "z")], [constant("r", np.zeros((5, 1, 1, 28)), np.float32)]),
    "MatMul": ([node("MatMul", "pixels r", "z")], [constant("r", np.zeros((2, 1, 28, 3)), np.float32)]),
    "Gemm": ([node("Gemm", "flat weights", "z")], []),
    "Einsum": ([node("Einsum", "pixels pixels", "z", equation="nij,nkj->nik")], []),
    "ReduceMean": ([node("ReduceMean", "pixels a", "z", keepdims=0)], [constant("a", [-1])]),
    "ArgMax": ([node("ArgMax", "pixels", "z", axis=1, keepdims=0)], []),
    "Conv": (
        [node("Unsqueeze", "pixels one", "u"),
         node("Conv", "u k", "z", strides=[2, 3], pads=[1, 0, 2, 1], dilations=[2, 1])],
        [constant("one", [1]), constant("k", np.zeros((6, 1, 3, 5)), np.float32)],
    ),
    "Conv, same": (
        [node("Unsqueeze", "pixels one", "u"),
         node("Conv", "u k", "z", strides=[3, 3], auto_pad="SAME_UPPER")],
        [constant("one", [1]), constant("k", np.zeros((6, 1, 3, 5)), np.float32)],
    ),
    "ConvTranspose": (
        [node("Unsqueeze", "pixels one", "u"),
         node("ConvTranspose", "u k", "z", strides=[2, 2], pads=[1, 1, 0, 1], output_padding=[1, 0])],
        [constant("one", [1]), constant("k", np.zeros((1, 4, 3, 3)), np.float32)],
    ),
    "MaxPool": (
        [node("Unsqueeze", "pixels one", "u"),
         node("MaxPool", "u", "z", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)],
        [constant("one", [1])],
    ),
    "SpaceToDepth": (
        [node("Unsqueeze", "pixels one", "u"), node("SpaceToDepth", "u", "z", blocksize=4)],
        [constant("one", [1])],
    ),
    "LSTM": (
        [node("LSTM", "pixels w r", "z h c", hidden_size=5)],
        [constant("w", np.zeros((1, 20, 28)), np.float32), constant("r", np.zeros((1, 20, 5)), np.float32)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("pictures", [1, 3])
@pytest.mark.parametrize("name", CASES)
def test_shapes_are_those_that_onnx_runtime_gives(name, pictures):
    nodes, constants = CASES[name]
    made = model(nodes, constants)
    kind = {
        "Gather": TensorProto.FLOAT,
        "OneHot": TensorProto.INT64,
        "Range": TensorProto.INT64,
        "ArgMax": TensorProto.INT64,
        "division of negatives": TensorProto.INT64,
    }.get(name, TensorProto.FLOAT)
    made.graph.output.append(helper.make_tensor_value_info("z", kind, None))
    content = made.SerializeToString()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    (received,) = session.run(["z"], {"pictures": np.zeros((pictures, 28, 28), np.uint8)})
    taken = {"pictures": Value((pictures, 28, 28), whole=True)}
    expected = walk(read_graph(content), taken, Work(10**7), RULES)["z"]
    assert received.shape == expected.shape
    if expected.numbers is not None:
        np.testing.assert_array_equal(received, expected.numbers)


def sliced(side, start, end, step):
    """What ONNX Runtime takes of 0, 1, 2, …, and the rule's numbers."""
    ends = [constant("a", [start]), constant("b", [end]), constant("x", [0]), constant("s", [step])]
    held = constant("held", np.arange(side))
    made = model([node("Slice", "held a b x s", "z")], [held, *ends])
    made.graph.output.append(helper.make_tensor_value_info("z", TensorProto.INT64, None))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        made.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    (received,) = session.run(["z"], {"pictures": np.zeros((1, 28, 28), np.uint8)})
    graph = read_graph(made.SerializeToString())
    taken = {"pictures": Value((1, 28, 28), whole=True)}
    return received, walk(graph, taken, Work(10**7), RULES)["z"].numbers


ENDS = st.one_of(st.integers(-9, 9), st.sampled_from([2**31 - 1, -(2**31), 2**63 - 1, -(2**63)]))


@given(side=st.integers(1, 5), start=ENDS, end=ENDS, step=ENDS.filter(bool))
def test_a_slice_takes_what_onnx_runtime_takes(side, start, end, step):
    received, expected = sliced(side, start, end, step)
    np.testing.assert_array_equal(received, expected)
