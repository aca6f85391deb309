"""From predictions to every number about them."""

from typing import Any

import numpy as np
import numpy.typing as npt

from fittingroom import metrics
from fittingroom.evaluation.results import (
    Calibration,
    CalibrationBin,
    ClassScores,
    ConfusedPair,
    Evaluation,
)
from fittingroom.predictions import Int64, Predictions

# How many kinds of mistake are named, and how many single mistakes.
_CONFUSED_PAIRS = 10
_WORST_MISTAKES = 50


def evaluate_predictions(
    predictions: Predictions, *, draws: int = 2000, seed: int = 0
) -> Evaluation:
    """Every number about one fitted model, each with its 95% interval.

    Args:
        predictions: what the model says, and what is true.
        draws: simulations behind the interval of the calibration error, at least 100; all other
            intervals are in closed form.
        seed: of these simulations; equal input and seed give an equal result.

    Returns:
        The evaluation; what needs probabilities is None where the model gives classes alone. A
        score of 0/0 (precision of a class that is never called, recall of one without pictures)
        has the value 0 and the interval (0, 1); a class that is neither true nor predicted of
        any picture is left out of the macro means.

    Raises:
        UsageError: too few draws.
    """
    labels, predicted = predictions.labels, predictions.predicted
    confusion = metrics.confusion_matrix(labels, predicted, predictions.classes)
    precision, recall, f1 = (
        score(confusion) for score in (metrics.precision, metrics.recall, metrics.f1)
    )
    support = confusion.sum(axis=1)
    logs, probabilities = predictions.log_probabilities, predictions.probabilities
    of_probabilities: dict[str, Any] = {"log_loss": None, "brier": None, "calibration": None}
    if logs is not None and probabilities is not None:
        of_probabilities = {
            "log_loss": metrics.log_loss(labels, logs),
            "brier": metrics.brier_score(labels, probabilities),
            "brier_parts": metrics.brier_decomposition(labels, probabilities),
            "calibration": _evaluate_calibration(predictions, probabilities, draws, seed),
            "risk_coverage": metrics.risk_coverage(labels, predicted, probabilities),
        }
    return Evaluation(
        predictions=predictions,
        accuracy=metrics.wilson(int(np.trace(confusion)), len(predictions)),
        per_class=tuple(
            ClassScores(name, int(support[k]), *(s.per_class[k] for s in (precision, recall, f1)))
            for k, name in enumerate(predictions.classes)
        ),
        macro_f1=f1.macro,
        confusion=confusion,
        most_confused=_most_confused(confusion, predictions.classes),
        worst_mistakes=_worst_mistakes(predictions, probabilities),
        macro_precision=precision.macro,
        macro_recall=recall.macro,
        **of_probabilities,
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


def _worst_mistakes(
    predictions: Predictions, probabilities: npt.NDArray[np.float64] | None
) -> Int64:
    wrong = np.flatnonzero(~predictions.correct)
    if probabilities is not None:
        confidence = metrics.confidences(predictions.predicted, probabilities)[wrong]
        wrong = wrong[np.argsort(-confidence, kind="stable")]
    return wrong[:_WORST_MISTAKES].astype(np.int64)


def _evaluate_calibration(
    predictions: Predictions,
    probabilities: npt.NDArray[np.float64],
    draws: int,
    seed: int,
) -> Calibration:
    said = (predictions.labels, predictions.predicted, probabilities)
    equal_width = metrics.reliability(*said)
    equal_mass = metrics.reliability(*said, binning="equal mass")
    error = metrics.calibration_error(equal_width, draws=draws, seed=seed)
    bins = zip(
        equal_width.low.tolist(),
        equal_width.high.tolist(),
        equal_width.count.tolist(),
        equal_width.confidence.tolist(),
        equal_width.correct.tolist(),
        strict=True,
    )
    return Calibration(
        error=error.debiased,
        bins=tuple(
            CalibrationBin(low, high, count, confidence, metrics.wilson(correct, count))
            for low, high, count, confidence, correct in bins
        ),
        plug_in=error.plug_in,
        error_equal_mass=metrics.calibration_error(equal_mass, draws=draws, seed=seed).debiased,
    )
