"""One fitted model on one data set: the whole evaluation, and what scripts and tables get."""

import json

import numpy as np
import pytest
from scipy import special

from fittingroom import metrics
from fittingroom.evaluation import SCORES, evaluate_predictions
from fittingroom.predictions import Predictions

CLASSES = ("shirt", "coat", "bag", "boot")


def predictions_of(labels, predicted, logs=None, classes=CLASSES):
    return Predictions(
        labels=np.asarray(labels, dtype=np.uint8),
        predicted=np.asarray(predicted, dtype=np.uint8),
        log_probabilities=None if logs is None else np.asarray(logs, dtype=np.float32),
        indices=np.arange(len(labels)),
        classes=classes,
    )


def some_predictions(seed=0, count=300):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 4, count)
    logits = generator.normal(size=(count, 4))
    logits[np.arange(count), labels] += 2
    logs = special.log_softmax(1.7 * logits, axis=1)
    return predictions_of(labels, logs.argmax(axis=1), logs)


def score(evaluation, key):
    found = evaluation.scores[key]
    assert found is not None
    return found


def test_a_small_evaluation_by_hand():
    labels = [0, 0, 0, 1, 1, 2, 2, 3]
    predicted = [0, 1, 1, 1, 0, 2, 2, 2]
    found = evaluate_predictions(predictions_of(labels, predicted))
    assert found.accuracy == metrics.wilson(4, 8)
    np.testing.assert_array_equal(
        found.confusion, [[1, 2, 0, 0], [1, 1, 0, 0], [0, 0, 2, 0], [0, 0, 1, 0]]
    )
    shirt = found.per_class[0]
    assert (shirt.name, shirt.support) == ("shirt", 3)
    assert shirt.precision == metrics.wilson(1, 2)
    assert shirt.recall == metrics.wilson(1, 3)
    assert shirt.f1.value == pytest.approx(2 / 5)
    assert score(found, "macro_f1").value == pytest.approx((2 / 5 + 2 / 5 + 4 / 5 + 0) / 4)
    assert score(found, "macro_recall").value == pytest.approx((1 / 3 + 1 / 2 + 1 + 0) / 4)
    assert [(p.true, p.predicted, p.count) for p in found.most_confused] == [
        ("shirt", "coat", 2),
        ("coat", "shirt", 1),
        ("boot", "bag", 1),
    ]
    assert found.most_confused[0].share == metrics.wilson(2, 3)
    np.testing.assert_array_equal(found.worst_mistakes, [1, 2, 4, 7])


def test_without_probabilities_what_needs_them_is_left_out():
    found = evaluate_predictions(predictions_of([0, 1], [0, 0]))
    assert found.calibration is None
    assert found.risk_coverage is None
    for key, info in SCORES.items():
        assert (found.scores[key] is None) == info.probabilities
        assert found.as_dict()[key] == (None if info.probabilities else score(found, key).as_dict())


def test_the_parts_are_those_of_metrics():
    predictions = some_predictions()
    found = evaluate_predictions(predictions)
    labels, probabilities = predictions.labels, predictions.probabilities
    assert found.scores["log_loss"] == metrics.log_loss(labels, predictions.log_probabilities)
    assert found.scores["brier"] == metrics.brier_score(labels, probabilities)
    curve = metrics.reliability(labels, predictions.predicted, probabilities)
    error = metrics.calibration_error(curve)
    assert found.scores["calibration_error"] == error
    assert found.calibration is not None
    assert found.calibration.count.sum() == 300
    stored = found.as_dict()["calibration"]
    assert stored["plug_in"] == curve.plug_in_error
    assert len(stored["bins"]) == len(curve.count) <= 15
    first = metrics.wilson(int(curve.correct[0]), int(curve.count[0]))
    assert stored["bins"][0] == {
        "low": curve.low[0],
        "high": curve.high[0],
        "count": curve.count[0],
        "confidence": curve.confidence[0],
        "accuracy": first.as_dict(),
    }
    assert found.risk_coverage is not None
    assert found.risk_coverage.risk[-1] == pytest.approx(1 - found.accuracy.value)


def test_the_worst_mistakes_are_those_that_the_model_was_surest_of():
    predictions = some_predictions(count=1000)
    worst = evaluate_predictions(predictions).worst_mistakes
    assert len(worst) == 50
    assert not predictions.correct[worst].any()
    surest = predictions.probabilities.max(axis=1)
    assert (np.diff(surest[worst]) <= 0).all()
    others = np.setdiff1d(np.flatnonzero(~predictions.correct), worst)
    assert surest[others].max() <= surest[worst].min()


def test_scripts_get_plain_json_also_of_extremes():
    certain = [[0.0, -np.inf, -np.inf, -np.inf]] * 2
    for predictions in (
        some_predictions(),
        predictions_of([0], [0]),
        predictions_of([0, 0], [0, 0], certain),
        predictions_of([0, 1], [0, 0], certain),
        predictions_of([0], [0], certain[:1]),
    ):
        result = evaluate_predictions(predictions).as_dict()
        assert json.loads(json.dumps(result, allow_nan=False)) == result
    ruled_out = evaluate_predictions(predictions_of([0, 1], [0, 0], certain)).as_dict()
    assert ruled_out["log_loss"] == {"value": None, "low": None, "high": None}


def test_the_curve_in_json_is_thinned_and_keeps_its_ends():
    found = evaluate_predictions(some_predictions(count=1000))
    assert found.risk_coverage is not None
    curve = found.as_dict()["risk_coverage"]
    assert len(curve["coverage"]) == len(curve["risk"]) == 101
    assert curve["coverage"][0] == found.risk_coverage.coverage[0]
    assert (curve["coverage"][-1], curve["risk"][-1]) == (1, found.risk_coverage.risk[-1])


def test_the_frame_has_a_row_for_each_class():
    found = evaluate_predictions(some_predictions())
    frame = found.frame()
    assert list(frame.index) == list(CLASSES)
    assert frame["support"].sum() == 300
    assert frame.loc["coat", "recall_low"] == found.per_class[1].recall.low
