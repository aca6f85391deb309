"""The predecessor's two models, written down as its notebooks did, against the recipes."""

import numpy as np
import pytest

from fittingroom.data import SplitRule
from fittingroom.engines.keras.backend import load_keras
from fittingroom.engines.keras.building import build_classifier
from fittingroom.networks import parameter_count
from fittingroom.recipes import Augmentation
from fittingroom.recipes.catalogue import KERAS_ANN, KERAS_CNN

keras = load_keras()

# The settings that say what a layer computes.
TELLING = (
    *("units", "filters", "kernel_size", "strides", "padding", "use_bias", "rate"),
    *("momentum", "epsilon", "pool_size", "mode", "factor", "fill_mode"),
)
ACTIVATIONS = {"ReLU": "relu", "Softmax": "softmax"}


def layers_of(model):
    """Kind and settings of each layer that computes, an activation as a layer of its own."""
    seen = []
    for layer in model.layers:
        kind, values = type(layer).__name__, layer.get_config()
        if kind == "Sequential":
            seen += layers_of(layer)
            continue
        if kind == "InputLayer":
            continue
        own = {name: values[name] for name in TELLING if name in values}
        activation = values.get("activation")
        if kind in ACTIVATIONS:
            seen.append((ACTIVATIONS[kind], {}))
            continue
        seen.append((kind, own))
        if activation not in (None, "linear"):
            seen.append((activation, {}))
    return seen


def written_down(recipe):
    """The model as the predecessor's notebook has it."""
    kinds = keras.layers
    if recipe is KERAS_ANN:
        first = keras.Input((28, 28))
        layers = [
            kinds.Flatten(),
            kinds.Dense(256, activation="relu"),
            kinds.Dropout(0.3),
            kinds.Dense(128, activation="relu"),
            kinds.Dropout(0.3),
        ]
    else:
        first = keras.Input((28, 28, 1))
        layers = [
            kinds.RandomFlip("horizontal"),
            kinds.RandomRotation(0.1),
            kinds.Conv2D(32, 3, padding="same", activation="relu"),
            kinds.BatchNormalization(),
            kinds.Conv2D(32, 3, activation="relu"),
            kinds.MaxPooling2D(),
            kinds.Dropout(0.3),
            kinds.Conv2D(64, 3, padding="same", activation="relu"),
            kinds.BatchNormalization(),
            kinds.Conv2D(64, 3, activation="relu"),
            kinds.MaxPooling2D(),
            kinds.Dropout(0.3),
            kinds.Flatten(),
            kinds.Dense(128, activation="relu"),
            kinds.BatchNormalization(),
            kinds.Dropout(0.4),
        ]
    return keras.Sequential([first, *layers, kinds.Dense(10, activation="softmax")])


@pytest.mark.parametrize("recipe", [KERAS_ANN, KERAS_CNN], ids=lambda recipe: recipe.name)
def test_models_and_training_are_the_predecessor_s(recipe):
    ours, theirs = build_classifier(recipe), written_down(recipe)
    assert layers_of(ours) == layers_of(theirs)
    assert ours.input_shape == theirs.input_shape
    trained = sum(int(np.prod(each.shape)) for each in theirs.trainable_weights)
    assert trained == parameter_count(recipe.layers)
    known = {"keras-ann": (15, "last"), "keras-cnn": (30, "best loss")}
    assert (recipe.epochs, recipe.keep) == known[recipe.name]
    assert (recipe.batch_size, recipe.split) == (32, SplitRule("last", "1/5"))
    assert recipe is KERAS_CNN or recipe.augmentation == Augmentation()
    assert recipe is KERAS_ANN or recipe.patience == 5
    assert (recipe.schedule, recipe.label_smoothing, recipe.mirror) == ("constant", 0, False)
    optimizer, plain = ours.optimizer, keras.optimizers.Adam()
    assert type(optimizer) is type(plain)
    for setting in ("learning_rate", "beta_1", "beta_2", "epsilon", "amsgrad", "weight_decay"):
        assert optimizer.get_config()[setting] == plain.get_config()[setting], setting
