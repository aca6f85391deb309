"""``export``: a run's model as one file, or a model as a page that runs it in the browser."""

from pathlib import Path
from typing import Annotated

import typer

from fittingroom.cli import options
from fittingroom.cli.output import print_json, print_text
from fittingroom.errors import UsageError, did_you_mean

app = typer.Typer()


@app.command()
def export(
    to: Annotated[str, typer.Option(help="keras, h5, onnx, safetensors or web.")],
    out: Annotated[
        Path, typer.Option(help="The file to write, with the format's ending; for web, a folder.")
    ],
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUN]...",
            help="The folder of a finished run; for web one, two, or none: the model inside the "
            "package.",
            show_default=False,
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Write a run's model as one file (Keras, ONNX, plain weights), or as a page (web)."""
    if to == "web":
        _export_site(runs or [], out, json)
        return
    from fittingroom.jobs.export import FORMATS, export_run

    if to not in FORMATS:
        known = (*FORMATS, "web")
        raise UsageError(
            f"Expected --to with one of {', '.join(known)}. Received '{to}'."
            + did_you_mean(to, known)
        )
    if runs is None or len(runs) != 1:
        raise UsageError(
            f"Expected one run to export to {to}. Received {len(runs or [])}. `fittingroom runs` "
            "lists the runs that there are; the model inside the package goes to web alone."
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
        f"{site.folder}: {total:.1f} MB for any static host; try it with "
        f"`python -m http.server -d {site.folder}`"
    )
