"""``export``: write a run's model as one file, or as a web page."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from fittingroom.cli import options
from fittingroom.cli.output import print_json, print_text
from fittingroom.errors import UsageError

app = typer.Typer()


@app.command()
@options.takes_session()
def export(
    to: Annotated[
        Literal["keras", "h5", "onnx", "safetensors", "web"],
        typer.Option(
            help="The format.", **options.one_of("keras", "h5", "onnx", "safetensors", "web")
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="The file to write, with the extension of its format; for web, a folder that is "
            "new, empty or from an earlier export."
        ),
    ],
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUN]...",
            help="The folder of a finished run. For web, one or two, ONNX files of `teach` too, or "
            "none for the models inside the package.",
        ),
    ] = None,
    quantize: Annotated[
        Literal["int8"] | None,
        typer.Option(help="For onnx: in a third of the bytes.", **options.one_of("int8")),
    ] = None,
    force: options.Force = False,
    json: options.Json = False,
    *,
    session: "options.Session",
) -> None:
    """Export a run's model as one file (Keras, ONNX, safetensors), or as a web page."""
    runs = runs or []
    if to == "web" and quantize is None:
        from fittingroom.jobs.site import export_site

        sizes = export_site(runs, out=out)
        if json:
            print_json({"path": str(out), "sizes": sizes})
            return
        for name, size in sorted(sizes.items(), key=lambda item: -item[1]):
            print_text(f"{size / 1000:10,.1f} kB  {name}")
        print_text(
            f"{out}: {sum(sizes.values()) / 1e6:.1f} MB for any static host. Try it with "
            f"`python -m http.server -d {out}`."
        )
        return
    if len(runs) != 1:
        raise UsageError(
            f"Exporting to {to} takes one run, not {len(runs)}. `fittingroom runs` lists your "
            "runs. The model inside the package can only be exported to web."
        )
    from fittingroom.jobs.export import export_run

    takes = export_run(runs[0], to=to, out=out, quantize=quantize, force=force, session=session)
    if json:
        print_json({"path": str(out), "takes": takes})
    else:
        print_text(f"{out}: {takes}")
