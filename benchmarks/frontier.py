"""Accuracy against training time, drawn: every recipe and peer a dot with its interval."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator
from matplotlib.transforms import Bbox

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

Family = Literal["dense", "convolutional", "classical", "peer"]

_COLOURS = {
    "dense": model_colour(0),
    "convolutional": model_colour(1),
    "classical": model_colour(2),
    "peer": MUTED,
}
_MARKERS = {
    "dense": model_marker(0),
    "convolutional": model_marker(1),
    "classical": model_marker(2),
    "peer": "X",
}
_WIDTH, _HEIGHT = 7.4, 4.3  # of the plotting area, in inches
# Where a label may stand around its dot, in degrees, the most readable first.
_ANGLES = (0, 180, -35, 145, 35, -145, -60, 120, 60, -120, -90, 90)
_TICKS = (0.5, 1, 2, 5, 10, 20, 60, 120, 300, 600, 1200, 3600, 7200)


@dataclass(frozen=True)
class Point:
    """One recipe or peer.

    Attributes:
        name: as the label says it.
        family: what it is drawn as.
        seconds: whole training time, mean over seeds.
        accuracy: on the test half, a fraction, mean over seeds.
        interval: of the accuracy; None for a figure that somebody stated without one.
    """

    name: str
    family: Family
    seconds: float
    accuracy: float
    interval: tuple[float, float] | None


@drawn
def frontier(points: Sequence[Point], epoch_seconds: float | None) -> Figure:
    """All points over seconds on a logarithmic axis, each labelled beside it.

    A line joins the project's own recipes than which none is both faster and more accurate. A
    stated figure is hollow.

    Args:
        points: in any order.
        epoch_seconds: one of the predecessor's epochs, for the scale above; None for no scale.
    """
    figure = Figure(figsize=(_WIDTH + 1.0, _HEIGHT + 1.2))
    FigureCanvasAgg(figure)  # measures labels
    axes = inches_axes(figure, 0.65, 0.55, _WIDTH, _HEIGHT)
    _scales(axes, points)
    if epoch_seconds is not None:
        _epochs_above(axes, epoch_seconds)
    best = _none_better([point for point in points if point.family != "peer"])
    axes.plot(
        [point.seconds for point in best],
        [100 * point.accuracy for point in best],
        color=REST,
        linewidth=1.2,
        linestyle=(0, (1, 2)),
        dash_capstyle="round",
        zorder=1,
    )
    for point in points:
        _dot(axes, point)
    _label(axes, points, best)
    return figure


def _scales(axes: Axes, points: Sequence[Point]) -> None:
    seconds = [point.seconds for point in points]
    ends = [end for point in points for end in (*(point.interval or ()), point.accuracy)]
    axes.set_xscale("log")
    axes.set_xlim(min(seconds) / 1.5, max(seconds) * 2.2)
    low, high = 100 * min(ends), 100 * max(ends)
    room = max(0.07 * (high - low), 0.2)
    axes.set_ylim(low - room, high + 1.6 * room)
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)
    left, right = axes.get_xlim()
    axes.set_xticks([tick for tick in _TICKS if left <= tick <= right])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _time(value)))
    axes.tick_params(axis="x", length=3)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}%"))
    axes.set_xlabel("whole training time (logarithmic)")
    axes.set_ylabel("test accuracy, mean over seeds, 95% interval")


def _epochs_above(axes: Axes, epoch_seconds: float) -> None:
    above = axes.secondary_xaxis(
        "top",
        functions=(
            lambda x: np.asarray(x) / epoch_seconds,
            lambda x: np.asarray(x) * epoch_seconds,
        ),
    )
    above.set_xlabel("predecessor's epochs", labelpad=5)
    left, right = (end / epoch_seconds for end in axes.get_xlim())
    places = [
        digit * 10.0**power
        for power in range(-3, 4)
        for digit in ((1, 3) if right / left > 100 else (1, 2, 5))
    ]
    above.set_xticks([place for place in places if left <= place <= right])
    above.xaxis.set_minor_locator(NullLocator())
    above.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    above.spines["top"].set_visible(False)
    above.tick_params(axis="x", length=0)


def _none_better(own: Sequence[Point]) -> list[Point]:
    """The points than which none is both faster and more accurate, fastest first."""
    best: list[Point] = []
    for point in sorted(own, key=lambda point: (point.seconds, -point.accuracy)):
        if not best or point.accuracy > best[-1].accuracy:
            best.append(point)
    return best


def _dot(axes: Axes, point: Point) -> None:
    colour = _COLOURS[point.family]
    if point.interval is not None:
        axes.plot(
            [point.seconds] * 2,
            [100 * end for end in point.interval],
            color=colour,
            linewidth=1.8,
            alpha=0.55,
            solid_capstyle="round",
            zorder=2,
        )
    stated = point.interval is None
    axes.plot(
        [point.seconds],
        [100 * point.accuracy],
        _MARKERS[point.family],
        color=PAPER if stated else colour,
        markeredgecolor=colour if stated else PAPER,
        markeredgewidth=1.3 if stated else 1.0,
        markersize=8,
        zorder=4,
    )


def _label(axes: Axes, points: Sequence[Point], line: Sequence[Point]) -> None:
    """Each label where it touches nothing: the nearest of places around its dot that are free."""
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    per_point = figure.dpi / 72
    frame = axes.get_window_extent(renderer)
    taken = [_extent(axes, point, per_point) for point in points]
    taken += _along(axes, line, per_point)
    # From right to left: there is most room to the right of the last.
    for point in sorted(points, key=lambda point: (-point.seconds, point.accuracy)):
        text = f"{point.name}\n{100 * point.accuracy:.2f}%, {_time(point.seconds)}"
        label = axes.annotate(
            text,
            (point.seconds, 100 * point.accuracy),
            xytext=(0, 0),
            textcoords="offset points",
            fontsize=8,
            linespacing=1.15,
            color=_COLOURS[point.family] if point.family != "peer" else INK,
            va="center",
        )
        chosen: Bbox | None = None
        for distance, angle in itertools.product(range(9, 200, 5), _ANGLES):
            across, up = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            side: Literal["left", "right", "center"] = (
                "left" if across > 0.3 else "right" if across < -0.3 else "center"
            )
            label.set_horizontalalignment(side)
            label.set_multialignment(side)
            label.xyann = (across * distance, up * (distance + 4))
            box = label.get_window_extent(renderer).padded(1.5 * per_point)
            inside = (
                box.x0 >= frame.x0
                and box.y0 >= frame.y0
                and box.y1 <= frame.y1
                and box.x1 <= frame.x1 + 40 * per_point
            )
            if inside and not any(box.overlaps(other) for other in taken):
                chosen = box
                if distance > 22:
                    _leader(axes, point, label.xyann)
                break
        taken.append(chosen if chosen is not None else label.get_window_extent(renderer))


def _leader(axes: Axes, point: Point, offset: tuple[float, float]) -> None:
    axes.annotate(
        "",
        (point.seconds, 100 * point.accuracy),
        xytext=(0.9 * offset[0], 0.8 * offset[1]),
        textcoords="offset points",
        arrowprops={"arrowstyle": "-", "color": REST, "linewidth": 0.7, "shrinkB": 5},
        zorder=1,
    )


def _extent(axes: Axes, point: Point, per_point: float) -> Bbox:
    """What a dot and its interval cover, in pixels."""
    low, high = point.interval or (point.accuracy, point.accuracy)
    x, bottom = axes.transData.transform((point.seconds, 100 * low))
    _, middle = axes.transData.transform((point.seconds, 100 * point.accuracy))
    _, top = axes.transData.transform((point.seconds, 100 * high))
    half = 5 * per_point
    return Bbox([[x - half, min(bottom, middle - half)], [x + half, max(top, middle + half)]])


def _along(axes: Axes, line: Sequence[Point], per_point: float) -> list[Bbox]:
    """Small boxes, in pixels, that cover a line through points."""
    corners = axes.transData.transform([(point.seconds, 100 * point.accuracy) for point in line])
    return [
        Bbox.from_bounds(*(one + share * (two - one) - 2 * per_point), *[4 * per_point] * 2)
        for one, two in itertools.pairwise(corners)
        for share in np.linspace(0, 1, 60)
    ]


def _time(seconds: float) -> str:
    """A time as people say it: 2.8 s, 55 s, 1.6 min, 15 min, 2 h."""
    for unit, length in (("s", 1), ("min", 60), ("h", 3600)):
        value = seconds / length
        if value < 99.5 or unit == "h":
            break
    return f"{value:.2g} {unit}" if value < 10 else f"{value:.0f} {unit}"
