"""The page and the figure of the measured trainings, and the table that the README shows."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.frontier import Family, Point, frontier
from benchmarks.measure import RESULTS, machine, table
from benchmarks.table import TUTORIAL, Row, counted, predecessor_epoch
from fittingroom.plots.style import png
from fittingroom.recipes import RECIPES

# What the notebook project stated for its CNN: accuracy, and after how many epochs.
_STATED_ACCURACY, _STATED_EPOCHS = 0.9063, 30
_NONE = "–"


def page(measured: Mapping[str, Any], picture_name: str) -> str:
    """The results as Markdown; the picture lies beside the page."""
    rows = counted(measured["rows"])
    whole = measured["predecessor_epochs"]
    factor = (
        f"the predecessor's own training took {whole} epochs ([measured](verify-keras-cnn.json)). "
        f"The factor is {whole} divided by the recipe's predecessor's epochs: how many times faster "
        "the recipe trains."
        if whole
        else "not given, because the predecessor's whole training has not been measured."
    )
    failures = "\n".join(
        f"- Failed: `{name}`, {failure}"
        for name, each in measured["recipes"].items()
        for failure in each["failures"]
    )
    verdicts = "\n".join(f"- {each}" for each in measured["verdicts"])
    outdated = len(measured["rows"]) - len(rows)
    return f"""# Accuracy against training time

Measured by `benchmarks/training.py`; instructions: {measured["instructions"]}. Test accuracy is the
mean over seeds. Decisions were made on validation data, with the exceptions that
[the log](../LOG.md) names. Training time includes the validation of each epoch, but not imports
and data loading.

![Test accuracy against training time]({picture_name})

{recipes_table(measured)}

{failures}

- *95% interval*: covers seeds and test images; for a single seed, test images alone.
- *Training*: the seconds that the engine took, from the images in memory to the best epoch's
  weights. It is the mean over the seeds during which other processes took no more than 5% of the
  processors. ≤ means that there is no such seed: measured on a busy machine, so that the true time is
  at most this. Export, its check, temperature and thresholds come after that and are not counted.
- *Predecessor's epochs*: that time over one epoch of the recipe `keras-cnn` (48,000 images, batch
  32, validation included) with Keras on TensorFlow, measured in the same sitting: the fastest of
  three, as times are noisy. Use this figure to compare machines.
- *Factor*: {factor}
- *Multiply-adds an image*: of the trained model's forward pass, mirror image and shifts included.
- *Memory*: the most that the process held until training and export ended.
- A hollow dot in the figure is a stated accuracy without an interval; it stands at
  {_STATED_EPOCHS} of the predecessor's epochs. The dotted line joins those recipes of this project
  that no other one beats in both time and accuracy.

## Verdicts

Each recipe compared with the next less accurate one, and `cnn` with `ann`.

{verdicts or "There are none yet."}

## Sittings

{_sittings(measured["sittings"], {row["sitting"] for row in rows})}

## Every training

{_trainings(measured["sittings"], rows)}

*Before training*: imports, loading and verifying the data. *Others*: the share of the processors that
other processes took.
""" + (
        f"\nLeft out: trainings of recipes that have changed since, or under other settings: {outdated}.\n"
        if outdated
        else ""
    )


def recipes_table(measured: Mapping[str, Any]) -> str:
    """The table of recipes, fastest first."""
    header = (
        *("", "test accuracy", "95% interval", "seeds", "training", "predecessor's epochs"),
        *("factor", "multiply-adds an image", "memory"),
    )
    rows = [
        (
            *_result(name, each),
            f"{each['operations']:,}",
            f"{each['peak_memory_mb']:.0f} MB",
        )
        for name, each in _fastest_first(measured)
    ]
    return table(header, rows)


def short_table(measured: Mapping[str, Any]) -> str:
    """The table that the README shows, fastest first."""
    header = (
        *("", "test accuracy", "95% interval", "seeds", "training", "predecessor's epochs"),
        *("factor", "parameters"),
    )
    rows = [
        (*_result(name, each), f"{each['parameters']:,}") for name, each in _fastest_first(measured)
    ]
    return table(header, rows)


def _fastest_first(measured: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    there = [(name, each) for name, each in measured["recipes"].items() if each["seeds"]]
    return sorted(there, key=lambda item: item[1]["seconds"])


def _result(name: str, each: Mapping[str, Any]) -> tuple[str, ...]:
    """Accuracy, interval, seeds and times; times are bounds if the machine was busy."""
    low, high = each["interval"]
    most, least = ("", "") if each["quiet"] else ("≤ ", "≥ ")
    epochs, factor = each["predecessor_epochs"], each["factor"]
    form = ",.0f" if factor is not None and factor > 999 else ".3g"
    return (
        "a tutorial's loop, 1 epoch" if name == TUTORIAL else f"`{name}`",
        f"**{each['accuracy']:.2%}**",
        f"{low:.2%}–{high:.2%}",
        str(len(each["seeds"])),
        most + seconds(each["seconds"]),
        _NONE if epochs is None else f"{most}{epochs:.2f}",
        _NONE if factor is None else f"{least}{factor:{form}}",
    )


def _sittings(sittings: Sequence[Mapping[str, Any]], used: set[int]) -> str:
    header = (
        *("", "began", "processor, threads", "predecessor's epoch", "on PyTorch", "revision"),
    )
    rows = []
    for place, sitting in enumerate(sittings):
        # The predecessor on PyTorch is measured once for a machine and its versions.
        if place not in used and "torch" not in sitting["predecessor"]:
            continue
        environment = sitting["environment"]
        epochs = {
            backend: seconds(each["epoch_seconds"])
            for backend, each in sitting["predecessor"].items()
        }
        rows.append(
            (
                place + 1,
                environment["time"][:16].replace("T", " "),
                f"{environment['processor']}, {sitting['threads']}",
                epochs.get("tensorflow", "no TensorFlow"),
                epochs.get("torch", _NONE),
                environment["revision"],
            )
        )
    newest = sittings[max(used)]
    environment = dict(newest["environment"])
    for each in newest["predecessor"].values():
        environment["versions"] = {**each["versions"], **environment["versions"]}
    return f"{table(header, rows)}\n\nThe last one: {machine(environment)}."


def _trainings(sittings: Sequence[Mapping[str, Any]], rows: Sequence[Row]) -> str:
    header = (
        *("recipe", "seed", "validation", "test", "training", "predecessor's epochs"),
        *("epochs, kept", "before training", "memory", "others", "sitting"),
    )
    lines: list[tuple[object, ...]] = []
    for row in rows:
        if "failure" in row:
            lines.append((row["recipe"], row["seed"], "failed", *[""] * 8))
            continue
        unit = predecessor_epoch(sittings[row["sitting"]])
        lines.append(
            (
                row["recipe"],
                row["seed"],
                f"{row['validation_accuracy']:.2%}",
                f"{row['test_accuracy']:.2%}",
                seconds(row["seconds"]),
                _or_none(None if unit is None else row["seconds"] / unit, ".2f"),
                f"{len(row['history'])}, {row['best_epoch']}",
                seconds(row["before_training_seconds"]),
                f"{row['peak_memory_mb']:.0f} MB",
                _or_none(row.get("others_share"), ".0%"),
                row["sitting"] + 1,
            )
        )
    return table(header, lines)


def picture(measured: Mapping[str, Any]) -> bytes:
    """The frontier as a PNG: every recipe and peer."""
    rows, sittings = counted(measured["rows"]), measured["sittings"]
    units = [predecessor_epoch(sittings[row["sitting"]]) for row in rows]
    known = [unit for unit in units if unit is not None]
    unit = sum(known) / len(known) if known else None
    points = [
        Point(
            "tutorial's loop, 1 epoch" if name == TUTORIAL else name,
            _family(name),
            each["seconds"],
            each["accuracy"],
            tuple(each["interval"]),
        )
        for name, each in measured["recipes"].items()
        if each["seeds"]
    ]
    if unit is not None:
        stated = _STATED_EPOCHS * unit
        points.append(Point("predecessor's CNN, stated", "peer", stated, _STATED_ACCURACY, None))
    for name, title in (("keras-cnn", "CNN"), ("keras-ann", "ANN")):
        path = RESULTS / f"verify-{name}.json"
        if not path.exists() or name in measured["recipes"]:
            continue
        found = json.loads(path.read_text(encoding="utf-8"))
        epochs = sum(len(seed["history"]) for seed in found["seeds"]) / len(found["seeds"])
        # The ANN is not measured here: its time is that of its own run.
        each_epoch = found["seconds_per_epoch"] if name == "keras-ann" else unit
        if each_epoch is not None:
            label, interval = f"predecessor's {title}, verified", tuple(found["interval"])
            points.append(Point(label, "peer", epochs * each_epoch, found["accuracy"], interval))
    return png(frontier(points, unit), "Accuracy against training time")


def _family(name: str) -> Family:
    if name == TUTORIAL or RECIPES[name].engine == "keras":
        return "peer"
    if RECIPES[name].engine == "sklearn":
        return "classical"
    return "convolutional" if name.startswith("cnn") else "dense"


def seconds(value: float) -> str:
    """``2.84 s``, ``17.0 s``, ``123 s``: three digits."""
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} s"


def _or_none(value: float | None, form: str) -> str:
    return _NONE if value is None else format(value, form)
