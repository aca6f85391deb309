"""Captions and tables say what the numbers say."""

from dataclasses import replace

import numpy as np
import pytest

from fittingroom.comparison import Comparison
from fittingroom.evaluation import SCORES, ModelReport
from fittingroom.numbers import (
    Estimate,
    count,
    duration,
    listed,
    p_value,
    percent_estimate,
    points_estimate,
    seconds,
    size,
    sureness,
)
from fittingroom.plots import Tile
from fittingroom.recipes import Keep
from fittingroom.reporting import Facts, sentences, tables
from fittingroom.runs import Epoch, Opening, Timing
from tests.reporting.conftest import changed_run


def course(*accuracies: tuple[float, float], losses: tuple[float, ...] = ()) -> tuple[Epoch, ...]:
    """A history from training and validation accuracies."""
    return tuple(
        Epoch(at + 1, at + 1.0, 0.5, train, losses[at] if losses else 0.5, validation, 0.1)
        for at, (train, validation) in enumerate(accuracies)
    )


@pytest.mark.parametrize(
    ("history", "sentence"),
    [
        (
            course((0.80, 0.85), (0.93, 0.931), (0.942, 0.930)),
            "Mild over-fitting: training accuracy ends 1.2 points above validation accuracy.",
        ),
        (
            course((0.80, 0.85), (0.99, 0.88)),
            "Over-fitting: training accuracy ends 11.0 points above validation accuracy.",
        ),
        (
            course((0.5, 0.55), (0.6, 0.62), (0.65, 0.66), (0.67, 0.68)),
            "Under-fitting: validation accuracy still rose by 2.0 points over the last epoch, so "
            "more epochs would help.",
        ),
        (
            course((0.85, 0.88), (0.92, 0.921), (0.922, 0.92)),
            "No over-fitting: training accuracy ends level with validation accuracy.",
        ),
        (
            course((0.70, 0.88), (0.90, 0.93), (0.90, 0.92)),
            "No over-fitting: training accuracy ends 2.0 points below validation accuracy. It is "
            "measured while weights change, with dropout and augmentation on.",
        ),
    ],
)
def test_the_course_of_a_training_is_judged(history: tuple[Epoch, ...], sentence: str) -> None:
    assert sentences.accuracy_curve(history, 2, None).endswith(f"%. {sentence}")


def test_no_rise_is_seen_if_an_earlier_epoch_was_better() -> None:
    history = course((0.5, 0.55), (0.6, 0.9), (0.65, 0.66), (0.67, 0.68))
    assert "Under-fitting" not in sentences.accuracy_curve(history, 4, None, "last")


def test_why_an_epoch_is_kept() -> None:
    history = course((0.80, 0.85), (0.86, 0.88), (0.87, 0.87))
    for keep, best, words in (
        ("best accuracy", 2, "Best epoch 2 of 3, validation accuracy 88.0% (87.1–88.9%). "),
        ("best loss", 2, "Kept for the lowest validation loss: epoch 2 of 3, validation"),
        ("last", 3, "The last of 3 epochs is kept, validation accuracy 87.0%"),
    ):
        assert sentences.accuracy_curve(history, best, 5000, keep).startswith(words)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("losses", "best", "keep", "expected"),
    [
        ((0.4, 0.2, 0.25), 2, "best accuracy", "epoch 2 (0.200) and ends at 0.250, 25% higher."),
        ((0.4, 0.3, 0.2), 3, "best accuracy", "epoch 3 (0.200), the last one."),
        (
            (0.4, 0.2, 0.2004),
            3,
            "best accuracy",
            "epoch 2 (0.200) and ends at 0.200, as low. Epoch 3 is kept, for the highest "
            "validation accuracy.",
        ),
        (
            (0.4, 0.2, 0.25),
            3,
            "last",
            "epoch 2 (0.200) and ends at 0.250, 25% higher. The last epoch is kept.",
        ),
    ],
)
def test_loss(losses: tuple[float, ...], best: int, keep: Keep, expected: str) -> None:
    history = course((0.8, 0.8), (0.9, 0.9), (0.9, 0.9), losses=losses)
    sentence = sentences.loss_curve(history, best, keep)
    assert sentence == f"Validation loss is lowest in {expected}"


def test_a_model_without_curves_says_why(models: list[ModelReport]) -> None:
    once = changed_run(models[0], history=course((0.9, 0.85)))
    assert sentences.model_lead(once).endswith(
        "test images (run ann-s0-3f9c). Trained for one epoch, so there are no curves: validation "
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


def test_confusion_matrix(models: list[ModelReport]) -> None:
    evaluation = models[0].evaluation
    wrong = int((~evaluation.predictions.correct).sum())
    top = evaluation.most_confused[0]
    sentence = sentences.confusion_matrix(evaluation)
    assert sentence.startswith(
        f"{wrong} of 400 images are misclassified, most often {top.true} as {top.predicted}: "
        f"{top.count} images, or "
    )
    assert "The class with the lowest recall is " in sentence


def test_calibration_names_the_side_and_what_the_temperature_does(
    models: list[ModelReport], many_models: list[ModelReport]
) -> None:
    sentence = sentences.calibration([models[1], many_models[2]])
    assert sentence.startswith("cnn: calibration error ")
    # Right on 95%, while top probabilities are 77% on average.
    assert "under-confident by 1" in sentence
    assert "regression gives no probabilities, so it has no curve. cnn: the temperature" in sentence


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(-0.02, -0.01, "it helps"), (0.01, 0.02, "it hurts"), (-0.01, 0.01, "no clear difference")],
)
def test_the_temperature_is_judged_by_the_interval_of_its_change(
    models: list[ModelReport], low: float, high: float, verdict: str
) -> None:
    found = models[0].temperature
    assert found is not None
    effect = replace(found, log_loss_change=Estimate((low + high) / 2, low, high))
    sentence = sentences.temperature("ann", effect)
    assert sentence.startswith("ann: the temperature 1.25, fitted on validation, changes the test")
    assert sentence.endswith(f"): {verdict}.")


def test_abstaining_is_described_at_half_and_four_fifths(models: list[ModelReport]) -> None:
    sentence = sentences.risk_coverage(models)
    curve = models[0].evaluation.risk_coverage
    assert curve is not None
    assert f"ann has an error rate of {100 * curve.risk[-1]:.1f}% if it answers all" in sentence
    assert "if it answers the surest 50%" in sentence
    table = tables.risk_coverage(models)
    assert len(table.rows) == 20
    assert table.rows[9][1] == "100.0%"
    assert table.rows[9][3].startswith(f"{100 * curve.risk[-1]:.2f}%")


def test_more_scores_have_a_column_a_model(
    models: list[ModelReport], many_models: list[ModelReport]
) -> None:
    table = tables.scores([*models, many_models[2]])
    assert table.columns == ("", "ann", "cnn", many_models[2].name)
    rows = {row[0]: row[1:] for row in table.rows}
    for score in SCORES.values():
        if score.probabilities or not score.headline:
            assert (rows[score.label][2] == "–") == score.probabilities
    assert rows["Temperature, from validation"][:2] == ("1.250", "1.250")


def test_class_gains_and_flipped(comparison: Comparison) -> None:
    pair = comparison.pairs[0]
    gained = sum(gain.difference.low > 0 for gain in pair.gains)
    assert f"Of 10 classes, {gained} clearly gain and 0 clearly" in sentences.class_gains(pair)
    assert sentences.flipped(pair, (len(pair.a_only), len(pair.b_only))) == (
        f"Only cnn is correct on {len(pair.b_only)} images, only ann on {len(pair.a_only)} images."
    )
    assert sentences.flipped(pair, (3, 4)).endswith(" Shown: 4 and 3 of them, drawn at random.")
    recipes = replace(pair, level="recipes")
    assert sentences.flipped(recipes, (3, 4)).startswith("With the first seed of each: Only cnn is")


def test_what_is_of_first_seeds_says_so(comparison: Comparison) -> None:
    assert sentences.first_seeds(None) == sentences.first_seeds(comparison) == ""
    several = replace(comparison.models[0], per_seed=(0.9, 0.91))
    said = sentences.first_seeds(replace(comparison, models=(several, comparison.models[1])))
    assert said == "Numbers and figures of this part are from each recipe's first seed."


def test_confusion_difference(comparison: Comparison) -> None:
    pair = comparison.pairs[0]
    change = np.array([[5, -5, 0], [1, -1, 0], [0, 0, 0]])
    assert sentences.confusion_difference(pair, change, ("x", "y", "z")) == (
        "cnn misclassifies 5 fewer of x as y, the largest change. Overall it makes 4 fewer "
        "mistakes than ann. A cell has the colour of the model that it favours."
    )
    assert sentences.confusion_difference(pair, 0 * change, ("x", "y", "z")) == (
        "ann and cnn make each kind of mistake equally often."
    )


def test_samples_and_worst_mistakes() -> None:
    picture = np.zeros((28, 28), np.uint8)
    right = Tile(picture, "Bag", "Bag", True, "98%")
    wrong = Tile(picture, "Bag", "Coat", False, "51%")
    assert (right.words, wrong.words, Tile(picture, "Bag").words) == ("✓ 98%", "✗ Coat 51%", "")
    assert sentences.sample_predictions([right, wrong], [wrong], 7) == (
        "2 test images drawn at random, the same for every model: 1 are classified correctly (✓). "
        "Below, 1 of the 7 mistakes (✗), also drawn at random, each with the predicted class."
    )
    # Never rounded up to a confidence that an image does not have.
    assert "at least 99.9% each" in sentences.worst_mistakes([wrong], 0.99999)
    assert sentences.worst_mistakes([wrong], None).startswith("The first 1 mistake in file order")


def test_outcome_of_one_model_and_notices(models: list[ModelReport], official: Facts) -> None:
    accuracy = models[1].evaluation.accuracy
    assert sentences.outcome(models[1:], None, official) == (
        f"cnn reaches {100 * accuracy.value:.2f}% accuracy on the 400 test images of Fashion-MNIST "
        f"(95% interval {100 * accuracy.low:.2f}–{100 * accuracy.high:.2f}%)."
    )
    assert sentences.notices(official) == []
    assert "not the official" in sentences.notices(replace(official, official=False))[0]
    assert "small sample" in sentences.notices(replace(official, embedded_sample=True))[0]
    assert "Failed: ann." in sentences.notices(replace(official, failures=["ann"]))[0]


def test_headline_is_the_first_sentence(comparison: Comparison) -> None:
    first, rest = sentences.headline(comparison.sentence)
    assert first.startswith("cnn is better than ann by ")
    assert first.endswith(").")
    assert rest.startswith("cnn reaches ")
    assert sentences.headline("One.") == ("One.", "")


def test_openings(models: list[ModelReport], official: Facts) -> None:
    # Neither those of another recipe nor those of other data count.
    elsewhere = " The log does not know of openings in other folders."
    assert sentences.openings(models, official) == (
        "This folder of runs has logged 2 openings of this test set for the recipes shown (1 for "
        f"ann and 1 for cnn), on 2026-01-01.{elsewhere}"
    )
    more = replace(
        official,
        openings=[
            *official.openings,
            Opening("2026-03-01T00:00:00+00:00", "cnn-s1-3f9c", "cnn", "Fashion-MNIST", "p", None),
            Opening("2026-02-01T00:00:00+00:00", "a.csv (1)", "theirs", "Fashion-MNIST", "p", None),
        ],
    )
    shown = [*models, replace(models[0], name="theirs", run=None)]
    assert sentences.openings(shown, more) == (
        "This folder of runs has logged 4 openings of this test set for the recipes shown (1 for "
        "ann, 2 for cnn and 1 for theirs), from 2026-01-01 to 2026-03-01. 1 of these was for a run "
        f"that is not in this report.{elsewhere}"
    )
    assert "no opening" in sentences.openings(models, replace(official, openings=()))


def test_numbers_read_well() -> None:
    assert percent_estimate(Estimate(0.9312, 0.926, 0.936)) == "93.1% (92.6–93.6%)"
    assert points_estimate(Estimate(-0.024, -0.03, 0.001)) == "−2.4 (−3.0 to +0.1)"
    assert count(1234567) == "1,234,567"
    assert count(None) == "–"
    assert [seconds(s) for s in (8.34, 59.97, 83.4, 7260.0)] == [
        "8.3 s",
        "1 min 0 s",
        "1 min 23 s",
        "2 h 1 min",
    ]
    assert [size(n) for n in (12, 45_600, 999_600, 2_345_678)] == [
        "12 B",
        "46 kB",
        "1.0 MB",
        "2.3 MB",
    ]
    assert duration(Timing(1.1e-3, 1.234e-3, 2e-3, 1)) == "1.23 ms (1.1–2)"
    assert duration(Timing(1e-6, 2e-6, 3e-6, 500)) == "2 µs (1–3)"
    assert duration(Timing(30.25e-6, 31.5e-6, 8.09e-3, 1)) == "31.5 µs (30.2–8,090)"
    assert [p_value(p) for p in (0.0004, 0.0314)] == ["< 0.001", "0.031"]
    assert [sureness(p) for p in (0.999, 0.984, 0.004)] == [">99%", "98%", "< 1%"]
    assert [listed(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
