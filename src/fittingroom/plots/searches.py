"""A search for hyper-parameters: its accuracies, and the settings that they come from."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fittingroom.numbers import percent
from fittingroom.plots.style import (
    INK,
    MUTED,
    PAPER,
    drawn,
    model_colour,
    one_axes,
    ticks,
    write_at,
)


@drawn
def search_course(numbers: Sequence[int], accuracies: Sequence[float]) -> Figure:
    """Validation accuracy of each complete trial by its number, and the best one so far."""
    figure, axes = one_axes(3.2, 1.8)
    axes.grid(axis="y")
    axes.margins(y=0.1)
    axes.set_xlim(-0.5, numbers[-1] + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
    ticks(axes.yaxis, "%")
    axes.set_xlabel("trial")
    shares = 100 * np.array(accuracies)
    best = np.maximum.accumulate(shares)
    axes.step(numbers, best, where="post", color=model_colour(0), linewidth=2.0)
    axes.plot(numbers, shares, "o", color=MUTED, markeredgecolor=PAPER, markersize=6)
    return figure


@drawn
def importances(shares: Sequence[tuple[str, float]]) -> Figure:
    """A bar for each setting, by its name and the share of the differences that it explains."""
    figure, axes = one_axes(3.6, 0.32 * len(shares))
    axes.barh([name for name, _ in shares], [share for _, share in shares], 0.6, color=MUTED)
    axes.set_ylim(len(shares) - 0.5, -0.5)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    for place, (_, share) in enumerate(shares):
        write_at(axes, percent(share, 0), (share, place), (5, 0), INK, va="center")
    return figure


@drawn
def settings_of_trials(
    settings: Sequence[tuple[str, str, str, Sequence[float]]], accuracies: Sequence[float]
) -> Figure:
    """A line a trial through a scale for each setting, drawn stronger for a higher accuracy.

    Args:
        settings: of each its name, its lowest and highest value in words, and where the trials lie
            between these, from 0 to 1.
        accuracies: of the trials.
    """
    figure, axes = one_axes(1.5 * len(settings), 2.4)
    axes.set_axis_off()
    axes.set_xlim(-0.15, len(settings) - 0.85)
    axes.set_ylim(-0.05, 1.05)
    for place, (name, low, high, _) in enumerate(settings):
        axes.axvline(place, color=MUTED, linewidth=0.8)
        write_at(axes, f"{low}\n{name}", (place, 0), (0, -8), INK, ha="center", va="top")
        write_at(axes, high, (place, 1), (0, 10), INK, ha="center")
    order = np.argsort(accuracies)
    for rank, trial in enumerate(order, start=1):
        heights = [places[trial] for *_, places in settings]
        strength = (rank / len(order)) ** 2
        axes.plot(heights, "o-", color=model_colour(0), alpha=strength, linewidth=1.6, markersize=4)
    return figure
