"""``predict``: classify images, one line each."""

import csv
import io
import json
import re
import sys
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fittingroom.cli import options, printable
from fittingroom.errors import PhotoError, UsageError

if TYPE_CHECKING:
    from fittingroom.jobs.classify import Classified, PredictOptions
    from fittingroom.predict import Model
    from fittingroom.predictions import Float32

app = typer.Typer(
    add_completion=False,  # it would complete `fittingroom predict`, which is no program
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_STANDARD_INPUT = "-"
# From so many images on, a bar shows the progress.
_MANY = 50
_SHADES = " ░▒▓█"

# Prints the result for one image.
_Writer = Callable[["Classified"], None]


@app.command()
def predict(
    image: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE...", help="Files, folders, patterns, or - for standard input."
        ),
    ],
    model: Annotated[
        Path | None,
        typer.Option(
            help="A run's folder, a model.onnx, or cnn-tiny. Default: the models of the package."
        ),
    ] = None,
    top: Annotated[
        int, typer.Option(min=1, help="How many of the most likely classes to name.")
    ] = 3,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show which regions of the image mattered.")
    ] = False,
    stages: Annotated[
        Path | None, typer.Option(help="Draw how one photo becomes 28×28 pixels, as a PNG file.")
    ] = None,
    force: options.Force = False,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    threads: options.Threads = None,
    on: options.On = None,
    out: Annotated[
        Path | None,
        typer.Option(help="With --on ray: the folder to write Parquet files of answers to."),
    ] = None,
) -> None:
    """Classify the garments on photos; say how sure that is, or why there is no answer."""
    from fittingroom.jobs.classify import PredictOptions, classify, find_images
    from fittingroom.jobs.load import load
    from fittingroom.predict.abstention import unlike

    if json and csv:
        raise UsageError("--json and --csv exclude each other. Leave out one of them.")
    chosen = PredictOptions(top=top, explain=explain)
    if on is not None or out is not None:
        if on is None or out is None or csv or explain or stages or _STANDARD_INPUT in image:
            raise UsageError(
                "--on ray and --out go together, without --csv, --explain, --stages and standard "
                "input: answers go to Parquet files. Change the options."
            )
        _on_ray(image, out, model, chosen, threads, json)
        return
    found = image if image == [_STANDARD_INPUT] else list(find_images(image, _say))
    if stages is not None:
        _check_stages(stages, found, force)
    loaded = load(model, threads)
    images: Iterable[tuple[str, str | bytes]] = ((name, _content(name)) for name in found)
    if stages is not None:
        images = list(images)  # one, which is read again to be drawn
    if json:
        write = _json_lines(chosen)
    elif csv:
        write = _csv_rows(chosen)
    else:
        write = _table(chosen, loaded, found)
    broken = unknown = 0
    # On a terminal that the results don't go to. Not rich's bar, which is slow to import.
    shown = len(found) >= _MANY and sys.stderr.isatty() and not sys.stdout.isatty()
    with (
        typer.progressbar(length=len(found), show_pos=True, file=sys.stderr)
        if shown
        else nullcontext()
    ) as bar:
        for classified in classify(loaded, images, chosen):
            write(classified)
            broken += classified.answer is None
            unknown += classified.answer is not None and classified.answer.abstain == "unknown"
            if bar is not None:
                bar.update(1)
    if stages is not None and not broken:
        from fittingroom.photos import read_photo, stage_sheet

        ((_, photo),) = images
        stage_sheet(read_photo(photo, preparation=loaded.preparation)).save(stages)
        _say(f"Stages: {stages}")
    if unlike(unknown, len(found) - broken):
        _say(
            f"{unknown} of {len(found)} images are unknown, where 3% of garments are: these images "
            "are not like those that the model was checked on, so what is promised of its answers "
            "does not hold here."
        )
    if broken:
        raise PhotoError(
            f"{broken} of {len(found)} images can't be read. "
            + ("The others were classified." if broken < len(found) else "None was classified.")
        )


def _on_ray(
    sources: list[str],
    out: Path,
    model: Path | None,
    chosen: "PredictOptions",
    threads: int | None,
    as_json: bool,
) -> None:
    from fittingroom.cli.output import Display, print_json, print_text, prints_aside
    from fittingroom.jobs.cluster.shards import classify_shards
    from fittingroom.numbers import plain

    with prints_aside():  # Ray reports lost workers on standard output
        left = classify_shards(
            sources, out, model=model, options=chosen, threads=threads or 1, progress=Display()
        )
    if as_json:
        print_json(plain(left))
    else:
        print_text(
            f"{left.out}: {left.images:,} images in {left.shards:,} Parquet files, "
            f"{left.reused:,} of them from before."
        )
    if left.broken:
        raise PhotoError(
            f"{left.broken:,} of {left.images:,} images can't be read; their rows have `error`."
        )


def _check_stages(stages: Path, found: list[str], force: bool) -> None:
    """Before the photo is read: afterwards the answer would be there, and its drawing lost."""
    if len(found) != 1:
        raise UsageError(f"--stages draws one photo, not {len(found)}. Name one file.")
    if stages.suffix.lower() != ".png" or not stages.parent.is_dir():
        raise UsageError(
            f"--stages can't draw into {stages}. Name a file that ends in .png, in a folder that "
            "exists."
        )
    if stages.exists() and not force:
        raise UsageError(f"{stages} exists. Name another file, or overwrite it with --force.")


def _say(sentence: str) -> None:
    print(printable(sentence), file=sys.stderr)


def _content(name: str) -> str | bytes:
    """The file itself, or what standard input holds."""
    if name != _STANDARD_INPUT:
        return name
    if sys.stdin is None:  # closed by whoever started this
        return b""
    from fittingroom.photos import Limits

    # One byte more than allowed shows that it is too much. An endless input is not waited for.
    return sys.stdin.buffer.read(Limits().file_bytes + 1)


def _json_lines(chosen: "PredictOptions") -> _Writer:
    """A JSON object a line, in ASCII: no terminal's encoding can change a name."""
    return lambda classified: print(json.dumps(classified.to_json(chosen), allow_nan=False))


def _csv_rows(chosen: "PredictOptions") -> _Writer:
    """Comma-separated values with a header: UTF-8, and bytes of names that are not, unchanged."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    columns = ("file", "class", "label", "probability", "abstain", "model", "error")
    rows = csv.DictWriter(sys.stdout, columns, extrasaction="ignore", lineterminator="\n")
    rows.writeheader()

    def write(classified: "Classified") -> None:
        values = classified.to_json(chosen)
        if sys.stdout.isatty():  # a file has the names as they are
            values["file"] = printable(values["file"])
        rows.writerow({name: _no_formula(value) for name, value in values.items()})

    return write


def _no_formula(value: object) -> object:
    """A cell's value, with a ``'`` before a text that a spreadsheet would compute."""
    return f"'{value}" if isinstance(value, str) and re.match(r"[=+@\t\r]|-.", value) else value


def _table(chosen: "PredictOptions", model: "Model", found: list[str]) -> _Writer:
    """Columns for people, printed line by line."""
    wide = min(max(len("file"), *map(len, map(_line, found))), 48)
    answer_wide = min(max(len("unknown"), *map(len, model.classes)), 30)
    model_wide = max(len("cnn-tiny"), len(printable(model.name)))

    def show(file: str, shown: str, by: str, likely: str) -> None:
        print(f"{file:<{wide}}  {shown:<{answer_wide}}  {by:<{model_wide}}  {likely}")

    show("file", "answer", "model", "most likely classes")

    def write(classified: "Classified") -> None:
        file, answer = _line(classified.file), classified.answer
        if answer is None:
            # Most errors begin with the name of the file.
            error = _line(classified.error)
            print(error if error.startswith(file) else f"{file}: {error}", file=sys.stderr)
            return
        likely = ", ".join(f"{name} {share:.0%}" for name, share in answer.top(chosen.top))
        shown = answer.abstain or answer.class_name
        show(file, *map(printable, (shown, answer.model, likely)))
        for warning in answer.warnings:
            print(f"{file}: {warning}", file=sys.stderr)
        if classified.explanation is not None:
            _print_heat(answer.class_name, classified.explanation)

    return write


def _line(text: str) -> str:
    """A text on one line."""
    return printable(text).replace("\n", "\\n")


def _print_heat(name: str, heat: "Float32") -> None:
    """Which regions mattered, in 14 lines of 28 characters, each twice as high as it is wide."""
    import numpy as np
    from PIL import Image

    print(printable(f"Evidence for {name}:"))
    positive = np.asarray(
        Image.fromarray(heat.clip(min=0)).resize((28, 14), Image.Resampling.BILINEAR)
    )
    levels = (positive / max(float(positive.max()), 1e-9) * (len(_SHADES) - 1)).round().astype(int)
    for row in levels:
        print("  " + "".join(_SHADES[level] for level in row))
