"""``export``: write a run's model as one file, or as a web page."""

from pathlib import Path
from typing import Annotated

import typer

from fittingroom.cli import options
from fittingroom.cli.output import print_json, print_text
from fittingroom.errors import UsageError

app = typer.Typer()


@app.command()
def export(
    to: Annotated[str, typer.Option(help="keras, h5, onnx, safetensors or web.")],
    out: Annotated[
        Path,
        typer.Option(
            help="The file to write, with the extension of its format; for web, a folder."
        ),
    ],
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUN]...",
            help="The folder of a finished run. For web, one or two, or none for the model inside "
            "the package.",
            show_default=False,
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Export a run's model as one file (Keras, ONNX, weights), or as a web page."""
    if to == "web":
        _export_site(runs or [], out, json)
        return
    from fittingroom.jobs.export import check_format, export_run

    check_format(to)
    if runs is None or len(runs) != 1:
        raise UsageError(
            f"Exporting to {to} takes one run, not {len(runs or [])}. `fittingroom runs` lists "
            "your runs. The model inside the package can only be exported to web."
        )
    exported = export_run(runs[0], to=to, out=out)
    if json:
        print_json({"path": str(exported.path), "takes": exported.takes})
    else:
        print_text(f"{exported.path}: {exported.takes}")


def _export_site(runs: list[Path], out: Path, json: bool) -> None:
    from fittingroom.jobs.site import export_site

    site = export_site(runs, out=out)
    if json:
        print_json({"path": str(site.folder), "sizes": dict(site.sizes)})
        return
    for name, size in sorted(site.sizes.items(), key=lambda item: -item[1]):
        print_text(f"{size / 1000:10,.1f} kB  {name}")
    total = sum(site.sizes.values()) / 1e6
    print_text(
        f"{site.folder}: {total:.1f} MB for any static host. Try it with "
        f"`python -m http.server -d {site.folder}`."
    )
