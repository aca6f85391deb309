"""The named recipes. Each claim names the file with its measurement."""

from fittingroom.errors import RecipeError, did_you_mean
from fittingroom.recipes.base import BaseRecipe
from fittingroom.recipes.classical import (
    BoostedForest,
    ClassicalRecipe,
    HogSvm,
    LogisticRegression,
)
from fittingroom.recipes.convolutional import CNN, CNN_BEST, CNN_FAST, CNN_STRONG, CNN_TINY
from fittingroom.recipes.dense import ANN, ANN_BEST, ANN_FAST
from fittingroom.recipes.predecessor import KERAS_ANN, KERAS_CNN

LOGREG = ClassicalRecipe(
    name="logreg",
    title="Multinomial logistic regression on the pixels",
    claim=(
        "84.53% test accuracy (95% interval 83.81% to 85.23%), seed 0, after 10 s of training "
        "on two cores of an AMD EPYC with AVX-512 and bfloat16; benchmarks/training.py, "
        "docs/results/training.md."
    ),
    model=LogisticRegression(strength=0.1, iterations=100),
)

FOREST = ClassicalRecipe(
    name="forest",
    title="Boosted trees on the pixels",
    claim=(
        "89.02% test accuracy (95% interval 88.39% to 89.62%), seed 0, after 127 s of training"
        " on two cores of an AMD EPYC with AVX-512 and bfloat16; benchmarks/training.py, "
        "docs/results/training.md."
    ),
    model=BoostedForest(rounds=80, leaves=31, learning_rate=0.15, pixels=0.05, penalty=10.0),
)

HOG_SVM = ClassicalRecipe(
    name="hog-svm",
    title="Histograms of oriented gradients and brightness; support vector machine on them",
    claim=(
        "92.89% test accuracy (95% interval 92.37% to 93.38%), seed 0, after 79 s of training "
        "on two cores of an AMD EPYC with AVX-512 and bfloat16; benchmarks/training.py, "
        "docs/results/training.md."
    ),
    model=HogSvm(orientations=8, landmarks=8000, sharpness=1.5, components=256, penalty=0.01),
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
        HOG_SVM,
    )
}


def recipe_named(name: str) -> BaseRecipe:
    """The recipe of that name.

    Raises:
        RecipeError: there is none.
    """
    if name not in RECIPES:
        raise RecipeError(
            f"There is no recipe '{name}'. Choose one of {', '.join(RECIPES)}."
            + did_you_mean(name, RECIPES)
        )
    return RECIPES[name]
