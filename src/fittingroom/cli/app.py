"""All commands as one program."""

import importlib.metadata
from typing import Annotated

import typer

from fittingroom.cli import data, doctor, export, predict, recipes, results, serve, teach, train
from fittingroom.cli.output import print_text

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Fit, compare and try on image classifiers for Fashion-MNIST, honestly.",
)
for room in (train, recipes, results, predict, teach, serve, export, doctor):
    app.add_typer(room.app)
app.add_typer(data.app, name="data", help="Find, fetch and check the data.")


def _print_version(wanted: bool) -> None:
    if wanted:
        print_text(f"fittingroom {importlib.metadata.version('fittingroom')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    """Fit, compare and try on image classifiers for Fashion-MNIST, honestly."""
