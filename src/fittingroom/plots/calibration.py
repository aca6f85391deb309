"""Whether probabilities mean what they say."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from fittingroom.evaluation import Calibration
from fittingroom.plots.style import (
    MUTED,
    PAPER,
    REST,
    drawn,
    inches_axes,
    model_colour,
    model_marker,
)

# Of a square, in inches, by how many stand side by side.
_SIDES = {1: 2.7, 2: 1.62, 3: 1.8}
_GAP = 0.52


@drawn
def calibration_curves(models: Sequence[tuple[str, int, Calibration]]) -> Figure:
    """Accuracy against top probability, a square a model, with how many images lie where.

    A model whose probabilities mean what they say lies on the diagonal; below it, it is surer
    than it should be. The band is the 95% interval of each bin's accuracy.

    Args:
        models: of each its name, its place in the order of colours, and its calibration.
    """
    across = 2 if len(models) == 4 else min(len(models), 3)  # rows that are full
    down = -(-len(models) // across)
    side = _SIDES[min(len(models), 3)]
    # All squares have the same axes, so that they can be compared.
    bins = [bin_ for _, _, calibration in models for bin_ in calibration.bins]
    low = min(bin_.low for bin_ in bins)
    bottom_share = max(0.0, min([low, *(bin_.accuracy.low for bin_ in bins)]) - 0.02)
    figure = Figure(
        figsize=(0.7 + across * (side + _GAP), down * (side + 1.5)),
    )
    for at, (name, place, calibration) in enumerate(models):
        column, row = at % across, at // across
        left = 0.6 + column * (side + _GAP)
        bottom = 0.45 + (down - 1 - row) * (side + 1.5)
        colour = model_colour(place)
        axes = inches_axes(figure, left, bottom + 0.5, side, side)
        axes.set_xlim(low - 0.02, 1.02)
        axes.set_ylim(bottom_share, 1.02)
        axes.grid()
        axes.spines["left"].set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.plot([0, 1], [0, 1], color=REST, linewidth=1.0, linestyle=(0, (3, 2)))
        # The band between the bins' intervals; they themselves, where bins are few or far apart.
        axes.fill_between(
            [bin_.confidence for bin_ in calibration.bins],
            [bin_.accuracy.low for bin_ in calibration.bins],
            [bin_.accuracy.high for bin_ in calibration.bins],
            color=colour,
            alpha=0.15,
            linewidth=0,
        )
        for bin_ in calibration.bins:
            axes.plot(
                [bin_.confidence] * 2,
                [bin_.accuracy.low, bin_.accuracy.high],
                color=colour,
                linewidth=1.6,
                alpha=0.55,
            )
        axes.plot(
            [bin_.confidence for bin_ in calibration.bins],
            [bin_.accuracy.value for bin_ in calibration.bins],
            color=colour,
            linewidth=1.3,
            marker=model_marker(place),
            markeredgecolor=PAPER,
            markersize=6,
        )
        percent = FuncFormatter(lambda value, _: f"{100 * value:.0f}%")
        axes.xaxis.set_major_formatter(percent)
        axes.yaxis.set_major_formatter(percent)
        axes.tick_params(axis="x", labelbottom=False)
        axes.set_title(name, loc="left", fontsize=9.5, color=colour, fontweight="bold")
        if column == 0:
            axes.set_ylabel("accuracy")

        strip = inches_axes(figure, left, bottom, side, 0.42)
        strip.bar(
            [(bin_.low + bin_.high) / 2 for bin_ in calibration.bins],
            [bin_.count for bin_ in calibration.bins],
            width=[0.86 * (bin_.high - bin_.low) for bin_ in calibration.bins],
            color=colour,
            alpha=0.45,
            linewidth=0,
        )
        strip.set_xlim(axes.get_xlim())
        strip.xaxis.set_major_formatter(percent)
        strip.set_yticks([])
        strip.spines["left"].set_visible(False)
        strip.set_xlabel("top probability")
        fullest = max(calibration.bins, key=lambda bin_: bin_.count)
        strip.annotate(
            f"{fullest.count:,} images",
            ((fullest.low + fullest.high) / 2 - 0.6 * (fullest.high - fullest.low), fullest.count),
            ha="right",
            va="top",
            fontsize=7.5,
            color=MUTED,
        )
    return figure
