"""What an evaluation holds, as plain values and as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fittingroom.metrics import RiskCoverage
from fittingroom.numbers import Estimate, plain
from fittingroom.predictions import Int64, Predictions

if TYPE_CHECKING:
    import pandas

# Points of the risk-coverage curve that `as_dict` gives; the curve itself has one a confidence.
_CURVE_POINTS = 101


@dataclass(frozen=True)
class ClassScores:
    """How one class fares; all scores are fractions.

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
    """Images whose top probability lies in one range.

    Attributes:
        low, high: the range's ends.
        count: images in it.
        confidence: their mean top probability (that of the predicted class, if somebody else's
            model predicts another one than its likeliest).
        accuracy: the share of them that are right.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: Estimate


@dataclass(frozen=True)
class Calibration:
    """Whether a model is as often right as it is sure.

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
        return {
            "images": len(self.predictions),
            "labels_hash": self.predictions.labels_hash,
            "classes": list(self.predictions.classes),
            **plain(self.scores),
            "per_class": plain(self.per_class),
            "confusion": plain(self.confusion),
            "most_confused": plain(self.most_confused),
            "calibration": plain(self.calibration),
            "risk_coverage": None if curve is None else _thinned(curve),
            "worst_mistakes": plain(self.worst_mistakes),
        }

    def frame(self) -> pandas.DataFrame:
        """One row a class: ``support``, and ``precision``, ``recall``, ``f1`` with their ends."""
        rows = [
            {"class": each.name, "support": each.support}
            | _ends("precision", each.precision)
            | _ends("recall", each.recall)
            | _ends("f1", each.f1)
            for each in self.per_class
        ]
        return _frame(rows).set_index("class")

    def confusion_frame(self) -> pandas.DataFrame:
        """Counts of images, rows true, columns predicted; of two models, subtract one's from
        the other's to see where they differ."""
        import pandas

        names = pandas.Index(self.predictions.classes)
        return pandas.DataFrame(
            self.confusion, names.rename("true"), names.rename("predicted"), copy=True
        )

    def calibration_frame(self) -> pandas.DataFrame:
        """One row a bin of the reliability diagram; none without probabilities.

        Columns ``low``, ``high``, ``count``, ``confidence``, ``accuracy`` and its ends.
        """
        names = ("low", "high", "count", "confidence")
        rows = [
            {name: getattr(each, name) for name in names} | _ends("accuracy", each.accuracy)
            for each in ([] if self.calibration is None else self.calibration.bins)
        ]
        return _frame(rows, [*names, "accuracy", "accuracy_low", "accuracy_high"])

    def risk_coverage_frame(self) -> pandas.DataFrame:
        """One row a confidence that occurs, the surest first; none without probabilities.

        Columns ``threshold``, ``coverage``, ``risk`` and its ends.
        """
        curve = self.risk_coverage
        columns = {"threshold": "threshold", "coverage": "coverage", "risk": "risk"}
        columns |= {"risk_low": "low", "risk_high": "high"}
        return _frame(
            {name: [] if curve is None else getattr(curve, at) for name, at in columns.items()}
        )


def _ends(name: str, estimate: Estimate) -> dict[str, float]:
    return {
        name: estimate.value,
        f"{name}_low": estimate.low,
        f"{name}_high": estimate.high,
    }


def _frame(rows: Any, columns: list[str] | None = None) -> pandas.DataFrame:
    import pandas  # half a second, for those who want a table

    return pandas.DataFrame(rows, columns=columns)


def _thinned(curve: RiskCoverage) -> dict[str, Any]:
    count = len(curve.coverage)
    chosen = np.unique(np.linspace(0, count - 1, min(count, _CURVE_POINTS)).round().astype(int))
    names = ("coverage", "risk", "low", "high", "threshold")
    return {name: plain(getattr(curve, name)[chosen]) for name in names}
