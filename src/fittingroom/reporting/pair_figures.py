"""The figures that compare models."""

from collections.abc import Sequence

import numpy as np

from fittingroom import plots
from fittingroom.comparison import Comparison, Pair
from fittingroom.evaluation import ModelReport
from fittingroom.numbers import listed, percent_estimate, points_estimate, some
from fittingroom.plots import TileGroup
from fittingroom.predictions import UInt8
from fittingroom.reporting import sentences, tables
from fittingroom.reporting.inline import stem
from fittingroom.reporting.model_figures import Panel, Section, chart, draw, tile, tile_panel

_FLIPPED = 16  # images each way
# Three pairs come from three models; with more, each pair's own figures would make a page of
# hundreds of images, and the table of pairs says what matters.
_PAIRS_DRAWN = 3


def overview_panels(comparison: Comparison) -> tuple[Panel, ...]:
    """Accuracies and differences; of three models or more, which is better than which."""
    models = [f"{model.name} {percent_estimate(model.accuracy, 2)}" for model in comparison.models]
    differences = "; ".join(
        f"{pair.b} minus {pair.a} {points_estimate(pair.difference, 2)} points"
        for pair in comparison.pairs
    )
    accuracies = chart(
        plots.accuracies(comparison.models, comparison.pairs),
        "accuracies",
        "Accuracy, and the difference that matters",
        f"Dots with intervals: accuracy of {listed(models)}. Beneath, paired differences around "
        f"zero: {differences}.",
        sentences.accuracies(comparison),
        tables.accuracies(comparison),
        wide=True,
    )
    if len(comparison.models) == 2:
        return (accuracies,)
    verdicts = chart(
        plots.verdict_matrix(comparison),
        "verdicts",
        "Which model is better than which",
        f"Matrix of verdicts: each of {len(comparison.models)} models in rows against each in "
        "columns, the most accurate first, with differences in points.",
        sentences.verdict_matrix(comparison),
        tables.verdict_matrix(comparison),
        wide=True,
    )
    return accuracies, verdicts


def shared_section(models: Sequence[ModelReport], comparison: Comparison | None) -> Section:
    """Recalls, calibration and abstaining, all models in one figure each."""
    names = [model.name for model in models]
    classes = models[0].evaluation.predictions.classes
    panels = [
        chart(
            plots.recalls(
                classes,
                [
                    (model.name, place, [scores.recall for scores in model.evaluation.per_class])
                    for place, model in enumerate(models)
                ],
            ),
            "recalls",
            "How much of each class is found",
            f"Dots with intervals: recall of {some(len(classes), 'class', 'classes')} by "
            f"{listed(names)}, hardest class first.",
            sentences.recalls(models),
            tables.recalls(models),
        )
    ]
    curves = [
        (model.name, place, model.evaluation.calibration)
        for place, model in enumerate(models)
        if model.evaluation.calibration is not None
    ]
    if curves:
        of = listed([name for name, _, _ in curves])
        calibration = chart(
            plots.calibration_curves(curves),
            "calibration",
            "Are the probabilities right?",
            f"Reliability diagram of {of}: accuracy against the model's top probability, with the "
            "diagonal on which both agree.",
            sentences.calibration(models),
            tables.calibration(models),
            wide=len(curves) == 3 or len(curves) > 4,  # four are two by two
        )
        abstaining = chart(
            plots.risk_coverage(
                [
                    (model.name, place, model.evaluation.risk_coverage)
                    for place, model in enumerate(models)
                    if model.evaluation.risk_coverage is not None
                ]
            ),
            "risk_coverage",
            "How accurate, if it may abstain?",
            f"Line chart: error rate against the share of images answered, the surest first, for "
            f"{of}.",
            sentences.risk_coverage(models),
            tables.risk_coverage(models),
        )
        panels += [calibration, abstaining]
    lead, table = sentences.first_seeds(comparison), tables.scores(models)
    return Section("classes", "Classes and calibration", lead, tuple(panels), table=table)


def pair_sections(
    comparison: Comparison, models: Sequence[ModelReport], images: UInt8
) -> list[Section]:
    """A section a pair: gains, difference of confusion, flipped images."""
    places = {model.name: place for place, model in enumerate(models)}
    sections = []
    for number, pair in enumerate(comparison.pairs[:_PAIRS_DRAWN]):
        ends = places[pair.a], places[pair.b]
        single = len(comparison.pairs) == 1
        prefix = "" if single else f"{stem(pair.a)}_{stem(pair.b)}_"
        both = models[ends[0]], models[ends[1]]
        panels = [_gains(pair, ends, prefix), _difference(pair, both, ends, prefix)]
        if len(pair.a_only) or len(pair.b_only):
            panels.append(_flipped(pair, both, images, prefix))
        # The only pair's sentence is the verdict that the page opens with.
        lead = "" if single else pair.sentence
        title = f"{pair.b} against {pair.a}"
        sections.append(Section(f"pair-{number}", title, lead, tuple(panels)))
    return sections


def _gains(pair: Pair, places: tuple[int, int], prefix: str) -> Panel:
    return chart(
        plots.class_gains(pair.gains, (pair.a, pair.b), places),
        f"{prefix}class_gains",
        f"Where {pair.b} gains and loses",
        f"Dots with intervals around zero: recall of {pair.b} minus recall of {pair.a} for "
        f"{some(len(pair.gains), 'class', 'classes')}, largest gain first.",
        sentences.class_gains(pair),
        tables.class_gains(pair),
        above=f"Where {pair.b} gains on {pair.a}, and loses",
    )


def _difference(
    pair: Pair, models: tuple[ModelReport, ModelReport], places: tuple[int, int], prefix: str
) -> Panel:
    first, second = (model.evaluation for model in models)
    classes = first.predictions.classes
    colours = plots.model_colour(places[0]), plots.model_colour(places[1])
    return chart(
        plots.confusion_difference(first.confusion, second.confusion, classes, colours),
        f"{prefix}confusion_difference",
        "Which mistakes disappear, which appear",
        f"Matrix of counts of {pair.b} minus counts of {pair.a}, true classes in rows, predicted "
        "classes in columns, each cell in the colour of the model that it favours.",
        sentences.confusion_difference(pair, second.confusion - first.confusion, classes),
        tables.confusion_difference(pair, first, second),
        above=f"{pair.b} minus {pair.a}: which mistakes disappear, which appear",
        colours=96,
    )


def _flipped(
    pair: Pair, models: tuple[ModelReport, ModelReport], images: UInt8, prefix: str
) -> Panel:
    groups: list[TileGroup] = []
    positions: list[int] = []
    shown: list[int] = []
    # Each image is shown with the mistake: what the model that is wrong predicts.
    for winner, loser, where in (
        (pair.b, models[0], pair.b_only),
        (pair.a, models[1], pair.a_only),
    ):
        chosen = draw(np.sort(where), _FLIPPED)
        shown.append(len(chosen))
        if chosen:
            tiles = tuple(tile(loser.evaluation.predictions, images, at) for at in chosen)
            heading = f"Only {winner} is correct; ✗ is what {loser.name} predicts"
            groups.append(TileGroup(heading, tiles))
            positions += chosen
    return tile_panel(
        f"{prefix}flipped",
        "Images that only one classifies correctly",
        f"Sheet of test images: {shown[0]} that only {pair.b} classifies correctly, {shown[1]} "
        f"that only {pair.a} does, each with the other's wrong class.",
        sentences.flipped(pair, (shown[1], shown[0])),
        groups,
        positions,
    )
