"""The page and the picture of the measured trainings."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.frontier import Family, Point, frontier
from benchmarks.processes import ROOT
from benchmarks.table import TUTORIAL, Row, Table
from fittingroom.plots.style import png
from fittingroom.recipes import RECIPES

# What the notebook project stated for its CNN: accuracy, and after how many epochs.
_STATED_ACCURACY, _STATED_EPOCHS = 0.9063, 30
_NONE = "–"


def page(
    table: Table,
    rows: Sequence[Row],
    summary: Mapping[str, Any],
    picture_name: str,
    outdated: int,
) -> str:
    """The results as Markdown.

    Args:
        table: all that was measured.
        rows: those that count.
        summary: what :func:`benchmarks.table.summarise` said of them.
        picture_name: the file of the picture, beside the page.
        outdated: rows that do not count any more.
    """
    parts = [
        "# Accuracy against training time",
        f"By `benchmarks/training.py`; instructions: {table.instructions}. Test accuracy is the "
        "mean over seeds, decisions made on validation, with the exceptions that [the log](../LOG.md) "
        "names; training time is whole, validation of each epoch included, imports and data loading "
        "apart.",
        f"![Test accuracy against training time]({picture_name})",
        "\n".join(recipes_table(summary)),
        *_broken_down(summary),
        _definitions(summary, on_gpu="device" in table.sittings[rows[-1]["sitting"]]),
        "## Verdicts",
        "Each recipe against the one before it by accuracy, and `cnn` against `ann`.",
        "\n".join(f"- {sentence}" for sentence in summary["verdicts"]) or "There are none yet.",
        "## Sittings",
        "\n".join(_sittings(table, {row["sitting"] for row in rows})),
        "## Every training",
        "\n".join(_trainings(table, rows)),
        *_notes(rows),
    ]
    if outdated:
        parts.append(
            f"Left out: {outdated} trainings of recipes or code that have changed since, or under "
            "other settings."
        )
    return "\n\n".join(parts) + "\n"


def recipes_table(summary: Mapping[str, Any]) -> list[str]:
    """The table of recipes, a line each, fastest first."""
    recipes = {name: each for name, each in summary["recipes"].items() if each["seeds"]}
    lines = [
        "| | test accuracy | 95% interval | seeds | training | predecessor's epochs | factor "
        "| multiply-adds a picture | GFLOP/s | of the ceiling | memory |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, each in sorted(recipes.items(), key=lambda item: item[1]["seconds"]):
        low, high = each["interval"]
        cells = (
            _title(name),
            f"**{each['accuracy']:.2%}**",
            f"{low:.2%}–{high:.2%}",
            str(len(each["seeds"])),
            *_times(each),
            f"{each['operations']:,}",
            _or_none(each["gflops"], ".0f"),
            _or_none(each["ceiling_share"], ".0%"),
            _memory(each),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def short_table(summary: Mapping[str, Any]) -> list[str]:
    """What the README shows of it, a line a recipe, fastest first."""
    recipes = {name: each for name, each in summary["recipes"].items() if each["seeds"]}
    lines = [
        "| | test accuracy | 95% interval | seeds | training | predecessor's epochs | factor "
        "| parameters |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, each in sorted(recipes.items(), key=lambda item: item[1]["seconds"]):
        low, high = each["interval"]
        lines.append(
            f"| {_title(name)} | **{each['accuracy']:.2%}** | {low:.2%}–{high:.2%} "
            f"| {len(each['seeds'])} | {' | '.join(_times(each))} | {each['parameters']:,} |"
        )
    return lines


def _times(each: Mapping[str, Any]) -> tuple[str, str, str]:
    """Seconds, predecessor's epochs and factor, marked as bounds where the machine was not quiet."""
    most, least = ("", "") if each["quiet"] else ("≤ ", "≥ ")
    epochs, factor = each["predecessor_epochs"], each["factor"]
    return (
        most + seconds(each["seconds"]),
        _NONE if epochs is None else f"{most}{epochs:.2f}",
        _NONE
        if factor is None
        else least + (f"{factor:,.0f}" if factor > 999 else f"{factor:.3g}"),
    )


def picture(table: Table, rows: Sequence[Row], summary: Mapping[str, Any]) -> bytes:
    """The frontier as a PNG: every recipe and peer."""
    units = [unit for row in rows if (unit := table.predecessor_epoch(row)) is not None]
    unit = sum(units) / len(units) if units else None
    points = [
        Point(
            "tutorial's loop, 1 epoch" if name == TUTORIAL else name,
            _family(name),
            each["seconds"],
            each["accuracy"],
            tuple(each["interval"]),
        )
        for name, each in summary["recipes"].items()
        if each["seeds"]
    ]
    points += _predecessor(unit, {point.name for point in points})
    return png(frontier(points, unit), "Accuracy against training time")


def _predecessor(unit: float | None, there: set[str]) -> list[Point]:
    """The predecessor's networks as verified and as stated, its CNN in epochs of this benchmark."""
    points = []
    if unit is not None:
        points.append(
            Point(
                "predecessor's CNN, stated",
                "peer",
                _STATED_EPOCHS * unit,
                _STATED_ACCURACY,
                None,
            )
        )
    for name, title in (("keras-cnn", "CNN"), ("keras-ann", "ANN")):
        path = ROOT / "docs" / "results" / f"verify-{name}.json"
        if not path.exists() or name in there:
            continue
        found = json.loads(path.read_text(encoding="utf-8"))
        epochs = sum(len(seed["history"]) for seed in found["seeds"]) / len(found["seeds"])
        # Its ANN is not measured here: its time is that of its own run.
        each = found["seconds_per_epoch"] if name == "keras-ann" else unit
        if each is not None:
            low, high = found["interval"]
            label = f"predecessor's {title}, verified"
            points.append(Point(label, "peer", epochs * each, found["accuracy"], (low, high)))
    return points


def _title(name: str) -> str:
    return "a tutorial's loop, 1 epoch" if name == TUTORIAL else f"`{name}`"


def _family(name: str) -> Family:
    if name == TUTORIAL or RECIPES[name].engine == "keras":
        return "peer"
    if RECIPES[name].engine == "sklearn":
        return "classical"
    return "convolutional" if name.startswith(("cnn", "gpu")) else "dense"


def _broken_down(summary: Mapping[str, Any]) -> list[str]:
    failures = [
        f"- `{name}`, {failure}"
        for name, each in summary["recipes"].items()
        for failure in each["failures"]
    ]
    return ["Broken down:\n\n" + "\n".join(failures)] if failures else []


def _notes(rows: Sequence[Row]) -> list[str]:
    """What the trainings on a GPU said of themselves: the warm-up, apart from the seconds."""
    said = [
        f"- {row['recipe']}, seed {row['seed']}: {note}"
        for row in rows
        for note in row.get("notes", ())
    ]
    return ["\n".join(said)] if said else []


def _definitions(summary: Mapping[str, Any], *, on_gpu: bool) -> str:
    whole = summary["predecessor_epochs"]
    product = (
        "its share of the best matrix product of the sitting on the GPU. To read, not to chase."
        if on_gpu
        else "its share of the best float32 matrix product of the sitting, above 100% where "
        "training is in bfloat16, which that product is not. To read, not to chase."
    )
    factor = (
        f"the predecessor's own training took {whole} epochs (`verify-keras-cnn.json`); the factor "
        f"is {whole} divided by the recipe's predecessor's epochs: how many times faster it is."
        if whole is not None
        else "not given, as nobody has verified yet how many epochs the predecessor trains for."
    )
    return "\n".join(
        [
            "- *95% interval*: covers seeds and test pictures; of a single seed, pictures alone.",
            "- *Training*: the seconds that the engine took, from the pictures in memory to the "
            "best epoch's weights; the mean over those seeds during which other processes took no "
            "more than 5% of the processors. With ≤ there is no such seed: the mean over all, "
            "beside other work, which only makes it longer. What follows is apart: the export, its "
            "check, temperature, thresholds.",
            "- *Predecessor's epochs*: that time over one epoch of the recipe `keras-cnn` (48,000 "
            "pictures, batch 32, validation included) with Keras on TensorFlow, measured in the "
            "same sitting: the fastest of three, as times are noisy. "
            + (
                "It is the processor's: TensorFlow was not given the GPU. That on PyTorch is the "
                "GPU's."
                if on_gpu
                else "This is the figure that compares between machines."
            ),
            f"- *Factor*: {factor}",
            "- *Multiply-adds a picture*: of the trained model, forward, the mirror image and shifts "
            "counted.",
            "- *GFLOP/s*: of training, two operations a multiply-add, three forward passes for a "
            f"training picture, validation counted; *of the ceiling*: {product}",
            "- *Memory*: the most that the process held until training and export ended"
            + (", and the most of the GPU's that PyTorch kept for it." if on_gpu else "."),
            "- A hollow dot in the picture was stated, without an interval; it stands at "
            f"{_STATED_EPOCHS} of the predecessor's epochs. The dotted line joins this project's "
            "recipes than which none is both faster and more accurate.",
        ]
    )


def _sittings(table: Table, used: set[int]) -> list[str]:
    lines = [
        "| | began | processor, threads | matrix product, GFLOP/s | memory copy, triad, GB/s "
        "| predecessor's epoch | on PyTorch | revision |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for place, sitting in enumerate(table.sittings):
        # The predecessor on PyTorch is measured once for a machine and its versions.
        if place not in used and "torch" not in sitting["predecessor"]:
            continue
        environment, ceilings = sitting["environment"], sitting["ceilings"]
        products = ceilings["products_gflops"]
        best = max(products, key=products.__getitem__)
        moved = ceilings["bandwidth_gb_per_second"]
        epochs = {
            backend: seconds(measured["epoch_seconds"])
            for backend, measured in sitting["predecessor"].items()
        }
        cells = (
            str(place + 1),
            environment["time"][:16].replace("T", " "),
            f"{sitting.get('device', environment['processor'])}, {sitting['threads']}",
            f"{products[best]:.0f} ({best})",
            f"{moved['copy']:.1f}, {moved['triad']:.1f}",
            epochs.get("tensorflow", "no TensorFlow"),
            epochs.get("torch", _NONE),
            str(environment["revision"]),
        )
        lines.append(f"| {' | '.join(cells)} |")
    newest = table.sittings[max(used)]
    versions = dict(newest["environment"]["versions"])
    for measured in newest["predecessor"].values():
        versions |= {
            name: version for name, version in measured["versions"].items() if name not in versions
        }
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    lines += ["", f"In the last: Python {newest['environment']['python']}, {named}."]
    return lines


def _trainings(table: Table, rows: Sequence[Row]) -> list[str]:
    lines = [
        "| recipe | seed | validation | test | training | predecessor's epochs | epochs, kept "
        "| before training | memory | others | sitting |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if "failure" in row:
            lines.append(f"| {row['recipe']} | {row['seed']} | broken down |" + " |" * 8)
            continue
        unit = table.predecessor_epoch(row)
        cells = (
            row["recipe"],
            str(row["seed"]),
            f"{row['validation_accuracy']:.2%}",
            f"{row['test_accuracy']:.2%}",
            seconds(row["seconds"]),
            _or_none(None if unit is None else row["seconds"] / unit, ".2f"),
            f"{len(row['history'])}, {row['best_epoch']}",
            seconds(row["before_training_seconds"]),
            _memory(row),
            _or_none(row.get("others_share"), ".0%"),
            str(row["sitting"] + 1),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return [
        *lines,
        "",
        "*Before training*: imports, and loading and verifying the data. *Others*: the share of the "
        "processors that other processes took.",
    ]


def seconds(value: float) -> str:
    """``2.84 s``, ``17.0 s``, ``123 s``: three digits."""
    return (
        f"{value:.2f} s"
        if value < 9.995
        else f"{value:.1f} s"
        if value < 99.95
        else f"{value:.0f} s"
    )


def _memory(measured: Mapping[str, Any]) -> str:
    """Of the process, and of the GPU where there is one."""
    of_gpu = measured.get("device_peak_memory_mb")
    words = f"{measured['peak_memory_mb']:.0f} MB"
    return words if of_gpu is None else f"{words}, GPU {of_gpu:.0f} MB"


def _or_none(value: float | None, form: str) -> str:
    return _NONE if value is None else format(value, form)
