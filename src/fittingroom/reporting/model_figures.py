"""Everything on the page that shows one model, or the data: compute, draw, say it, tabulate it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from fittingroom import plots
from fittingroom.evaluation import ModelReport
from fittingroom.numbers import percent, percent_estimate, some, sureness
from fittingroom.plots import ConfusedRow, SampleRow, Tile, TileGroup
from fittingroom.predictions import Int64, Predictions, UInt8
from fittingroom.recipes import Keep
from fittingroom.reporting import sentences, tables
from fittingroom.reporting.facts import LabelledImages
from fittingroom.reporting.inline import stem
from fittingroom.reporting.tables import Table

_COLUMNS = 8
_DRAWN = 24  # images of the random draw
_MISTAKES = 16
_KINDS = 8  # of mistake
_EXAMPLES = 6
_SAMPLES = 9
# What the epoch is called on the curves whose weights are kept.
_MARKS: dict[Keep, str] = {
    "best accuracy": "best epoch",
    "best loss": "lowest loss, epoch",
    "last": "last epoch",
}
_DRAW = 0  # seed of every random draw: all models are shown on the same images


@dataclass(frozen=True, eq=False)
class Panel:
    """One figure of the report with all that belongs to it.

    Attributes:
        image: the PNG's file name.
        png: its content.
        title: the figure's heading.
        alt: what the image shows, for those who do not see it.
        caption: what follows from it, in a sentence computed from the numbers.
        table: the same numbers.
        svg: a chart as inline markup; otherwise one of the following is there.
        groups: tiles under headings.
        samples: rows of images, a class each.
        confused: kinds of mistake.
        place: the model's place in the order of colours.
        wide: whether it takes the page's whole width.
    """

    image: str
    png: bytes
    title: str
    alt: str
    caption: str
    table: Table | None = None
    svg: str = ""
    groups: tuple[TileGroup, ...] = ()
    samples: tuple[SampleRow, ...] = ()
    confused: tuple[ConfusedRow, ...] = ()
    place: int = 0
    wide: bool = False


@dataclass(frozen=True)
class Section:
    """A heading of the page, a sentence, a table if there is one, and its figures."""

    key: str
    title: str
    lead: str
    panels: tuple[Panel, ...]
    place: int | None = None
    table: Table | None = None


def chart(
    figure: Figure,
    name: str,
    title: str,
    alt: str,
    caption: str,
    table: Table,
    *,
    above: str = "",
    colours: int = 64,
    wide: bool = False,
) -> Panel:
    """A chart: as markup on the page, and as ``NAME.png``, with `above` or the title over it."""
    return Panel(
        image=f"{name}.png",
        png=plots.png(figure, above or title, colours=colours),
        title=title,
        alt=alt,
        caption=caption,
        table=table,
        svg=plots.svg(figure, name, alt),
        wide=wide,
    )


def tile_panel(
    name: str,
    title: str,
    alt: str,
    caption: str,
    groups: Sequence[TileGroup],
    positions: Sequence[int],
) -> Panel:
    """A sheet of tiles, each listed in the table by its place in the test set."""
    figure = plots.tile_sheet(groups, columns=_COLUMNS)
    return Panel(
        image=f"{name}.png",
        png=plots.png(figure, title, dots_per_inch=115, colours=32),
        title=title,
        alt=alt,
        caption=caption,
        table=tables.tiles(groups, positions),
        groups=tuple(groups),
        wide=True,
    )


def model_section(model: ModelReport, place: int, images: UInt8) -> Section:
    """All figures of one model."""
    panels = []
    if len(model.history) > 1 and model.keep is not None:
        panels += _curves(model, model.keep, place)
    panels += [_confusion(model, place), _sample_predictions(model, images)]
    if len(model.evaluation.worst_mistakes):
        panels += [_most_confused(model, place, images), _worst(model, images)]
    table = tables.per_class(model.name, model.evaluation)
    lead = sentences.model_lead(model)
    return Section(f"model-{place}", model.name, lead, tuple(panels), place, table)


def data_panel(sample: LabelledImages, classes: Sequence[str]) -> Panel:
    """Some training images of each class, the first in file order."""
    rows = [
        SampleRow(name, sample.images[np.flatnonzero(sample.labels == label)[:_SAMPLES]])
        for label, name in enumerate(classes)
    ]
    rows = [row for row in rows if len(row.pictures)]
    figure = plots.sample_sheet(rows)
    return Panel(
        image="sample_data.png",
        png=plots.png(figure, "The images, class by class", dots_per_inch=110, colours=24),
        title="The images",
        alt=f"Sheet of garments, a row for each class: {', '.join(row.name for row in rows)}.",
        caption=(
            f"The first {len(rows[0].pictures)} training images of each of "
            f"{some(len(rows), 'class', 'classes')}, 28 × 28 pixels each. They are drawn dark on "
            "light, as they were photographed; the files hold them inverted."
        ),
        samples=tuple(rows),
        wide=True,
    )


def tile(predictions: Predictions, images: UInt8, position: int) -> Tile:
    """A test image with its true class and the predicted one."""
    predicted = int(predictions.predicted[position])
    note = ""
    if predictions.log_probabilities is not None:
        note = sureness(float(np.exp(predictions.log_probabilities[position, predicted])))
    return Tile(
        picture=images[position],
        title=predictions.classes[int(predictions.labels[position])],
        called=predictions.classes[predicted],
        right=bool(predictions.correct[position]),
        note=note,
    )


def draw(positions: Int64, number: int) -> list[int]:
    """At most so many of the positions, at random but always the same, in file order."""
    if len(positions) <= number:
        return [int(position) for position in positions]
    chosen = np.random.default_rng(_DRAW).choice(positions, number, replace=False)
    return [int(position) for position in np.sort(chosen)]


def _curves(model: ModelReport, keep: Keep, place: int) -> list[Panel]:
    assert model.run is not None
    history, best, images = model.history, model.run.summary.best_epoch, model.validation_images
    name, colour, mark = model.name, plots.model_colour(place), _MARKS[keep]
    band = images and [
        sentences.validation_interval(epoch.val_accuracy, images) for epoch in history
    ]
    over = f"over {some(len(history), 'epoch')}"
    first, last = history[0], history[-1]
    return [
        chart(
            plots.accuracy_curve(history, best, colour, band or None, mark=mark),
            f"{stem(name)}_accuracy_curve",
            f"{name}: accuracy during training",
            f"Line chart: accuracy of {name} {over}. Validation goes from "
            f"{percent(first.val_accuracy)} to {percent(last.val_accuracy)}, training from "
            f"{percent(first.train_accuracy)} to {percent(last.train_accuracy)}.",
            sentences.accuracy_curve(history, best, images, keep),
            tables.history(model, "accuracy"),
            colours=48,
        ),
        chart(
            plots.loss_curve(history, best, colour, mark=mark),
            f"{stem(name)}_loss_curve",
            f"{name}: loss during training",
            f"Line chart: loss of {name} {over}. Validation goes from {first.val_loss:.3f} to "
            f"{last.val_loss:.3f}, training from {first.train_loss:.3f} to {last.train_loss:.3f}.",
            sentences.loss_curve(history, best, keep),
            tables.history(model, "loss"),
            colours=48,
        ),
    ]


def _confusion(model: ModelReport, place: int) -> Panel:
    evaluation = model.evaluation
    classes = evaluation.predictions.classes
    return chart(
        plots.confusion_matrix(evaluation.confusion, classes, plots.model_colour(place)),
        f"{stem(model.name)}_confusion_matrix",
        f"{model.name}: confusion matrix",
        f"Confusion matrix of {model.name}: {len(classes)} true classes in rows, predicted classes "
        "in columns, with counts and shares; frequent mistakes have a stronger tint.",
        sentences.confusion_matrix(evaluation),
        tables.confusion(model),
        colours=96,
        wide=True,
    )


def _sample_predictions(model: ModelReport, images: UInt8) -> Panel:
    predictions = model.evaluation.predictions
    wrong = np.flatnonzero(~predictions.correct)
    drawn, mistakes = draw(np.arange(len(predictions)), _DRAWN), draw(wrong, _MISTAKES)
    at_random = tuple(tile(predictions, images, position) for position in drawn)
    mistaken = tuple(tile(predictions, images, position) for position in mistakes)
    groups = [TileGroup("Drawn at random", at_random)]
    if mistaken:
        groups.append(TileGroup("Mistakes, drawn at random", mistaken))
    return tile_panel(
        f"{stem(model.name)}_sample_predictions",
        f"{model.name}: sample predictions",
        f"Sheet of test images with their true class and the one that {model.name} predicts: "
        f"{len(drawn)} drawn at random, then {len(mistakes)} of its mistakes.",
        sentences.sample_predictions(at_random, mistaken, len(wrong)),
        groups,
        [*drawn, *mistakes],
    )


def _most_confused(model: ModelReport, place: int, images: UInt8) -> Panel:
    said = model.evaluation.predictions
    rows = []
    for pair in model.evaluation.most_confused[:_KINDS]:
        true, predicted = (said.classes.index(name) for name in (pair.true, pair.predicted))
        where = np.flatnonzero((said.labels == true) & (said.predicted == predicted))[:_EXAMPLES]
        share = percent_estimate(pair.share)
        rows.append(ConfusedRow(pair.true, pair.predicted, pair.count, share, images[where]))
    figure = plots.confused_sheet(rows, plots.model_colour(place))
    title = f"{model.name}: most frequent mistakes"
    return Panel(
        image=f"{stem(model.name)}_most_confused.png",
        png=plots.png(figure, title, dots_per_inch=120, colours=32),
        title=title,
        alt=(
            f"Bar chart of the {len(rows)} most frequent kinds of mistake of {model.name}, with "
            f"example images; longest: {rows[0].true} as {rows[0].called}, {rows[0].count}."
        ),
        caption=sentences.most_confused(model.evaluation, _KINDS),
        table=tables.most_confused(model, _KINDS),
        confused=tuple(rows),
        place=place,
        wide=True,
    )


def _worst(model: ModelReport, images: UInt8) -> Panel:
    said = model.evaluation.predictions
    positions = [int(position) for position in model.evaluation.worst_mistakes[:_MISTAKES]]
    worst = tuple(tile(said, images, position) for position in positions)
    least_sure, heading = None, "Mistakes in file order"
    if said.log_probabilities is not None:
        least_sure = float(
            np.exp(said.log_probabilities[positions, said.predicted[positions]]).min()
        )
        heading = "Wrong with the highest confidence"
    return tile_panel(
        f"{stem(model.name)}_worst_mistakes",
        f"{model.name}: worst mistakes",
        f"Sheet of {len(worst)} test images that {model.name} misclassifies with the highest "
        "confidence.",
        sentences.worst_mistakes(worst, least_sure),
        [TileGroup(heading, worst)],
        positions,
    )
