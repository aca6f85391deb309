from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from fittingroom.engines.pytorch.modules import build_module, weights_of
from fittingroom.errors import ExportError
from fittingroom.export import build_onnx, fit_ood, wrap_core
from fittingroom.export.quantize import quantize_onnx
from fittingroom.graphs import GraphBuilder
from fittingroom.networks import BatchNorm, Conv, Dense, Flatten, GlobalMaxPool, ReLU
from fittingroom.predict import Predictor
from tests.networks_strategy import networks

CLASSES = tuple(f"class {number}" for number in range(10))


def trained_looking(network, seed) -> nn.Sequential:
    """The network with weights and statistics that are not those of a new one."""
    torch.manual_seed(seed)
    module = build_module(network)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
                part.get_buffer("running_mean").normal_()
                part.get_buffer("running_var").uniform_(0.5, 2)
                part.weight.uniform_(0.5, 2)
                part.bias.normal_()
    return module.eval()


def weights(module: nn.Module) -> dict[str, np.ndarray]:
    normalisation = {"pixels.mean": torch.tensor(72.9), "pixels.deviation": torch.tensor(90.0)}
    return {name: value.numpy() for name, value in (normalisation | weights_of(module)).items()}


def random_images(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28), dtype=np.uint8)


def moved(images: np.ndarray, down: int, right: int) -> np.ndarray:
    """The images shifted, black where nothing was."""
    framed = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    return np.roll(framed, (down, right), axis=(1, 2))[:, 1:-1, 1:-1]


@given(
    networks(), st.integers(0, 9), st.booleans(), st.booleans(), st.sampled_from([0.5, 1.0, 2.0])
)
@settings(max_examples=80, deadline=None)
def test_the_graph_gives_what_pytorch_gives(network, seed, mirror, shifts, temperature):
    module = trained_looking(network, seed)
    images = random_images(3, seed)

    def logits_of(seen: np.ndarray) -> torch.Tensor:
        inputs = ((torch.from_numpy(seen).float() - 72.9) / 90.0).unsqueeze(1)
        logits: torch.Tensor = module(inputs)
        return (logits + module(inputs.flip(3))) / 2 if mirror else logits

    with torch.inference_mode():
        logits = logits_of(images)
        if shifts:
            steps = ((0, 1), (0, -1), (1, 0), (-1, 0))
            around = sum(logits_of(moved(images, *step)) for step in steps) / 4
            logits = (logits + around) / 2
        expected = torch.log_softmax(logits.double() / temperature, dim=1).numpy()
    model = build_onnx(
        network,
        weights(module),
        classes=CLASSES,
        mirror=mirror,
        shifts=shifts,
        temperature=temperature,
    )
    received = Predictor(model, threads=1).log_probabilities(images)
    np.testing.assert_allclose(np.exp(received), np.exp(expected), atol=1e-4)


def features_of(module: nn.Sequential, inputs: torch.Tensor) -> torch.Tensor:
    """What the last dense layer takes; the output where the last layer is none."""
    return module[:-1](inputs) if isinstance(module[-1], nn.Linear) else module(inputs)


@given(networks(), st.integers(0, 9), st.booleans(), st.sampled_from([0.5, 2.0]))
@settings(max_examples=30, deadline=None)
def test_features_and_score_are_what_pytorch_and_numpy_give(network, seed, mirror, temperature):
    module = trained_looking(network, seed)
    images = random_images(20, seed)
    inputs = ((torch.from_numpy(images).float() - 72.9) / 90.0).unsqueeze(1)
    with torch.inference_mode():
        sides = [inputs, inputs.flip(3)] if mirror else [inputs]
        features = torch.stack([features_of(module, side) for side in sides]).mean(0).numpy()
        logits = torch.stack([module(side) for side in sides]).mean(0).numpy()
    options: dict[str, Any] = {"classes": CLASSES, "mirror": mirror, "temperature": temperature}
    plain = Predictor(build_onnx(network, weights(module), **options), threads=1)
    (strange,) = plain.run(("ood_features",), images)
    ood = fit_ood(strange[:12], logits[:12])
    predictor = Predictor(build_onnx(network, weights(module), ood=ood, **options), threads=1)
    received, scores = predictor.run(("features", "ood_score"), images)
    size = max(float(np.abs(features).max()), 1e-2)  # small ones are differences of large ones
    np.testing.assert_allclose(received, features, atol=1e-4 * size)
    expected = ood.scores(strange, logits)
    # By the rounding of float32 in what the score is the difference of.
    widest = max(float(np.abs(strange).max()), 1e-6)
    parts = ood.scale * widest, float(np.abs(logits).max()), 1.0
    np.testing.assert_allclose(scores, expected, atol=1e-4 * max(parts))


POOLED = (
    *(Conv(4, padding=1), ReLU(), Conv(6, stride=2), BatchNorm(), ReLU()),
    *(Conv(5), ReLU(), GlobalMaxPool(), Dense(10)),
)


def test_strangers_are_told_by_channels_means_where_the_last_convolution_is_pooled():
    module = trained_looking(POOLED, 4)
    images = random_images(7)
    options: dict[str, Any] = {"classes": CLASSES, "mirror": True, "temperature": 1.0}
    model = Predictor(build_onnx(POOLED, weights(module), **options))
    features, strange = model.run(("features", "ood_features"), images)
    inputs = ((torch.from_numpy(images).float() - 72.9) / 90.0).unsqueeze(1)
    with torch.inference_mode():
        both = [
            torch.cat([module[:end](side).mean((2, 3)) for end in (2, 5)], 1)
            for side in (inputs, inputs.flip(3))
        ]
    np.testing.assert_allclose(strange, torch.stack(both).mean(0), atol=1e-4)
    assert features.shape == (7, 5)
    flat = (*POOLED[:-2], Flatten(), Dense(10))
    other = Predictor(build_onnx(flat, weights(trained_looking(flat, 4)), **options))
    features, strange = other.run(("features", "ood_features"), images)
    np.testing.assert_array_equal(features, strange)


def test_images_unlike_those_of_the_fit_are_stranger():
    generator = np.random.default_rng(0)
    axes = generator.normal(size=(4, 12))
    near, far = generator.normal(size=(500, 4)) @ axes, generator.normal(size=(500, 12)) * 2
    logits = np.zeros((500, 10), np.float32)
    ood = fit_ood((near + generator.normal(size=near.shape) * 0.1).astype(np.float32), logits)
    inside = ood.scores(near.astype(np.float32), logits)
    outside = ood.scores(far.astype(np.float32), logits)
    assert outside.min() > inside.max()


@pytest.mark.parametrize("size", [1, 2, 300])
def test_a_score_of_features_that_never_vary_is_finite(size):
    features, logits = np.ones((50, size), np.float32), np.zeros((50, 3), np.float32)
    ood = fit_ood(features, logits)
    assert np.isfinite(ood.scores(features, logits)).all()
    assert np.isfinite(ood.scores(features + 1, logits)).all()


def test_a_missing_weight_is_named():
    with pytest.raises(ExportError, match=r"1\.weight"):
        build_onnx(
            (Flatten(), Dense(10)),
            {"pixels.mean": np.zeros((), "f4"), "pixels.deviation": np.ones((), "f4")},
            classes=CLASSES,
            mirror=False,
            temperature=1,
        )


def core() -> bytes:
    """Logits that are an image's mean brightness times 0, 1 and 2."""
    graph = GraphBuilder()
    mean = graph.add("ReduceMean", "images", graph.integers(1, 2), keepdims=0)
    column = graph.add("Unsqueeze", mean, graph.integers(1))
    graph.add("Mul", column, graph.floats(0, 1, 2), output="logits")
    return graph.from_images("logits", 3)


def test_a_cores_features_are_its_logits_and_give_its_score():
    classes, images = ("dark", "middling", "bright"), random_images(30)
    plain = Predictor(wrap_core(core(), classes=classes, temperature=1.0))
    (logits,) = plain.run(("logits",), images)
    ood = fit_ood(logits, logits)
    wrapped = wrap_core(core(), classes=classes, temperature=4.0, ood=ood, metadata={"a": "b"})
    predictor = Predictor(wrapped)
    features, scores = predictor.run(("features", "ood_score"), images)
    np.testing.assert_allclose(features, logits, rtol=1e-5)
    np.testing.assert_allclose(scores, ood.scores(logits, logits), rtol=1e-3, atol=0.05)
    assert predictor.metadata["a"] == "b"


def test_a_model_that_is_no_network_has_no_int8_form():
    model = wrap_core(core(), classes=("dark", "middling", "bright"), temperature=1.0)
    with pytest.raises(ExportError, match="networks of two layers"):
        quantize_onnx(model, random_images(50))
