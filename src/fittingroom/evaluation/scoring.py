"""From predictions to every number about them."""

import numpy as np

from fittingroom import metrics
from fittingroom.evaluation.results import (
    Calibration,
    CalibrationBin,
    ClassScores,
    ConfusedPair,
    Evaluation,
)
from fittingroom.evaluation.scores import SCORES, Basis
from fittingroom.predictions import Int64, Predictions

# How many kinds of mistake are named, and how many single mistakes.
_CONFUSED_PAIRS = 10
_WORST_MISTAKES = 50


def evaluate_predictions(predictions: Predictions, *, draws: int = 2000) -> Evaluation:
    """Every number about one fitted model, each with its 95% interval.

    Args:
        predictions: what the model predicts, and what is true.
        draws: simulations behind the interval of the calibration error; all other intervals are in
            closed form.

    Returns:
        The evaluation; what needs probabilities is None if the model gives classes alone. A
        score of 0/0 (precision of a class that is never predicted, recall of one without images)
        has the value 0 and the interval (0, 1); a class that is neither true nor predicted of
        any image is left out of the macro means.
    """
    given = Basis(predictions, draws)
    sure = predictions.log_probabilities is not None
    support = given.confusion.sum(axis=1)
    scores = [score(given.confusion) for score in (metrics.precision, metrics.recall, metrics.f1)]
    return Evaluation(
        predictions=predictions,
        scores={
            key: score.compute(given) if sure or not score.probabilities else None
            for key, score in SCORES.items()
        },
        per_class=tuple(
            ClassScores(name, int(support[k]), *(score.per_class[k] for score in scores))
            for k, name in enumerate(predictions.classes)
        ),
        confusion=given.confusion,
        most_confused=_most_confused(given.confusion, predictions.classes),
        worst_mistakes=_worst_mistakes(given),
        calibration=_calibration(given) if sure else None,
        risk_coverage=given.risk_coverage if sure else None,
    )


def _most_confused(confusion: Int64, classes: tuple[str, ...]) -> tuple[ConfusedPair, ...]:
    mistakes = confusion - np.diag(np.diag(confusion))
    order = np.argsort(-mistakes, axis=None, kind="stable")[:_CONFUSED_PAIRS]
    support = confusion.sum(axis=1)
    return tuple(
        ConfusedPair(
            classes[i], classes[j], int(mistakes[i, j]), metrics.wilson(mistakes[i, j], support[i])
        )
        for i, j in zip(*np.unravel_index(order, mistakes.shape), strict=True)
        if mistakes[i, j] > 0
    )


def _worst_mistakes(given: Basis) -> Int64:
    predictions = given.predictions
    wrong = np.flatnonzero(~predictions.correct)
    if predictions.log_probabilities is not None:
        confidence = metrics.confidences(predictions.predicted, given.probabilities)[wrong]
        wrong = wrong[np.argsort(-confidence, kind="stable")]
    return wrong[:_WORST_MISTAKES].astype(np.int64)


def _calibration(given: Basis) -> Calibration:
    curve = given.reliability
    columns = (curve.low, curve.high, curve.count, curve.confidence, curve.correct)
    return Calibration(
        bins=tuple(
            CalibrationBin(low, high, count, confidence, metrics.wilson(correct, count))
            for low, high, count, confidence, correct in zip(
                *(column.tolist() for column in columns), strict=True
            )
        ),
        plug_in=curve.plug_in_error,
    )
