"""The figures that show all models together: recalls, calibration, abstaining."""

from collections.abc import Sequence

import numpy as np

from fittingroom import plots
from fittingroom.comparison import Comparison
from fittingroom.evaluation import ModelReport
from fittingroom.numbers import decimal_change, percent, percent_estimate
from fittingroom.reporting.panel import Panel, Section
from fittingroom.reporting.tables import scores

_ANSWERED = 0.8  # the share of images at which the caption reads the error rate


def shared_section(models: Sequence[ModelReport], comparison: Comparison | None) -> Section:
    """Recalls, calibration and abstaining, all models in one figure each."""
    lead = ""
    if comparison is not None and comparison.over_seeds:
        lead = "Numbers and figures of this part are from each recipe's first seed."
    panels = [recalls(models)]
    if any(model.evaluation.calibration is not None for model in models):
        panels += [_calibration(models), _risk_coverage(models)]
    return Section("classes", "Classes and calibration", lead, panels, table=scores(models))


def recalls(models: Sequence[ModelReport]) -> Panel:
    """The share of each class that is found, and each model's hardest class."""
    classes = models[0].evaluation.predictions.classes
    found = [
        (model.name, place, [each.recall for each in model.evaluation.per_class])
        for place, model in enumerate(models)
    ]
    hardest = []
    for name, _, values in found:
        at = int(np.argmin([value.value for value in values]))
        hardest.append(
            f"{name} has its lowest recall for {classes[at]}: {percent_estimate(values[at])}."
        )
    if len(classes) > plots.DRAWN_CLASSES:
        hardest.append(f"The {plots.DRAWN_CLASSES} lowest of {len(classes):,} classes are drawn.")
    rows = zip(*(values for _, _, values in found), strict=True)
    return Panel(
        "recalls",
        "Recall of each class",
        "Recall: the share of each class that is found, with 95% intervals.",
        " ".join(hardest),
        plots.recalls(classes, found),
        ("Class", *(model.name for model in models)),
        [(name, *row) for name, row in zip(classes, rows, strict=True)],
    )


def _calibration(models: Sequence[ModelReport]) -> Panel:
    curves, words = [], []
    for place, model in enumerate(models):
        name, curve = model.name, model.evaluation.calibration
        if curve is None:
            words.append(f"{name} gives no probabilities, so it has no curve.")
            continue
        curves.append((name, place, curve))
        surplus = (curve.count @ curve.confidence - curve.correct.sum()) / curve.count.sum()
        words.append(
            f"{name} is {100 * abs(surplus):.1f} points "
            f"{'over' if surplus > 0 else 'under'}-confident on average."
        )
        if model.temperature is not None:
            change = decimal_change(model.temperature.log_loss_change)
            words.append(f"Its temperature changes the log loss by {change}.")
    return Panel(
        "calibration",
        "Calibration of the probabilities",
        "Test images by top probability: mean confidence, and how often the model is correct.",
        " ".join(words),
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
    curves, words, rows = [], [], []
    for place, model in enumerate(models):
        name, curve = model.name, model.evaluation.risk_coverage
        if curve is None:
            continue
        curves.append((name, place, curve))
        at = int(np.searchsorted(curve.coverage, _ANSWERED))
        words.append(
            f"{name} has an error rate of {percent(float(curve.risk[-1]))} if it answers all "
            f"images, and of {percent_estimate(curve.at(at))} if it answers the "
            f"{percent(curve.coverage[at], 0)} that it is surest of."
        )
        for at in np.searchsorted(curve.coverage, np.arange(1, 11) / 10):
            answered, sure = percent(curve.coverage[at]), percent(curve.threshold[at])
            rows.append((name, answered, sure, percent_estimate(curve.at(int(at)), 2)))
    return Panel(
        "risk_coverage",
        "Errors, if a model may abstain",
        "Error rate among the images that a model is surest of, with 95% intervals.",
        " ".join(words),
        plots.risk_coverage(curves),
        ("Model", "Answered", "Lowest confidence", "Errors"),
        rows,
    )
