"""The named recipes. A claim was measured, and names the file with the measurement."""

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
    ReLU,
)
from fittingroom.recipes.classical import (
    BoostedForest,
    ClassicalRecipe,
    HogSvm,
    LogisticRegression,
)
from fittingroom.recipes.described import Described
from fittingroom.recipes.recipe import Augmentation, Recipe

ANN = Recipe(
    name="ann",
    title="Artificial neural network: dense layers on the flattened picture",
    claim=(
        "91.12% test accuracy (95% interval 90.58% to 91.64%), mean over seeds 0 to 2, after "
        "14 s of training on two cores of an AMD EPYC with AVX-512, 14 s with AVX2 "
        "instructions; benchmarks/training.py, docs/results/training.md."
    ),
    network=(
        Flatten(),
        Dense(320, bias=False),
        BatchNorm(),
        GELU(),
        Dropout(0.1),
        Dense(320, bias=False),
        BatchNorm(),
        GELU(),
        Dropout(0.1),
        Dense(10),
    ),
    epochs=10,
    batch_size=1000,
    optimizer="muon",
    learning_rate=0.04,
    warmup=0.1,
    label_smoothing=0.1,
    augmentation=Augmentation(flip=True),
    mirror=True,
)

CNN = Recipe(
    name="cnn",
    title="Convolutional neural network: four convolutions, most of the work on 7 × 7",
    claim=(
        "93.07% test accuracy (95% interval 92.61% to 93.50%), mean over seeds 0 to 2, after "
        "33 s of training on two cores of an AMD EPYC with AVX-512, 45 s with AVX2 "
        "instructions; benchmarks/training.py, docs/results/training.md."
    ),
    network=(
        Conv(24, kernel=4, stride=2, padding=1, bias=False),
        BatchNorm(),
        ReLU(),
        Conv(48, kernel=3, stride=2, padding=1, bias=False),
        BatchNorm(),
        ReLU(),
        Conv(96, kernel=3, padding=1, bias=False),
        MaxPool(2),
        BatchNorm(),
        ReLU(),
        Conv(96, kernel=3, padding=1, bias=False),
        BatchNorm(),
        ReLU(),
        GlobalMaxPool(),
        Dropout(0.1),
        Dense(10),
    ),
    epochs=6,
    batch_size=128,
    optimizer="muon",
    learning_rate=0.06,
    warmup=0.1,
    label_smoothing=0.1,
    augmentation=Augmentation(flip=True, shift=1, shift_probability=0.3),
    mirror=True,
)

# Keras' own defaults: 0.99 for the running statistics, and its epsilon.
_KERAS_NORM = BatchNorm(momentum=0.01, epsilon=1e-3)

KERAS_ANN = Recipe(
    name="keras-ann",
    title="The predecessor's artificial neural network, trained with Keras as it was",
    claim=(
        "88.00% test accuracy (95% interval 87.38% to 88.59%), mean over seeds 0 to 2, with "
        "PyTorch beneath Keras; docs/results/verify-keras-ann.json. 88.27% (87.62% to 88.89%), "
        "one seed, after 23 s with TensorFlow, on two cores of an AMD EPYC with AVX-512; "
        "benchmarks/training.py, docs/results/training.md."
    ),
    engine="keras",
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
    split=SplitRule("last", "1/5"),
    epochs=15,
    batch_size=32,
    optimizer="adam",
    learning_rate=1e-3,
    schedule="constant",
    keep="last",
)

KERAS_CNN = Recipe(
    name="keras-cnn",
    title="The predecessor's convolutional neural network, trained with Keras as it was",
    claim=(
        "91.08% test accuracy (95% interval 90.51% to 91.62%), one seed, 30 epochs with TensorFlow "
        "beneath Keras; docs/results/verify-keras-cnn.json."
    ),
    engine="keras",
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
    split=SplitRule("last", "1/5"),
    epochs=30,
    batch_size=32,
    optimizer="adam",
    learning_rate=1e-3,
    schedule="constant",
    augmentation=Augmentation(flip=True, rotation=0.1),
    keep="best loss",
    patience=5,
)

LOGREG = ClassicalRecipe(
    name="logreg",
    title="Multinomial logistic regression on the pixels",
    claim=(
        "84.42% test accuracy (95% interval 83.70% to 85.12%), one seed, after 8 s of training on "
        "two cores of an AMD EPYC with AVX-512; benchmarks/training.py, docs/results/training.md."
    ),
    model=LogisticRegression(strength=0.1, iterations=100),
)

FOREST = ClassicalRecipe(
    name="forest",
    title="Boosted trees on the pixels",
    claim=(
        "89.02% test accuracy (95% interval 88.39% to 89.62%), one seed, after 99 s of training on "
        "two cores of an AMD EPYC with AVX-512; benchmarks/training.py, docs/results/training.md."
    ),
    model=BoostedForest(rounds=80, leaves=31, learning_rate=0.15, pixels=0.05, penalty=10.0),
)

HOG_SVM = ClassicalRecipe(
    name="hog-svm",
    title="Histograms of oriented gradients and brightness; support vector machine on them",
    claim=(
        "92.89% test accuracy (95% interval 92.37% to 93.38%), one seed, after 61 s of training on "
        "two cores of an AMD EPYC with AVX-512; benchmarks/training.py, docs/results/training.md."
    ),
    model=HogSvm(orientations=8, landmarks=8000, sharpness=1.5, components=256, penalty=0.01),
)

RECIPES: dict[str, Described] = {
    recipe.name: recipe for recipe in (ANN, CNN, KERAS_ANN, KERAS_CNN, LOGREG, FOREST, HOG_SVM)
}


def recipe_named(name: str) -> Described:
    """The recipe of that name.

    Raises:
        RecipeError: there is none.
    """
    if name not in RECIPES:
        raise RecipeError(
            f"Expected one of the recipes {', '.join(RECIPES)}. Received '{name}'."
            + did_you_mean(name, RECIPES)
        )
    return RECIPES[name]
