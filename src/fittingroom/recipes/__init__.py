"""What to train: the description of a recipe, and the catalogue of named ones."""

from fittingroom.recipes.catalogue import RECIPES, recipe_named
from fittingroom.recipes.classical import (
    BoostedForest,
    ClassicalRecipe,
    HogSvm,
    LogisticRegression,
)
from fittingroom.recipes.described import Described, settable_names
from fittingroom.recipes.recipe import Augmentation, Optimizer, Recipe
from fittingroom.recipes.stored import recipe_from_json

__all__ = [
    "RECIPES",
    "Augmentation",
    "BoostedForest",
    "ClassicalRecipe",
    "Described",
    "HogSvm",
    "LogisticRegression",
    "Optimizer",
    "Recipe",
    "recipe_from_json",
    "recipe_named",
    "settable_names",
]
