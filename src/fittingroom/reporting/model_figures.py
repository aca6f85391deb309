"""Everything on the page that shows one model, or the data: compute, draw, say it, tabulate it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fittingroom import plots
from fittingroom.numbers import percent, percent_estimate, some, sureness
from fittingroom.plots import ConfusedRow, SampleRow, Tile, TileGroup
from fittingroom.predictions import Int64, Predictions, UInt8
from fittingroom.recipes import Keep
from fittingroom.reporting import sentences, tables
from fittingroom.reporting.model_report import Garments, ModelReport, stem
from fittingroom.reporting.tables import Table

_COLUMNS = 8
_DRAWN = 24  # pictures of the random draw
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
_DRAW = 0  # seed of every random draw: all models are shown on the same pictures


@dataclass(frozen=True, eq=False)
class Panel:
    """One figure of the report with all that belongs to it.

    Attributes:
        image: the PNG's file name.
        png: its content.
        title: the figure's heading.
        alt: what the picture shows, for those who do not see it.
        caption: what follows from it, in a sentence computed from the numbers.
        table: the same numbers.
        svg: a chart as inline markup; or else one of the following is there.
        groups: tiles under headings.
        samples: rows of pictures, a class each.
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
    """A heading of the page, a sentence, a table where there is one, and its figures."""

    key: str
    title: str
    lead: str
    panels: tuple[Panel, ...]
    place: int | None = None
    table: Table | None = None


def model_section(report: ModelReport, place: int, pictures: UInt8) -> Section:
    """All figures of one model."""
    evaluation = report.evaluation
    panels = []
    if len(report.history) > 1 and report.keep is not None:
        panels += [
            _accuracy_curve(report, report.keep, place),
            _loss_curve(report, report.keep, place),
        ]
    panels += [_confusion(report, place), _sample_predictions(report, place, pictures)]
    if len(evaluation.worst_mistakes):
        panels += [_most_confused(report, place, pictures), _worst(report, place, pictures)]
    lead = f"{report.title}. " if report.title else ""
    lead += (
        f"{percent_estimate(evaluation.accuracy, 2)} of {len(evaluation.predictions):,} test "
        "pictures named rightly"
    )
    if report.run:
        lead += f" by the run {report.run}"
    lead += "."
    if len(report.history) == 1:
        in_one_go = report.keep is None
        said = sentences.single_epoch(report.history[0], report.validation_pictures, in_one_go)
        lead += f" {said}"
    table = tables.per_class(report.name, evaluation)
    return Section(f"model-{place}", report.name, lead, tuple(panels), place, table)


def data_panel(sample: Garments, classes: Sequence[str]) -> Panel:
    """Some training pictures of each class, the first in file order."""
    rows = tuple(
        SampleRow(name, sample.images[np.flatnonzero(sample.labels == label)[:_SAMPLES]])
        for label, name in enumerate(classes)
    )
    rows = tuple(row for row in rows if len(row.pictures))
    return Panel(
        image="sample_data.png",
        png=plots.png(
            plots.sample_sheet(rows), "The pictures, class by class", dots_per_inch=110, colours=24
        ),
        title="The pictures",
        alt=f"Sheet of garments, a row for each class: {', '.join(row.name for row in rows)}.",
        caption=(
            f"{some(len(rows), 'class', 'classes')}, {len(rows[0].pictures)} training pictures of "
            "each, the first in file order; 28 × 28 pixels, drawn dark on light as the shop "
            "photographed them (the files hold them negated)."
        ),
        samples=rows,
        wide=True,
    )


def tile(predictions: Predictions, pictures: UInt8, position: int) -> Tile:
    """A test picture with its true name and what the model called it."""
    called = int(predictions.predicted[position])
    note = ""
    if predictions.log_probabilities is not None:
        note = sureness(float(np.exp(predictions.log_probabilities[position, called])))
    return Tile(
        picture=pictures[position],
        title=predictions.classes[int(predictions.labels[position])],
        called=predictions.classes[called],
        right=bool(predictions.correct[position]),
        note=note,
    )


def draw(positions: Int64, number: int) -> list[int]:
    """At most so many of the positions, at random but always the same, in file order."""
    if len(positions) <= number:
        return [int(position) for position in positions]
    chosen = np.random.default_rng(_DRAW).choice(positions, number, replace=False)
    return [int(position) for position in np.sort(chosen)]


def tile_panel(
    *,
    image: str,
    title: str,
    alt: str,
    caption: str,
    groups: tuple[TileGroup, ...],
    positions: Sequence[int],
    place: int,
) -> Panel:
    """A sheet of tiles, each listed in the table by its place among the test pictures."""
    return Panel(
        image=image,
        png=plots.png(
            plots.tile_sheet(groups, columns=_COLUMNS), title, dots_per_inch=115, colours=32
        ),
        title=title,
        alt=alt,
        caption=caption,
        table=tables.tiles(
            "The pictures above by their place among the test pictures.", groups, positions
        ),
        groups=groups,
        place=place,
        wide=True,
    )


def _accuracy_curve(report: ModelReport, keep: Keep, place: int) -> Panel:
    history, validated = report.history, report.validation_pictures
    band = validated and [
        sentences.validation_interval(epoch.val_accuracy, validated) for epoch in history
    ]
    figure = plots.accuracy_curve(
        history, report.best_epoch, plots.model_colour(place), band or None, mark=_MARKS[keep]
    )
    alt = (
        f"Line chart: accuracy of {report.name} over {some(len(history), 'epoch')}. Validation "
        f"goes from {percent(history[0].val_accuracy)} to {percent(history[-1].val_accuracy)}, "
        f"training from {percent(history[0].train_accuracy)} to "
        f"{percent(history[-1].train_accuracy)}."
    )
    return Panel(
        image=f"{stem(report.name)}_accuracy_curve.png",
        png=plots.png(figure, f"{report.name}: accuracy", colours=48),
        title=f"{report.name}: accuracy while training",
        alt=alt,
        caption=sentences.accuracy_curve(history, report.best_epoch, validated, keep),
        table=tables.history(report.name, history, "accuracy"),
        svg=plots.svg(figure, f"accuracy-{place}", alt),
        place=place,
    )


def _loss_curve(report: ModelReport, keep: Keep, place: int) -> Panel:
    history = report.history
    figure = plots.loss_curve(
        history, report.best_epoch, plots.model_colour(place), mark=_MARKS[keep]
    )
    alt = (
        f"Line chart: loss of {report.name} over {some(len(history), 'epoch')}. Validation goes "
        f"from {history[0].val_loss:.3f} to {history[-1].val_loss:.3f}, training from "
        f"{history[0].train_loss:.3f} to {history[-1].train_loss:.3f}."
    )
    return Panel(
        image=f"{stem(report.name)}_loss_curve.png",
        png=plots.png(figure, f"{report.name}: loss", colours=48),
        title=f"{report.name}: loss while training",
        alt=alt,
        caption=sentences.loss_curve(history, report.best_epoch, keep),
        table=tables.history(report.name, history, "loss"),
        svg=plots.svg(figure, f"loss-{place}", alt),
        place=place,
    )


def _confusion(report: ModelReport, place: int) -> Panel:
    evaluation = report.evaluation
    classes = evaluation.predictions.classes
    figure = plots.confusion_matrix(evaluation.confusion, classes, plots.model_colour(place))
    alt = (
        f"Confusion matrix of {report.name}: {len(classes)} true classes in rows, called classes "
        "in columns, with counts and shares; mistakes tinted by how frequent they are."
    )
    return Panel(
        image=f"{stem(report.name)}_confusion_matrix.png",
        png=plots.png(figure, f"{report.name}: what it takes for what", colours=96),
        title=f"{report.name}: what it takes for what",
        alt=alt,
        caption=sentences.confusion_matrix(evaluation),
        table=tables.confusion(report.name, evaluation.confusion, classes),
        svg=plots.svg(figure, f"confusion-{place}", alt),
        place=place,
        wide=True,
    )


def _sample_predictions(report: ModelReport, place: int, pictures: UInt8) -> Panel:
    predictions = report.evaluation.predictions
    drawn = draw(np.arange(len(predictions)), _DRAWN)
    wrong = np.flatnonzero(~predictions.correct)
    mistakes = draw(wrong, _MISTAKES)
    at_random = tuple(tile(predictions, pictures, position) for position in drawn)
    mistaken = tuple(tile(predictions, pictures, position) for position in mistakes)
    groups = [TileGroup("Drawn at random", at_random)]
    if mistaken:
        groups.append(TileGroup("Mistakes, drawn at random", mistaken))
    return tile_panel(
        image=f"{stem(report.name)}_sample_predictions.png",
        title=f"{report.name}: sample predictions",
        alt=(
            f"Sheet of test pictures with their true names and what {report.name} called them: "
            f"{len(drawn)} drawn at random, then {len(mistakes)} of its mistakes."
        ),
        caption=sentences.sample_predictions(at_random, mistaken, len(wrong)),
        groups=tuple(groups),
        positions=[*drawn, *mistakes],
        place=place,
    )


def _most_confused(report: ModelReport, place: int, pictures: UInt8) -> Panel:
    evaluation = report.evaluation
    predictions = evaluation.predictions
    rows = []
    for pair in evaluation.most_confused[:_KINDS]:
        true, called = (predictions.classes.index(name) for name in (pair.true, pair.predicted))
        where = np.flatnonzero((predictions.labels == true) & (predictions.predicted == called))
        rows.append(
            ConfusedRow(
                pair.true,
                pair.predicted,
                pair.count,
                percent_estimate(pair.share),
                pictures[where[:_EXAMPLES]],
            )
        )
    figure = plots.confused_sheet(rows, plots.model_colour(place))
    return Panel(
        image=f"{stem(report.name)}_most_confused.png",
        png=plots.png(
            figure, f"{report.name}: most frequent mistakes", dots_per_inch=120, colours=32
        ),
        title=f"{report.name}: most frequent mistakes",
        alt=(
            f"Bar chart of the {len(rows)} most frequent kinds of mistake of {report.name}, with "
            f"example pictures; longest: {rows[0].true} called {rows[0].called}, {rows[0].count}."
        ),
        caption=sentences.most_confused(evaluation, _KINDS),
        table=tables.most_confused(report.name, evaluation, _KINDS),
        confused=tuple(rows),
        place=place,
        wide=True,
    )


def _worst(report: ModelReport, place: int, pictures: UInt8) -> Panel:
    evaluation = report.evaluation
    predictions = evaluation.predictions
    positions = [int(position) for position in evaluation.worst_mistakes[:_MISTAKES]]
    worst = tuple(tile(predictions, pictures, position) for position in positions)
    least_sure = None
    if predictions.log_probabilities is not None:
        least_sure = min(
            float(np.exp(predictions.log_probabilities[at, predictions.predicted[at]]))
            for at in positions
        )
    heading = "Mistakes in file order" if least_sure is None else "Wrong, and surest of it"
    return tile_panel(
        image=f"{stem(report.name)}_worst_mistakes.png",
        title=f"{report.name}: worst mistakes",
        alt=f"Sheet of {len(worst)} test pictures that {report.name} misnamed, surest first.",
        caption=sentences.worst_mistakes(worst, least_sure),
        groups=(TileGroup(heading, worst),),
        positions=positions,
        place=place,
    )
