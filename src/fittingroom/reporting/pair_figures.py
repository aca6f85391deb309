"""The figures that hold models against each other."""

from collections.abc import Sequence

import numpy as np

from fittingroom import plots
from fittingroom.comparison import Comparison, Pair
from fittingroom.evaluation import Evaluation
from fittingroom.numbers import listed, percent_estimate, points_estimate, some
from fittingroom.plots import Tile, TileGroup
from fittingroom.predictions import UInt8
from fittingroom.reporting import sentences, tables
from fittingroom.reporting.model_figures import Panel, Section, draw, tile, tile_panel
from fittingroom.reporting.model_report import ModelReport, stem
from fittingroom.reporting.probabilities import (
    risk_coverage_sentence,
    risk_coverage_table,
    scores_table,
    temperature_sentence,
)

_FLIPPED = 16  # pictures each way
# Three pairs come from three models; of more, each pair's own figures would make a page of
# hundreds of pictures, and the table of pairs says what matters.
_PAIRS_DRAWN = 3


def overview_panels(comparison: Comparison) -> tuple[Panel, ...]:
    """Accuracies and differences; of three models or more, who is shown to be better than whom."""
    accuracies = _accuracies(comparison)
    return (accuracies, _verdicts(comparison)) if len(comparison.models) > 2 else (accuracies,)


def _verdicts(comparison: Comparison) -> Panel:
    figure = plots.verdict_matrix(comparison)
    title = "Who is shown to be better than whom"
    alt = (
        f"Matrix of verdicts: each of {len(comparison.models)} models in rows against each in "
        "columns, the most accurate first, with differences in points."
    )
    return Panel(
        image="verdicts.png",
        png=plots.png(figure, title, colours=64),
        title=title,
        alt=alt,
        caption=sentences.verdict_matrix(comparison),
        table=tables.verdict_matrix(comparison),
        svg=plots.svg(figure, "verdicts", alt),
        wide=True,
    )


def _accuracies(comparison: Comparison) -> Panel:
    """Accuracies side by side, paired differences beneath."""
    figure = plots.accuracies(comparison.models, comparison.pairs)
    models = [f"{model.name} {percent_estimate(model.accuracy, 2)}" for model in comparison.models]
    alt = f"Dots with intervals: accuracy of {listed(models)}."
    if comparison.pairs:
        alt += " Beneath, paired differences around zero: " + "; ".join(
            f"{pair.b} minus {pair.a} {points_estimate(pair.difference, 2)} points"
            for pair in comparison.pairs
        )
    return Panel(
        image="accuracies.png",
        png=plots.png(figure, "Accuracy, and the difference that matters", colours=64),
        title="Accuracy, and the difference that matters",
        alt=alt,
        caption=sentences.accuracies(comparison),
        table=tables.accuracies(comparison),
        svg=plots.svg(figure, "accuracies", alt),
        wide=True,
    )


def shared_section(reports: Sequence[ModelReport], comparison: Comparison | None) -> Section:
    """Recalls, calibration and abstaining, all models in one figure each."""
    return Section(
        "classes",
        "Classes and calibration",
        sentences.first_seeds(comparison),
        _shared_panels(reports),
        table=scores_table(reports),
    )


def _shared_panels(reports: Sequence[ModelReport]) -> tuple[Panel, ...]:
    models = [(report.name, report.evaluation) for report in reports]
    classes = models[0][1].predictions.classes
    figure = plots.recalls(
        classes,
        [
            (name, place, [scores.recall for scores in evaluation.per_class])
            for place, (name, evaluation) in enumerate(models)
        ],
    )
    alt = (
        f"Dots with intervals: recall of {some(len(classes), 'class', 'classes')} by "
        f"{listed([name for name, _ in models])}, hardest class first."
    )
    panels = [
        Panel(
            image="recalls.png",
            png=plots.png(figure, "How much of each class is found", colours=64),
            title="How much of each class is found",
            alt=alt,
            caption=sentences.recalls(models),
            table=tables.recalls(models),
            svg=plots.svg(figure, "recalls", alt),
        )
    ]
    curves = [
        (name, place, evaluation.calibration)
        for place, (name, evaluation) in enumerate(models)
        if evaluation.calibration is not None
    ]
    if curves:
        figure = plots.calibration_curves(curves)
        names = [name for name, _, _ in curves]
        sure = [(name, item) for name, item in models if name in names]
        unsure = [name for name, _ in models if name not in names]
        alt = (
            f"Reliability diagram of {listed(names)}: share of pictures named rightly against the "
            "model's top probability, with the diagonal on which both agree."
        )
        panels.append(
            Panel(
                image="calibration.png",
                png=plots.png(figure, "Do the probabilities mean what they say?", colours=64),
                title="Do the probabilities mean what they say?",
                alt=alt,
                caption=" ".join(
                    [
                        sentences.calibration(sure, unsure),
                        *(
                            temperature_sentence(report.name, report.temperature)
                            for report in reports
                            if report.temperature is not None
                        ),
                    ]
                ),
                table=tables.calibration(models),
                svg=plots.svg(figure, "calibration", alt),
                wide=len(curves) == 3 or len(curves) > 4,  # four are two by two
            )
        )
        panels.append(_risk_coverage(sure, unsure, [place for _, place, _ in curves]))
    return tuple(panels)


def _risk_coverage(
    models: Sequence[tuple[str, Evaluation]], without: Sequence[str], places: Sequence[int]
) -> Panel:
    curves = [
        (name, place, evaluation.risk_coverage)
        for (name, evaluation), place in zip(models, places, strict=True)
        if evaluation.risk_coverage is not None
    ]
    figure = plots.risk_coverage(curves)
    title = "How accurate, if it may abstain?"
    alt = (
        "Line chart: share of mistakes against the share of pictures answered, the surest first, "
        f"for {listed([name for name, _ in models])}."
    )
    return Panel(
        image="risk_coverage.png",
        png=plots.png(figure, title, colours=64),
        title=title,
        alt=alt,
        caption=risk_coverage_sentence(models, without),
        table=risk_coverage_table(models),
        svg=plots.svg(figure, "risk", alt),
    )


def pair_sections(
    comparison: Comparison, reports: Sequence[ModelReport], pictures: UInt8
) -> tuple[Section, ...]:
    """A section a pair: gains, difference of confusion, flipped pictures."""
    places = {report.name: place for place, report in enumerate(reports)}
    shown = [pair for pair in comparison.pairs if pair.a in places and pair.b in places]
    single = len(shown) == 1
    return tuple(
        _pair_section(
            pair,
            (reports[places[pair.a]], reports[places[pair.b]]),
            (places[pair.a], places[pair.b]),
            pictures,
            "" if single else f"{stem(pair.a)}_{stem(pair.b)}_",
            number,
        )
        for number, pair in enumerate(shown[:_PAIRS_DRAWN])
    )


def _pair_section(
    pair: Pair,
    models: tuple[ModelReport, ModelReport],
    places: tuple[int, int],
    pictures: UInt8,
    prefix: str,
    number: int,
) -> Section:
    panels = [
        _gains(pair, places, prefix, number),
        _difference(pair, models, places, prefix, number),
    ]
    if len(pair.a_only) or len(pair.b_only):
        panels.append(_flipped(pair, models, places, pictures, prefix))
    return Section(
        f"pair-{number}",
        f"{pair.b} against {pair.a}",
        # The only pair's sentence is the verdict that the page opens with.
        pair.sentence if prefix else "",
        tuple(panels),
    )


def _gains(pair: Pair, places: tuple[int, int], prefix: str, number: int) -> Panel:
    figure = plots.class_gains(pair.gains, (pair.a, pair.b), places)
    alt = (
        f"Dots with intervals around zero: recall of {pair.b} minus recall of {pair.a} for "
        f"{some(len(pair.gains), 'class', 'classes')}, largest gain first."
    )
    return Panel(
        image=f"{prefix}class_gains.png",
        png=plots.png(figure, f"Where {pair.b} gains on {pair.a}, and loses", colours=64),
        title=f"Where {pair.b} gains and loses",
        alt=alt,
        caption=sentences.class_gains(pair),
        table=tables.class_gains(pair),
        svg=plots.svg(figure, f"gains-{number}", alt),
    )


def _difference(
    pair: Pair,
    models: tuple[ModelReport, ModelReport],
    places: tuple[int, int],
    prefix: str,
    number: int,
) -> Panel:
    first, second = (model.evaluation for model in models)
    classes = first.predictions.classes
    change = second.confusion - first.confusion
    figure = plots.confusion_difference(
        first.confusion,
        second.confusion,
        classes,
        (plots.model_colour(places[0]), plots.model_colour(places[1])),
    )
    alt = (
        f"Matrix of counts of {pair.b} minus counts of {pair.a}, true classes in rows, called "
        "classes in columns, each cell in the colour of the model that it favours."
    )
    return Panel(
        image=f"{prefix}confusion_difference.png",
        png=plots.png(
            figure, f"{pair.b} minus {pair.a}: which mistakes go, which come", colours=96
        ),
        title="Which mistakes go, which come",
        alt=alt,
        caption=sentences.confusion_difference(pair, change, classes),
        table=tables.confusion_difference(pair, change, classes),
        svg=plots.svg(figure, f"difference-{number}", alt),
    )


def _flipped(
    pair: Pair,
    models: tuple[ModelReport, ModelReport],
    places: tuple[int, int],
    pictures: UInt8,
    prefix: str,
) -> Panel:
    groups: list[TileGroup] = []
    positions: list[int] = []
    shown: list[int] = []
    # Each picture is shown with the mistake: what the model that is wrong called it.
    for winner, loser, where in (
        (pair.b, models[0], pair.b_only),
        (pair.a, models[1], pair.a_only),
    ):
        chosen = draw(np.sort(where), _FLIPPED)
        shown.append(len(chosen))
        if not chosen:
            continue
        tiles: tuple[Tile, ...] = tuple(
            tile(loser.evaluation.predictions, pictures, position) for position in chosen
        )
        groups.append(TileGroup(f"Only {winner} is right; ✗ is what {loser.name} says", tiles))
        positions += chosen
    return tile_panel(
        image=f"{prefix}flipped.png",
        title="Pictures that only one gets right",
        alt=(
            f"Sheet of test pictures: {shown[0]} that only {pair.b} names rightly, {shown[1]} that "
            f"only {pair.a} does, each with the other's wrong name."
        ),
        caption=sentences.flipped(pair, (shown[1], shown[0])),
        groups=tuple(groups),
        positions=positions,
        place=places[1],
    )
