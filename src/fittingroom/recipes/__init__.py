"""What to train: the description of a recipe, and the catalogue of named ones."""

from fittingroom.recipes.catalogue import RECIPES, recipe_named
from fittingroom.recipes.classical import (
    BoostedForest,
    ClassicalRecipe,
    HogSvm,
    LogisticRegression,
)
from fittingroom.recipes.described import Described, settable_names
from fittingroom.recipes.recipe import Augmentation, Keep, Optimizer, Recipe, Schedule
from fittingroom.recipes.stored import recipe_from_json

__all__ = [
    "RECIPES",
    "Augmentation",
    "BoostedForest",
    "ClassicalRecipe",
    "Described",
    "HogSvm",
    "Keep",
    "LogisticRegression",
    "Optimizer",
    "Recipe",
    "Schedule",
    "recipe_from_json",
    "recipe_named",
    "settable_names",
]
