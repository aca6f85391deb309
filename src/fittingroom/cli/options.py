"""Options that several commands share, said once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

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


class Place(StrEnum):
    """Where work may be done, other than in this process."""

    RAY = "ray"


On = Annotated[
    Place | None,
    typer.Option(help="ray: on a Ray cluster. Left out: in this process.", show_default=False),
]
Address = Annotated[
    str | None,
    typer.Option(
        help="host:port of a Ray cluster that runs, and that this machine is a part of. Left out: "
        "RAY_ADDRESS, or a cluster of this machine alone.",
        show_default=False,
    ),
]
RUNS = Path("runs")
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
