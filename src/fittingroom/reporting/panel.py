"""One figure of the report: what is drawn, what it shows in words, and its numbers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from fittingroom import plots
from fittingroom.numbers import sureness
from fittingroom.plots import SampleRow, Tile
from fittingroom.predictions import Int64, Predictions, UInt8
from fittingroom.reporting.tables import Table

_DRAW = 0  # seed of every random draw: all models are shown on the same images


@dataclass(frozen=True, eq=False)
class Panel:
    """One figure of the report with all that belongs to it.

    The page has tiles by their heading, rows of images, or the answers of models to an image each,
    in place of drawing and numbers.
    """

    key: str  # its id on the page, and the name of its file without the ending
    title: str
    shows: str  # what it holds; the caption of its table, and for those who do not see the drawing
    caption: str  # what follows from it, in a sentence computed from the numbers
    drawing: Figure
    columns: Sequence[str] = ()
    numbers: Sequence[Sequence[Any]] = ()  # the same numbers, as for Table.of
    groups: Mapping[str, Sequence[Tile]] = field(default_factory=dict)
    rows: Sequence[SampleRow] = ()
    answers: Mapping[str, Sequence[Mapping[str, Tile]]] = field(default_factory=dict)  # by model
    wide: bool = False  # whether it takes the page's whole width
    folded: bool = False  # whether the page shows no more than its title before a click

    @property
    def image(self) -> str:
        """The PNG's file name."""
        return f"{self.key}.png"

    @property
    def alt(self) -> str:
        """What the image shows, for those who do not see it."""
        return f"{self.title}. {self.shows}"

    @property
    def table(self) -> Table | None:
        """The numbers behind the drawing."""
        if not self.columns:
            return None
        return Table.of(self.shows, self.columns, self.numbers)

    @property
    def is_chart(self) -> bool:
        """Whether the page shows the drawing; otherwise it shows images, and words that wrap."""
        return not self.groups and not self.rows and not self.answers

    @property
    def png(self) -> bytes:
        """The drawing with its title, for the folder of images."""
        if self.is_chart:
            return plots.png(self.drawing, self.title, colours=96)
        return plots.png(self.drawing, self.title, dots_per_inch=115, colours=32)

    @property
    def svg(self) -> str:
        """The drawing as markup, for the page."""
        return plots.svg(self.drawing, self.key, self.alt)


@dataclass(frozen=True)
class Section:
    """A heading of the page, a sentence, a table if there is one, and its figures."""

    key: str
    title: str
    lead: str
    panels: Sequence[Panel]
    place: int | None = None
    table: Table | None = None


def tile_panel(
    key: str,
    title: str,
    caption: str,
    images: UInt8,
    sheet: Mapping[str, tuple[Predictions, Sequence[int]]],
) -> Panel:
    """Test images in groups, each with its true and its predicted class.

    ``sheet`` holds, by heading, the predictions and positions among the images.
    """
    groups = {
        heading: [tile(said, images, at) for at in positions]
        for heading, (said, positions) in sheet.items()
        if positions
    }
    shows = f"{sum(map(len, groups.values()))} test images with their true and predicted class."
    drawing = plots.tile_sheet(groups)
    return Panel(key, title, shows, caption, drawing, groups=groups, wide=True, folded=True)


def tile(predictions: Predictions, images: UInt8, position: int) -> Tile:
    """A test image with its true class and the predicted one."""
    predicted = int(predictions.predicted[position])
    note = ""
    if predictions.log_probabilities is not None:
        note = sureness(float(np.exp(predictions.log_probabilities[position, predicted])))
    return Tile(
        image=images[position],
        title=predictions.classes[int(predictions.labels[position])],
        predicted=predictions.classes[predicted],
        right=bool(predictions.correct[position]),
        note=note,
    )


def draw(positions: Int64, number: int) -> list[int]:
    """At most so many of the positions, at random but always the same, in file order."""
    if len(positions) > number:
        positions = np.random.default_rng(_DRAW).choice(positions, number, replace=False)
    return np.sort(positions).tolist()


def stem(name: str) -> str:
    """A model's name as the beginning of a file's name, on any system."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "model"


def card_name(name: str) -> str:
    """The file of a model's card in the report's folder."""
    return f"MODEL_CARD_{stem(name)}.md"
