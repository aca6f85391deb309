"""``export``: a run's model as one file."""

from pathlib import Path
from typing import Annotated

import typer

from fittingroom.cli import options
from fittingroom.cli.output import print_json, print_text

app = typer.Typer()


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    to: Annotated[str, typer.Option(help="keras, h5, onnx or safetensors.")],
    out: Annotated[Path, typer.Option(help="The file to write, with the format's ending.")],
    json: options.Json = False,
) -> None:
    """Write a run's model as one file: for Keras, ONNX, or as plain weights."""
    from fittingroom.jobs.export import export_run

    exported = export_run(run, to=to, out=out)
    if json:
        print_json({"path": str(exported.path), "takes": exported.takes})
    else:
        print_text(f"{exported.path}: {exported.takes}")
