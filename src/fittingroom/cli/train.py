"""``train``, ``recipes`` and ``summary``: what can be trained, and training it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fittingroom.cli import options
from fittingroom.cli.output import print_json, print_table, print_text, prints_aside
from fittingroom.cli.results import run_values, validation_accuracy
from fittingroom.errors import UsageError

if TYPE_CHECKING:
    from fittingroom.networks import Network
    from fittingroom.recipes import BaseRecipe

app = typer.Typer()

# How often an image goes through a network.
_VIEWS = {
    1: ".",
    2: ", and as many for its mirror image.",
    5: ", and as many for each of four shifts.",
    10: ", and as many for its mirror image and for each of four shifts of both.",
}


@app.command()
@options.takes_session("runs", "device", "threads")
def train(
    recipe: Annotated[
        str,
        typer.Argument(
            help="A recipe's name (`fittingroom recipes` lists them), the JSON file of one, or "
            "your own model: my_file.py:build."
        ),
    ],
    seed: Annotated[int, typer.Option(help="Of the weights and the order of images.")] = 0,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting: --set epochs=3. May be repeated."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Resume a stopped training from its last checkpoint."),
    ] = False,
    json: options.Json = False,
    *,
    session: "options.Session",
) -> None:
    """Train one recipe into a new run folder."""
    from fittingroom.jobs.train import train as train_job
    from fittingroom.recipes import recipe_of

    with prints_aside():
        chosen = recipe_of(recipe).with_settings(_settings(set_ or []))
        run = train_job(chosen, seed=seed, resume=resume, session=session)
    if json:
        print_json(run_values(run))
    else:
        kept = f" (epoch {run.summary.best_epoch} of {len(run.history)} is kept)"
        print_text(
            f"{run.folder}: validation accuracy {validation_accuracy(run).percent} in "
            f"{run.summary.seconds:.1f} s{'' if run.recipe.in_one_go else kept}"
        )


@app.command()
def recipes(json: options.Json = False) -> None:
    """List the recipes, each with its claim and its layers or settings."""
    from fittingroom.networks import operation_count, parameter_count
    from fittingroom.recipes import RECIPES, Recipe

    if json:
        print_json([recipe.to_json() for recipe in RECIPES.values()])
        return
    for recipe in RECIPES.values():
        print_text(f"{recipe.name}: {recipe.title}")
        if recipe.claim:
            print_text(recipe.claim)
        if isinstance(recipe, Recipe):
            print_text(
                f"{parameter_count(recipe.layers):,} parameters, "
                f"{operation_count(recipe.layers):,} multiply-adds an image" + _VIEWS[recipe.views]
            )
        _print_parts(recipe)


@app.command()
def summary(
    recipe: Annotated[
        str, typer.Argument(help="A recipe's name, or your own model: my_file.py:build.")
    ],
    json: options.Json = False,
) -> None:
    """Show a network's layers, a classical model's settings, or what your own model prints."""
    from fittingroom.recipes import Recipe, recipe_of

    with prints_aside():
        chosen = recipe_of(recipe)
        printed = _printed(chosen)
    if json:
        parts: dict[str, Any]
        if chosen.own is not None:
            parts = {"own": chosen.own.to_json(), "printed": printed}
        elif isinstance(chosen, Recipe):
            parts = {"layers": _layers(chosen.layers)}
        else:
            parts = {"model": chosen.to_json()["model"]}
        print_json({"name": chosen.name, **parts})
        return
    print_text(f"{chosen.name}: {chosen.title}")
    if chosen.own is not None:
        print_text(printed)
    else:
        _print_parts(chosen)


def _printed(recipe: "BaseRecipe") -> str:
    """Your own model as its framework prints it; nothing for other recipes."""
    from fittingroom.recipes import own_code
    from fittingroom.recipes.frameworks import printed_form

    if recipe.own is None:
        return ""
    model = recipe.own.fresh()
    with own_code(f"printing the model of {recipe.own.origin}"):
        return printed_form(model)


def _print_parts(recipe: "BaseRecipe") -> None:
    from fittingroom.recipes import Recipe

    if isinstance(recipe, Recipe):
        _print_layers(recipe.layers)
        return
    settings = recipe.to_json()["model"].items()
    print_table(
        None,
        ("setting", "value"),
        [(name, str(value)) for name, value in settings],
        left=("setting",),
    )


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


def _print_layers(network: "Network") -> None:
    layers = _layers(network)
    shown = {"name", "layer", "output", "parameters", "operations", "layers"}
    rows = [
        (
            layer["name"],
            layer["layer"],
            ", ".join(f"{key}={value}" for key, value in layer.items() if key not in shown),
            " × ".join(str(side) for side in layer["output"]),
            f"{layer['parameters']:,}",
            f"{layer['operations']:,}",
        )
        for layer in layers
    ]
    sums = (f"{sum(layer[of] for layer in layers):,}" for of in ("parameters", "operations"))
    total = ("", "total", "", "", *sums)
    columns = ("#", "layer", "settings", "output", "parameters", "multiply-adds")
    print_table(None, columns, [*rows, total], left=("layer", "settings", "output"))


def _settings(pairs: list[str]) -> dict[str, str]:
    """``["epochs=3"]`` → ``{"epochs": "3"}``."""
    settings = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator:
            raise UsageError(f"'{pair}' is no setting. Write --set name=value: --set epochs=3.")
        settings[name.strip()] = value.strip()
    return settings
