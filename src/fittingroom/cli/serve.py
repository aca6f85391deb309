"""``serve``: the HTTP service and its page."""

import math
from pathlib import Path
from typing import Annotated

import typer

from fittingroom.cli.output import say
from fittingroom.errors import UsageError, missing_extra

app = typer.Typer()


@app.command()
def serve(
    model: Annotated[
        list[Path] | None,
        typer.Option(
            help="A run's folder or an ONNX file; may be repeated, and every picture is then shown "
            "to each. Left out: the model inside the package.",
            show_default=False,
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="The address to listen at; 0.0.0.0 for all.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes any that is free.", min=0, max=65535)] = 8000,
    token_file: Annotated[
        Path | None,
        typer.Option(help="A file with a token that every request must bring.", show_default=False),
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that share the port.")] = 1,
    body_mb: Annotated[float, typer.Option(help="The largest body of a request.")] = 5.0,
    megapixels: Annotated[float, typer.Option(help="The largest picture.")] = 16.0,
    queue: Annotated[
        int, typer.Option(help="Requests that are accepted and not yet answered, at most.")
    ] = 64,
    waiting_seconds: Annotated[
        float, typer.Option(help="The longest that a request may wait for those before it.")
    ] = 0.015,
    seconds: Annotated[float, typer.Option(help="The longest that a request may take.")] = 10.0,
    threads: Annotated[
        int, typer.Option(help="Processor threads of each model in each worker.")
    ] = 2,
) -> None:
    """Answer over HTTP, with a page for people at the same address, until it is stopped."""
    try:
        from fittingroom.serve import Settings, is_loopback
        from fittingroom.serve import serve as serve_until_stopped
    except ModuleNotFoundError as error:
        raise missing_extra(error, "serve") from error

    if not math.isfinite(body_mb):
        raise UsageError(f"Expected --body-mb in megabytes. Received {body_mb}.")
    token = None if token_file is None else _token(token_file)
    settings = Settings(
        body_bytes=round(body_mb * 1e6),
        megapixels=megapixels,
        queue=queue,
        waiting_seconds=waiting_seconds,
        seconds=seconds,
        threads=threads,
        token=token,
    )
    if token is None and not is_loopback(host):
        say(f"Anybody who reaches {host} can use this service: it has no token (--token-file).")
    serve_until_stopped(
        model or [],
        settings=settings,
        host=host,
        port=port,
        workers=workers,
        on_start=lambda address: say(f"Fitting Room answers at {address} (Ctrl-C ends it)."),
    )


def _token(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        raise UsageError(
            f"Expected a token as text in {file}. Received bytes that are no text."
        ) from error
