"""What to train: the description of a recipe, and the catalogue of named ones."""

from fittingroom.recipes.base import BaseRecipe, differing_settings, settable_names
from fittingroom.recipes.catalogue import RECIPES, recipe_named
from fittingroom.recipes.classical import BoostedForest, ClassicalRecipe, LogisticRegression
from fittingroom.recipes.own import OwnModel, own_code
from fittingroom.recipes.recipe import Augmentation, Keep, Recipe
from fittingroom.recipes.resolve import recipe_of
from fittingroom.recipes.stored import recipe_from_json
