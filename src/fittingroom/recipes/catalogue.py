"""The named recipes. Each claim is a measurement in docs/results."""

import functools

from fittingroom.data import SplitRule
from fittingroom.errors import RecipeError, did_you_mean
from fittingroom.networks import (
    GELU,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalMaxPool,
    MaxPool,
    Network,
    ReLU,
)
from fittingroom.recipes.base import BaseRecipe
from fittingroom.recipes.classical import BoostedForest, ClassicalRecipe, LogisticRegression
from fittingroom.recipes.recipe import Augmentation, Recipe

# The settings that all networks share, except those of the predecessor.
_recipe = functools.partial(
    Recipe, optimizer="muon", learning_rate=0.06, warmup=0.1, label_smoothing=0.1, mirror=True
)


def _claim(
    accuracy: str, interval: str, *, seeds: int = 1, seconds: str, on: str = "AVX-512 and bfloat16"
) -> str:
    """The sentence with what `make bench` measured, as docs/results/training.md has it."""
    over = f"mean over seeds 0 to {seeds - 1}" if seeds > 1 else "seed 0"
    return (
        f"{accuracy} test accuracy (95% interval {interval}), {over}, after {seconds} s of "
        f"training on two cores of an AMD EPYC with {on}."
    )


# Networks of dense layers on the flattened image: no patches, no shared weights.


def _dense_layers(width: int, depth: int, dropout: float) -> Network:
    """The image, hidden layers of one width, and a logit for each class."""
    hidden = (
        Dense(width, bias=False),
        BatchNorm(),
        GELU(),
        *((Dropout(dropout),) if dropout else ()),
    )
    return (Flatten(), *(hidden * depth), Dense(10))


ANN_FAST = _recipe(
    name="ann-fast",
    title="About the predecessor's accuracy in a second: two narrow dense layers",
    claim=_claim("88.44%", "87.85% to 89.01%", seeds=10, seconds="1", on="AVX-512"),
    network=_dense_layers(96, depth=2, dropout=0),
    epochs=2,
    batch_size=700,
    augmentation=Augmentation(flip=True),
)

ANN = _recipe(
    name="ann",
    title="Artificial neural network: dense layers on the flattened image",
    claim=_claim("91.03%", "90.50% to 91.53%", seeds=10, seconds="15", on="AVX2"),
    network=_dense_layers(320, depth=2, dropout=0.1),
    epochs=10,
    hardest=0.5,
    batch_size=1000,
    augmentation=Augmentation(flip=True, shift=1, shift_probability=0.2),
)

ANN_BEST = _recipe(
    name="ann-best",
    title="Three wide dense layers, trained for minutes on shifted images",
    claim=_claim("92.22%", "91.71% to 92.70%", seeds=5, seconds="541"),
    network=_dense_layers(1024, depth=3, dropout=0.3),
    epochs=72,
    batch_size=4000,
    augmentation=Augmentation(flip=True, shift=1),
    keep="last",
)


# Convolutional networks, from seconds of training to half an hour.


def _stem(filters: int, *, kernel: int = 4, stride: int = 2) -> Network:
    """The first layer, which is not trained; it halves the sides, unless its stride is 1."""
    return (
        Conv(filters, kernel=kernel, stride=stride, padding=1, bias=False, whitened=True),
        ReLU(),
    )


def _conv(filters: int, *, stride: int = 1, pool: bool = False) -> Network:
    """A 3 × 3 convolution, normalised and rectified; pooled before that, which costs less."""
    return (
        Conv(filters, stride=stride, padding=1, bias=False),
        *((MaxPool(2),) if pool else ()),
        BatchNorm(),
        ReLU(),
    )


def _dense(units: int) -> Network:
    """What is left of the image as a whole, normalised and rectified."""
    return (Flatten(), Dense(units, bias=False), BatchNorm(), ReLU())


CNN_FAST = _recipe(
    name="cnn-fast",
    title="About the predecessor's accuracy in a few seconds: three small convolutions",
    claim=_claim("91.04%", "90.52% to 91.54%", seeds=10, seconds="3", on="AVX-512"),
    network=(
        *_stem(16),
        *_conv(16, stride=2),
        *_conv(32, pool=True),
        *_dense(96),
        Dense(10),
    ),
    epochs=2,
    augmentation=Augmentation(flip=True),
)

CNN = _recipe(
    name="cnn",
    title="Convolutional neural network: three convolutions, most of the work on 7 × 7",
    claim=_claim("93.14%", "92.67% to 93.59%", seeds=10, seconds="54", on="AVX2"),
    network=(
        *_stem(24),
        *_conv(48, stride=2),
        *_conv(96, pool=True),
        *_dense(128),
        Dropout(0.2),
        Dense(10),
    ),
    epochs=8,
    hardest=0.45,
    augmentation=Augmentation(flip=True, shift=1, shift_probability=0.5),
    keep="last",
)

CNN_STRONG = _recipe(
    name="cnn-strong",
    title="Six convolutions, on 14 × 14 and 7 × 7, trained for minutes",
    claim=_claim("94.28%", "93.81% to 94.71%", seeds=5, seconds="238"),
    network=(
        *_stem(32),
        *_conv(32),
        *_conv(48),
        *_conv(64, pool=True),
        *_conv(64),
        *_conv(128, pool=True),
        GlobalMaxPool(),
        Dropout(0.1),
        Dense(10),
    ),
    epochs=13,
    augmentation=Augmentation(flip=True, shift=1, shift_probability=0.5),
    keep="last",
)

CNN_BEST = _recipe(
    name="cnn-best",
    title="The most accurate: eight convolutions from 28 × 28 on, trained for half an hour or less",
    claim=_claim("95.03%", "94.63% to 95.41%", seeds=3, seconds="1311"),
    network=(
        *_stem(16, kernel=3, stride=1),
        *_conv(32, pool=True),
        *_conv(48),
        *_conv(48),
        *_conv(96, pool=True),
        *_conv(96),
        *_conv(96),
        *_conv(128, pool=True),
        GlobalMaxPool(),
        Dropout(0.2),
        Dense(10),
    ),
    epochs=36,
    augmentation=Augmentation(
        flip=True, shift=1, shift_probability=0.7, erase=8, erase_probability=0.5
    ),
    keep="last",
    shifts=True,
)

CNN_TINY = _recipe(
    name="cnn-tiny",
    title="Fewer than 100,000 parameters, most of the work on 14 × 14",
    claim=_claim("94.22%", "93.73% to 94.67%", seeds=5, seconds="at most 377"),
    network=(
        *_stem(32),
        *_conv(32),
        *_conv(32),
        *_conv(48, pool=True),
        *_conv(48),
        *_conv(96, pool=True),
        GlobalMaxPool(),
        Dropout(0.1),
        Dense(10),
    ),
    epochs=28,
    augmentation=Augmentation(flip=True, shift=1, shift_probability=0.5),
    keep="last",
)


# The predecessor's two networks, trained as it trained them, with Keras.

_keras_recipe = functools.partial(
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

# The claims of these two: docs/results/verify-keras-ann.json, and -cnn.json.
KERAS_ANN = _keras_recipe(
    name="keras-ann",
    title="The predecessor's artificial neural network, trained with Keras as it was",
    claim=(
        "87.82% test accuracy (95% interval 87.20% to 88.40%), mean over seeds 0 to 9, with "
        "PyTorch beneath Keras."
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

KERAS_CNN = _keras_recipe(
    name="keras-cnn",
    title="The predecessor's convolutional neural network, trained with Keras as it was",
    claim=(
        "90.51% test accuracy (95% interval 89.86% to 91.12%), mean over seeds 0 to 3, with "
        "TensorFlow beneath Keras."
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


# Classical models.

LOGREG = ClassicalRecipe(
    name="logreg",
    title="Multinomial logistic regression on the pixels",
    claim=_claim("84.53%", "83.81% to 85.23%", seconds="10"),
    model=LogisticRegression(strength=0.1, iterations=100),
)

FOREST = ClassicalRecipe(
    name="forest",
    title="Boosted trees on the pixels",
    claim=_claim("89.02%", "88.39% to 89.62%", seconds="127"),
    model=BoostedForest(rounds=80, leaves=31, learning_rate=0.15, pixels=0.05, penalty=10.0),
)

RECIPES: dict[str, BaseRecipe] = {
    recipe.name: recipe
    for recipe in (
        ANN,
        CNN,
        ANN_FAST,
        CNN_FAST,
        ANN_BEST,
        CNN_STRONG,
        CNN_BEST,
        CNN_TINY,
        KERAS_ANN,
        KERAS_CNN,
        LOGREG,
        FOREST,
    )
}


def recipe_named(name: str) -> BaseRecipe:
    """The recipe of that name; a RecipeError if there is none."""
    if name not in RECIPES:
        raise RecipeError(
            f"There is no recipe '{name}'. Choose one of {', '.join(RECIPES)}."
            + did_you_mean(name, RECIPES)
        )
    return RECIPES[name]
