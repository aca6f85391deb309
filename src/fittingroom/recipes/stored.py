"""A recipe as a file stores it → the recipe, of whichever kind it is."""

import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from fittingroom import networks
from fittingroom.data import SplitRule
from fittingroom.errors import RecipeError
from fittingroom.networks import from_fields
from fittingroom.recipes.base import BaseRecipe
from fittingroom.recipes.classical import ClassicalModel, ClassicalRecipe
from fittingroom.recipes.own import OwnModel
from fittingroom.recipes.recipe import Augmentation, Recipe
from fittingroom.safe_io import Refusal, read_json


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
            f"{path} holds no recipe. Give what `fittingroom recipes NAME --json` prints, the "
            "tuned.json of a search, or the recipe.json of a run."
        )
    return recipe_from_json(values)


def recipe_from_json(values: Mapping[str, Any]) -> BaseRecipe:
    """The inverse of ``to_json``; a RecipeError for missing, unknown or impossible values."""
    for name in ("name", "title", "claim", "engine"):
        text = values.get(name, "")
        # These are printed, so they may hold no control codes for a terminal.
        if not isinstance(text, str) or not text.replace("\n", "").isprintable():
            raise RecipeError(f"`{name}` must be a text. The recipe has {str(text)[:40]!r}.")
    try:
        fields = {**values, "split": from_fields(SplitRule, values["split"])}
        if "network" in values:
            network = values["network"]
            own = isinstance(network, Mapping)
            fields["network"] = OwnModel(**network) if own else networks.from_json(network)
            fields["augmentation"] = from_fields(Augmentation, values["augmentation"])
            return cast(Recipe, from_fields(Recipe, fields))
        kinds = {kind.__name__: kind for kind in (*typing.get_args(ClassicalModel), OwnModel)}
        settings = dict(values["model"])
        kind = settings.pop("kind")
        fields["model"] = from_fields(kinds[kind], settings)
        return cast(ClassicalRecipe, from_fields(ClassicalRecipe, fields))
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise RecipeError(
            f"The recipe can't be read: {error!r}. It must be one that this version has written."
        ) from error
