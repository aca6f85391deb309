"""Dots with the intervals that they must be shown with: accuracies, recalls, gains."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fittingroom.comparison import ClassGain, ModelResult, Pair
from fittingroom.numbers import MINUS, Estimate, percent, percent_range, points, points_range
from fittingroom.plots.style import (
    INK,
    MUTED,
    PAPER,
    REST,
    drawn,
    inches_axes,
    model_colour,
    model_marker,
    model_places,
    one_axes,
    shortened,
    ticks,
    write_at,
)

_WIDTH = 1.7  # of the plotting area, in inches
_ROW = 0.36
# Of more classes, those of the lowest recalls, or of the largest gains and losses, are drawn.
DRAWN_CLASSES = 30


@drawn
def accuracies(models: Sequence[ModelResult], pairs: Sequence[Pair]) -> Figure:
    """Each model's accuracy with its interval and its seeds; beneath, each paired difference.

    The difference stands on an axis of its own, around zero and with the margin shaded, since
    two intervals that overlap say little about a paired difference.
    """
    figure, axes = one_axes(_WIDTH, _ROW * len(models) + 0.1)
    _rows(axes, [model.name for model in models], "accuracy on the test set", "%")
    places = model_places(model.name for model in models)
    for row, (model, place) in enumerate(zip(models, places.values(), strict=True)):
        colour = model_colour(place)
        if len(model.per_seed) > 1:
            seeds = [100 * value for value in model.per_seed]
            beneath = [row + 0.27] * len(seeds)
            axes.plot(seeds, beneath, ".", color=colour, markeredgewidth=0, alpha=0.6)
        _dot(axes, row, model.accuracy, colour, model_marker(place))
        share = f"{percent(model.accuracy.value, 2)}  ({percent_range(model.accuracy)})"
        _beside(axes, row, share, colour)
    if not pairs:
        return figure

    height = _ROW * len(pairs) + 0.1
    below = inches_axes(figure, 0, -height - 0.85, _WIDTH, height)
    differences = [f"{pair.b} {MINUS} {pair.a}" for pair in pairs]
    _rows(below, differences, "paired difference, percentage points")
    margin = 100 * max(pair.margin for pair in pairs)
    below.axvspan(-margin, margin, color=REST, alpha=0.14, linewidth=0)
    below.axvline(0, color=MUTED, linewidth=0.9)
    ends = [100 * end for pair in pairs for end in (pair.difference.low, pair.difference.high)]
    # A margin far beyond all intervals would leave of them no more than dots.
    edge = min(1.6 * margin, 3 * max(abs(end) for end in ends))
    low, high = min(*ends, -edge), max(*ends, edge)
    below.set_xlim(below.xaxis.get_major_locator().view_limits(low, high))
    for row, pair in enumerate(pairs):
        both = places[pair.a], places[pair.b]
        _difference(below, row, pair.difference, *both, shown=pair.decided, digits=2)
    if margin > 0:
        align = "center" if low < -2 * margin else "left"
        words = f"shaded: within ±{margin:g} points"
        at_top = ("data", "axes fraction")
        write_at(below, words, (0, 1), (0, 3), xycoords=at_top, ha=align)
    return figure


@drawn
def recalls(
    classes: Sequence[str], models: Sequence[tuple[str, int, Sequence[Estimate]]]
) -> Figure:
    """The share of each class that each model finds, with intervals, hardest class first.

    At most 30 classes are drawn. ``models`` are each one's name, place in the order of colours, and
    recalls.
    """
    values = np.array([[recall.value for recall in recalls] for _, _, recalls in models])
    order = np.argsort(values.mean(axis=0), kind="stable")[:DRAWN_CLASSES]
    figure, axes = one_axes(2 * 1.3, (0.2 + 0.1 * len(models)) * len(order))
    names = [shortened(classes[kind]) for kind in order]
    _rows(axes, names, "share of the class that is found (recall)", "%")
    lane = 0.56 / max(len(models), 2)
    for at, (name, place, scores) in enumerate(models):
        colour, marker = model_colour(place), model_marker(place)
        axes.plot([], [], marker, color=colour, label=name)
        for row, kind in enumerate(order):
            shifted = row + (at - (len(models) - 1) / 2) * lane
            _dot(axes, shifted, scores[kind], colour, marker, size=5.5)
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=2 if len(models) == 4 else min(len(models), 3),
        frameon=False,
        handletextpad=0.2,
        labelcolor="linecolor",
        borderaxespad=0.1,
    )
    return figure


@drawn
def class_gains(
    gains: Sequence[ClassGain], names: tuple[str, str], places: tuple[int, int]
) -> Figure:
    """Recall of `b` minus recall of `a`, class by class, largest gain first.

    Filled if the difference is shown after Holm's correction, hollow if it is not. At most 30
    classes are drawn: the ends of the order. ``names`` and ``places`` in the order of colours are
    those of `a` and `b`.
    """
    order = sorted(gains, key=lambda gain: -gain.difference.value)
    if len(order) > DRAWN_CLASSES:
        order = order[: DRAWN_CLASSES // 2] + order[-DRAWN_CLASSES // 2 :]
    figure, axes = one_axes(1.4, 0.27 * len(order))
    _rows(axes, [shortened(gain.name) for gain in order], "difference of recall, percentage points")
    axes.axvline(0, color=MUTED, linewidth=0.9)
    for row, gain in enumerate(order):
        _difference(axes, row, gain.difference, *places, shown=gain.shown)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, -0.35 * high), max(high, -0.35 * low))
    for side, align, word, place in (
        (-6, "right", f"← {names[0]} better", places[0]),
        (6, "left", f"{names[1]} better →", places[1]),
    ):
        at_top = ("data", "axes fraction")
        colour = model_colour(place)
        write_at(axes, word, (0, 1), (side, 4), colour, xycoords=at_top, ha=align)
    return figure


def _rows(axes: Axes, labels: list[str], title: str, unit: str = "") -> None:
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_yticks(range(len(labels)), labels, color=INK)
    axes.tick_params(axis="y", pad=6)
    axes.grid(axis="x")
    axes.set_xlabel(title)
    ticks(axes.xaxis, unit)


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
    ends = [100 * estimate.low, 100 * estimate.high]
    axes.plot(ends, [row, row], color=colour, linewidth=2.0, solid_capstyle="round", zorder=3)
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


def _difference(
    axes: Axes, row: int, difference: Estimate, a: int, b: int, *, shown: bool, digits: int = 1
) -> None:
    """`b` minus `a`: in the better one's colour, or hollow if it is not shown.

    `a` and `b` are places in the order of colours.
    """
    colour = model_colour(b if difference.value > 0 else a) if shown else MUTED
    _dot(axes, row, difference, colour, "o", filled=shown)
    ends = points_range(difference, digits)
    _beside(axes, row, f"{points(difference.value, digits)}  ({ends})", colour)


def _beside(axes: Axes, row: float, text: str, colour: str) -> None:
    at_right = ("axes fraction", "data")
    write_at(axes, text, (1.0, row), (10, 0), colour, xycoords=at_right, va="center")
