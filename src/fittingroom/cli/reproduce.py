"""``reproduce``: train a run again, and compare the results."""

from pathlib import Path
from typing import Annotated

import typer

from fittingroom.cli import options
from fittingroom.cli.output import print_json, print_text, prints_aside

app = typer.Typer()


@app.command()
@options.takes_session("device", "threads")
def reproduce(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    model: Annotated[
        str | None,
        typer.Option(
            help="The code of your own model, my_file.py:build, if the run trained one.",
            show_default=False,
        ),
    ] = None,
    json: options.Json = False,
    *,
    session: "options.Session",
) -> None:
    """Train a run again, and say whether the results are the same, or what differs and why.

    Device and threads are by default those of the run. The exit code is 1 if the results differ and
    nothing in the environment explains it.
    """
    from fittingroom.jobs.reproduce import reproduce as reproduce_job

    with prints_aside():
        reproduction = reproduce_job(run, model=model, session=session)
    if json:
        print_json(reproduction.as_dict())
    else:
        print_text(reproduction.sentence)
    if reproduction.verdict == "unexplained":
        raise typer.Exit(1)
