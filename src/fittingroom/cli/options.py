"""Options that several commands share."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from fittingroom.jobs.session import Session as Session

RUNS = Path("runs")
_Command = Callable[..., None]


def one_of(*words: str) -> dict[str, Any]:
    """What makes an option one of some words. Typer's own refusal begins with "Value error"."""

    def check(given: str) -> str:
        if given not in words:
            raise typer.BadParameter(f"{given!r} is not one of {', '.join(words)}.")
        return given

    return {"parser": check, "metavar": f"[{'|'.join(words)}]"}


Data = Annotated[
    str | None,
    typer.Option(
        help="A file or folder: IDX, CSV, NPZ, Parquet, or a folder of images for each class; or "
        "'sample', 'mnist' or 'kmnist'. Default: Fashion-MNIST, from wherever it is.",
        envvar="FITTINGROOM_DATA",
    ),
]
Test = Annotated[str | None, typer.Option(help="A file or folder whose images are the test set.")]
Invert = Annotated[
    Literal["auto", "yes", "no"],
    typer.Option(
        help="Whether the images are dark on light. auto: by their borders.",
        **one_of("auto", "yes", "no"),
    ),
]
Classes = Annotated[
    Path | None, typer.Option(help="A text file of class names, one a line, by label.")
]
Runs = Annotated[Path, typer.Option(help="The folder of runs.")]
Device = Annotated[
    str | None,
    typer.Option(
        help="cpu, cuda or mps, if the recipe's framework can use it. Default: the best there is."
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(min=1, max=1024, help="Processor threads. Default: one a processor."),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite a file that exists.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
On = Annotated[
    Literal["ray"] | None,
    typer.Option(
        help="ray: on a Ray cluster, the one that RAY_ADDRESS names or one on this machine. "
        "Default: in this process.",
        **one_of("ray"),
    ),
]

# Annotations and defaults.
_SESSION: dict[str, tuple[Any, Any]] = {
    "data": (Data, None),
    "test": (Test, None),
    "classes": (Classes, None),
    "invert": (Invert, "auto"),
    "runs": (Runs, RUNS),
    "device": (Device, None),
    "threads": (Threads, None),
}


def takes_session(*names: str) -> Callable[[_Command], _Command]:
    """Replace a command's parameter ``session`` by options: those of the data, and these.

    The command gets the :class:`~fittingroom.jobs.session.Session` that they describe, with a
    display of its progress.
    """
    names = ("data", "test", "classes", "invert", *names)
    added = {name: _SESSION[name] for name in names}

    def decorate(command: _Command) -> _Command:
        @functools.wraps(command)
        def call(**values: Any) -> None:
            command(session=_session(**{name: values.pop(name) for name in added}), **values)

        parameters = [
            each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for each in inspect.signature(command).parameters.values()
            if each.name != "session"
        ] + [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
            )
            for name, (annotation, default) in added.items()
        ]
        # What typer reads.
        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {each.name: each.annotation for each in parameters}
        return call

    return decorate


def _session(
    data: str | None, test: str | None, classes: Path | None, invert: Any, **place: Any
) -> Any:
    from fittingroom.cli.output import Display, say
    from fittingroom.data import find_dataset
    from fittingroom.jobs.session import Session

    dataset, display = None, Display()
    if data is not None or test is not None or classes is not None:
        dataset = find_dataset(data, test=test, classes=classes, invert=invert, track=display.track)
        if dataset.warnings:
            say(f"Warning: {dataset.description}")
    return Session(data=dataset, progress=display, **place)
