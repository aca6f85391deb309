"""Dots with the intervals that they must be shown with: accuracies, recalls, gains, importance."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from fittingroom.comparison import ClassGain, ModelResult, Pair
from fittingroom.numbers import (
    MINUS,
    Estimate,
    percent,
    percent_range,
    points,
    points_range,
)
from fittingroom.plots.style import (
    INK,
    MUTED,
    PAPER,
    REST,
    drawn,
    inches_axes,
    model_colour,
    model_marker,
)

_WIDTH = 3.1  # of the plotting area, in inches
_LEFT = 1.5


@drawn
def accuracies(models: Sequence[ModelResult], pairs: Sequence[Pair]) -> Figure:
    """Each model's accuracy with its interval and its seeds; beneath, each paired difference.

    The difference stands on an axis of its own, around zero and with the margin shaded, since
    two intervals that overlap say little about a paired difference.
    """
    row = 0.36
    upper, lower = row * len(models) + 0.1, row * len(pairs) + 0.1
    height = upper + (lower + 0.85 if pairs else 0.0) + 0.7
    figure = Figure(figsize=(_LEFT + _WIDTH + 1.7, height))
    axes = inches_axes(figure, _LEFT, height - upper - 0.15, _WIDTH, upper)
    _rows(axes, [model.name for model in models], "accuracy on the test set", "%")
    for place, model in enumerate(models):
        if len(model.per_seed) > 1:
            axes.plot(
                [100 * value for value in model.per_seed],
                [place + 0.27] * len(model.per_seed),  # beneath, where the interval hides none
                "o",
                color=model_colour(place),
                markersize=3.2,
                markeredgewidth=0,
                alpha=0.6,
                zorder=2,
            )
        _dot(axes, place, model.accuracy, model_colour(place), model_marker(place))
        accuracy = model.accuracy
        share = f"{percent(accuracy.value, 2)}  ({percent_range(accuracy)})"
        _beside(axes, place, share, model_colour(place))
    if not pairs:
        return figure

    names = [model.name for model in models]
    below = inches_axes(figure, _LEFT, 0.5, _WIDTH, lower)
    _rows(
        below,
        [f"{pair.b} {MINUS} {pair.a}" for pair in pairs],
        "paired difference, percentage points",
        "",
    )
    margin = 100 * max(pair.margin for pair in pairs)
    below.axvspan(-margin, margin, color=REST, alpha=0.14, linewidth=0)
    below.axvline(0, color=MUTED, linewidth=0.9)
    ends = [100 * end for pair in pairs for end in (pair.difference.low, pair.difference.high)]
    # A margin far beyond all intervals would leave of them no more than dots.
    edge = min(1.6 * margin, 3 * max(abs(end) for end in ends))
    reach = [*ends, -edge, edge]
    room = 0.05 * (max(reach) - min(reach))
    below.set_xlim(min(reach) - room, max(reach) + room)
    for place, pair in enumerate(pairs):
        sure = pair.difference.low > 0 or pair.difference.high < 0
        winner = pair.b if pair.difference.value > 0 else pair.a
        colour = model_colour(names.index(winner)) if sure and winner in names else MUTED
        _dot(below, place, pair.difference, colour, "o", filled=sure)
        _beside(below, place, _points(pair.difference, 2), colour)
    if margin > 0:
        below.annotate(
            f"shaded: within ±{margin:g} points",
            (0, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center" if min(reach) < -2 * margin else "left",
            fontsize=7.5,
            color=MUTED,
            annotation_clip=False,
        )
    return figure


@drawn
def recalls(
    classes: Sequence[str], models: Sequence[tuple[str, int, Sequence[Estimate]]]
) -> Figure:
    """The share of each class that each model finds, with intervals, hardest class first.

    Args:
        classes: the ``K`` names.
        models: of each model its name, its place in the order of colours, and ``K`` recalls.
    """
    order = np.argsort(
        [np.mean([scores[kind].value for _, _, scores in models]) for kind in range(len(classes))],
        kind="stable",
    )
    step = 0.24 + 0.1 * len(models)
    tall = step * len(classes)
    figure = Figure(figsize=(_WIDTH + 1.5, tall + 0.95))
    axes = inches_axes(figure, 1.1, 0.5, _WIDTH, tall)
    _rows(axes, [classes[kind] for kind in order], "share of the class that is found (recall)", "%")
    lane = 0.56 / max(len(models), 2)
    for at, (_, place, scores) in enumerate(models):
        shift = (at - (len(models) - 1) / 2) * lane
        for row, kind in enumerate(order):
            _dot(
                axes, row + shift, scores[kind], model_colour(place), model_marker(place), size=5.5
            )
    _key(axes, [(name, place) for name, place, _ in models])
    return figure


@drawn
def class_gains(
    gains: Sequence[ClassGain], names: tuple[str, str], places: tuple[int, int]
) -> Figure:
    """Recall of `b` minus recall of `a`, class by class, largest gain first.

    Filled where the interval excludes zero, hollow where it does not.

    Args:
        gains: one entry a class.
        names: of `a` and `b`.
        places: theirs in the order of colours.
    """
    order = sorted(gains, key=lambda gain: -gain.difference.value)
    tall = 0.3 * len(order)
    figure = Figure(figsize=(4.9, tall + 1.0))
    axes = inches_axes(figure, 1.1, 0.5, 2.1, tall)
    _rows(axes, [gain.name for gain in order], "difference of recall, percentage points", "")
    axes.axvline(0, color=MUTED, linewidth=0.9)
    for row, gain in enumerate(order):
        difference = gain.difference
        sure = difference.low > 0 or difference.high < 0
        colour = model_colour(places[1 if difference.value > 0 else 0]) if sure else MUTED
        _dot(axes, row, difference, colour, "o", filled=sure)
        _beside(axes, row, _points(difference), colour)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, -0.35 * high), max(high, -0.35 * low))
    for side, align, word, place in (
        (-6, "right", f"← {names[0]} better", places[0]),
        (6, "left", f"{names[1]} better →", places[1]),
    ):
        axes.annotate(
            word,
            (0, 1),
            xycoords=("data", "axes fraction"),
            xytext=(side, 4),
            textcoords="offset points",
            ha=align,
            fontsize=8,
            color=model_colour(place),
            annotation_clip=False,
        )
    return figure


def _rows(axes: Axes, labels: list[str], title: str, unit: str) -> None:
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_yticks(range(len(labels)), labels, color=INK)
    axes.tick_params(axis="y", length=0, pad=6)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.margins(x=0.06)
    axes.set_xlabel(title)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:g}{unit}".replace("-", MINUS))
    )


def _dot(
    axes: Axes,
    row: float,
    estimate: Estimate,
    colour: str,
    marker: str,
    *,
    filled: bool = True,
    size: float = 7.0,
) -> None:
    axes.plot(
        [100 * estimate.low, 100 * estimate.high],
        [row, row],
        color=colour,
        linewidth=2.0,
        solid_capstyle="round",
        zorder=3,
    )
    axes.plot(
        [100 * estimate.value],
        [row],
        marker,
        color=colour if filled else PAPER,
        markeredgecolor=PAPER if filled else colour,
        markeredgewidth=1.0 if filled else 1.4,
        markersize=size,
        zorder=4,
    )


def _beside(axes: Axes, row: float, text: str, colour: str) -> None:
    axes.annotate(
        text,
        (1.0, row),
        xycoords=("axes fraction", "data"),
        xytext=(10, 0),
        textcoords="offset points",
        va="center",
        fontsize=8.5,
        color=colour,
        annotation_clip=False,
    )


def _key(axes: Axes, models: Sequence[tuple[str, int]]) -> None:
    """The models' names over the plot, each with its marker: a row is too thin to label lines."""
    handles = [
        axes.plot([], [], model_marker(place), color=model_colour(place), markersize=6, label=name)[
            0
        ]
        for name, place in models
    ]
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=2 if len(models) == 4 else min(len(models), 3),
        frameon=False,
        handletextpad=0.2,
        columnspacing=1.2,
        labelcolor=[model_colour(place) for _, place in models],
        borderaxespad=0.1,
    )


def _points(estimate: Estimate, digits: int = 1) -> str:
    return f"{points(estimate.value, digits)}  ({points_range(estimate, digits)})"
