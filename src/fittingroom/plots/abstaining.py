"""How accurate a model is if it may abstain."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from fittingroom.metrics import RiskCoverage
from fittingroom.plots.style import PAPER, drawn, inches_axes, model_colour, model_marker, spread

# Points of a curve that are drawn: more than there are pixels would only make the page heavy.
_POINTS = 150
# Below this share of images answered, intervals are wider than the picture.
_FIRST = 0.02
_TALL = 2.6  # inches


@drawn
def risk_coverage(models: Sequence[tuple[str, int, RiskCoverage]]) -> Figure:
    """The error rate among the images answered, from the surest to all of them.

    The bands are 95% intervals, each of one point of a curve and not of the whole of it.

    Args:
        models: of each its name, its place in the order of colours, and its curve.
    """
    figure = Figure(figsize=(5.2, _TALL + 0.75))
    axes = inches_axes(figure, 0.55, 0.5, 3.5, _TALL)
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)
    top = 100 * max(float(curve.high[-1]) for _, _, curve in models)
    top = max(1.15 * top, 1e-3)
    axes.set_xlim(0, 101)
    axes.set_ylim(-0.02 * top, top)
    ends = []
    for name, place, curve in models:
        colour = model_colour(place)
        at = _thinned(curve.coverage)
        coverage = 100 * curve.coverage[at]
        axes.fill_between(
            coverage,
            100 * curve.low[at],
            np.minimum(100 * curve.high[at], top),
            color=colour,
            alpha=0.15,
            linewidth=0,
        )
        axes.plot(coverage, 100 * curve.risk[at], color=colour, linewidth=1.8)
        last = 100 * float(curve.risk[-1])
        axes.plot([100], [last], model_marker(place), color=colour, markeredgecolor=PAPER)
        ends.append((name, last, colour))
    per_point = (1.02 * top) / (_TALL * 72)
    heights = spread([last for _, last, _ in ends], 11 * per_point)
    for (name, last, colour), height in zip(ends, heights, strict=True):
        axes.annotate(
            f"{name} {last:.1f}%",
            (100, height),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=colour,
            annotation_clip=False,
        )
    percent = FuncFormatter(lambda value, _: f"{value:g}%")
    axes.xaxis.set_major_formatter(percent)
    axes.yaxis.set_major_formatter(percent)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    axes.set_xlabel("images answered, the surest first")
    axes.set_ylabel("error rate")
    return figure


def _thinned(coverage: np.ndarray) -> np.ndarray:
    """Places of the points drawn: evenly over the coverage, the last one among them."""
    kept = np.searchsorted(coverage, np.linspace(min(_FIRST, coverage[0]), 1, _POINTS))
    kept = kept[coverage[np.minimum(kept, len(coverage) - 1)] >= min(_FIRST, coverage[-1])]
    return np.unique(np.append(np.minimum(kept, len(coverage) - 1), len(coverage) - 1))
