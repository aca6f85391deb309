"""Whether probabilities mean what they say."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from fittingroom.evaluation import Calibration
from fittingroom.plots.style import (
    PAPER,
    REST,
    drawn,
    inches_axes,
    model_colour,
    model_marker,
    ticks,
    write_at,
)

_GAP = 0.52, 1.5  # between squares, in inches; below each one is a strip


@drawn
def calibration_curves(models: Sequence[tuple[str, int, Calibration]]) -> Figure:
    """Accuracy against top probability, a square a model, with how many images lie where.

    A model whose probabilities mean what they say lies on the diagonal; below it, it is surer
    than it should be. The band is the 95% interval of each bin's accuracy.

    Args:
        models: of each its name, its place in the order of colours, and its calibration.
    """
    across = 2 if len(models) == 4 else min(len(models), 3)
    side = 2.7 if across == 1 else 1.7
    bins = [bin_ for _, _, calibration in models for bin_ in calibration.bins]
    left = 100 * min(bin_.low for bin_ in bins) - 2
    bottom = max(0.0, min(left, *(100 * bin_.accuracy.low - 2 for bin_ in bins)))
    figure = Figure(figsize=(across * (side + _GAP[0]), side + _GAP[1]))
    for at, (name, place, calibration) in enumerate(models):
        colour = model_colour(place)
        x, y = at % across * (side + _GAP[0]), -(at // across) * (side + _GAP[1])
        axes = inches_axes(figure, x, y + 0.5, side, side)
        # All squares have the same axes, so that they can be compared.
        axes.set_xlim(left, 102)
        axes.set_ylim(bottom, 102)
        axes.grid()
        axes.spines["bottom"].set_visible(False)
        axes.plot([0, 100], [0, 100], color=REST, linewidth=1.0, linestyle=(0, (3, 2)))
        sure = [100 * bin_.confidence for bin_ in calibration.bins]
        low = [100 * bin_.accuracy.low for bin_ in calibration.bins]
        high = [100 * bin_.accuracy.high for bin_ in calibration.bins]
        # The band between the bins' intervals; they themselves, where bins are few or far apart.
        axes.fill_between(sure, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.vlines(sure, low, high, color=colour, linewidth=1.6, alpha=0.55)
        axes.plot(
            sure,
            [100 * bin_.accuracy.value for bin_ in calibration.bins],
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
            [50 * (bin_.low + bin_.high) for bin_ in calibration.bins],
            [bin_.count for bin_ in calibration.bins],
            width=[86 * (bin_.high - bin_.low) for bin_ in calibration.bins],
            color=colour,
            alpha=0.45,
            linewidth=0,
        )
        strip.set_xlim(left, 102)
        ticks(strip.xaxis, "%")
        strip.set_yticks([])
        strip.set_xlabel("top probability")
        fullest = max(calibration.bins, key=lambda bin_: bin_.count)
        words, place_of = f"{fullest.count:,} images", (100 * fullest.low, fullest.count)
        write_at(strip, words, place_of, (-3, 0), ha="right", va="top", fontsize=7.5)
    return figure
