"""Which classes a model confuses, and where two models differ in that."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fittingroom.numbers import MINUS
from fittingroom.plots.style import (
    GRID,
    INK,
    MUTED,
    REST,
    STRONGEST_TINT,
    drawn,
    inches_axes,
    tint_text,
)
from fittingroom.predictions import Int64

_CELL = 0.47  # inches
_SMALL_CELL = 0.37  # where there is one number in it


@drawn
def confusion_matrix(confusion: Int64, classes: Sequence[str], colour: str) -> Figure:
    """Counts for each true class (row) and predicted class (column), mistakes tinted.

    The colour scale is for the mistakes alone: on a common scale the diagonal would drown them.
    Cells give the count and, from 0.5% of the row on, its share of the row; the diagonal's share
    is the class' recall.

    Args:
        confusion: int64 ``(K, K)``, rows true, columns predicted.
        classes: the ``K`` names.
        colour: the model's.
    """
    figure, axes = _grid(classes)
    rows = confusion.sum(axis=1, keepdims=True)
    share = np.divide(confusion, rows, out=np.zeros(confusion.shape), where=rows > 0)
    wrong = share.copy()
    np.fill_diagonal(wrong, 0)
    strongest = wrong.max() or 1.0
    for true, called in np.ndindex(confusion.shape):
        count, part = int(confusion[true, called]), share[true, called]
        if true == called:
            _tint(axes, true, called, REST, 0.16)
            _write(axes, true, called, f"{100 * part:.1f}%", f"{count:,}", INK, "bold")
            continue
        if count == 0:
            continue
        # Square root: a mistake made ten times still shows beside one made a hundred times.
        strength = STRONGEST_TINT * float(np.sqrt(part / strongest))
        _tint(axes, true, called, colour, strength)
        note = f"{100 * part:.1f}%" if part >= 0.005 else ""
        _write(axes, true, called, f"{count:,}", note, tint_text(strength), "normal")
    return figure


@drawn
def confusion_difference(
    confusion_a: Int64, confusion_b: Int64, classes: Sequence[str], colours: tuple[str, str]
) -> Figure:
    """Counts of `b` minus counts of `a`, each cell in the colour of the model that it favours.

    Off the diagonal fewer is better, on it more: there the gain in right answers stands.

    Args:
        confusion_a, confusion_b: int64 ``(K, K)``, rows true, columns predicted.
        classes: the ``K`` names.
        colours: of `a` and of `b`.
    """
    figure, axes = _grid(classes, _SMALL_CELL)
    change = confusion_b - confusion_a
    mistakes = np.abs(change)
    np.fill_diagonal(mistakes, 0)
    most = mistakes.max() or 1
    for true, called in np.ndindex(change.shape):
        amount = int(change[true, called])
        text = f"+{amount:,}" if amount > 0 else f"{MINUS}{-amount:,}" if amount else ""
        if true == called:
            _tint(axes, true, called, REST, 0.16)
            _write(axes, true, called, text or "0", "", INK, "bold")
        elif amount:
            strength = STRONGEST_TINT * float(np.sqrt(abs(amount) / most))
            _tint(axes, true, called, colours[1] if amount < 0 else colours[0], strength)
            _write(axes, true, called, text, "", tint_text(strength), "normal")
    return figure


def _grid(classes: Sequence[str], cell: float = _CELL) -> tuple[Figure, Axes]:
    side = cell * len(classes)
    figure = Figure(figsize=(side + 1.6, side + 1.4))
    axes = inches_axes(figure, 1.4, 0.2, side, side)
    kinds = len(classes)
    axes.set_xlim(0, kinds)
    axes.set_ylim(kinds, 0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    centres = np.arange(kinds) + 0.5
    axes.set_yticks(centres, list(classes), color=INK)
    axes.xaxis.tick_top()
    axes.set_xticks(
        centres, list(classes), rotation=40, ha="left", rotation_mode="anchor", color=INK
    )
    axes.tick_params(length=0, pad=3)
    for line in range(kinds + 1):
        axes.plot([0, kinds], [line, line], color=GRID, linewidth=0.6, clip_on=False)
        axes.plot([line, line], [0, kinds], color=GRID, linewidth=0.6, clip_on=False)
    corner: dict[str, Any] = {
        "fontsize": 8,
        "color": MUTED,
        "xycoords": "axes fraction",
        "annotation_clip": False,
    }
    axes.annotate(
        "true ↓", (0, 1), xytext=(-5, 16), textcoords="offset points", ha="right", **corner
    )
    axes.annotate(
        "predicted →", (0, 1), xytext=(-5, 27), textcoords="offset points", ha="right", **corner
    )
    return figure, axes


def _tint(axes: Axes, row: int, column: int, colour: str, strength: float) -> None:
    axes.add_patch(
        Rectangle((column, row), 1, 1, facecolor=colour, alpha=strength, linewidth=0, zorder=0.5)
    )


def _write(
    axes: Axes, row: int, column: int, text: str, note: str, colour: str, weight: str
) -> None:
    x, y = column + 0.5, row + 0.5
    size = 8.5 if len(text) <= 5 else 7.0
    axes.text(
        x,
        y - 0.13 if note else y,
        text,
        ha="center",
        va="center",
        fontsize=size,
        color=colour,
        fontweight=weight,
    )
    if note:
        axes.text(x, y + 0.23, note, ha="center", va="center", fontsize=6.3, color=colour)
