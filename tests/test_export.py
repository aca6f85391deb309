import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from fittingroom.engines.pytorch.modules import build_module, weights_of
from fittingroom.errors import ExportError
from fittingroom.export import build_onnx
from fittingroom.networks import Dense, Flatten
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


def pictures(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28), dtype=np.uint8)


@given(networks(), st.integers(0, 9), st.booleans(), st.sampled_from([0.5, 1.0, 2.0]))
@settings(max_examples=60, deadline=None)
def test_the_graph_gives_what_pytorch_gives(network, seed, mirror, temperature):
    module = trained_looking(network, seed)
    images = pictures(3, seed)
    inputs = ((torch.from_numpy(images).float() - 72.9) / 90.0).unsqueeze(1)
    with torch.inference_mode():
        logits = module(inputs)
        if mirror:
            logits = (logits + module(inputs.flip(3))) / 2
        expected = torch.log_softmax(logits.double() / temperature, dim=1).numpy()
    model = build_onnx(
        network, weights(module), classes=CLASSES, mirror=mirror, temperature=temperature
    )
    received = Predictor(model, threads=1).log_probabilities(images)
    np.testing.assert_allclose(np.exp(received), np.exp(expected), atol=1e-4)


def test_probabilities_are_the_softmax_of_logits():
    network = (Flatten(), Dense(10))
    model = build_onnx(
        network,
        weights(trained_looking(network, 0)),
        classes=CLASSES,
        mirror=True,
        temperature=1.7,
    )
    predictor = Predictor(model)
    logits, probabilities = predictor._session.run(
        ["logits", "probabilities"], {"pictures": pictures(5)}
    )
    expected = torch.softmax(torch.from_numpy(logits), 1).numpy()
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)
    assert predictor.classes == CLASSES


def test_with_mirror_a_picture_and_its_mirror_image_get_the_same_answer():
    network = (Flatten(), Dense(10))
    model = build_onnx(
        network, weights(trained_looking(network, 1)), classes=CLASSES, mirror=True, temperature=1
    )
    images = pictures(4)
    predictor = Predictor(model)
    np.testing.assert_allclose(
        predictor.log_probabilities(images),
        predictor.log_probabilities(np.ascontiguousarray(images[:, :, ::-1])),
        atol=1e-5,
    )


def test_a_missing_weight_is_named():
    with pytest.raises(ExportError, match=r"1\.weight"):
        build_onnx(
            (Flatten(), Dense(10)),
            {"pixels.mean": np.zeros((), "f4"), "pixels.deviation": np.ones((), "f4")},
            classes=CLASSES,
            mirror=False,
            temperature=1,
        )
