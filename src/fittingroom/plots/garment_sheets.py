"""Sheets of garments: samples of the data, predictions, mistakes, the pictures behind a count.

Pictures are drawn dark on light, as the shop photographed them; the files hold them negated.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from fittingroom.plots.style import INK, MUTED, WRONG, drawn, inches_axes
from fittingroom.predictions import UInt8

_SIDE = 0.72  # of a picture, in inches
_PITCH = 0.98  # from one picture to the next
_ROW = 1.12  # from one row of pictures with words to the next
_LONGEST = 13  # letters of a class name under a picture


@dataclass(frozen=True, eq=False)
class Tile:
    """One picture and what stands under it.

    Attributes:
        picture: uint8 ``(28, 28)``, light on dark as the files hold it.
        title: the true class.
        called: what a model called it, or "" where no model is asked.
        right: whether that is true; None where no model is asked.
        note: how sure it was ("98%"), or "".
    """

    picture: UInt8
    title: str
    called: str = ""
    right: bool | None = None
    note: str = ""

    @property
    def words(self) -> str:
        """The line under the title: a mark, the wrong name, how sure."""
        if self.right is None:
            return self.note
        if self.right:
            return f"✓ {self.note}".strip()
        return f"✗ {self.called} {self.note}".strip()


@dataclass(frozen=True, eq=False)
class TileGroup:
    """Tiles that belong together, under a heading."""

    heading: str
    tiles: tuple[Tile, ...]


@dataclass(frozen=True, eq=False)
class SampleRow:
    """A class and some pictures of it, uint8 ``(N, 28, 28)``."""

    name: str
    pictures: UInt8


@dataclass(frozen=True, eq=False)
class ConfusedRow:
    """One kind of mistake: the two classes, how often, and some of the pictures.

    Attributes:
        true, called: names of the two classes.
        count: pictures so mistaken.
        share: of the true class' pictures, with its interval, in words.
        pictures: uint8 ``(N, 28, 28)``, examples.
    """

    true: str
    called: str
    count: int
    share: str
    pictures: UInt8


@drawn
def tile_sheet(groups: Sequence[TileGroup], columns: int = 8) -> Figure:
    """Groups of pictures with the true name, and what a model called them.

    Wrong ones have a frame, a cross and the wrong name; right ones a tick.
    """
    rows = [-(-len(group.tiles) // columns) for group in groups]
    height = sum(rows) * _ROW + 0.42 * len(groups)
    figure, axes = _sheet(columns * _PITCH, height)
    y = 0.0
    for group, deep in zip(groups, rows, strict=True):
        axes.text(0.06, y + 0.2, group.heading, va="center", fontsize=9, fontweight="bold")
        y += 0.42
        for at, tile in enumerate(group.tiles):
            _tile(axes, at % columns * _PITCH, y + at // columns * _ROW, tile)
        y += deep * _ROW
    return figure


@drawn
def sample_sheet(rows: Sequence[SampleRow]) -> Figure:
    """A row of pictures for each class, its name before it."""
    side, pitch = 0.6, 0.66
    most = max((len(row.pictures) for row in rows), default=0)
    figure, axes = _sheet(1.15 + most * pitch, len(rows) * pitch)
    for at, row in enumerate(rows):
        y = at * pitch
        axes.text(1.02, y + pitch / 2, row.name, ha="right", va="center", fontsize=9.5)
        for place, picture in enumerate(row.pictures):
            _picture(axes, 1.15 + place * pitch, y + (pitch - side) / 2, side, picture)
    return figure


@drawn
def confused_sheet(rows: Sequence[ConfusedRow], colour: str) -> Figure:
    """The most frequent kinds of mistake: names, a bar for the count, and examples."""
    pitch, side, bar = 0.66, 0.56, 1.5
    most = max((len(row.pictures) for row in rows), default=0)
    longest = max((row.count for row in rows), default=1)
    words = 0.078 * max((len(f"{row.true} → {row.called}") for row in rows), default=10) + 0.15
    start = words + bar + 0.95
    figure, axes = _sheet(start + most * side, len(rows) * pitch)
    for at, row in enumerate(rows):
        y = at * pitch + pitch / 2
        axes.text(
            words - 0.12, y, f"{row.true} → {row.called}", ha="right", va="center", fontsize=9
        )
        length = bar * row.count / longest
        axes.add_patch(
            Rectangle((words, y - 0.13), length, 0.26, color=colour, alpha=0.75, linewidth=0)
        )
        axes.text(
            words + length + 0.07,
            y - 0.08,
            f"{row.count:,}",
            va="center",
            fontsize=9,
            fontweight="bold",
        )
        axes.text(words + length + 0.07, y + 0.1, row.share, va="center", fontsize=6.5, color=MUTED)
        for place, picture in enumerate(row.pictures):
            _picture(axes, start + place * side, y - side / 2, side * 0.92, picture)
    return figure


def _sheet(width: float, height: float) -> tuple[Figure, Axes]:
    """One pair of axes in inches, from the upper left: a pair a picture would be slow."""
    figure = Figure(figsize=(width + 0.1, height + 0.1))
    axes = inches_axes(figure, 0.05, 0.05, width, height)
    axes.set_axis_off()
    axes.set_autoscale_on(False)
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    return figure, axes


def _picture(axes: Axes, x: float, y: float, side: float, picture: UInt8) -> None:
    axes.imshow(
        picture,
        cmap="gray_r",
        vmin=0,
        vmax=255,
        extent=(x, x + side, y + side, y),
        interpolation="lanczos",
        aspect="auto",
        zorder=2,
    )


def _tile(axes: Axes, x: float, y: float, tile: Tile) -> None:
    middle = x + _PITCH / 2
    left = x + (_PITCH - _SIDE) / 2
    _picture(axes, left, y, _SIDE, tile.picture)
    if tile.right is False:
        axes.add_patch(
            FancyBboxPatch(
                (left, y),
                _SIDE,
                _SIDE,
                boxstyle="round,pad=0.01,rounding_size=0.06",
                facecolor="none",
                edgecolor=WRONG,
                linewidth=1.4,
                zorder=3,
            )
        )
    axes.text(
        middle, y + _SIDE + 0.1, _short(tile.title), ha="center", va="center", fontsize=7, color=INK
    )
    wrong = tile.right is False
    words = tile.words if not wrong else f"✗ {_short(tile.called)} {tile.note}".strip()
    axes.text(
        middle,
        y + _SIDE + 0.22,
        words,
        ha="center",
        va="center",
        fontsize=6.5,
        color=WRONG if wrong else MUTED,
        fontweight="bold" if wrong else "normal",
    )


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
