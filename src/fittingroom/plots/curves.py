"""How training went: accuracy and loss, epoch by epoch."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from fittingroom.metrics import Estimate
from fittingroom.plots.style import INK, MUTED, PAPER, REST, drawn, inches_axes, spread
from fittingroom.runs import Epoch


@drawn
def accuracy_curve(
    history: Sequence[Epoch],
    best_epoch: int,
    colour: str,
    band: Sequence[Estimate] | None = None,
    *,
    mark: str = "best epoch",
) -> Figure:
    """Training and validation accuracy over the epochs, the epoch kept marked.

    Args:
        history: one entry an epoch.
        best_epoch: the one whose weights were kept.
        colour: the model's.
        band: the validation accuracy of each epoch with its interval, where it is known.
        mark: what the epoch kept is called; its number follows.
    """
    return _curve(
        [epoch.epoch for epoch in history],
        [100 * epoch.train_accuracy for epoch in history],
        [100 * epoch.val_accuracy for epoch in history],
        best_epoch,
        colour,
        mark=mark,
        unit="%",
        digits=1,
        top=100.0,
        band=None
        if band is None
        else ([100 * item.low for item in band], [100 * item.high for item in band]),
    )


@drawn
def loss_curve(
    history: Sequence[Epoch], best_epoch: int, colour: str, *, mark: str = "best epoch"
) -> Figure:
    """Training and validation loss (natural logarithm) over the epochs, the epoch kept marked.

    Arguments as for :func:`accuracy_curve`.
    """
    return _curve(
        [epoch.epoch for epoch in history],
        [epoch.train_loss for epoch in history],
        [epoch.val_loss for epoch in history],
        best_epoch,
        colour,
        mark=mark,
        unit="",
        digits=3,
    )


def _curve(
    epochs: list[int],
    train: list[float],
    validation: list[float],
    best_epoch: int,
    colour: str,
    *,
    mark: str,
    unit: str,
    digits: int,
    top: float = np.inf,
    band: tuple[list[float], list[float]] | None = None,
) -> Figure:
    figure = Figure(figsize=(4.6, 2.9))
    axes = inches_axes(figure, 0.5, 0.45, 3.1, 2.25)
    values = np.array(train + validation)
    low, high = values.min(), values.max()
    room = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    axes.set_ylim(max(0.0, low - room), min(top, high + 2.2 * room))
    first, last = epochs[0], max(epochs[-1], epochs[0] + 1)
    axes.set_xlim(first - 0.02 * (last - first), last + 0.02 * (last - first))

    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}{unit}"))
    axes.set_xlabel("epoch")

    if band is not None:
        axes.fill_between(epochs, *band, color=colour, alpha=0.15, linewidth=0)
    axes.axvline(best_epoch, color=REST, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
    # A single epoch is a point, not a line.
    dot = "o" if len(epochs) == 1 else ""
    axes.plot(epochs, train, color=MUTED, linewidth=1.3, linestyle=(0, (4, 1.6)), marker=dot)
    axes.plot(epochs, validation, color=colour, linewidth=2.0, marker=dot)
    best = validation[epochs.index(best_epoch)] if best_epoch in epochs else validation[-1]
    axes.plot([best_epoch], [best], "o", color=colour, markeredgecolor=PAPER, markersize=7)
    # The label stands on the side of the line where there is more room.
    left_side = best_epoch > (first + last) / 2
    axes.annotate(
        f"{mark} {best_epoch}",
        (best_epoch, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(-4 if left_side else 4, 1),
        textcoords="offset points",
        ha="right" if left_side else "left",
        va="bottom",
        fontsize=8,
        color=MUTED,
    )

    bottom, upper = axes.get_ylim()
    per_point = (upper - bottom) / (2.25 * 72)
    ends = spread([train[-1], validation[-1]], 22 * per_point)
    labels = (
        ("training", train[-1], MUTED, "normal"),
        ("validation", validation[-1], colour, "bold"),
    )
    for place, (word, value, shade, weight) in zip(ends, labels, strict=True):
        axes.annotate(
            f"{word}\n{value:.{digits}f}{unit}",
            (epochs[-1], place),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            color=shade if word == "validation" else INK,
            fontweight=weight,
            fontsize=8.5,
            linespacing=1.15,
            annotation_clip=False,
        )
    return figure
