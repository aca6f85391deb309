"""The figures that compare models."""

from collections.abc import Sequence

import numpy as np

from fittingroom import plots
from fittingroom.comparison import Comparison, Pair
from fittingroom.evaluation import ModelReport
from fittingroom.numbers import (
    MINUS,
    p_value,
    percent,
    percent_estimate,
    points_estimate,
    signed,
    some,
)
from fittingroom.predictions import UInt8
from fittingroom.reporting.panel import Panel, Section, draw, stem, tile_panel

_FLIPPED = 16  # images each way
_CHANGES = 30  # kinds of mistake in a table
# Three pairs come from three models; with more, each pair's own figures would make a page of
# hundreds of images, and the table of pairs says what matters.
_PAIRS_DRAWN = 3


def accuracies(comparison: Comparison) -> Panel:
    """Each model's accuracy and each paired difference."""
    models = [
        (
            model.name,
            percent_estimate(model.accuracy, 2),
            ", ".join(percent(value, 2) for value in model.per_seed),
        )
        for model in comparison.models
    ]
    differences = [
        (f"{pair.b} {MINUS} {pair.a}", f"{points_estimate(pair.difference, 2)} points", None)
        for pair in comparison.pairs
    ]
    return Panel(
        "accuracies",
        "Accuracy and paired differences",
        "Accuracy, and paired differences in percentage points, with 95% intervals.",
        f"Accuracies and paired differences on the same {comparison.images:,} images, with 95% "
        f"intervals.{' The small dots beneath are single seeds.' if comparison.over_seeds else ''}",
        plots.accuracies(comparison.models, comparison.pairs),
        ("Model", "Accuracy", "Seed by seed"),
        [*models, *differences],
    )


def pair_sections(
    comparison: Comparison, models: Sequence[ModelReport], images: UInt8
) -> list[Section]:
    """A section a pair: gains, difference of confusion, flipped images."""
    single = len(comparison.pairs) == 1
    sections = []
    for number, pair in enumerate(comparison.pairs[:_PAIRS_DRAWN]):
        prefix = "" if single else f"{stem(pair.a)}_{stem(pair.b)}_"
        panels = [class_gains(pair, models, prefix), confusion_difference(pair, models, prefix)]
        if len(pair.a_only) or len(pair.b_only):
            panels.append(flipped(pair, models, images, prefix))
        # The only pair's sentence is the verdict that the page opens with.
        lead = "" if single else pair.sentence
        if pair.level == "recipes":
            lead += " Counts and images are from the first seed of each."
        title = f"{pair.b} against {pair.a}"
        sections.append(Section(f"pair-{number}", title, lead.strip(), panels))
    return sections


def class_gains(pair: Pair, models: Sequence[ModelReport], prefix: str = "") -> Panel:
    """Where `b` gains over `a`, class by class."""
    shown = [gain.difference.value > 0 for gain in pair.gains if gain.shown]
    gained, lost = sum(shown), len(shown) - sum(shown)
    many = len(pair.gains) > plots.DRAWN_CLASSES
    drawn = " The largest gains and losses are drawn; the table has all." if many else ""
    return Panel(
        f"{prefix}class_gains",
        f"Recall: {pair.b} minus {pair.a}",
        f"Recall of {pair.b} minus recall of {pair.a}, percentage points, with 95% intervals of "
        "each class alone.",
        f"{pair.b} is shown to have a higher recall for {some(gained, 'class', 'classes')} and a "
        f"lower one for {lost} (filled dots), after Holm's correction for all classes.{drawn}",
        plots.class_gains(pair.gains, (pair.a, pair.b), _colours(pair, models)),
        ("Class", "Difference", "p after Holm"),
        [
            (gain.name, points_estimate(gain.difference), p_value(gain.p_adjusted))
            for gain in pair.gains
        ],
    )


def confusion_difference(pair: Pair, models: Sequence[ModelReport], prefix: str = "") -> Panel:
    """Which mistakes `b` makes less often than `a`, and which more often."""
    a, b = _colours(pair, models)
    first, second = (each.evaluation for each in _both(pair, models))
    classes = first.predictions.classes
    change = second.confusion - first.confusion
    mistakes = change - np.diag(np.diag(change))
    true, predicted = np.unravel_index(np.abs(mistakes).argmax(), mistakes.shape)
    largest, balance = int(mistakes[true, predicted]), int(mistakes.sum())
    caption = (
        f"{pair.b} makes {abs(balance):,} {'more' if balance > 0 else 'fewer'} mistakes than "
        f"{pair.a}."
    )
    if largest:
        caption += (
            f" The largest change: {abs(largest):,} {'more' if largest > 0 else 'fewer'} of "
            f"{classes[true]} as {classes[predicted]}."
        )
    columns: tuple[str, ...] = ("True", *classes)
    rows = [(name, *map(signed, row)) for name, row in zip(classes, change.tolist(), strict=True)]
    table = ""
    if len(classes) > plots.NUMBERED_CLASSES:
        columns = ("True", "Predicted", "Change")
        order = np.argsort(-np.abs(mistakes), axis=None, kind="stable")[:_CHANGES]
        cells = zip(*np.unravel_index(order, mistakes.shape), strict=True)
        rows = [(classes[i], classes[j], signed(int(mistakes[i, j]))) for i, j in cells]
        table = f" The table has the {len(rows)} largest changes."
    colours = {pair.a: plots.model_colour(a), pair.b: plots.model_colour(b)}
    return Panel(
        f"{prefix}confusion_difference",
        f"Mistakes: {pair.b} minus {pair.a}",
        f"Counts of {pair.b} minus counts of {pair.a}, by true (row) and predicted class.{table}",
        caption,
        plots.confusion_difference(first.confusion, second.confusion, classes, colours),
        columns,
        rows,
        wide=len(classes) > plots.NUMBERED_CLASSES,
    )


def flipped(pair: Pair, models: Sequence[ModelReport], images: UInt8, prefix: str = "") -> Panel:
    """Images that only one of the two classifies correctly, with the other's wrong class."""
    a, b = _both(pair, models)
    sheet = {
        f"Only {right.name} is correct; ✗ is what {wrong.name} predicts": (
            wrong.evaluation.predictions,
            draw(where, _FLIPPED),
        )
        for right, wrong, where in ((b, a, pair.b_only), (a, b, pair.a_only))
    }
    return tile_panel(
        f"{prefix}flipped",
        "Images that only one classifies correctly",
        f"Only {pair.b} is correct on {some(len(pair.b_only), 'image')}, only {pair.a} on "
        f"{some(len(pair.a_only), 'image')}. Those shown are drawn at random.",
        images,
        sheet,
    )


def _both(pair: Pair, models: Sequence[ModelReport]) -> tuple[ModelReport, ModelReport]:
    named = {model.name: model for model in models}
    return named[pair.a], named[pair.b]


def _colours(pair: Pair, models: Sequence[ModelReport]) -> tuple[int, int]:
    """The two models' places in the order of colours."""
    places = plots.model_places(model.name for model in models)
    return places[pair.a], places[pair.b]
