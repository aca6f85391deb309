"""Matrices: which classes a model confuses, and where two models differ."""

from collections.abc import Mapping, Sequence

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
_SIDE = 0.37  # of a cell, in inches
_WIDEST = 7.0  # of a matrix, in inches


@drawn
def confusion_matrix(confusion: Int64, classes: Sequence[str], colour: str) -> Figure:
    """Counts for each true class (row) and predicted class (column), mistakes tinted.

    The colour scale is for the mistakes alone: on a common scale the diagonal would drown them.
    Of more than 15 classes, cells are tinted alone, and have no count in them.
    """
    figure, axes = _matrix(classes)
    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    tint = _tint(share)
    if len(classes) > NUMBERED_CLASSES:
        _paint(axes, tint, np.full(tint.shape, colour))
        return figure
    for true, predicted in np.ndindex(confusion.shape):
        count = f"{confusion[true, predicted]:,}"
        if true == predicted:
            _diagonal(axes, true, count)
        elif share[true, predicted]:
            _cell(axes, true, predicted, count, colour, float(tint[true, predicted]))
    return figure


@drawn
def confusion_difference(
    confusion_a: Int64, confusion_b: Int64, classes: Sequence[str], models: Mapping[str, str]
) -> Figure:
    """Counts of `b` minus counts of `a`, each cell in the colour of the model that it favours.

    Off the diagonal fewer is better, on it more: there the gain in correct predictions stands.
    ``models`` has the colours of `a` and `b` by their names.
    """
    figure, axes = _matrix(classes)
    colours = [*models.values()]
    for at, (name, colour) in enumerate(models.items()):
        below, words = (0, -6 - 13 * at), f"■ {name} makes fewer of these mistakes"
        write_at(axes, words, (0, 0), below, colour, xycoords="axes fraction", va="top")
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
            _cell(axes, true, predicted, signed(amount), colour, float(tint[true, predicted]))
    return figure


def _matrix(classes: Sequence[str]) -> tuple[Figure, Axes]:
    """An empty square matrix with a class at each row and column."""
    kinds = len(classes)
    width, step = min(_SIDE * kinds, _WIDEST), -(-kinds // _NAMED)
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
        write_at(axes, text, (0, 1), (-5, up), xycoords="axes fraction", ha="right")
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


def _diagonal(axes: Axes, kind: int, text: str) -> None:
    _cell(axes, kind, kind, text, REST, 0.16, weight="bold")


def _cell(
    axes: Axes, row: int, column: int, text: str, colour: str, tint: float, weight: str = "normal"
) -> None:
    """A tint and a text."""
    place = Rectangle((column, row), 1, 1, facecolor=colour, alpha=tint, linewidth=0, zorder=0.5)
    axes.add_patch(place)
    ink = _ON_TINT if tint > 0.5 else INK
    middle = column + 0.5, row + 0.5
    axes.text(*middle, text, ha="center", va="center", fontsize=8.5, color=ink, fontweight=weight)
