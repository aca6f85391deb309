from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fittingroom.engines.keras.backend import load_keras
from fittingroom.engines.keras.files import file_content
from fittingroom.errors import ExportError
from fittingroom.export import build_onnx
from fittingroom.export.keras import build_keras
from fittingroom.networks import Conv, Dense, Flatten, GlobalMaxPool, ReLU
from fittingroom.predict import Predictor
from tests import plain_keras
from tests.networks_strategy import networks
from tests.test_export import CLASSES, random_images, trained_looking, weights

pytestmark = pytest.mark.slow

keras = load_keras()

DEEP = (Conv(4), ReLU(), Conv(4, padding=1), GlobalMaxPool(), Dense(10))


def answers(model, images):
    return keras.ops.convert_to_numpy(model(images.astype(np.float32), training=False))


@given(
    networks(), st.integers(0, 9), st.booleans(), st.booleans(), st.sampled_from([0.5, 1.0, 2.0])
)
@settings(max_examples=20, deadline=None)
def test_the_keras_model_gives_what_the_onnx_model_gives(
    network, seed, mirror, shifts, temperature
):
    given = weights(trained_looking(network, seed))
    options = {"mirror": mirror, "shifts": shifts, "temperature": temperature}
    images = random_images(3, seed)
    onnx = Predictor(build_onnx(network, given, classes=CLASSES, **options), threads=1)
    model = build_keras(network, given, name="a-network", **options)
    expected = np.exp(onnx.log_probabilities(images))
    np.testing.assert_allclose(answers(model, images), expected, atol=1e-4)


@pytest.mark.parametrize("kind", ["keras", "h5"])
@pytest.mark.parametrize("network", [(Flatten(), Dense(10)), DEEP], ids=["dense", "deep"])
def test_a_file_loads_without_custom_objects_and_takes_pixels(tmp_path, network, kind):
    given = weights(trained_looking(network, 0))
    model = build_keras(network, given, name="a-network", mirror=True, shifts=True, temperature=2)
    path = tmp_path / f"model.{kind}"
    path.write_bytes(file_content(model, kind))
    images = random_images(5)
    expected = answers(model, images)
    mirrored = np.ascontiguousarray(images[:, :, ::-1])
    for taken in (images, images.astype(float), images[..., None], mirrored):
        # Loaded anew each time: one model in TensorFlow does not take both shapes in turns.
        loaded = keras.models.load_model(path)
        np.testing.assert_allclose(loaded.predict(taken, verbose=0), expected, atol=1e-6)
    assert loaded.name == "a_network_takes_pixel_values_0_to_255"


@pytest.mark.parametrize("version", ["3.7.0", "3.10.0"])
def test_older_versions_of_keras_load_the_files(tmp_path, monkeypatch, version):
    older = Path(__file__).parents[1] / ".keras" / version
    if not older.is_dir():
        pytest.skip(f"`make {older.relative_to(older.parents[1])}` installs this version")
    monkeypatch.setenv("PYTHONPATH", str(older))
    given = weights(trained_looking(DEEP, 0))
    ours = build_keras(DEEP, given, name="a", mirror=True, shifts=True, temperature=2)
    keras.utils.set_random_seed(0)
    layers = [keras.Input((28, 28)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten()]
    layers += [keras.layers.Dense(10)]
    images = random_images(5).astype(np.float32)
    paths, expected = [], []
    for name, model in (("ours", ours), ("own", keras.Sequential(layers))):
        for kind in ("keras", "h5"):
            paths.append(tmp_path / f"{name}.{kind}")
            paths[-1].write_bytes(file_content(model, kind))
            expected.append(answers(model, images))
    received = plain_keras.probabilities(paths, images, "torch", tmp_path)
    np.testing.assert_allclose(received, np.stack(expected), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["1.weight", "pixels.mean"])
def test_a_missing_weight_is_named(name):
    network = (Flatten(), Dense(10))
    given = weights(trained_looking(network, 0))
    del given[name]
    with pytest.raises(ExportError, match=name):
        build_keras(network, given, name="a", mirror=False, temperature=1)
