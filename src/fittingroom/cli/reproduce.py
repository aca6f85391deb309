"""``reproduce``: train a run again, and say whether the same came out."""

from pathlib import Path
from typing import Annotated

import typer

from fittingroom.cli import options
from fittingroom.cli.output import print_json, print_text, prints_aside

app = typer.Typer()


@app.command()
def reproduce(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    model: Annotated[
        str | None,
        typer.Option(
            help="The code of a model of your own, my_file.py:build, where the run trained one.",
            show_default=False,
        ),
    ] = None,
    data: options.Data = None,
    allow_unknown_data: options.AllowUnknownData = False,
    classes: options.Classes = None,
    device: Annotated[
        str | None,
        typer.Option(
            help="cpu, cuda or mps. Left out: where the run was trained.", show_default=False
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            help="Processor threads. Left out: as many as the run was trained with.",
            show_default=False,
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Train a run again, and say whether the results are the same, or what differs and why.

    The exit code is 1 if the results differ and nothing in the environment explains it.
    """
    from fittingroom.jobs.reproduce import reproduce as reproduce_job

    with prints_aside():
        reproduction = reproduce_job(
            run,
            model=model,
            session=options.session(
                data, allow_unknown_data, classes, device=device, threads=threads
            ),
        )
    if json:
        print_json(reproduction.as_dict())
    else:
        print_text(reproduction.sentence)
    if reproduction.verdict == "unexplained":
        raise typer.Exit(1)
