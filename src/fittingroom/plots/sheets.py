"""Sheets of garments: predictions and mistakes, samples of a class, examples of a mistake.

Images are drawn dark on light, as the shop photographed them; the files hold them inverted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from fittingroom.plots.style import MUTED, WRONG, drawn, one_axes, shortened
from fittingroom.predictions import UInt8

_SIDE = 0.72  # of an image, in inches
_PITCH = 0.98  # from one image to the next
_ROW = 1.12  # from one row of images with words to the next
_LONGEST = 13  # letters of a class name under an image
_LONGEST_ROW = 45  # letters of a class name, or of two, beside a row of images


@dataclass(frozen=True, eq=False)
class Tile:
    """One image and what stands under it."""

    image: UInt8  # (28, 28), light on dark as the files hold it
    title: str  # the true class
    predicted: str = ""  # the class that a model predicts, if one is asked
    right: bool | None = None  # whether that is true; None if no model is asked
    note: str = ""  # how sure it was: "98%"


@dataclass(frozen=True, eq=False)
class SampleRow:
    """Some images of one class, or of one kind of mistake."""

    name: str
    images: UInt8  # (N, 28, 28)
    count: int | None = None  # how many images are of this kind; None if that does not matter
    share: str = ""  # that number as a share of something, in words


@drawn
def tile_sheet(groups: Mapping[str, Sequence[Tile]], columns: int = 8) -> Figure:
    """Groups of images under headings, with the true class and what a model predicts.

    Wrong ones have a frame, a cross and the wrong class; correct ones a tick.
    """
    rows = [-(-len(tiles) // columns) for tiles in groups.values()]
    figure, axes = _sheet(columns * _PITCH, sum(rows) * _ROW + 0.42 * len(groups))
    y = 0.0
    for (heading, tiles), deep in zip(groups.items(), rows, strict=True):
        axes.text(0.06, y + 0.2, heading, va="center", fontweight="bold")
        y += 0.42
        for at, tile in enumerate(tiles):
            _tile(axes, at % columns * _PITCH, y + at // columns * _ROW, tile)
        y += deep * _ROW
    return figure


@drawn
def sample_sheet(rows: Sequence[SampleRow]) -> Figure:
    """A row of images for each class or kind of mistake; its name, and its count if any, first."""
    pitch, side, start = 0.66, 0.6, 0.15
    figure, axes = _sheet(start + max(len(row.images) for row in rows) * pitch, len(rows) * pitch)
    for at, row in enumerate(rows):
        y = at * pitch + pitch / 2
        axes.text(-0.02, y, shortened(row.name, _LONGEST_ROW), ha="right", va="center")
        if row.count is not None:
            words = f"{row.count:,}  {row.share}"
            axes.text(-0.02, y + 0.18, words, ha="right", va="center", fontsize=7, color=MUTED)
        for place, image in enumerate(row.images):
            _image(axes, start + place * pitch, y - side / 2, side, image)
    return figure


def _sheet(width: float, height: float) -> tuple[Figure, Axes]:
    """One pair of axes in inches, from the upper left: a pair an image would be slow."""
    figure, axes = one_axes(width, height)
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    return figure, axes


def _image(axes: Axes, x: float, y: float, side: float, image: UInt8) -> None:
    axes.imshow(
        image,
        cmap="gray_r",
        vmin=0,
        vmax=255,
        extent=(x, x + side, y + side, y),
        interpolation="lanczos",
        aspect="auto",
    )


def _tile(axes: Axes, x: float, y: float, tile: Tile) -> None:
    left, middle, below = x + (_PITCH - _SIDE) / 2, x + _PITCH / 2, y + _SIDE
    _image(axes, left, y, _SIDE, tile.image)
    centred: Any = {"ha": "center", "va": "center"}
    axes.text(middle, below + 0.1, shortened(tile.title, _LONGEST), fontsize=7, **centred)
    words = f"✓ {tile.note}" if tile.right else tile.note
    if tile.right is False:
        words = f"✗ {shortened(tile.predicted, _LONGEST)} {tile.note}"
        centred |= {"color": WRONG, "fontweight": "bold"}
        corners = "round,pad=0.01,rounding_size=0.06"
        axes.add_patch(
            FancyBboxPatch(
                (left, y), _SIDE, _SIDE, corners, fill=False, edgecolor=WRONG, linewidth=1.4
            )
        )
    axes.text(middle, below + 0.22, words.strip(), fontsize=6.5, **{"color": MUTED, **centred})
