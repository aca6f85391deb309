import numpy as np
from onnx import TensorProto, helper

from fittingroom.export import wrap_core
from fittingroom.graphs import GraphBuilder
from fittingroom.predict import Predictor
from fittingroom.predict.explain import occlusion


def looks_at(rows: slice, columns: slice) -> Predictor:
    """A model whose first logit is the brightness of one region, its second nothing."""
    region = np.zeros((28, 28), np.float32)
    region[rows, columns] = 0.001
    graph = GraphBuilder()
    seen = graph.add("Mul", "images", graph.constant(region))
    bright = graph.add("ReduceSum", seen, graph.integers(1, 2), keepdims=0)
    column = graph.add("Unsqueeze", bright, graph.integers(1))
    graph.add("Mul", column, graph.floats(1, 0), output="logits")
    core = graph.serialise(
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", 28, 28])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 2])],
    )
    return Predictor(wrap_core(core, classes=("seen", "not"), temperature=1.0), threads=1)


def test_what_a_model_looks_at_is_what_is_shown():
    predictor = looks_at(slice(4, 10), slice(14, 20))
    heat = occlusion(predictor, np.full((28, 28), 200, np.uint8), label=0)
    assert heat.shape == (28, 28)
    assert heat.dtype == np.float32
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert 4 <= row < 10
    assert 14 <= column < 20
    # No square that covers these touches the region.
    assert np.abs(heat[18:]).max() < 1e-6
    assert np.abs(heat[:, :6]).max() < 1e-6
    assert heat.min() > -1e-6
    # What speaks for one class speaks against the other.
    heat = occlusion(predictor, np.full((28, 28), 200, np.uint8), label=1)
    assert heat.min() < -0.1
    assert heat.max() < 1e-6
