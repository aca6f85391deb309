"""``predict``: what a model says of pictures, a line a picture."""

import csv
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from fittingroom.cli import options
from fittingroom.errors import PhotoError, UsageError

if TYPE_CHECKING:
    from fittingroom.jobs.classify import Classified, Found
    from fittingroom.predict import Model
    from fittingroom.predictions import Float32

app = typer.Typer(
    pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]}
)

_STANDARD_INPUT = "-"
# From so many pictures on, a bar shows how far it is.
_MANY = 50
_SHADES = " ░▒▓█"


class _Writer(Protocol):
    """Prints what became of each picture."""

    def __call__(self, classified: "Classified") -> None: ...


@app.command()
def predict(
    picture: Annotated[
        list[str],
        typer.Argument(help="Files, folders, patterns, or - for a picture on standard input."),
    ],
    model: Annotated[
        Path | None,
        typer.Option(
            help="A run's folder, or a model.onnx. Left out: the model inside the package.",
            show_default=False,
        ),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many of the likeliest classes to name.")] = 3,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show which regions mattered for the answer.")
    ] = False,
    stages: Annotated[
        Path | None,
        typer.Option(
            help="Draw the steps from one photo to 28×28 into this PNG.", show_default=False
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1024,
            help="Processor threads. Left out: one a processor.",
            show_default=False,
        ),
    ] = None,
    on: options.On = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="With --on ray: the folder of Parquet files that answers go to.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Name the garments on photos, say how sure that is, or why there is no answer."""
    if json and csv:
        raise UsageError("Expected one of --json and --csv. Received both.")
    if stages is not None:
        _check_stages(stages)
    if on is not None:
        if csv or explain or stages is not None or out is None or _STANDARD_INPUT in picture:
            raise UsageError(
                "Expected files, folders or patterns and --out for --on ray, without --csv, "
                "--explain and --stages: answers go to Parquet files. Received "
                f"{'no --out' if out is None else 'one of the others'}."
            )
        _on_ray(picture, out, model, top, threads, json)
        return
    if out is not None:
        raise UsageError("Expected --on ray with --out. Received --out alone.")
    from fittingroom.jobs.classify import Found, classify, find_pictures
    from fittingroom.jobs.load import load

    given = picture == [_STANDARD_INPUT]
    named = [Found(_STANDARD_INPUT)] if given else list(find_pictures(picture))
    if stages is not None and len(named) != 1:
        raise UsageError(f"Expected one picture with --stages. Received {len(named)}.")
    if stages is not None and _is_same(named[0].name, stages):
        raise UsageError(
            f"Expected --stages with a file of its own. Received '{stages}', which is the photo. "
            "Name another, so that the photo is not written over."
        )
    loaded = load(model, threads)
    explained = loaded if explain else None
    if json:
        write: _Writer = _JsonLines(top, explained)
    elif csv:
        write = _Csv()
    else:
        write = _Table(loaded.classes, named, top, explained)
    broken = 0
    with _progress(len(named)) as advance:
        for number, classified in enumerate(classify(loaded, _contents(named)), start=1):
            write(classified)
            advance(number)
            broken += not classified.answer
            if stages is not None and classified.photo is not None:
                _write_stages(classified, stages)
    if broken:
        answered = "the others were answered" if broken < len(named) else "none was answered"
        raise PhotoError(
            f"Expected pictures that can be read. Received {broken} of {len(named)} that cannot; "
            f"{answered}."
        )


def _on_ray(
    sources: list[str],
    out: Path,
    model: Path | None,
    top: int,
    threads: int | None,
    as_json: bool,
) -> None:
    from fittingroom.cli.output import Display, print_json, print_text, prints_aside
    from fittingroom.jobs.cluster.shards import classify_shards

    with prints_aside():  # Ray tells of lost workers on standard output
        left = classify_shards(
            sources,
            out,
            model=model,
            top=top,
            threads=threads or 1,
            progress=Display(),
        )
    if as_json:
        print_json(left.as_dict())
    else:
        print_text(
            f"{left.out}: {left.pictures:,} pictures in {left.shards:,} Parquet files, of which "
            f"{left.reused:,} were there."
        )
    if left.broken:
        raise PhotoError(
            f"Expected pictures that can be read. Received {left.broken:,} of {left.pictures:,} "
            "that cannot; their rows have `error`."
        )


def _check_stages(path: Path) -> None:
    """Before the photo is read: afterwards the answer would be there, and its picture lost."""
    if path.suffix.lower() != ".png":
        raise UsageError(f"Expected --stages with a file that ends in .png. Received '{path}'.")
    if not os.path.isdir(path.parent):  # noqa: PTH112
        raise UsageError(
            f"Expected --stages in a folder that is there. Received '{path}'. "
            "Make the folder first, or name another."
        )


def _is_same(name: str, path: Path) -> bool:
    """Whether both are one file, whatever links lead to it."""
    try:
        return os.path.samefile(name, path)  # noqa: PTH121
    except (OSError, ValueError):  # one is not there
        return False


def _contents(named: "list[Found]") -> "Iterator[tuple[str, str | bytes | PhotoError]]":
    for found in named:
        if found.error:
            yield found.name, PhotoError(found.error)
        else:
            name = found.name
            yield name, _standard_input() if name == _STANDARD_INPUT else name


def _standard_input() -> bytes:
    if sys.stdin is None:  # closed by whoever started this
        return b""
    from fittingroom.photos import Limits

    # One byte more than is taken tells that it is too much; what never ends is not waited for.
    return sys.stdin.buffer.read(Limits().file_bytes + 1)


class _JsonLines:
    """A JSON object a line; its names are a contract (docs/how-to/scripts.md)."""

    def __init__(self, top: int, explained: "Model | None") -> None:
        self._top, self._explained = top, explained

    def __call__(self, classified: "Classified") -> None:
        values: dict[str, Any] = {"file": classified.file}
        if classified.answer is None or classified.photo is None:
            values["error"] = classified.error
        else:
            values |= classified.answer.to_json(self._top)
            if self._explained is not None:
                heat = self._explained.explain(classified.photo.image)
                values["explanation"] = [[round(float(each), 4) for each in row] for row in heat]
        print(json.dumps(values, ensure_ascii=False, allow_nan=False))


class _Csv:
    """Comma-separated values with a header."""

    def __init__(self) -> None:
        self._rows = csv.writer(sys.stdout, lineterminator="\n")
        self._rows.writerow(("file", "class", "label", "probability", "abstain", "error"))

    def __call__(self, classified: "Classified") -> None:
        if classified.answer is None:
            self._rows.writerow((classified.file, "", "", "", "", classified.error))
            return
        values = classified.answer.to_json()
        names = ("class", "label", "probability", "abstain")
        self._rows.writerow((classified.file, *(values[name] for name in names), ""))


class _Table:
    """Columns for people, written as they come: a table that was laid out in the end would hold
    everything until then."""

    def __init__(
        self, classes: tuple[str, ...], named: "list[Found]", top: int, explained: "Model | None"
    ) -> None:
        self._top, self._explained = top, explained
        self._file = min(max(len("file"), *(len(found.name) for found in named)), 48)
        self._answer = max(len("unknown"), *map(len, classes))
        print(f"{'file':<{self._file}}  {'answer':<{self._answer}}  likeliest classes")

    def __call__(self, classified: "Classified") -> None:
        answer = classified.answer
        if answer is None or classified.photo is None:
            print(f"{_printable(classified.file)}: {classified.error}", file=sys.stderr)
            return
        likeliest = ", ".join(f"{name} {share:.0%}" for name, share in answer.top(self._top))
        said = answer.abstain or answer.class_name
        print(f"{_printable(classified.file):<{self._file}}  {said:<{self._answer}}  {likeliest}")
        for warning in classified.photo.warnings:
            print(f"{_printable(classified.file)}: {warning}", file=sys.stderr)
        if self._explained is not None:
            _print_heat(answer.class_name, self._explained.explain(classified.photo.image))


def _printable(name: str) -> str:
    """A file's name on one line, with nothing in it that a terminal would obey."""
    return "".join(each if each.isprintable() else "�" for each in name)


def _print_heat(name: str, heat: "Float32") -> None:
    """Where it looked, in characters: two rows of pixels a line."""
    print(f"What spoke for {name}:")
    positive = heat.clip(min=0).reshape(14, 2, 28).mean(axis=1)
    levels = (positive / max(float(positive.max()), 1e-9) * (len(_SHADES) - 1)).round().astype(int)
    for row in levels:
        print("  " + "".join(_SHADES[level] for level in row))


def _write_stages(classified: "Classified", path: Path) -> None:
    from fittingroom.photos import stage_sheet

    if classified.photo is not None:
        stage_sheet(classified.photo).save(path)
        print(f"Stages: {path}", file=sys.stderr)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal that standard output does not go to, where there are many pictures."""
    if total < _MANY or not sys.stderr.isatty() or sys.stdout.isatty():
        yield lambda done: None
        return
    # A line that is written over: what rich brings takes longer to import than an answer takes.
    width = max(min(shutil.get_terminal_size().columns - 30, 50), 10)

    def advance(done: int) -> None:
        filled = width * done // total
        bar = "━" * filled + " " * (width - filled)
        print(f"\r{bar} {done:,} of {total:,}", end="", file=sys.stderr, flush=True)

    try:
        yield advance
    finally:
        print(file=sys.stderr)
