"""The predecessor's two networks, trained as it trained them, with Keras."""

import functools

from fittingroom.data import SplitRule
from fittingroom.networks import BatchNorm, Conv, Dense, Dropout, Flatten, MaxPool, ReLU
from fittingroom.recipes.recipe import Augmentation, Recipe

_recipe = functools.partial(
    Recipe,
    engine="keras",
    split=SplitRule("last", "1/5"),
    batch_size=32,
    optimizer="adam",
    learning_rate=1e-3,
    schedule="constant",
)
# Keras' own defaults: 0.99 for the running statistics, and its epsilon.
_KERAS_NORM = BatchNorm(momentum=0.01, epsilon=1e-3)

KERAS_ANN = _recipe(
    name="keras-ann",
    title="The predecessor's artificial neural network, trained with Keras as it was",
    claim=(
        "88.00% test accuracy (95% interval 87.38% to 88.59%), mean over seeds 0 to 2, with "
        "PyTorch beneath Keras; docs/results/verify-keras-ann.json."
    ),
    network=(
        Flatten(),
        Dense(256),
        ReLU(),
        Dropout(0.3),
        Dense(128),
        ReLU(),
        Dropout(0.3),
        Dense(10),
    ),
    epochs=15,
    keep="last",
)

KERAS_CNN = _recipe(
    name="keras-cnn",
    title="The predecessor's convolutional neural network, trained with Keras as it was",
    claim=(
        "91.08% test accuracy (95% interval 90.51% to 91.62%), one seed, 30 epochs with TensorFlow "
        "beneath Keras; docs/results/verify-keras-cnn.json."
    ),
    network=(
        # Normalisation comes after the rectifier, as the predecessor had it.
        Conv(32, kernel=3, padding=1),
        ReLU(),
        _KERAS_NORM,
        Conv(32, kernel=3),
        ReLU(),
        MaxPool(2),
        Dropout(0.3),
        Conv(64, kernel=3, padding=1),
        ReLU(),
        _KERAS_NORM,
        Conv(64, kernel=3),
        ReLU(),
        MaxPool(2),
        Dropout(0.3),
        Flatten(),
        Dense(128),
        ReLU(),
        _KERAS_NORM,
        Dropout(0.4),
        Dense(10),
    ),
    epochs=30,
    augmentation=Augmentation(flip=True, rotation=0.1),
    keep="best loss",
    patience=5,
)
