"""What to train: the description of a recipe, and the catalogue of named ones."""

from fittingroom.recipes.catalogue import RECIPES, recipe_named
from fittingroom.recipes.recipe import (
    Augmentation,
    Keep,
    Optimizer,
    Recipe,
    Schedule,
    settable_names,
)

__all__ = [
    "RECIPES",
    "Augmentation",
    "Keep",
    "Optimizer",
    "Recipe",
    "Schedule",
    "recipe_named",
    "settable_names",
]
