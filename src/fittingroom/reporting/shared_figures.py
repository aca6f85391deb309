"""The figures that show all models together: recalls, calibration, training, predictions."""

from collections.abc import Sequence
from dataclasses import astuple

import numpy as np

from fittingroom import plots
from fittingroom.comparison import Comparison
from fittingroom.evaluation import ModelReport
from fittingroom.numbers import percent, percent_estimate, some
from fittingroom.plots import Course
from fittingroom.predictions import UInt8
from fittingroom.reporting.panel import Panel, Section, draw, tile
from fittingroom.reporting.tables import scores
from fittingroom.runs import Epoch

_ANSWERED = 0.8  # the share of images at which the caption reads the error rate
_DRAWN = 10  # images of a random draw


def shared_section(
    models: Sequence[ModelReport], comparison: Comparison | None, images: UInt8
) -> Section:
    """Recalls, calibration, abstaining, training and predictions, all models in one figure each."""
    lead = ""
    if comparison is not None and comparison.over_seeds:
        lead = (
            "Numbers and figures of this part are from each recipe's first seed; learning curves "
            "are means of the seeds."
        )
    panels = [recalls(models)]
    if any(model.evaluation.calibration is not None for model in models):
        panels += [_calibration(models), _risk_coverage(models)]
    if any(len(model.history) > 1 for model in models):
        panels.append(learning_curves(models))
    panels.append(_sample_predictions(models, images))
    return Section("classes", "Classes, calibration, training", lead, panels, table=scores(models))


def learning_curves(models: Sequence[ModelReport]) -> Panel:
    """Accuracy and loss of all models, epoch by epoch, and which epochs are kept."""
    courses, rows = [], []
    for place, model in _placed(models):
        if model.run is None or model.run.recipe.in_one_go:
            continue
        seeds = [(run.history, run.summary.best_epoch) for run in (model.run, *model.others)]
        history = [_mean(epochs) for epochs in zip(*(each for each, _ in seeds), strict=False)]
        courses.append(Course(model.name, place, history, seeds, model.validation_images))
        for epoch in history:
            accuracies = (percent(epoch.train_accuracy, 2), percent(epoch.val_accuracy, 2))
            losses = (f"{epoch.train_loss:.4f}", f"{epoch.val_loss:.4f}")
            rest = (f"{epoch.learning_rate:.2g}", f"{epoch.seconds:.1f}")
            rows.append((model.name, epoch.epoch, *accuracies, *losses, *rest))
    bands = "Bands are 95% intervals of validation accuracy."
    if max(len(course.seeds) for course in courses) > 1:
        bands = "Lines are means over the seeds; bands reach from the lowest seed to the highest."
    columns = ("Training accuracy", "Validation accuracy", "Training loss", "Validation loss")
    return Panel(
        "learning_curves",
        "Accuracy and loss during training",
        "Accuracy and loss, epoch by epoch.",
        f"{bands} Dots: the epochs kept. Dashed: training images, each as it was last trained on.",
        plots.learning_curves(courses),
        ("Model", "Epoch", *columns, "Learning rate", "Seconds"),
        rows,
        wide=True,
    )


def _placed(models: Sequence[ModelReport]) -> list[tuple[int, ModelReport]]:
    """Each with its place in the order of colours."""
    places = plots.model_places(model.name for model in models)
    return [(places[model.name], model) for model in models]


def _mean(epochs: Sequence[Epoch]) -> Epoch:
    """The same epoch of several seeds, on average."""
    return Epoch(epochs[0].epoch, *np.mean([astuple(each)[1:] for each in epochs], axis=0).tolist())


def recalls(models: Sequence[ModelReport]) -> Panel:
    """The share of each class that is found, and each model's hardest class."""
    classes = models[0].evaluation.predictions.classes
    found = [
        (model.name, place, [each.recall for each in model.evaluation.per_class])
        for place, model in _placed(models)
    ]
    every = [(model.name, each) for model in models for each in model.evaluation.per_class]
    name, hardest = min(every, key=lambda each: each[1].recall.value)
    lowest = percent_estimate(hardest.recall)
    caption = f"The lowest recall is that of {name} for {hardest.name}: {lowest}."
    if len(classes) > plots.DRAWN_CLASSES:
        caption += f" The {plots.DRAWN_CLASSES} lowest of {len(classes):,} classes are drawn."
    rows = zip(*(values for _, _, values in found), strict=True)
    return Panel(
        "recalls",
        "Recall of each class",
        "Recall: the share of each class that is found, with 95% intervals.",
        caption,
        plots.recalls(classes, found),
        ("Class", *(model.name for model in models)),
        [(name, *row) for name, row in zip(classes, rows, strict=True)],
    )


def _calibration(models: Sequence[ModelReport]) -> Panel:
    curves, silent, off = [], "", {}
    for place, model in _placed(models):
        name, curve = model.name, model.evaluation.calibration
        if curve is None:
            silent += f" {name} gives no probabilities, so it has no curve."
            continue
        curves.append((name, place, curve))
        off[name] = (curve.count @ curve.confidence - curve.correct.sum()) / curve.count.sum()
    name, surplus = max(off.items(), key=lambda each: abs(each[1]))
    return Panel(
        "calibration",
        "Calibration of the probabilities",
        "Test images by top probability: mean confidence, and how often the model is correct.",
        f"{name} is {'furthest off: ' if len(off) > 1 else ''}{100 * abs(surplus):.1f} points "
        f"{'over' if surplus > 0 else 'under'}-confident on average.{silent}",
        plots.calibration_curves(curves),
        ("Model", "Top probability", "Mean", "Correct", "Images"),
        [
            (
                name,
                f"{percent(low, 0)}–{percent(high, 0)}",
                percent(confidence),
                accuracy,
                count,
            )
            for name, _, curve in curves
            for low, high, confidence, accuracy, count in zip(
                *(curve.low, curve.high, curve.confidence, curve.accuracies, curve.count.tolist()),
                strict=True,
            )
        ],
        wide=len(curves) == 3 or len(curves) > 4,  # four are two by two
    )


def _risk_coverage(models: Sequence[ModelReport]) -> Panel:
    curves, errors, rows = [], {}, []
    for place, model in _placed(models):
        name, curve = model.name, model.evaluation.risk_coverage
        if curve is None:
            continue
        curves.append((name, place, curve))
        at = int(np.searchsorted(curve.coverage, _ANSWERED))
        errors[name] = curve.at(at)
        for at in np.searchsorted(curve.coverage, np.arange(1, 11) / 10):
            answered, sure = percent(curve.coverage[at]), percent(curve.threshold[at])
            rows.append((name, answered, sure, percent_estimate(curve.at(int(at)), 2)))
    name, least = min(errors.items(), key=lambda each: each[1].value)
    return Panel(
        "risk_coverage",
        "Errors, if a model may abstain",
        "Error rate among the images that a model is surest of, with 95% intervals.",
        f"Answering only the {percent(_ANSWERED, 0)} that it is surest of, {name} has "
        f"{'the lowest' if len(errors) > 1 else 'an'} error rate: {percent_estimate(least)}.",
        plots.risk_coverage(curves),
        ("Model", "Answered", "Lowest confidence", "Errors"),
        rows,
    )


def _sample_predictions(models: Sequence[ModelReport], images: UInt8) -> Panel:
    said = {model.name: model.evaluation.predictions for model in models}
    by = " by one model or more" if len(models) > 1 else ""
    wrong = ~np.all([each.correct for each in said.values()], axis=0)
    drawn = {
        "Drawn at random": draw(np.arange(len(images)), _DRAWN),
        f"Misclassified{by}, drawn at random": draw(np.flatnonzero(wrong), _DRAWN),
    }
    answers = {
        heading: [{name: tile(each, images, at) for name, each in said.items()} for at in positions]
        for heading, positions in drawn.items()
        if positions
    }
    return Panel(
        "sample_predictions",
        "Sample predictions",
        "Test images with their true class, and the prediction of each model.",
        f"{some(int(wrong.sum()), 'image')} of {len(images):,} are misclassified{by}. "
        "Beside each prediction is its probability.",
        plots.tile_sheet(
            {
                f"{heading}: {name}": [tiles[name] for tiles in rows]
                for heading, rows in answers.items()
                for name in said
            },
            columns=_DRAWN,
        ),
        answers=answers,
        wide=True,
        folded=True,
    )
