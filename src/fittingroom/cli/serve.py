"""``serve``: the HTTP service and its page."""

from pathlib import Path
from typing import Annotated

import typer

from fittingroom.cli.output import say
from fittingroom.errors import missing_extra

app = typer.Typer()

_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")


@app.command()
def serve(
    model: Annotated[
        list[Path] | None,
        typer.Option(
            help="A run's folder, a model.onnx, or cnn-tiny. Repeat it to compare the answers of "
            "several models. Default: the models of the package."
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="The address to listen on; 0.0.0.0 for all networks.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes any free port.", min=0, max=65535)] = 8000,
    token_file: Annotated[
        Path | None, typer.Option(help="A file with a token that every request has to bring.")
    ] = None,
    allow_frame: Annotated[
        list[str] | None,
        typer.Option(help="An origin whose pages may frame this one; repeatable. Default: none."),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(help="An origin whose pages may ask it (CORS); repeatable. Default: none."),
    ] = None,
    body_mb: Annotated[
        int, typer.Option(help="The largest request, in megabytes.", min=1, max=1000)
    ] = 16,
    most_wait: Annotated[
        float, typer.Option(help="Seconds; a request that would wait longer is refused.", min=0)
    ] = 5.0,
    threads: Annotated[
        int, typer.Option(help="Processor threads of each model.", min=1, max=64)
    ] = 2,
) -> None:
    """Serve models over HTTP, with a web page at the same address."""
    try:
        from fittingroom.serve import Settings
        from fittingroom.serve import serve as serve_until_stopped
    except ModuleNotFoundError as error:
        raise missing_extra(error, "serve") from error

    token = None
    if token_file is not None:  # what is no text is refused with the settings: it isn't ASCII
        token = token_file.read_text(encoding="utf-8", errors="replace").strip()
    settings = Settings(
        body_bytes=body_mb * 1_000_000,
        waiting_seconds=most_wait,
        threads=threads,
        token=token,
        frames=tuple(allow_frame or ()),
        origins=tuple(allow_origin or ()),
    )
    if token is None and host not in _THIS_MACHINE:
        say(f"Anyone who reaches {host} can use this service. Protect it with --token-file.")
    serve_until_stopped(
        model or [],
        settings=settings,
        host=host,
        port=port,
        on_start=lambda address: say(f"Fitting Room answers at {address} (Ctrl-C stops it)."),
    )
