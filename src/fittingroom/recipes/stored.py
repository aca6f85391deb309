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
_DEEPEST = 20


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
        raise RecipeError(f"Expected a recipe in {path}. Received: {reason}") from error
    if not isinstance(values, dict) or not {"network", "model"} & set(values):
        raise RecipeError(
            f"Expected a recipe in {path}, as tuned.json of a search or recipe.json of a run. "
            "Received other JSON."
        )
    return recipe_from_json(values)


def recipe_from_json(values: Mapping[str, Any]) -> BaseRecipe:
    """The inverse of ``to_json`` of either kind: a recipe with a network, or a classical one.

    Raises:
        RecipeError: missing, unknown or impossible values.
    """
    for name in _TEXTS:
        text = values.get(name, "")
        # No code for a terminal either: these are printed.
        if not isinstance(text, str) or not text.replace("\n", "").isprintable():
            raise RecipeError(f"Expected `{name}` as a text. Received {str(text)[:40]!r}.")
    # Networks are walked by functions that call themselves.
    if _depth(values) > _DEEPEST:
        raise RecipeError(f"Expected a recipe of at most {_DEEPEST} levels. Received more.")
    kind = Recipe if "network" in values else ClassicalRecipe
    return kind.from_json(values)


def _depth(values: Any) -> int:
    """How many lists and mappings lie in each other."""
    level, depth = [values], 0
    while level:
        depth += 1
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, Mapping) else each)
            if isinstance(inner, Mapping | list)
        ]
    return depth
