"""From predictions to every number about them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fittingroom import metrics
from fittingroom.evaluation.scores import SCORES, Basis
from fittingroom.numbers import Estimate, plain
from fittingroom.predictions import Int64, Predictions

if TYPE_CHECKING:
    import pandas

# How many kinds of mistake are named, and how many single mistakes.
_CONFUSED_PAIRS = 30
_WORST_MISTAKES = 50
# Points of the risk-coverage curve that `as_dict` gives; the curve itself has one a confidence.
_CURVE_POINTS = 101
_BIN = ("low", "high", "count", "confidence", "accuracy")
_CURVE = ("coverage", "risk", "low", "high", "threshold")


@dataclass(frozen=True)
class ClassScores:
    """The scores of one class, all fractions; ``support`` is how many images are of it."""

    name: str
    support: int
    precision: Estimate
    recall: Estimate
    f1: Estimate


@dataclass(frozen=True)
class ConfusedPair:
    """One kind of mistake, how many images have it, and their share of the true class's images."""

    true: str
    predicted: str
    count: int
    share: Estimate


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Everything about one fitted model on one data set.

    Attributes:
        predictions: what it was computed from.
        scores: by the keys of :data:`~fittingroom.evaluation.SCORES`; None for one that needs
            probabilities, if there are none.
        per_class: one entry a class, in label order.
        confusion: int64 ``(K, K)``, rows true, columns predicted.
        most_confused: the most frequent kinds of mistake, most frequent first, 30 at most.
        worst_mistakes: int64, positions in `predictions` of the mistakes that the model was
            surest of, the surest first (in file order without probabilities), 50 at most.
        calibration: the reliability diagram, 15 bins of equal width; None without probabilities.
        risk_coverage: how accurate the model is if it may abstain; None without probabilities.
    """

    predictions: Predictions
    scores: Mapping[str, Estimate | None]
    per_class: tuple[ClassScores, ...]
    confusion: Int64
    most_confused: tuple[ConfusedPair, ...]
    worst_mistakes: Int64
    calibration: metrics.Reliability | None
    risk_coverage: metrics.RiskCoverage | None

    @property
    def accuracy(self) -> Estimate:
        """The share of images classified correctly, with its Wilson interval."""
        accuracy = self.scores["accuracy"]
        assert accuracy is not None
        return accuracy

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain JSON types, but for the predictions.

        The scores stand under their own keys. A number with its interval is
        :meth:`Estimate.as_dict`; what needs probabilities is null if there are none. The
        risk-coverage curve is thinned to at most 101 points.
        """
        bins, curve = self.calibration, self.risk_coverage
        parts = ("per_class", "confusion", "most_confused", "worst_mistakes")
        return {
            "images": len(self.predictions),
            "labels_hash": self.predictions.labels_hash,
            "classes": list(self.predictions.classes),
            **plain(self.scores),
            **{name: plain(getattr(self, name)) for name in parts},
            "calibration": None if bins is None else _binned(bins),
            "risk_coverage": None if curve is None else _thinned(curve),
        }

    def frame(self) -> "pandas.DataFrame":
        """One row a class, with the columns ``recall_value``, ``recall_low`` and so on."""
        import pandas  # half a second, for those who want a table

        return pandas.json_normalize(self.as_dict()["per_class"], sep="_").set_index("name")


def _binned(curve: metrics.Reliability) -> dict[str, Any]:
    columns = (curve.low, curve.high, curve.count, curve.confidence, curve.accuracies)
    bins = [dict(zip(_BIN, row, strict=True)) for row in zip(*columns, strict=True)]
    return {"bins": plain(bins), "plug_in": curve.plug_in_error}


def _thinned(curve: metrics.RiskCoverage) -> dict[str, Any]:
    count = len(curve.coverage)
    chosen = np.unique(np.linspace(0, count - 1, min(count, _CURVE_POINTS)).round().astype(int))
    return {name: plain(getattr(curve, name)[chosen]) for name in _CURVE}


def evaluate_predictions(predictions: Predictions, *, draws: int = 2000) -> Evaluation:
    """Every number about one fitted model, each with its 95% interval.

    Args:
        predictions: what the model predicts, and what is true.
        draws: simulations behind the interval of the calibration error; all other intervals are in
            closed form.

    Returns:
        The evaluation; what needs probabilities is None if the model gives classes alone. For
        classes without images see :class:`fittingroom.metrics.Score`.
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
        calibration=given.reliability if sure else None,
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
