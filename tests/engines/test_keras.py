import dataclasses
import functools
import importlib.util
import itertools
import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fittingroom.data import SplitRule
from fittingroom.engines import engine_named
from fittingroom.engines.keras.backend import check_backend, load_keras
from fittingroom.engines.keras.models import apply_network, set_weights, weights_of
from fittingroom.errors import MissingExtraError, RecipeError, UsageError
from fittingroom.networks import (
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    MaxPool,
    ReLU,
)
from fittingroom.predictions import softmax
from fittingroom.recipes import Augmentation, Recipe
from fittingroom.runs import best_epoch
from tests import plain_keras
from tests.engines import own_models
from tests.networks_strategy import networks
from tests.test_export import trained_looking, weights

pytestmark = pytest.mark.slow

ENGINE = engine_named("keras")
fit = functools.partial(own_models.fit, ENGINE)
keras = load_keras()
BACKEND = keras.backend.backend()

SMALL = Recipe(
    name="small",
    title="A network that Keras trains in a second",
    engine="keras",
    network=(
        Conv(8, kernel=4, stride=4),
        ReLU(),
        BatchNorm(),
        MaxPool(2),
        Dropout(0.1),
        Flatten(),
        Dense(10),
    ),
    split=SplitRule("last", "1/5"),
    epochs=2,
    batch_size=100,
    optimizer="adam",
    learning_rate=0.01,
    schedule="constant",
    augmentation=Augmentation(flip=True, rotation=0.02),
)
DENSE = dataclasses.replace(
    SMALL, name="dense", network=(Flatten(), Dense(16), ReLU(), Dense(10)), keep="last"
)


@pytest.fixture(scope="module")
def split(sample):
    return sample.split(SMALL.split)


@given(networks(), st.integers(0, 9))
@settings(max_examples=20, deadline=None)
def test_keras_gives_what_pytorch_gives_and_weights_go_there_and_back(network, seed):
    module = trained_looking(network, seed)
    copied = {name: value for name, value in weights(module).items() if "pixels" not in name}
    inputs = keras.Input((28, 28, 1))
    built = keras.Model(inputs, apply_network(network, inputs))
    set_weights(built, network, copied)
    assert built.count_params() == sum(value.size for value in copied.values())
    again = weights_of(built, network)
    assert {name: value.tobytes() for name, value in again.items()} == {
        name: value.tobytes() for name, value in copied.items()
    }
    values = torch.randn(3, 1, 28, 28, generator=torch.Generator().manual_seed(seed))
    received = built(values.numpy().transpose(0, 2, 3, 1), training=False)
    with torch.inference_mode():
        expected = module(values.clone()).numpy()
    received = keras.ops.convert_to_numpy(received)
    np.testing.assert_allclose(received, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.skipif(BACKEND != "torch", reason="promised for PyTorch on the processor")
def test_same_seed_gives_the_same_weights_byte_for_byte_and_another_others(split):
    first, again, other = (
        {name: array.tobytes() for name, array in fit(SMALL, split, seed)[0].weights.items()}
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first["0.weight"] != other["0.weight"]


@pytest.mark.parametrize("keep", ["best accuracy", "best loss", "last"])
def test_the_weights_are_those_of_the_epoch_kept(split, keep, capfd):
    recipe = dataclasses.replace(
        SMALL, epochs=4, keep=keep, optimizer="adamw", learning_rate=0.02, schedule="one-cycle"
    )
    fitted, history = fit(recipe, split)
    assert len(history) == 4
    assert history[-1].learning_rate == 0
    assert capfd.readouterr() == ("", "")
    kept = best_epoch(history, keep)
    labels = split.validation.labels
    assert fitted.best_epoch == kept.epoch
    chosen = softmax(fitted.logits)[np.arange(len(labels)), labels]
    assert -np.log(chosen).mean() == pytest.approx(kept.val_loss, abs=1e-4)
    assert (fitted.logits.argmax(1) == labels).mean() == pytest.approx(kept.val_accuracy)
    assert kept.val_accuracy > 0.5
    assert all(later.seconds > sooner.seconds for sooner, later in itertools.pairwise(history))


def seeded() -> None:
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(5)


def test_the_callers_random_state_and_threads_are_left_alone(split):
    seeded()
    expected = random.random(), np.random.rand(), torch.rand(1)
    seeded()
    threads = torch.get_num_threads()
    fit(dataclasses.replace(DENSE, epochs=1), split)
    assert (random.random(), np.random.rand(), torch.rand(1)) == expected
    assert torch.get_num_threads() == threads


WHITENED = (Conv(8, kernel=4, stride=4, bias=False, whitened=True), *SMALL.layers[1:])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"optimizer": "muon"}, "`optimizer` is 'muon'.*Use adam or adamw"),
        ({"mirror": True}, "`mirror` is True"),
        ({"label_smoothing": 0.1}, r"`label_smoothing` is 0\.1"),
        ({"hardest": 0.5}, r"`hardest` is 0\.5.*Use 1"),
        ({"augmentation": Augmentation(erase=3)}, r"`augmentation\.erase` is 3"),
        ({"network": WHITENED}, r"`network\[0\]\.whitened` is True"),
        ({"augmentation": Augmentation(shift=1)}, r"`augmentation\.shift` is 1"),
    ],
)
def test_what_only_pytorch_can_do_is_refused(split, change, words):
    with pytest.raises(RecipeError, match=words + ".*or the engine pytorch"):
        fit(dataclasses.replace(SMALL, **change), split)


@pytest.mark.parametrize("backend", plain_keras.BACKENDS)
def test_plain_keras_loads_the_files_and_gives_the_same(split, tmp_path, backend):
    paths, expected = [], []
    for recipe in (SMALL, DENSE):
        fitted, _ = fit(recipe, split)
        for name, content in fitted.files.items():
            paths.append(tmp_path / f"{recipe.name}-{name}")
            paths[-1].write_bytes(content)
            expected.append(softmax(fitted.logits))
    pixels = split.validation.images / 255.0
    received = plain_keras.probabilities(paths, pixels, backend, tmp_path)
    assert [path.suffix for path in paths] == [".keras", ".h5"] * 2
    np.testing.assert_allclose(received, np.stack(expected), atol=1e-5)


def test_a_backend_that_cannot_train_gets_one_message(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    with pytest.raises(UsageError, match="KERAS_BACKEND is 'theano'"):
        check_backend()
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"'fittingroom\[tensorflow\]'"):
        check_backend()
