"""A recipe as a run folder stores it → the recipe, of whichever kind it is."""

from collections.abc import Mapping
from typing import Any

from fittingroom.recipes.classical import ClassicalRecipe
from fittingroom.recipes.described import Described
from fittingroom.recipes.recipe import Recipe


def recipe_from_json(values: Mapping[str, Any]) -> Described:
    """The inverse of ``to_json`` of either kind: a recipe with a network, or a classical one.

    Raises:
        RecipeError: missing, unknown or impossible values.
    """
    kind = Recipe if "network" in values else ClassicalRecipe
    return kind.from_json(values)
