"""All commands as one program."""

import importlib.metadata
from typing import Annotated

import typer

from fittingroom.cli import data, doctor, export, predict, recipes, results, serve, teach, train
from fittingroom.cli.output import print_text

# Commands by what they are for, in the order of the help; each with an example.
GROUPS = {
    "Try": {
        "predict": "predict shoe.jpg",
        "teach": "teach my_photos --out mine.onnx",
        "calibrate": "calibrate my_photos --risk 0.05 --out careful.onnx",
    },
    "Train": {
        "train": "train cnn --set epochs=3",
        "recipes": "recipes cnn",
        "summary": "summary my_file.py:build",
        "tune": "tune cnn-fast --trials 20",
    },
    "Judge": {
        "compare": "compare ann cnn",
        "evaluate": "evaluate runs/cnn-s0-3f9c",
        "report": "report runs/cnn-s0-3f9c --out mine",
        "runs": "runs",
        "cv": "cv ann cnn",
        "plan": "plan ann cnn --gap 0.3",
        "register": "register plan.json",
        "verify": "verify keras-ann --claim 0.8834",
        "reproduce": "reproduce runs/cnn-s0-3f9c",
        "audit": "audit",
    },
    "Share": {
        "serve": "serve",
        "export": "export runs/cnn-s0-3f9c --to web --out site",
    },
    "Set up": {
        "doctor": "doctor",
    },
}
_WHAT_FOR = "Train and compare image classifiers for Fashion-MNIST, and classify your own photos."

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=f"""{_WHAT_FOR}

\b
fittingroom compare ann cnn      trains two recipes, and writes a report
fittingroom predict shoe.jpg     names the garment on a photo
fittingroom serve                opens a page for photos and the camera
""",
)
_ROOMS = (train, recipes, results, predict, teach, serve, export, doctor)
COMMANDS = {
    each.name or each.callback.__name__: each
    for room in _ROOMS
    for each in room.app.registered_commands
    if each.callback is not None
}
for group, examples in GROUPS.items():
    for name, example in examples.items():
        command = COMMANDS[name]
        command.rich_help_panel, command.epilog = group, f"Example: fittingroom {example}"
        app.registered_commands.append(command)
app.add_typer(
    data.app, name="data", help="Find, fetch and check the data.", rich_help_panel="Set up"
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print_text(f"fittingroom {importlib.metadata.version('fittingroom')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, help="Print the version.")
    ] = False,
) -> None: ...
