import functools

import numpy as np
import pytest

from fittingroom import recipe_of
from fittingroom.engines import engine_named
from fittingroom.engines.keras.backend import load_keras
from fittingroom.errors import ExportError, OwnCodeError, RecipeError
from fittingroom.predictions import softmax
from fittingroom.recipes import Augmentation
from tests import plain_keras
from tests.engines import own_models

pytestmark = pytest.mark.slow

ENGINE = engine_named("keras")
fit = functools.partial(own_models.fit, ENGINE)
rehearse = functools.partial(own_models.rehearse, ENGINE)
keras = load_keras()
BACKEND = keras.backend.backend()
layers = keras.layers


def separable():
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.SeparableConv2D(8, 3, strides=4, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.1),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def frozen():
    model = flat()
    model.trainable = False
    return model


def flat():
    return keras.Sequential([keras.Input((784,)), layers.Dense(10)])


def rows():
    inputs = keras.Input((28, 28))
    value = layers.GlobalAveragePooling1D()(layers.Conv1D(8, 3, activation="relu")(inputs))
    return keras.Model(inputs, layers.Activation("softmax")(layers.Dense(10)(value)))


def resized():
    smaller = layers.Resizing(14, 14)
    return keras.Sequential(
        [keras.Input((28, 28, 1)), smaller, layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(10)]
    )


class Written(keras.Model):  # type: ignore[misc,name-defined]
    """A class of your own, which Keras finds in no file."""

    def __init__(self) -> None:
        super().__init__()
        self.flatten = layers.Flatten()
        self.last = layers.Dense(10)

    def call(self, images, training=False):
        return self.last(self.flatten(images))


def ending(end):
    """A model that takes images, and ends as a test wants it."""
    inputs = keras.Input((28, 28, 1))
    return keras.Model(inputs, end(layers.Flatten()(inputs)))


def recipe_for(model, **settings):
    given = {"epochs": 1, "batch_size": 100, "learning_rate": 0.01, "schedule": "constant"}
    return recipe_of(model, **given | settings)


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (separable, (28, 28, 1)),
        (rows, (28, 28)),
        (resized, (28, 28, 1)),
        (Written, (28, 28, 1)),
    ],
)
def test_the_graph_gives_what_the_model_gives(model, shape, sample_split, capfd):
    recipe = recipe_for(model)
    rehearse(recipe, sample_split)
    fitted, _ = fit(recipe, sample_split)
    own_models.assert_the_graph_gives_the_same(fitted, sample_split)
    plain = model()
    plain(np.zeros((1, *shape), np.float32))
    assert fitted.core.parameters == sum(
        int(np.prod(each.shape)) for each in plain.trainable_weights
    )
    assert fitted.core.operations > 0
    assert capfd.readouterr() == ("", "")


def test_plain_keras_loads_the_files_and_gives_the_same(sample_split, tmp_path):
    recipe = recipe_for(flat, augmentation=Augmentation(flip=True))
    fitted, _ = fit(recipe, sample_split)
    assert fitted.notes == ()
    paths = [tmp_path / name for name in fitted.files]
    assert [path.name for path in paths] == ["model.keras", "best_model.h5"]
    for path, content in zip(paths, fitted.files.values(), strict=True):
        path.write_bytes(content)
    pixels = (sample_split.validation.images / np.float32(255)).reshape(-1, 784)
    said = plain_keras.probabilities(paths, pixels, BACKEND, tmp_path)
    expected = softmax(fitted.logits)
    for each in said:
        np.testing.assert_allclose(softmax(each), expected, atol=1e-4)


def test_a_class_that_keras_cannot_load_is_left_out_with_a_note(sample_split):
    fitted, _ = fit(recipe_for(Written), sample_split)
    assert fitted.files == {}
    assert [note.split(" is left out")[0] for note in fitted.notes] == [
        "model.keras",
        "best_model.h5",
    ]
    assert {"0.kernel", "1.bias", "pixels.mean", "pixels.deviation"} <= set(fitted.weights)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda: ending(layers.Dense(7)), r"gives float32 of shape \(2, 7\).*\(2, 10\)"),
        (
            lambda: ending(lambda x: [layers.Dense(10)(x)] * 2),
            "gives a list",
        ),
        (lambda: keras.Sequential([keras.Input((32, 32)), layers.Flatten()]), r"32.*784 values"),
        (
            lambda: keras.Model([a := keras.Input((784,)), b := keras.Input((784,))], [a, b]),
            r"has the input_shape \[.*784 values",
        ),
        (frozen, "nothing to train"),
    ],
)
def test_what_cannot_be_trained_is_refused(model, words, sample_split):
    with pytest.raises(RecipeError, match=words):
        rehearse(recipe_for(model), sample_split)


class FailingLate(Written):
    def call(self, images, training=False):
        if training and (keras.ops.shape(images)[0] or 0) > 20:
            raise ValueError("too many at once")
        return super().call(images)


@pytest.mark.skipif(BACKEND != "torch", reason="TensorFlow traces the code once, for any size")
def test_an_error_late_in_training_is_reported_as_one_of_your_code(sample_split):
    recipe = recipe_for(FailingLate)
    rehearse(recipe, sample_split)
    with pytest.raises(OwnCodeError, match=r"training (.|\n)*too many at once"):
        fit(recipe, sample_split)


@pytest.mark.skipif(BACKEND != "torch", reason="tells what PyTorch's exporter says")
def test_what_cannot_be_exported_is_known_before_training(sample_split, capfd):
    class Odd(Written):
        def call(self, images, training=False):
            logits = super().call(images)
            return logits if keras.ops.sum(logits) > 0 else -logits

    with pytest.raises(ExportError, match=r"data-dependent|Could not"):
        rehearse(recipe_for(Odd), sample_split)
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(BACKEND != "tensorflow", reason="tells what TensorFlow's exporter lacks")
def test_tensorflow_names_the_backend_that_exports_more(sample_split):
    def gelu():
        return ending(layers.Dense(10, activation="gelu"))

    with pytest.raises(ExportError, match=r"Erfc.*KERAS_BACKEND=torch"):
        rehearse(recipe_for(gelu), sample_split)


def test_training_that_reports_no_accuracy_is_refused(sample_split):
    class Quiet(Written):
        def train_step(self, *given):
            return {"loss": super().train_step(*given)["loss"]}

    with pytest.raises(RecipeError, match=r"reports no accuracy"):
        fit(recipe_for(Quiet), sample_split)
