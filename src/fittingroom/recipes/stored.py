"""A recipe as a file stores it → the recipe, of whichever kind it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fittingroom.errors import RecipeError
from fittingroom.recipes.base import BaseRecipe
from fittingroom.recipes.classical import ClassicalRecipe
from fittingroom.recipes.recipe import Recipe
from fittingroom.safe_io import Refusal, read_json

_TEXTS = ("name", "title", "claim", "engine")


def is_recipe_file(text: str) -> bool:
    """Whether a text looks like the path of a recipe's file, and not like a recipe's name."""
    return text.endswith(".json")


def read_recipe(path: Path) -> BaseRecipe:
    """The recipe in a file: ``recipe.json`` of a run, or ``tuned.json`` of a search.

    Raises:
        RecipeError: there is no such file, or it holds something else.
    """
    try:
        values = read_json(path)
    except (OSError, Refusal) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise RecipeError(f"The recipe {path} can't be read: {reason}") from error
    if not isinstance(values, dict) or not {"network", "model"} & set(values):
        raise RecipeError(
            f"{path} holds no recipe. Give the tuned.json of a search or the recipe.json of a run."
        )
    return recipe_from_json(values)


def recipe_from_json(values: Mapping[str, Any]) -> BaseRecipe:
    """The inverse of ``to_json`` of either kind: a recipe with a network, or a classical one.

    Raises:
        RecipeError: missing, unknown or impossible values.
    """
    for name in _TEXTS:
        text = values.get(name, "")
        # These are printed, so they may hold no control codes for a terminal.
        if not isinstance(text, str) or not text.replace("\n", "").isprintable():
            raise RecipeError(f"`{name}` must be a text. The recipe has {str(text)[:40]!r}.")
    kind = Recipe if "network" in values else ClassicalRecipe
    return kind.from_json(values)
