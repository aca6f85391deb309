import numpy as np
from onnx import TensorProto, helper

from fittingroom.export import fit_ood, wrap_core
from fittingroom.graphs import GraphBuilder
from fittingroom.predict import Predictor

CLASSES = ("dark", "middling", "bright")


def core(*, takes: str = "images", gives: str = "logits") -> bytes:
    """Logits that are an image's mean brightness times 0, 1 and 2."""
    graph = GraphBuilder()
    mean = graph.add("ReduceMean", takes, graph.integers(1, 2), keepdims=0)
    column = graph.add("Unsqueeze", mean, graph.integers(1))
    graph.add("Mul", column, graph.floats(0, 1, 2), output=gives)
    return graph.serialise(
        [helper.make_tensor_value_info(takes, TensorProto.FLOAT, ["N", 28, 28])],
        [helper.make_tensor_value_info(gives, TensorProto.FLOAT, ["N", 3])],
    )


def test_a_cores_features_are_its_logits_and_give_its_score():
    images = np.random.default_rng(0).integers(0, 256, (30, 28, 28), dtype=np.uint8)
    plain = Predictor(wrap_core(core(), classes=CLASSES, temperature=1.0))
    (logits,) = plain.run(("logits",), images)
    ood = fit_ood(logits, logits)
    wrapped = wrap_core(core(), classes=CLASSES, temperature=4.0, ood=ood, metadata={"a": "b"})
    predictor = Predictor(wrapped)
    features, scores = predictor.run(("features", "ood_score"), images)
    np.testing.assert_allclose(features, logits, rtol=1e-5)
    np.testing.assert_allclose(scores, ood.scores(logits, logits), rtol=1e-3, atol=0.05)
    assert predictor.metadata["a"] == "b"
