"""The page and the figure of the measured trainings, and the table that the README shows."""

import json
from collections import Counter
from collections.abc import Mapping
from statistics import fmean
from typing import Any

from benchmarks.frontier import Family, Point, frontier
from benchmarks.measure import RESULTS, percent, render
from benchmarks.table import (
    PREDECESSOR,
    TUTORIAL,
    counted,
    key_of,
    kind_of_processor,
    predecessor_epoch,
)
from fittingroom.plots.style import png
from fittingroom.recipes import RECIPES

# What the notebook project stated for its CNN: accuracy, and after how many epochs.
_STATED_ACCURACY, _STATED_EPOCHS = 0.9063, 30
_NONE = "–"


def page(measured: Mapping[str, Any], image_name: str) -> str:
    """The results as Markdown; the image lies beside the page."""
    rows, sittings = counted(measured["rows"]), measured["sittings"]
    used = {row["sitting"] for row in rows}
    newest = sittings[max(used)]
    versions = dict(newest["environment"]["versions"])
    for each in newest["predecessor"].values():
        versions = {**each["versions"], **versions}
    return render(
        "training",
        measured,
        image=image_name,
        counted=rows,
        used=used,
        ordered=[(_result(name, each), each) for name, each in _fastest_first(measured)],
        newest={**newest["environment"], "versions": versions},
        stated_epochs=_STATED_EPOCHS,
        two_digits=two_digits,
        kind_of_processor=kind_of_processor,
    )


def short_table(measured: Mapping[str, Any]) -> str:
    """The table that the README shows, fastest first."""
    lines = [
        "| | cross-validated | test accuracy | 95% interval | seeds | training "
        "| predecessor's epochs | factor | parameters |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, each in _fastest_first(measured):
        label, *rest = _result(name, each)
        cells = (label, cross_validated(name), *rest, f"{each['parameters']:,}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def cross_validated(name: str) -> str:
    """Accuracy over all training images, of the recipe as it is now."""
    models = json.loads((RESULTS / "cv.json").read_text(encoding="utf-8"))["models"]
    for model in models:
        if (model["name"], model["key"]) == (name, key_of(name)):
            return percent(model["accuracy"], 2)
    return _NONE


def _fastest_first(measured: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    there = [(name, each) for name, each in measured["recipes"].items() if each["seeds"]]
    return sorted(there, key=lambda item: item[1]["seconds"])


def _result(name: str, each: Mapping[str, Any]) -> tuple[str, ...]:
    """Accuracy, interval, seeds and times; times are bounds if the machine was busy."""
    low, high = each["interval"]
    most, least = ("", "") if each["quiet"] else ("≤ ", "≥ ")
    return (
        "a tutorial's loop, 1 epoch" if name == TUTORIAL else f"`{name}`",
        f"**{each['accuracy']:.2%}**",
        f"{low:.2%}–{high:.2%}",
        str(len(each["seeds"])),
        most + seconds(each["seconds"]),
        _ratio(most, each["predecessor_epochs"]),
        _ratio(least, each["factor"]),
    )


def _ratio(bound: str, estimate: Mapping[str, float] | None) -> str:
    """``1.1 (0.90–1.3)``, or ``≤ 1.1`` where it is a bound."""
    if estimate is None:
        return _NONE
    value, low, high = (two_digits(estimate[end]) for end in ("value", "low", "high"))
    return f"{bound}{value}" if bound else f"{value} ({low}–{high})"


def two_digits(value: float) -> str:
    """``1,200``, ``0.30``: times and factors hold no more."""
    return f"{float(f'{value:.2g}'):,.0f}" if value >= 9.95 else f"{value:#.2g}"


def image(measured: Mapping[str, Any]) -> bytes:
    """The frontier as a PNG: every recipe and peer. There is an axis of the predecessor's epochs if
    all were measured on one kind of processor."""
    sittings = [measured["sittings"][row["sitting"]] for row in counted(measured["rows"])]
    kinds = Counter(map(kind_of_processor, sittings))
    usual = [each for each in sittings if kind_of_processor(each) == kinds.most_common(1)[0][0]]
    known = [unit for each in usual if (unit := predecessor_epoch(each)) is not None]
    unit = fmean(known) if known else None
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
        path = RESULTS / f"verify-{PREDECESSOR}.json"
        if path.exists() and PREDECESSOR not in measured["recipes"]:
            found = json.loads(path.read_text(encoding="utf-8"))
            took = unit * fmean(len(seed["history"]) for seed in found["seeds"])
            accuracy, low, high = (found["accuracy"][end] for end in ("value", "low", "high"))
            points.append(Point("predecessor's CNN, verified", "peer", took, accuracy, (low, high)))
    return png(
        frontier(points, unit if len(kinds) == 1 else None), "Accuracy against training time"
    )


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
