"""Matrices: which classes a model confuses, and where two models differ."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba, to_rgba_array
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fittingroom.numbers import signed
from fittingroom.plots.style import GRID, INK, REST, drawn, one_axes, shortened, write_at
from fittingroom.predictions import Int64

_STRONGEST_TINT = 0.7
# Text on a cell that is strongly tinted: dark in both themes, as tints are mid-tones in both.
_ON_TINT = "#101214"
# With more classes, a cell is too small for a number in it, and some classes go without a name.
NUMBERED_CLASSES = 15
_NAMED = 30
_WIDEST = 7.0  # of a matrix, in inches


@drawn
def confusion_matrix(confusion: Int64, classes: Sequence[str], colour: str) -> Figure:
    """Counts for each true class (row) and predicted class (column), mistakes tinted.

    The colour scale is for the mistakes alone: on a common scale the diagonal would drown them.
    Cells give the count and, from 0.5% of the row on, its share of the row; the diagonal's share
    is the class's recall. Of more than 15 classes, cells are tinted alone.
    """
    figure, axes = _matrix(classes, 0.47)
    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    tint = _tint(share)
    if len(classes) > NUMBERED_CLASSES:
        _paint(axes, tint, np.full(tint.shape, colour))
        return figure
    for true, predicted in np.ndindex(confusion.shape):
        count, part = f"{confusion[true, predicted]:,}", share[true, predicted]
        note = f"{100 * part:.1f}%"
        if true == predicted:
            _diagonal(axes, true, note, count)
        elif part:
            note = note if part >= 0.005 else ""
            _cell(axes, true, predicted, count, note, colour, float(tint[true, predicted]))
    return figure


@drawn
def confusion_difference(
    confusion_a: Int64, confusion_b: Int64, classes: Sequence[str], colours: tuple[str, str]
) -> Figure:
    """Counts of `b` minus counts of `a`, each cell in the colour of the model that it favours.

    Off the diagonal fewer is better, on it more: there the gain in correct predictions stands.
    """
    figure, axes = _matrix(classes, 0.37)
    change = confusion_b - confusion_a
    tint = _tint(change)
    if len(classes) > NUMBERED_CLASSES:
        _paint(axes, tint, np.where(change < 0, colours[1], colours[0]))
        return figure
    for true, predicted in np.ndindex(change.shape):
        amount = int(change[true, predicted])
        if true == predicted:
            _diagonal(axes, true, signed(amount))
        elif amount:
            colour = colours[1] if amount < 0 else colours[0]
            _cell(axes, true, predicted, signed(amount), "", colour, float(tint[true, predicted]))
    return figure


def _matrix(classes: Sequence[str], side: float) -> tuple[Figure, Axes]:
    """An empty square matrix with a class at each row and column; `side` of a cell in inches."""
    kinds = len(classes)
    width, step = min(side * kinds, _WIDEST), -(-kinds // _NAMED)
    figure, axes = one_axes(width, width)
    axes.set_xlim(0, kinds)
    axes.set_ylim(kinds, 0)
    axes.spines[:].set_visible(False)
    short = list(map(shortened, classes[::step]))
    centres = np.arange(0, kinds, step) + 0.5
    axes.set_yticks(centres, short, color=INK)
    axes.xaxis.tick_top()
    axes.set_xticks(centres, short, rotation=40, ha="left", rotation_mode="anchor", color=INK)
    axes.tick_params(pad=4)
    lines = range(0, kinds + 1, step)
    axes.hlines(lines, 0, kinds, GRID, linewidth=0.6, clip_on=False, zorder=2)
    axes.vlines(lines, 0, kinds, GRID, linewidth=0.6, clip_on=False, zorder=2)
    for text, up in (("true ↓", 16), ("predicted →", 27)):
        write_at(axes, text, (0, 1), (-5, up), xycoords="axes fraction", ha="right", fontsize=8)
    return figure, axes


def _tint(amounts: npt.NDArray[np.float64] | Int64) -> npt.NDArray[np.float64]:
    """How strongly each cell off the diagonal is tinted.

    By the square root: a mistake made ten times still shows beside one made a hundred times.
    """
    mistakes = np.abs(amounts).astype(float)
    np.fill_diagonal(mistakes, 0)
    return _STRONGEST_TINT * np.sqrt(mistakes / (mistakes.max() or 1))


def _paint(axes: Axes, tint: npt.NDArray[np.float64], colours: npt.NDArray[np.str_]) -> None:
    """All cells of a large matrix as one image, the diagonal in grey: each with its tint."""
    cells = np.stack([to_rgba_array(row) for row in colours])  # (K, K, 4)
    cells[..., 3] = tint
    np.einsum("iij->ij", cells)[:] = to_rgba(REST, 0.3)
    kinds = len(cells)
    axes.imshow(cells, extent=(0, kinds, kinds, 0), interpolation="none", aspect="auto")


def _diagonal(axes: Axes, kind: int, text: str, note: str = "") -> None:
    _cell(axes, kind, kind, text, note, REST, 0.16, weight="bold")


def _cell(
    axes: Axes,
    row: int,
    column: int,
    text: str,
    note: str,
    colour: str,
    tint: float,
    weight: str = "normal",
) -> None:
    """A tint, a text, and perhaps a small note beneath it."""
    place = Rectangle((column, row), 1, 1, facecolor=colour, alpha=tint, linewidth=0, zorder=0.5)
    axes.add_patch(place)
    ink = _ON_TINT if tint > 0.5 else INK
    x, y = column + 0.5, row + 0.5
    if note:
        axes.text(x, y + 0.23, note, ha="center", va="center", fontsize=6.3, color=ink)
        y -= 0.13
    size = 8.5 if len(text) <= 5 else 8.0
    axes.text(x, y, text, ha="center", va="center", fontsize=size, color=ink, fontweight=weight)
