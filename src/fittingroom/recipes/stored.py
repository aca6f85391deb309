"""A recipe as a run folder stores it → the recipe, of whichever kind it is."""

from collections.abc import Mapping
from typing import Any

from fittingroom.errors import RecipeError
from fittingroom.recipes.classical import ClassicalRecipe
from fittingroom.recipes.described import Described
from fittingroom.recipes.recipe import Recipe

_TEXTS = ("name", "title", "claim", "engine")
_DEEPEST = 20


def recipe_from_json(values: Mapping[str, Any]) -> Described:
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
