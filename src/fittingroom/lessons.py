"""What the four notebooks draw, so that their cells hold ideas and no plumbing."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fittingroom import plots
from fittingroom.plots.style import INK, MUTED, REST, drawn, one_axes
from fittingroom.predictions import UInt8
from fittingroom.recipes import Augmentation
from fittingroom.reporting.panel import Panel

_PALE = "#c9c7c1"  # of the many zeros among an image's numbers


def show(drawing: Figure | Panel, alt: str = "") -> None:
    """Show a figure, or one of the report's with its caption, as a small PNG.

    ``alt`` is what the figure shows, for those who do not see it; the report's figures have one.
    """
    from IPython.display import Image, Markdown, display

    figure, words = (drawing.drawing, drawing.alt) if isinstance(drawing, Panel) else (drawing, alt)
    # A sheet of garments is as clear with half the dots to the inch, and a quarter of the size.
    sheet = sum(len(axes.images) for axes in figure.axes) > 1
    png = plots.png(figure, dots_per_inch=96 if sheet else 192, colours=64)
    display(Image(png, retina=not sheet, alt=words))  # type: ignore[no-untyped-call]
    if isinstance(drawing, Panel):
        caption = Markdown(f"**{drawing.title}.** {drawing.caption}")  # type: ignore[no-untyped-call]
        display(caption)  # type: ignore[no-untyped-call]


@drawn
def as_numbers(image: UInt8) -> Figure:
    """An image ``(28, 28)`` with the value of each pixel written on it."""
    figure = Figure(figsize=(6.4, 6.4))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(image, cmap="gray_r", vmin=0, vmax=255)
    axes.set_axis_off()
    for (row, column), value in np.ndenumerate(image):
        shade = "white" if value > 120 else INK if value else _PALE
        axes.text(column, row, str(value), ha="center", va="center", fontsize=5.2, color=shade)
    return figure


@drawn
def pixel_histogram(images: UInt8) -> Figure:
    """How often each value of a pixel occurs, without the zeros of the background."""
    figure, axes = one_axes(5.6, 1.7)
    axes.hist(images[images > 0], bins=range(1, 257, 5), color=plots.model_colour(0))
    axes.grid(axis="y")
    axes.set_xlabel("value of a pixel that is not 0")
    axes.set_ylabel("pixels")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    left_out = f"left out: {np.mean(images == 0):.0%} of all pixels are 0, the background"
    axes.annotate(left_out, (0.1, 0.92), xycoords="axes fraction", color=MUTED)
    return figure


def epochs_of(image: UInt8, augmentation: Augmentation, epochs: int = 8) -> UInt8:
    """One image ``(28, 28)`` as training sees it in so many epochs: ``(epochs, 28, 28)``."""
    import torch

    from fittingroom.engines.pytorch.images import Augmenter, TrainingImages

    one = TrainingImages(torch.tensor(image)[None], *torch.tensor([[0.0], [0.0], [1.0]]))
    augmenter = Augmenter(one, augmentation, torch.Generator().manual_seed(1))
    varied = [next(augmenter.epoch(number, 1, torch.tensor([0]))) for number in range(epochs)]
    return torch.cat([augmenter.vary(*each) for each in varied]).numpy()


@drawn
def signed_images(images: Mapping[str, npt.NDArray[Any]], columns: int = 6) -> Figure:
    """Arrays ``(H, W)`` as images by title: blue is positive, red negative, white is 0."""
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(1.7 * columns, 1.9 * rows))
    places = figure.subplots(rows, columns, squeeze=False).flat
    for axes, (title, values) in zip(places, images.items(), strict=False):
        top = np.abs(values).max() or 1
        axes.imshow(values, cmap="RdBu", vmin=-top, vmax=top)
        axes.set_title(title, fontsize=8)
    for axes in figure.axes:
        axes.set_axis_off()
    return figure


def with_answers(
    images: UInt8,
    labels: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    classes: Sequence[str],
) -> Figure:
    """Images ``(N, 28, 28)`` with their true class, and the predicted one where it differs.

    ``probabilities`` are ``(N, K)``.
    """
    rows = zip(images, np.asarray(labels), np.asarray(probabilities), strict=True)
    tiles = [
        plots.Tile(
            image=image,
            title=classes[label],
            predicted=classes[sure.argmax()],
            right=bool(sure.argmax() == label),
            note=f"{sure.max():.0%}",
        )
        for image, label, sure in rows
    ]
    return plots.tile_sheet({"Validation images": tiles})


def full_run(recipe: str) -> dict[str, Any] | None:
    """The stored result of the trainings of a recipe in full; None if only the package is here."""
    places = [Path.cwd(), *Path.cwd().parents, *Path(__file__).resolve().parents]
    files = [place / "docs" / "results" / f"verify-{recipe}.json" for place in places]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        print(f"The full run of {recipe} comes with the repository, not with the package.")
        return None
    stored: dict[str, Any] = json.loads(found.read_text(encoding="utf-8"))
    return stored


@drawn
def beside_full_run(
    here: Mapping[str, Sequence[float]], full: Mapping[str, Any] | None, colour: str
) -> Figure:
    """Keras' accuracy by epoch, in colour, over that of the first seed of a full run, in grey."""
    figure, axes = one_axes(4.6, 2.2)
    history = full["seeds"][0]["history"] if full else []
    for name, ours, stored, dot, line in (
        ("training", "accuracy", "train_accuracy", "s", "--"),
        ("validation", "val_accuracy", "val_accuracy", "o", "-"),
    ):
        values = [100 * value for value in here[ours]]
        axes.plot(range(1, len(values) + 1), values, dot, color=colour, label=f"{name}, here")
        if history:
            values = [100 * epoch[stored] for epoch in history]
            epochs = range(1, len(values) + 1)
            axes.plot(epochs, values, line, color=REST, zorder=1, label=f"{name}, full run")
    axes.grid(axis="y")
    axes.set_xlabel("epoch")
    axes.set_ylabel("accuracy, %")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return figure
