"""What an evaluation holds, and its plain values for JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fittingroom.metrics import RiskCoverage
from fittingroom.numbers import Estimate, plain
from fittingroom.predictions import Int64, Predictions

# Points of the risk-coverage curve that `as_dict` gives; the curve itself has one a confidence.
_CURVE_POINTS = 101
_CURVE = ("coverage", "risk", "low", "high", "threshold")


@dataclass(frozen=True)
class ClassScores:
    """The scores of one class, all fractions.

    Attributes:
        name: the class.
        support: images of it.
        precision: of the images predicted as it, the share that are of it.
        recall: of the images of it, the share predicted as it.
        f1: harmonic mean of the two.
    """

    name: str
    support: int
    precision: Estimate
    recall: Estimate
    f1: Estimate


@dataclass(frozen=True)
class ConfusedPair:
    """One kind of mistake.

    Attributes:
        true: name of the true class.
        predicted: name of the class predicted instead.
        count: images so misclassified.
        share: ``count`` as a fraction of the true class's images.
    """

    true: str
    predicted: str
    count: int
    share: Estimate


@dataclass(frozen=True)
class CalibrationBin:
    """Images whose predicted class has a probability in one range.

    Attributes:
        low, high: the range's ends.
        count: images in it.
        confidence: the mean probability of their predicted class.
        accuracy: the share of them that are classified correctly.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: Estimate


@dataclass(frozen=True)
class Calibration:
    """How well a model's confidence matches its accuracy.

    Attributes:
        bins: 15 bins of equal width, empty ones left out.
        plug_in: the expected calibration error without debiasing, as papers give it: too high
            even for a perfect model.
    """

    bins: tuple[CalibrationBin, ...]
    plug_in: float


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Everything about one fitted model on one data set.

    Attributes:
        predictions: what it was computed from.
        scores: by the keys of :data:`~fittingroom.evaluation.SCORES`; None for one that needs
            probabilities, if there are none.
        per_class: one entry a class, in label order.
        confusion: int64 ``(K, K)``, rows true, columns predicted.
        most_confused: the most frequent kinds of mistake, most frequent first.
        worst_mistakes: int64, positions in `predictions` of the mistakes that the model was
            surest of, the surest first (in file order without probabilities), 50 at most.
        calibration: the reliability diagram; None without probabilities.
        risk_coverage: how accurate the model is if it may abstain; None without probabilities.
    """

    predictions: Predictions
    scores: Mapping[str, Estimate | None]
    per_class: tuple[ClassScores, ...]
    confusion: Int64
    most_confused: tuple[ConfusedPair, ...]
    worst_mistakes: Int64
    calibration: Calibration | None
    risk_coverage: RiskCoverage | None

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
        curve = self.risk_coverage
        parts = ("per_class", "confusion", "most_confused", "worst_mistakes", "calibration")
        return {
            "images": len(self.predictions),
            "labels_hash": self.predictions.labels_hash,
            "classes": list(self.predictions.classes),
            **plain(self.scores),
            **{name: plain(getattr(self, name)) for name in parts},
            "risk_coverage": None if curve is None else _thinned(curve),
        }


def _thinned(curve: RiskCoverage) -> dict[str, Any]:
    count = len(curve.coverage)
    chosen = np.unique(np.linspace(0, count - 1, min(count, _CURVE_POINTS)).round().astype(int))
    return {name: plain(getattr(curve, name)[chosen]) for name in _CURVE}
