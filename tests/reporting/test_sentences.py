"""Captions and tables say what the numbers say."""

from dataclasses import replace

import numpy as np

from fittingroom.comparison import Comparison
from fittingroom.evaluation import SCORES, ModelReport
from fittingroom.numbers import (
    Estimate,
    Timing,
    count,
    duration,
    listed,
    p_value,
    percent_estimate,
    plain,
    points_estimate,
    seconds,
    size,
    sureness,
)
from fittingroom.reporting import Facts, pair_figures, tables
from fittingroom.reporting import model_figures as figures
from fittingroom.reporting.facts import outcome
from fittingroom.reporting.shared_figures import learning_curves, shared_section
from fittingroom.runs import Epoch, Opening
from tests.data.files import made
from tests.reporting.conftest import (
    IMAGES,
    changed_run,
    compared,
    history,
    images,
    predictions,
    report,
)


def test_curves_say_where_training_ends(models: list[ModelReport]) -> None:
    panel = learning_curves(models)
    bands = "Bands are 95% intervals of validation accuracy. Dots: the epochs kept. "
    bands += "Dashed: training images, each as it was last trained on."
    assert panel.caption == bands
    assert panel.table is not None
    numbers = ("4", "89.00%", "88.00%", "0.2000", "0.2250", "0.0025", "6.0")
    assert panel.table.rows[3] == ("ann", *numbers)
    lead = figures.model_section(models[0], 0, images(IMAGES)).lead
    assert "Epoch 4 is kept, with a validation accuracy of 88.0% (" in lead


def test_curves_of_several_seeds_are_means_with_a_band(models: list[ModelReport]) -> None:
    first = models[0].run
    assert first is not None
    longer = tuple(
        replace(epoch, val_accuracy=epoch.val_accuracy - 0.03, val_loss=2 * epoch.val_loss)
        for epoch in history(6)
    )
    other = replace(first, history=longer, summary=replace(first.summary, best_epoch=6))
    several = replace(models[0], others=(other,))
    panel = learning_curves([several])
    assert "Lines are means over the seeds; bands reach from the lowest" in panel.caption
    assert panel.table is not None
    assert [row[:4] for row in panel.table.rows][3:] == [("ann", "4", "89.00%", "86.50%")]
    axes = panel.drawing.axes[1]
    training, validation = (
        np.asarray(band.get_paths()[0].vertices)[:, 1] for band in axes.collections
    )
    assert (training.min(), training.max()) == (0.2, 0.8)
    assert (validation.min(), validation.max()) == (0.225, 1.8)
    dots = [np.asarray(line.get_xdata()) for line in axes.lines if line.get_marker() == "o"]
    assert [int(places[0]) for places in dots] == [4, 6]


def test_a_model_without_curves_says_why(models: list[ModelReport]) -> None:
    once = changed_run(models[0], history=(Epoch(1, 1.0, 0.5, 0.9, 0.4, 0.85, 0.1),))
    section = figures.model_section(once, 0, images(IMAGES))
    assert section.lead.endswith(
        "test images (run ann-s0-3f9c). Trained in one go, so there are no curves: validation "
        "accuracy 85.0% (84.0–86.0%), training accuracy 90.0%."
    )


def test_external_predictions_say_what_they_are(models: list[ModelReport]) -> None:
    foreign = replace(models[0], run=None)
    assert foreign.title == "External predictions"
    said = models[0].evaluation.predictions
    for changed, words in (
        (replace(said, log_probabilities=None), "External predictions, without probabilities"),
        (
            replace(said, predicted=(said.predicted + 1) % 10),
            "External predictions; 400 are not the most likely class",
        ),
    ):
        evaluation = replace(models[0].evaluation, predictions=changed)
        assert replace(foreign, evaluation=evaluation).title == words
    assert (foreign.temperature, foreign.keep, foreign.history) == (None, None, ())


def test_a_confusion_matrix_names_the_most_frequent_mistake(models: list[ModelReport]) -> None:
    top = models[0].evaluation.most_confused[0]
    words = f" mistakes: {top.true} as {top.predicted}, {percent_estimate(top.share)} of "
    assert words in figures.confusion_matrix(models[0], 0).caption


def test_figures_of_all_models(models: list[ModelReport], many_models: list[ModelReport]) -> None:
    section = shared_section([*models, many_models[2]], None, images(IMAGES))
    assert section.table is not None
    assert section.table.columns == ("", "ann", "cnn", many_models[2].name)
    rows = {row[0]: row[1:] for row in section.table.rows}
    for score in SCORES.values():
        if score.probabilities or not score.headline:
            assert (rows[score.label][2] == "–") == score.probabilities
    assert rows["Temperature, from validation"] == ("1.250", "1.250", "–")

    recalls, calibration, abstaining, _, answers = section.panels
    for panel in section.panels[:3]:
        assert panel.table is not None
    scores = models[0].evaluation.per_class
    hardest = min(scores, key=lambda each: each.recall.value)
    assert recalls.caption.startswith(f"The lowest recall is that of ann for {hardest.name}: ")
    # Right on 95%, while top probabilities are 77% on average.
    assert "cnn is furthest off: 17." in calibration.caption
    assert "points under-confident on average." in calibration.caption
    assert "regression gives no probabilities" in calibration.caption
    curve = models[0].evaluation.risk_coverage
    assert curve is not None
    words = "Answering only the 80% that it is surest of, cnn has the lowest error rate: "
    assert abstaining.caption.startswith(words)
    assert abstaining.table is not None
    assert len(abstaining.table.rows) == 20
    assert abstaining.table.rows[9][1] == "100.0%"
    assert abstaining.table.rows[9][3].startswith(f"{100 * curve.risk[-1]:.2f}%")

    # The same images for all: any of them, and such as a model misclassifies.
    anything, mistakes = answers.answers.values()
    assert [len(anything), len(mistakes)] == [10, 10]
    names = ["ann", "cnn", many_models[2].name]
    assert all(list(row) == names for row in (*anything, *mistakes))
    assert not any(all(tile.right for tile in row.values()) for row in mistakes)


def test_figures_of_a_pair(models: list[ModelReport], comparison: Comparison) -> None:
    pair = comparison.pairs[0]
    gained = sum(gain.shown and gain.difference.value > 0 for gain in pair.gains)
    caption = pair_figures.class_gains(pair, models).caption
    assert caption.startswith(f"cnn is shown to have a higher recall for {gained} classes ")
    fewer = len(pair.b_only) - len(pair.a_only)
    caption = pair_figures.confusion_difference(pair, models).caption
    assert caption == (
        f"cnn makes {fewer} fewer mistakes than ann. The largest change: 10 fewer of Dress as Coat."
    )
    caption = pair_figures.flipped(pair, models, images(IMAGES)).caption
    assert caption.startswith(
        f"Only cnn is correct on {len(pair.b_only)} images, only ann on {len(pair.a_only)} images."
    )


def test_what_is_of_first_seeds_says_so(models: list[ModelReport], comparison: Comparison) -> None:
    pair = replace(comparison.pairs[0], level="recipes")
    several = replace(comparison.models[0], per_seed=(0.9, 0.91))
    seeds = replace(comparison, models=(several, comparison.models[1]), pairs=(pair,))
    for found, said in ((comparison, False), (seeds, True)):
        leads = [
            pair_figures.pair_sections(found, models, images(IMAGES))[0].lead,
            shared_section(models, found, images(IMAGES)).lead,
        ]
        assert all(("first seed" in lead) is said for lead in leads)
    assert "Seeds" in [row[0] for row in tables.results(models, seeds).rows]


def test_outcome_of_one_model_and_notices(models: list[ModelReport], official: Facts) -> None:
    accuracy = models[1].evaluation.accuracy
    assert outcome(models[1:], None, official) == (
        f"cnn reaches {100 * accuracy.value:.2f}% accuracy on the 400 test images of Fashion-MNIST "
        f"(95% interval {100 * accuracy.low:.2f}–{100 * accuracy.high:.2f}%)."
    )
    assert official.notices == []
    assert replace(official, official=False).notices == [official.description]


def test_openings(models: list[ModelReport], official: Facts) -> None:
    # Neither those of another recipe nor those of other data count.
    said = official.openings_sentence(models)
    assert "opened 2 times for the recipes shown (1 for ann and 1 for cnn)" in said
    more = replace(
        official,
        openings=[
            *official.openings,
            Opening("2026-03-01T00:00:00+00:00", "cnn-s1-3f9c", "cnn", "Fashion-MNIST", "p", None),
            Opening("2026-02-01T00:00:00+00:00", "a.csv (1)", "theirs", "Fashion-MNIST", "p", None),
        ],
    )
    said = more.openings_sentence([*models, replace(models[0], name="theirs", run=None)])
    assert "opened 4 times" in said
    assert "(1 for ann, 2 for cnn and 1 for theirs)" in said
    assert [each.run for each in more.openings_unshown(models)] == ["cnn-s1-3f9c"]
    assert "opened 0 times" in replace(official, openings=()).openings_sentence(models)


def test_numbers_read_well() -> None:
    assert percent_estimate(Estimate(0.9312, 0.926, 0.936)) == "93.1% (92.6–93.6%)"
    assert points_estimate(Estimate(-0.024, -0.03, 0.001)) == "−2.4 (−3.0 to +0.1)"
    assert [count(n) for n in (1234567, None)] == ["1,234,567", "–"]
    assert [seconds(s) for s in (8.34, 59.97, 83.4, 7260.0)] == [
        "8.3 s",
        "1 min 0 s",
        "1 min 23 s",
        "2 h 1 min",
    ]
    assert [size(n) for n in (12, 45_600, 999_600)] == ["12 B", "46 kB", "1.0 MB"]
    assert duration(Timing(1.234e-3, 2e-3, 1)) == "1.23 ms (2)"
    assert duration(Timing(31.5e-6, 8.09e-3, 1)) == "31.5 µs (8,090)"
    assert [p_value(p) for p in (0.0004, 0.0314)] == ["< 0.001", "0.031"]
    assert plain({"a": float("nan"), "b": [np.int64(3), None]}) == {"a": None, "b": [3, None]}
    assert [sureness(p) for p in (0.999, 0.984, 0.004)] == [">99%", "98%", "<1%"]
    assert [listed("abc"[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]


def test_many_classes_have_tables_of_the_most_frequent_mistakes() -> None:
    names = tuple(f"kind {number}" for number in range(1, 63))
    two = [report(name, predictions(0.5, seed, names)) for seed, name in enumerate(("a", "b"))]
    matrix = figures.confusion_matrix(two[0], 0)
    assert matrix.table is not None
    assert matrix.table.columns == ("True", "Predicted", "Images", "Share of the true class")
    assert len(matrix.table.rows) == 30
    top = two[0].evaluation.most_confused[0]
    assert matrix.table.rows[0][:3] == (top.true, top.predicted, str(top.count))
    change = pair_figures.confusion_difference(compared(two).pairs[0], two)
    assert change.table is not None
    assert [len(change.table.columns), len(change.table.rows)] == [3, 30]
    shared = shared_section(two, None, images(IMAGES))
    assert "The 30 lowest of 62 classes are drawn." in shared.panels[0].caption
    data = figures.data_panel(made(62).training(), names)
    assert len(data.rows) == 30
    assert "the first 30 of 62 classes" in data.caption
