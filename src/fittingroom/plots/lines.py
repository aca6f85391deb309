"""Lines: how training went, whether probabilities are right, how accurate a model may be."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fittingroom.metrics import Reliability, RiskCoverage, wilson, wilson_interval
from fittingroom.plots.style import (
    INK,
    MUTED,
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


@drawn
def training_curve(
    of: Literal["accuracy", "loss"],
    history: Sequence[Epoch],
    kept: int,
    colour: str,
    *,
    images: int | None = None,
    seeds: Sequence[tuple[Sequence[Epoch], int]] = (),
) -> Figure:
    """Training and validation accuracy or loss (natural logarithm) over the epochs.

    ``kept`` is the epoch whose weights were kept. If the number of validation images is known, the
    validation accuracy has the band of its 95% intervals. If ``history`` is the mean of several
    seeds, whose history and kept epoch are given, bands reach from the lowest seed to the highest.
    """
    scale, digits, unit = (100, 1, "%") if of == "accuracy" else (1, 3, "")
    epochs = [epoch.epoch for epoch in history]
    train = [scale * float(getattr(epoch, f"train_{of}")) for epoch in history]
    validation = [scale * float(getattr(epoch, f"val_{of}")) for epoch in history]
    figure, axes = one_axes(3.1, 2.25)
    axes.grid(axis="y")
    axes.margins(0.02, 0.08)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
    ticks(axes.yaxis, unit)
    axes.set_xlabel("epoch")
    axes.plot(epochs, train, color=MUTED, linewidth=1.3, linestyle=(0, (4, 1.6)))
    axes.plot(epochs, validation, color=colour, linewidth=2.0)
    for course, at in seeds or [(history, kept)]:
        value, size = scale * getattr(course[at - 1], f"val_{of}"), 5 if seeds else 7
        axes.axvline(at, color=REST, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
        axes.plot(at, value, "o", color=colour, markeredgecolor=PAPER, markersize=size)
    for half, shade in (("train", MUTED), ("val", colour)) if seeds else ():
        same = zip(*(course for course, _ in seeds), strict=False)  # ends with the shortest
        found = [[scale * getattr(epoch, f"{half}_{of}") for epoch in each] for each in same]
        ends = np.min(found, axis=1), np.max(found, axis=1)
        axes.fill_between(epochs, *ends, color=shade, alpha=0.2, linewidth=0)
    low, high = axes.get_ylim()
    axes.set_ylim(max(0.0, low), min(100.0, high) if of == "accuracy" else high)
    first, *_, kept = sorted([kept, kept, *(at for _, at in seeds)])
    # The label stands on the side of the line where there is more room.
    left_side = kept > (epochs[0] + epochs[-1]) / 2
    write_at(
        axes,
        f"epoch {kept} kept" if first == kept else f"epochs {first}–{kept} kept",
        (kept, 1.0),
        (-4 if left_side else 4, 1),
        xycoords=("data", "axes fraction"),
        ha="right" if left_side else "left",
        fontsize=8,
    )
    names = [
        (f"{word}\n{values[-1]:.{digits}f}{unit}", values[-1], shade)
        for word, values, shade in (("training", train, INK), ("validation", validation, colour))
    ]
    name_ends(axes, max(epochs[-1], kept), names)
    if of == "accuracy" and images and not seeds:
        band = [wilson(round(epoch.val_accuracy * images), images) for epoch in history]
        low_ends, high_ends = [100 * each.low for each in band], [100 * each.high for each in band]
        axes.fill_between(epochs, low_ends, high_ends, color=colour, alpha=0.15, linewidth=0)
    return figure


@drawn
def calibration_curves(models: Sequence[tuple[str, int, Reliability]]) -> Figure:
    """Accuracy against top probability, a square a model, with how many images lie where.

    A model whose probabilities mean what they say lies on the diagonal; below it, it is surer
    than it should be. The band is the 95% interval of each bin's accuracy. ``models`` are each
    one's name, place in the order of colours, and reliability diagram.
    """
    across = 2 if len(models) == 4 else min(len(models), 3)
    side = 2.7 if across == 1 else 1.7
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
        strip.set_yticks([])
        strip.set_xlabel("top probability")
        fullest = curve.count.argmax()
        most, left_end = curve.count[fullest], 100 * curve.low[fullest]
        write_at(
            strip, f"{most:,} images", (left_end, most), (-3, 0), ha="right", va="top", fontsize=7.5
        )
    return figure


@drawn
def risk_coverage(models: Sequence[tuple[str, int, RiskCoverage]]) -> Figure:
    """The error rate among the images answered, from the surest to all of them.

    The bands are 95% intervals, each of one point of a curve and not of the whole of it. ``models``
    are each one's name, place in the order of colours, and curve.
    """
    figure, axes = one_axes(3.5, 2.6)
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
