"""Lines: how training went, whether probabilities are right, how accurate a model may be."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fittingroom.metrics import Reliability, RiskCoverage, wilson_interval
from fittingroom.plots.style import (
    INK,
    PAPER,
    REST,
    drawn,
    inches_axes,
    model_colour,
    model_marker,
    name_ends,
    one_axes,
    ticks,
    write_at,
)
from fittingroom.runs import Epoch

# Points of a risk-coverage curve: more than there are pixels would only make the page heavy.
_POINTS = 150
# Below this share of images answered, intervals are wider than the figure.
_LEAST_ANSWERED = 0.02
_GAP = 0.52, 1.5  # inches between squares of calibration curves; below each one is a strip


@dataclass(frozen=True)
class Course:
    """How a model's training went."""

    name: str
    place: int  # in the order of colours
    history: Sequence[Epoch]  # of several seeds, their mean
    seeds: Sequence[tuple[Sequence[Epoch], int]]  # each one's own, and its epoch that was kept
    images: int | None = None  # validation images, if that is known


@drawn
def learning_curves(courses: Sequence[Course]) -> Figure:
    """Accuracy and loss (natural logarithm) of all models over the epochs, side by side.

    Validation is drawn through, training dashed; dots mark the epochs kept. The band is that of the
    95% intervals of validation accuracy. Of several seeds, bands reach from the lowest to the
    highest.
    """
    figure = Figure(figsize=(6.9, 1.9))
    for left, of, scale, form in ((0.0, "accuracy", 100, "{:.1f}%"), (4.1, "loss", 1, "{:.3f}")):
        axes = inches_axes(figure, left, 0, 2.8, 1.9)
        axes.grid(axis="y")
        axes.margins(0.02, 0.08)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
        ticks(axes.yaxis, "%" if of == "accuracy" else "")
        axes.set_xlabel("epoch")
        write_at(axes, of, (0, 1), (0, 5), INK, xycoords="axes fraction")
        words = "validation ―   training ╌"
        write_at(axes, words, (1, 1), (0, 5), xycoords="axes fraction", ha="right")
        ends = []
        for course in courses:
            value = scale * _course(axes, of, scale, course)
            ends.append((f"{course.name} {form.format(value)}", value, model_colour(course.place)))
        low, high = axes.get_ylim()
        axes.set_ylim(max(0.0, low), min(100.0, high) if of == "accuracy" else high)
        name_ends(axes, max(len(course.history) for course in courses), ends)
    return figure


def _course(axes: Axes, of: str, scale: int, course: Course) -> float:
    """One model's lines, bands and dots; where its validation ends."""
    colour = model_colour(course.place)
    epochs = [epoch.epoch for epoch in course.history]
    for half, width, dashes in (("train", 1.3, (4, 1.6)), ("val", 2.0, None)):
        key = f"{half}_{of}"
        found = [
            [scale * float(getattr(epoch, key)) for epoch in history[: len(epochs)]]
            for history in (course.history, *(history for history, _ in course.seeds))
        ]
        axes.plot(epochs, found[0], color=colour, linewidth=width, linestyle=(0, dashes))
        low, high = np.min(found[1:], axis=0), np.max(found[1:], axis=0)
        if len(course.seeds) == 1 and key == "val_accuracy" and course.images:
            right = np.round(low / 100 * course.images)
            low, high = (100 * end for end in wilson_interval(right, course.images))
        axes.fill_between(epochs, low, high, color=colour, alpha=0.16, linewidth=0)
    for history, kept in course.seeds:
        value = scale * getattr(history[kept - 1], key)
        axes.plot(kept, value, "o", color=colour, markeredgecolor=PAPER, markersize=6)
    return found[0][-1] / scale


@drawn
def calibration_curves(models: Sequence[tuple[str, int, Reliability]]) -> Figure:
    """Accuracy against top probability, a square a model, with how many images lie where.

    A model whose probabilities mean what they say lies on the diagonal; below it, it is surer
    than it should be. The band is the 95% interval of each bin's accuracy. ``models`` are each
    one's name, place in the order of colours, and reliability diagram.
    """
    across = 2 if len(models) == 4 else min(len(models), 3)
    side = 2.7 if across == 1 else 1.5
    bands = [wilson_interval(curve.correct, curve.count) for _, _, curve in models]
    left = 100 * min(curve.low.min() for _, _, curve in models) - 2
    bottom = max(0.0, min(left, *(100 * low.min() - 2 for low, _ in bands)))
    figure = Figure(figsize=(across * (side + _GAP[0]), side + _GAP[1]))
    for at, (name, place, curve) in enumerate(models):
        colour = model_colour(place)
        x, y = at % across * (side + _GAP[0]), -(at // across) * (side + _GAP[1])
        axes = inches_axes(figure, x, y + 0.5, side, side)
        # All squares have the same axes, so that they can be compared.
        axes.set_xlim(left, 102)
        axes.set_ylim(bottom, 102)
        axes.grid()
        axes.spines["bottom"].set_visible(False)
        axes.plot([0, 100], [0, 100], color=REST, linewidth=1.0, linestyle=(0, (3, 2)))
        sure, correct = 100 * curve.confidence, 100 * curve.correct / curve.count
        low, high = (100 * ends for ends in bands[at])
        # The band between the bins' intervals; they themselves, where bins are few or far apart.
        axes.fill_between(sure, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.vlines(sure, low, high, color=colour, linewidth=1.6, alpha=0.55)
        axes.plot(
            sure,
            correct,
            color=colour,
            linewidth=1.3,
            marker=model_marker(place),
            markeredgecolor=PAPER,
        )
        ticks(axes.xaxis)
        ticks(axes.yaxis, "%")
        axes.tick_params(axis="x", labelbottom=False)
        axes.set_title(name, loc="left", fontsize=9.5, color=colour, fontweight="bold")
        if x == 0:
            axes.set_ylabel("accuracy")

        strip = inches_axes(figure, x, y, side, 0.42)
        strip.bar(
            50 * (curve.low + curve.high),
            curve.count,
            width=86 * (curve.high - curve.low),
            color=colour,
            alpha=0.45,
            linewidth=0,
        )
        strip.set_xlim(left, 102)
        ticks(strip.xaxis, "%")
        strip.locator_params(axis="x", nbins=4)
        strip.set_yticks([])
        strip.set_xlabel("top probability")
        fullest = curve.count.argmax()
        most, left_end = curve.count[fullest], 100 * curve.low[fullest]
        write_at(strip, f"{most:,} images", (left_end, most), (-3, 0), ha="right", va="top")
    return figure


@drawn
def risk_coverage(models: Sequence[tuple[str, int, RiskCoverage]]) -> Figure:
    """The error rate among the images answered, from the surest to all of them.

    The bands are 95% intervals, each of one point of a curve and not of the whole of it. ``models``
    are each one's name, place in the order of colours, and curve.
    """
    figure, axes = one_axes(2.2, 1.7)
    axes.grid(axis="y")
    top = max(115 * max(float(curve.high[-1]) for _, _, curve in models), 1e-3)
    axes.set_xlim(0, 101)
    axes.set_ylim(-0.02 * top, top)
    ends = []
    for name, place, curve in models:
        colour = model_colour(place)
        at = np.unique(np.searchsorted(curve.coverage, np.linspace(_LEAST_ANSWERED, 1, _POINTS)))
        coverage, risk = 100 * curve.coverage[at], 100 * curve.risk[at]
        band = 100 * curve.low[at], 100 * curve.high[at]
        axes.fill_between(coverage, *band, color=colour, alpha=0.15, linewidth=0)
        axes.plot(coverage, risk, color=colour, linewidth=1.8)
        axes.plot(
            coverage[-1:], risk[-1:], model_marker(place), color=colour, markeredgecolor=PAPER
        )
        ends.append((f"{name} {risk[-1]:.1f}%", float(risk[-1]), colour))
    name_ends(axes, 100, ends)
    ticks(axes.xaxis, "%")
    ticks(axes.yaxis, "%")
    axes.set_xlabel("images answered, the surest first")
    axes.set_ylabel("error rate")
    return figure
