"""The figures of one model, and of the data."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fittingroom import plots
from fittingroom.data import ImageSet
from fittingroom.evaluation import ModelReport
from fittingroom.metrics import wilson
from fittingroom.numbers import percent, percent_estimate, some
from fittingroom.plots import SampleRow
from fittingroom.predictions import UInt8
from fittingroom.reporting.panel import Panel, Section, stem, tile_panel
from fittingroom.reporting.tables import Table
from fittingroom.runs import Epoch

_MISTAKES = 16
_KINDS = 8  # of mistake
_EXAMPLES = 6
_SAMPLES = 9


def model_section(model: ModelReport, place: int, images: UInt8) -> Section:
    """All figures of one model, which has this place in the order of colours."""
    evaluation, history = model.evaluation, model.history
    accuracy = percent_estimate(evaluation.accuracy, 2)
    by = "" if model.run is None else f" (run {model.run.name})"
    lead = f"{model.title}. {accuracy} accuracy on the {len(images):,} test images{by}."
    if len(history) > 1:
        assert model.run is not None
        best = model.run.summary.best_epoch
        lead += (
            f" Epoch {best} is kept, with a validation accuracy of "
            f"{_validation(model, history[best - 1])}."
        )
    elif history:
        lead += (
            " Trained in one go, so there are no curves: validation accuracy "
            f"{_validation(model, history[0])}, training accuracy "
            f"{percent(history[0].train_accuracy)}."
        )
    panels = [confusion_matrix(model, place)]
    if len(evaluation.worst_mistakes):
        panels.append(_most_confused(model, images))
        if evaluation.predictions.log_probabilities is not None:
            panels.append(_worst_mistakes(model, images))
    return Section(f"model-{stem(model.name)}", model.name, lead, panels, place, per_class(model))


def per_class(model: ModelReport) -> Table:
    """Precision, recall and F1 of each class, and their unweighted means."""
    scores = model.evaluation.scores
    means = (scores[key] for key in ("macro_precision", "macro_recall", "macro_f1"))
    return Table.of(
        f"{model.name}, class by class, with 95% intervals.",
        ("Class", "Precision", "Recall", "F1", "Images"),
        [
            *(
                (each.name, each.precision, each.recall, each.f1, each.support)
                for each in model.evaluation.per_class
            ),
            ("Mean of the classes", *means, len(model.evaluation.predictions)),
        ],
    )


def data_panel(sample: ImageSet, classes: Sequence[str]) -> Panel:
    """Some training images of each class, the first in file order."""
    shown = classes[: plots.DRAWN_CLASSES]
    rows = [
        SampleRow(name, sample.images[np.flatnonzero(sample.labels == label)[:_SAMPLES]])
        for label, name in enumerate(shown)
    ]
    which = f"{some(len(classes), 'class', 'classes')}"
    if len(shown) < len(classes):
        which = f"the first {len(shown)} of {which}"
    return Panel(
        "sample_data",
        "The images, class by class",
        f"Training images, a row for each class: {', '.join(shown)}.",
        f"The first training images of each of {which}, 28 × 28 "
        "pixels each. Models see them bright on black, whatever the colours of this page.",
        plots.sample_sheet(rows),
        rows=rows,
        wide=True,
        folded=True,
    )


def _validation(model: ModelReport, epoch: Epoch) -> str:
    images = model.validation_images
    if not images:
        return percent(epoch.val_accuracy)
    return percent_estimate(wilson(round(epoch.val_accuracy * images), images))


def confusion_matrix(model: ModelReport, place: int) -> Panel:
    """Which classes are taken for which, and the most frequent mistake."""
    evaluation = model.evaluation
    said = evaluation.predictions
    caption = f"All {len(said):,} images are classified correctly."
    if evaluation.most_confused:
        top = evaluation.most_confused[0]
        caption = (
            f"The most frequent of {some(_wrong(model), 'mistake')}: {top.true} as "
            f"{top.predicted}, {percent_estimate(top.share)} of {top.true}."
        )
    columns: tuple[str, ...] = ("True", *said.classes)
    counts = zip(said.classes, evaluation.confusion.tolist(), strict=True)
    rows: list[tuple[Any, ...]] = [(name, *row) for name, row in counts]
    table = ""
    if len(said.classes) > plots.NUMBERED_CLASSES:
        columns = ("True", "Predicted", "Images", "Share of the true class")
        kinds = evaluation.most_confused
        rows = [(kind.true, kind.predicted, kind.count, kind.share) for kind in kinds]
        table = f" The table has the {len(rows)} most frequent mistakes."
    return Panel(
        f"{stem(model.name)}_confusion_matrix",
        f"{model.name}: confusion matrix",
        f"Counts of test images by true class (row) and predicted class (column).{table}",
        caption,
        plots.confusion_matrix(evaluation.confusion, said.classes, plots.model_colour(place)),
        columns,
        rows,
        wide=True,
    )


def _most_confused(model: ModelReport, images: UInt8) -> Panel:
    said, kinds = model.evaluation.predictions, model.evaluation.most_confused[:_KINDS]
    rows = []
    for kind in kinds:
        true, predicted = (said.classes.index(name) for name in (kind.true, kind.predicted))
        where = np.flatnonzero((said.labels == true) & (said.predicted == predicted))[:_EXAMPLES]
        name, share = f"{kind.true} → {kind.predicted}", percent_estimate(kind.share)
        rows.append(SampleRow(name, images[where], kind.count, share))
    covered = percent(sum(kind.count for kind in kinds) / _wrong(model), 0)
    return Panel(
        f"{stem(model.name)}_most_confused",
        f"{model.name}: most frequent mistakes",
        "The most frequent kinds of mistake.",
        f"These make up {covered} of all {_wrong(model):,} mistakes. Shares are of the true class; "
        "the examples are the first in file order.",
        plots.sample_sheet(rows),
        rows=rows,
        wide=True,
        folded=True,
    )


def _worst_mistakes(model: ModelReport, images: UInt8) -> Panel:
    said = model.evaluation.predictions
    positions = model.evaluation.worst_mistakes[:_MISTAKES].tolist()
    return tile_panel(
        f"{stem(model.name)}_worst_mistakes",
        f"{model.name}: worst mistakes",
        "Judge for yourself whether the model or the label is wrong.",
        images,
        {"Wrong with the highest confidence": (said, positions)},
    )


def _wrong(model: ModelReport) -> int:
    return int((~model.evaluation.predictions.correct).sum())
