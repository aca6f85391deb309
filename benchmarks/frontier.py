"""Accuracy against training time as a figure: every recipe and peer a dot with its interval."""

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

_OURS = ("dense", "convolutional", "classical")
_COLOURS = {family: model_colour(place) for place, family in enumerate(_OURS)} | {"peer": MUTED}
_MARKERS = {family: model_marker(place) for place, family in enumerate(_OURS)} | {"peer": "X"}
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
        accuracy: on the test set, a fraction, mean over seeds.
        interval: of the accuracy; None for a stated figure without one.
    """

    name: str
    family: Family
    seconds: float
    accuracy: float
    interval: tuple[float, float] | None


@drawn
def frontier(points: Sequence[Point], epoch_seconds: float | None) -> Figure:
    """All points over seconds on a logarithmic axis, each labelled beside it.

    A line joins those of the project's own recipes that no other one beats in both time and accuracy.
    A stated figure is hollow.

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
    best = unbeaten([point for point in points if point.family != "peer"])
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
    _label(axes, points)
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


def unbeaten(own: Sequence[Point]) -> list[Point]:
    """The points that no other one beats in both time and accuracy, fastest first."""
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


def _label(axes: Axes, points: Sequence[Point]) -> None:
    """Each label at the nearest place around its dot where it touches no dot and no other label."""
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    frame = axes.get_window_extent(renderer)
    frame = Bbox.from_extents(frame.x0, frame.y0, frame.x1 + 50, frame.y1)
    taken = [_extent(axes, point) for point in points]
    # From right to left: there is most room to the right of the last.
    for point in sorted(points, key=lambda point: -point.seconds):
        label = axes.annotate(
            f"{point.name}\n{point.accuracy:.2%}, {_time(point.seconds)}",
            (point.seconds, 100 * point.accuracy),
            xytext=(0, 0),
            textcoords="offset points",
            fontsize=8,
            color=INK if point.family == "peer" else _COLOURS[point.family],
            va="center",
            bbox={"facecolor": PAPER, "alpha": 0.8, "linewidth": 0, "pad": 0.5},
        )
        box = label.get_window_extent(renderer)
        for distance, angle in itertools.product(range(9, 200, 5), _ANGLES):
            across, up = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            label.set_horizontalalignment(
                "left" if across > 0.3 else "right" if across < -0.3 else "center"
            )
            label.xyann = (across * distance, up * (distance + 4))
            box = label.get_window_extent(renderer).padded(3)
            inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0
            if inside and box.y1 <= frame.y1 and not any(box.overlaps(other) for other in taken):
                break
        taken.append(box)


def _extent(axes: Axes, point: Point) -> Bbox:
    """The pixels that a dot and its interval cover."""
    ends = (point.accuracy, *(point.interval or ()))
    x, bottom = axes.transData.transform((point.seconds, 100 * min(ends)))
    _, top = axes.transData.transform((point.seconds, 100 * max(ends)))
    return Bbox.from_extents(x - 8, bottom - 8, x + 8, top + 8)


def _time(seconds: float) -> str:
    """A time as people say it: 2.8 s, 55 s, 1.6 min, 15 min, 2 h."""
    for unit, length in (("s", 1), ("min", 60), ("h", 3600)):
        value = seconds / length
        if value < 99.5 or unit == "h":
            break
    return f"{value:.2g} {unit}" if value < 10 else f"{value:.0f} {unit}"
