"""Options that several commands share, said once."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fittingroom.jobs.session import Session

Data = Annotated[
    str | None,
    typer.Option(
        help="A folder of the four IDX files, or 'sample'. Left out: Fashion-MNIST from "
        "wherever it is.",
        envvar="FITTINGROOM_DATA",
        show_default=False,
    ),
]
AllowUnknownData = Annotated[
    bool,
    typer.Option("--allow-unknown-data", help="Take --data although it is not Fashion-MNIST."),
]
Classes = Annotated[
    Path | None,
    typer.Option(
        help="A text file of class names, one a line, for unknown data.", show_default=False
    ),
]
Runs = Annotated[Path, typer.Option(help="The folder of runs.")]
Device = Annotated[
    str | None,
    typer.Option(
        help="cpu, cuda or mps, for engines that have it. Left out: the best there is.",
        show_default=False,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(help="Processor threads. Left out: one a processor.", show_default=False),
]


class Elsewhere(StrEnum):
    """Where work may be done, other than in this process."""

    RAY = "ray"


On = Annotated[
    Elsewhere | None,
    typer.Option(
        help="ray: on a Ray cluster, the one that RAY_ADDRESS names or one on this machine. "
        "Left out: in this process.",
        show_default=False,
    ),
]
RUNS = Path("runs")
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def session(
    data: str | None,
    allow_unknown_data: bool,
    classes: Path | None,
    *,
    runs: Path = RUNS,
    device: str | None = None,
    threads: int | None = None,
) -> "Session":
    """The session that a command's options describe, with a display of its progress."""
    from fittingroom.cli.output import Display
    from fittingroom.data import find_dataset
    from fittingroom.jobs.session import Session

    named = data is not None or allow_unknown_data or classes is not None
    return Session(
        data=find_dataset(data, allow_unknown=allow_unknown_data, classes=classes)
        if named
        else None,
        runs=runs,
        device=device,
        threads=threads,
        progress=Display(),
    )
