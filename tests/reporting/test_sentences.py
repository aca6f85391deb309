"""Captions say what the numbers say: golden sentences."""

from dataclasses import replace

import numpy as np
import pytest

from fittingroom.comparison import Comparison
from fittingroom.metrics import Estimate
from fittingroom.numbers import (
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
from fittingroom.reporting import Facts, ModelReport, sentences
from fittingroom.runs import Epoch, Opening, Timing


def course(*accuracies: tuple[float, float], losses: tuple[float, ...] = ()) -> tuple[Epoch, ...]:
    """A history from training and validation accuracies."""
    return tuple(
        Epoch(at + 1, at + 1.0, 0.5, train, losses[at] if losses else 0.5, validation, 0.1)
        for at, (train, validation) in enumerate(accuracies)
    )


def test_mild_over_fitting() -> None:
    history = course((0.80, 0.85), (0.93, 0.931), (0.942, 0.930))
    assert sentences.accuracy_curve(history, 2, 5000) == (
        "Best epoch 2 of 3: validation accuracy 93.1% (92.4–93.8%); training accuracy ends 1.2 "
        "points above: mild over-fitting."
    )


def test_over_fitting() -> None:
    history = course((0.80, 0.85), (0.99, 0.88))
    assert sentences.accuracy_curve(history, 2, None) == (
        "Best epoch 2 of 2: validation accuracy 88.0%; training accuracy ends 11.0 points above: "
        "over-fitting."
    )


def test_under_fitting() -> None:
    history = course((0.5, 0.55), (0.6, 0.62), (0.65, 0.66), (0.67, 0.68))
    assert sentences.accuracy_curve(history, 4, None) == (
        "Best epoch 4 of 4: validation accuracy 68.0%; it still rose by 2.0 points over the last "
        "epoch: under-fitting, more epochs would help."
    )


def test_neither() -> None:
    level = course((0.85, 0.88), (0.92, 0.921), (0.922, 0.92))
    assert sentences.accuracy_curve(level, 2, None).endswith(
        "; training accuracy ends level with it: no over-fitting seen."
    )
    below = course((0.70, 0.88), (0.90, 0.93), (0.90, 0.92))
    assert sentences.accuracy_curve(below, 2, None).endswith(
        "; training accuracy ends 2.0 points below, as it is measured while weights change, with "
        "dropout and augmentation on: no over-fitting seen."
    )


def test_why_an_epoch_is_kept() -> None:
    history = course((0.80, 0.85), (0.86, 0.88), (0.87, 0.87))
    assert sentences.accuracy_curve(history, 2, None, "best loss").startswith(
        "Kept, for the lowest validation loss, epoch 2 of 3: validation accuracy 88.0%; "
    )
    assert sentences.accuracy_curve(history, 3, None, "last").startswith(
        "The last of 3 epochs is kept: validation accuracy 87.0%; "
    )


def test_no_rise_is_seen_where_an_earlier_epoch_was_better() -> None:
    history = course((0.5, 0.55), (0.6, 0.9), (0.65, 0.66), (0.67, 0.68))
    assert "under-fitting" not in sentences.accuracy_curve(history, 4, None, "last")


def test_without_curves() -> None:
    (epoch,) = course((0.9, 0.85))
    assert sentences.single_epoch(epoch, None, in_one_go=True) == (
        "Trained in one go, so there are no curves: validation accuracy 85.0%, training accuracy "
        "90.0%."
    )
    assert sentences.single_epoch(epoch, 100, in_one_go=False).startswith(
        "Trained for one epoch, so there are no curves: validation accuracy 85.0% (76.7–90.7%), "
    )


def test_a_single_epoch_is_no_trend() -> None:
    assert sentences.accuracy_curve(course((0.8, 0.85)), 1, None) == (
        "Best epoch 1 of 1: validation accuracy 85.0%; training accuracy ends 5.0 points below, "
        "as it is measured while weights change, with dropout and augmentation on: no "
        "over-fitting seen."
    )


@pytest.mark.parametrize(
    ("losses", "best", "expected"),
    [
        ((0.4, 0.2, 0.25), 2, "lowest in epoch 2 (0.200) and ends at 0.250, 25% higher."),
        ((0.4, 0.3, 0.2), 3, "lowest in epoch 3 (0.200), the last one."),
        (
            (0.4, 0.2, 0.2004),
            3,
            "lowest in epoch 2 (0.200) and ends at 0.200, as low; the epoch kept, 3, is the one "
            "of highest validation accuracy.",
        ),
    ],
)
def test_loss(losses: tuple[float, ...], best: int, expected: str) -> None:
    history = course((0.8, 0.8), (0.9, 0.9), (0.9, 0.9), losses=losses)
    assert sentences.loss_curve(history, best) == f"Validation loss is {expected}"


def test_loss_where_the_last_epoch_is_kept() -> None:
    history = course((0.8, 0.8), (0.9, 0.9), (0.9, 0.9), losses=(0.4, 0.2, 0.25))
    assert sentences.loss_curve(history, 3, "last") == (
        "Validation loss is lowest in epoch 2 (0.200) and ends at 0.250, 25% higher; the last one "
        "is kept."
    )


def test_confusion_matrix(models: list[ModelReport]) -> None:
    evaluation = models[0].evaluation
    wrong = int((~evaluation.predictions.correct).sum())
    top = evaluation.most_confused[0]
    sentence = sentences.confusion_matrix(evaluation)
    assert sentence.startswith(
        f"{wrong} of 400 pictures are misnamed. The most frequent mistake is {top.true} called "
        f"{top.predicted} ({top.count} pictures; of that class, "
    )
    assert "Found least often: " in sentence


def test_calibration_names_the_side(models: list[ModelReport]) -> None:
    sentence = sentences.calibration([("cnn", models[1].evaluation)], ["svm"])
    assert sentence.startswith("cnn: expected calibration error ")
    # Right on 95%, while top probabilities are 77% on average.
    assert "under-confident by 1" in sentence
    assert sentence.endswith("svm: no probabilities, so no curve.")


def test_class_gains_and_flipped(comparison: Comparison) -> None:
    pair = comparison.pairs[0]
    gained = sum(gain.difference.low > 0 for gain in pair.gains)
    assert f"Of 10 classes, {gained} gain and 0 lose" in sentences.class_gains(pair)
    assert sentences.flipped(pair, (len(pair.a_only), len(pair.b_only))) == (
        f"Only cnn is right on {len(pair.b_only)} pictures, only ann on {len(pair.a_only)} "
        "pictures."
    )
    assert sentences.flipped(pair, (3, 4)).endswith(" Shown: 4 and 3 of them, drawn at random.")
    recipes = replace(pair, level="recipes")
    assert sentences.flipped(recipes, (3, 4)).startswith("With the first seed of each: Only cnn is")


def test_what_is_of_first_seeds_says_so(comparison: Comparison) -> None:
    assert sentences.first_seeds(None) == sentences.first_seeds(comparison) == ""
    several = replace(comparison.models[0], per_seed=(0.9, 0.91))
    said = sentences.first_seeds(replace(comparison, models=(several, comparison.models[1])))
    assert said == "Numbers and figures of this part are of each recipe's first seed."


def test_confusion_difference(comparison: Comparison) -> None:
    pair = comparison.pairs[0]
    change = np.array([[5, -5, 0], [1, -1, 0], [0, 0, 0]])
    assert sentences.confusion_difference(pair, change, ("x", "y", "z")) == (
        "cnn takes 5 fewer of x for y, the largest change; overall it makes 4 fewer mistakes than "
        "ann. A cell has the colour of the model that it favours."
    )
    assert sentences.confusion_difference(pair, 0 * change, ("x", "y", "z")) == (
        "ann and cnn make each kind of mistake equally often."
    )
    recipes = replace(pair, level="recipes")
    assert sentences.confusion_difference(recipes, change, ("x", "y", "z")).startswith(
        "With the first seed of each: cnn takes 5 fewer of x for y"
    )


def test_samples_and_worst_mistakes() -> None:
    picture = np.zeros((28, 28), np.uint8)
    right = Tile(picture, "Bag", "Bag", True, "98%")
    wrong = Tile(picture, "Bag", "Coat", False, "51%")
    assert (right.words, wrong.words, Tile(picture, "Bag").words) == ("✓ 98%", "✗ Coat 51%", "")
    assert sentences.sample_predictions([right, wrong], [wrong], 7) == (
        "2 test pictures drawn at random, the same for every model: 1 of 2 named rightly (✓). "
        "Below, 1 of the 7 mistakes (✗), also drawn at random, each with the name it was given."
    )
    # Never rounded up to a sureness that a picture does not have.
    assert "at least 99.9% each" in sentences.worst_mistakes([wrong], 0.99999)
    assert sentences.worst_mistakes([wrong], None).startswith("The first 1 mistakes in file order")


def test_outcome_of_one_model_and_notices(models: list[ModelReport], official: Facts) -> None:
    accuracy = models[1].evaluation.accuracy
    assert sentences.outcome(models[1:], None, official) == (
        f"cnn names {100 * accuracy.value:.2f}% of 400 test pictures of Fashion-MNIST rightly "
        f"(95% interval {100 * accuracy.low:.2f}–{100 * accuracy.high:.2f}%)."
    )
    assert sentences.notices(official) == []
    assert "not the official" in sentences.notices(replace(official, official=False))[0]
    assert "small sample" in sentences.notices(replace(official, embedded_sample=True))[0]


def test_headline_is_the_first_sentence() -> None:
    assert sentences.headline("A beats B: 93.12% (95% interval 1.2 to 3.4). This holds.") == (
        "A beats B: 93.12% (95% interval 1.2 to 3.4).",
        "This holds.",
    )
    assert sentences.headline("One.") == ("One.", "")


def test_openings(models: list[ModelReport], official: Facts) -> None:
    # Neither those of another recipe nor those of other data count.
    assert sentences.openings(models, official) == (
        "In this folder of runs, this test half was opened 2 times for what is shown here (1 for "
        "ann and 1 for cnn), on 2026-01-01. Of openings elsewhere the log cannot know."
    )
    more = replace(
        official,
        openings=[
            *official.openings,
            Opening("2026-03-01T00:00:00+00:00", "cnn-s1-3f9c", "cnn", "Fashion-MNIST", "p", None),
            Opening("2026-02-01T00:00:00+00:00", "a.csv (1)", "theirs", "Fashion-MNIST", "p", None),
        ],
    )
    shown = [*models, replace(models[0], name="theirs", recipe="", run="")]
    assert sentences.openings(shown, more) == (
        "In this folder of runs, this test half was opened 4 times for what is shown here (1 for "
        "ann, 2 for cnn and 1 for theirs), from 2026-01-01 to 2026-03-01. Of these, 1 was for runs "
        "on which no number here rests. Of openings elsewhere the log cannot know."
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
