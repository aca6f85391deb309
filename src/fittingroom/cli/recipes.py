"""``recipes`` and ``summary``: what can be trained."""

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fittingroom.cli import options
from fittingroom.cli.output import print_json, print_table, print_text, prints_aside

if TYPE_CHECKING:
    from fittingroom.networks import Network
    from fittingroom.recipes import BaseRecipe

app = typer.Typer()


@app.command()
def recipes(
    name: Annotated[str | None, typer.Argument(help="Show this recipe alone.")] = None,
    json: options.Json = False,
) -> None:
    """List the recipes, or show one: what it reached, and its layers or settings.

    With a name and --json it prints a file that you can change and train.
    """
    from fittingroom.networks import operation_count, parameter_count
    from fittingroom.recipes import RECIPES, Recipe, recipe_of

    if name is None:
        if json:
            print_json([recipe.to_json() for recipe in RECIPES.values()])
        else:
            columns = ("recipe", "test accuracy", "training", "parameters")
            print_table(None, columns, map(_row, RECIPES.values()), left=("recipe",))
            print_text(
                "`fittingroom recipes NAME` shows what a recipe is, and how it was measured."
            )
        return
    recipe = recipe_of(name)
    if json:
        print_json(recipe.to_json())
        return
    print_text(f"{recipe.name}: {recipe.title}")
    if recipe.claim:
        print_text(recipe.claim)
    if isinstance(recipe, Recipe):
        one = operation_count(recipe.layers)
        views = f": {recipe.views} views of {one:,}" if recipe.views > 1 else ""
        print_text(
            f"{parameter_count(recipe.layers):,} parameters; {recipe.views * one:,} multiply-adds "
            f"an image{views}."
        )
    _print_parts(recipe)


def _row(recipe: "BaseRecipe") -> tuple[str, ...]:
    """One line of the table; a recipe of the catalogue begins its claim with the accuracy."""
    from fittingroom.networks import parameter_count
    from fittingroom.recipes import Recipe

    seconds = re.search(r"after (.*? s) of training", recipe.claim)
    return (
        recipe.name,
        recipe.claim.partition(" ")[0],
        seconds[1] if seconds else "–",
        f"{parameter_count(recipe.layers):,}" if isinstance(recipe, Recipe) else "–",
    )


@app.command()
def summary(
    recipe: Annotated[
        str, typer.Argument(help="A recipe's name, or your own model: my_file.py:build.")
    ],
    json: options.Json = False,
) -> None:
    """Show a network's layers, a classical model's settings, or what your own model prints."""
    from fittingroom.recipes import Recipe, own_code, recipe_of
    from fittingroom.recipes.frameworks import printed_form

    parts: dict[str, Any] = {}
    with prints_aside():
        chosen = recipe_of(recipe)
        if chosen.own is not None:
            model = chosen.own.fresh()
            with own_code(f"printing the model of {chosen.own.origin}"):
                parts = {"own": chosen.own.to_json(), "printed": printed_form(model)}
    if json:
        if chosen.own is None and isinstance(chosen, Recipe):
            parts = {"layers": _layers(chosen.layers)}
        elif chosen.own is None:
            parts = {"model": chosen.to_json()["model"]}
        print_json({"name": chosen.name, **parts})
        return
    print_text(f"{chosen.name}: {chosen.title}")
    if chosen.own is not None:
        print_text(parts["printed"])
    else:
        _print_parts(chosen)


def _print_parts(recipe: "BaseRecipe") -> None:
    """A table of a network's layers or of a classical model's settings."""
    from fittingroom.recipes import Recipe

    if not isinstance(recipe, Recipe):
        settings = [(name, str(value)) for name, value in recipe.to_json()["model"].items()]
        print_table(None, ("setting", "value"), settings, left=("setting",))
        return
    layers = _layers(recipe.layers)
    shown = {"name", "layer", "output", "parameters", "operations", "layers"}
    rows = [
        (
            layer["name"],
            layer["layer"],
            ", ".join(
                key if value is True else f"{key} {value}"
                for key, value in layer.items()
                if key not in shown and value is not False
            ),
            " × ".join(str(side) for side in layer["output"]),
            f"{layer['parameters']:,}",
            f"{layer['operations']:,}",
        )
        for layer in layers
    ]
    sums = (f"{sum(layer[of] for layer in layers):,}" for of in ("parameters", "operations"))
    columns = ("#", "layer", "settings", "output", "parameters", "multiply-adds")
    total = ("", "total", "", "", *sums)
    print_table(None, columns, [*rows, total], left=("layer", "settings", "output"))


def _layers(network: "Network") -> list[dict[str, Any]]:
    from fittingroom.networks import summarise, to_json

    return [
        {
            "name": row.name,
            **described,
            "output": list(row.output),
            "parameters": row.parameters,
            "operations": row.operations,
        }
        for row, described in zip(summarise(network), to_json(network), strict=True)
    ]
