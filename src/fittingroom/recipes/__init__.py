"""What to train: the description of a recipe, and the catalogue of named ones."""

from fittingroom.recipes.catalogue import RECIPES, recipe_named
from fittingroom.recipes.recipe import Augmentation, Optimizer, Recipe, settable_names

__all__ = ["RECIPES", "Augmentation", "Optimizer", "Recipe", "recipe_named", "settable_names"]
