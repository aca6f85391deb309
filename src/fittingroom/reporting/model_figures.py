"""The figures of one model, and of the data."""

from collections.abc import Sequence
from dataclasses import astuple
from typing import Any, Literal

import numpy as np

from fittingroom import plots
from fittingroom.data import ImageSet
from fittingroom.evaluation import ModelReport
from fittingroom.metrics import wilson
from fittingroom.numbers import percent, percent_estimate, some
from fittingroom.plots import SampleRow
from fittingroom.predictions import UInt8
from fittingroom.reporting.panel import Panel, Section, draw, stem, tile_panel
from fittingroom.reporting.tables import Table
from fittingroom.runs import Epoch

_DRAWN = 24  # images of the random draw
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
    panels = []
    if len(history) > 1:
        panels = [training_curve("accuracy", model, place), training_curve("loss", model, place)]
    elif history:
        lead += (
            " Trained in one go, so there are no curves: validation accuracy "
            f"{_validation(model, history[0])}, training accuracy "
            f"{percent(history[0].train_accuracy)}."
        )
    panels += [confusion_matrix(model, place), _sample_predictions(model, images)]
    if len(evaluation.worst_mistakes):
        panels += [_most_confused(model, images), _worst_mistakes(model, images)]
    return Section(f"model-{place}", model.name, lead, panels, place, per_class(model))


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
        "pixels each. They are drawn dark on light; models see them bright on black.",
        plots.sample_sheet(rows),
        rows=rows,
        wide=True,
    )


def training_curve(of: Literal["accuracy", "loss"], model: ModelReport, place: int) -> Panel:
    """Accuracy or loss epoch by epoch, and which epoch is kept."""
    assert model.run is not None
    courses = [(run.history, run.summary.best_epoch) for run in (model.run, *model.others)]
    kept = [course[at - 1] for course, at in courses]
    history = [_mean(epochs) for epochs in zip(*(course for course, _ in courses), strict=False)]
    last, drawn = history[-1], ""
    if model.others:
        drawn = (
            f"Lines are means of {len(courses)} seeds, in the epochs that all reached. Bands reach "
            "from the lowest seed to the highest. "
        )
    if of == "accuracy":
        gap = last.train_accuracy - last.val_accuracy
        caption = (
            f"Epoch {kept[0].epoch} of {len(history)} is kept; its validation accuracy is "
            f"{_validation(model, kept[0])}. "
        )
        if model.others:
            low, high = (percent(end(each.val_accuracy for each in kept)) for end in (min, max))
            caption = f"The epochs kept (dots) have validation accuracies of {low} to {high}. "
        caption += (
            f"Training accuracy ends {100 * abs(gap):.1f} points "
            f"{'above' if gap > 0 else 'below'} validation accuracy."
        )
    else:
        lowest = min(history, key=lambda epoch: epoch.val_loss)
        caption = (
            f"Validation loss is lowest in epoch {lowest.epoch} ({lowest.val_loss:.3f}) and ends "
            f"at {last.val_loss:.3f}."
        )
    return Panel(
        f"{stem(model.name)}_{of}_curve",
        f"{model.name}: {of} during training",
        f"Accuracy and loss, epoch by epoch. {drawn}".strip(),
        drawn + caption,
        plots.training_curve(
            of,
            history,
            kept[0].epoch,
            plots.model_colour(place),
            images=model.validation_images,
            seeds=courses if model.others else (),
        ),
        (
            "Epoch",
            "Training accuracy",
            "Validation accuracy",
            "Training loss",
            "Validation loss",
            "Learning rate",
            "Seconds",
        ),
        [
            (
                epoch.epoch,
                percent(epoch.train_accuracy, 2),
                percent(epoch.val_accuracy, 2),
                f"{epoch.train_loss:.4f}",
                f"{epoch.val_loss:.4f}",
                f"{epoch.learning_rate:.2g}",
                f"{epoch.seconds:.1f}",
            )
            for epoch in history
        ],
    )


def _mean(epochs: Sequence[Epoch]) -> Epoch:
    """The same epoch of several seeds, on average."""
    return Epoch(epochs[0].epoch, *np.mean([astuple(each)[1:] for each in epochs], axis=0).tolist())


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
            f"{_wrong(model):,} of {len(said):,} images are misclassified, most often {top.true} "
            f"as {top.predicted}: {some(top.count, 'image')}, or {percent_estimate(top.share)} of "
            f"{top.true}."
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


def _sample_predictions(model: ModelReport, images: UInt8) -> Panel:
    said = model.evaluation.predictions
    drawn = draw(np.arange(len(said)), _DRAWN)
    mistakes = draw(np.flatnonzero(~said.correct), _MISTAKES)
    sheet = {"Drawn at random": (said, drawn), "Mistakes, drawn at random": (said, mistakes)}
    return tile_panel(
        f"{stem(model.name)}_sample_predictions",
        f"{model.name}: sample predictions",
        f"{len(drawn)} test images, the same for every model: {int(said.correct[drawn].sum())} are "
        f"classified correctly (✓). Then {len(mistakes)} of the {_wrong(model):,} mistakes (✗), "
        "with the predicted class.",
        images,
        sheet,
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
    )


def _worst_mistakes(model: ModelReport, images: UInt8) -> Panel:
    said = model.evaluation.predictions
    positions = model.evaluation.worst_mistakes[:_MISTAKES].tolist()
    heading = "Wrong with the highest confidence"
    if said.log_probabilities is None:
        heading = "Mistakes in file order, as there are no probabilities"
    return tile_panel(
        f"{stem(model.name)}_worst_mistakes",
        f"{model.name}: worst mistakes",
        "Judge for yourself whether the model or the label is wrong.",
        images,
        {heading: (said, positions)},
    )


def _wrong(model: ModelReport) -> int:
    return int((~model.evaluation.predictions.correct).sum())
