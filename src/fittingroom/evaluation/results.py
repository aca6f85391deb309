"""What an evaluation holds, as plain values and as tables."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from fittingroom.errors import missing_extra
from fittingroom.metrics import BrierDecomposition, Estimate, RiskCoverage
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
        support: pictures that truly are of it.
        precision: of the pictures called so, the share that are.
        recall: of the pictures that are so, the share called so.
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
        predicted: name of the class called instead.
        count: pictures so mistaken.
        share: ``count`` as a fraction of the true class' pictures.
    """

    true: str
    predicted: str
    count: int
    share: Estimate


@dataclass(frozen=True)
class CalibrationBin:
    """Pictures whose top probability lies in one range.

    Attributes:
        low, high: the range's ends.
        count: pictures in it.
        confidence: their mean top probability (that of the class they were called, where
            somebody else's model calls another one than its likeliest).
        accuracy: the share of them that are right.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: Estimate


@dataclass(frozen=True)
class Calibration:
    """Whether probabilities mean what they say.

    Attributes:
        error: expected calibration error over the (non-empty) bins, as a fraction, debiased.
        bins: 15 bins of equal width, empty ones left out.
        plug_in: the error without debiasing, as papers give it: too high even of a perfect model.
        error_equal_mass: the debiased error over 15 bins of equally many pictures.
    """

    error: Estimate
    bins: tuple[CalibrationBin, ...]
    plug_in: float | None = None
    error_equal_mass: Estimate | None = None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Everything said of one fitted model on one data set.

    Attributes:
        predictions: what it was computed from.
        accuracy: the share of pictures named rightly, with its Wilson interval.
        per_class: one entry a class, in label order.
        macro_f1: unweighted mean of the classes' F1.
        confusion: int64 ``(K, K)``, rows true, columns predicted.
        most_confused: the most frequent kinds of mistake, most frequent first.
        log_loss: mean negative natural logarithm of the true class' probability; None
            without probabilities, as are `brier` and `calibration`.
        brier: mean squared distance of probabilities and truth, summed over classes (0 to 2).
        calibration: expected calibration error and its curve.
        worst_mistakes: int64, positions in `predictions` of the mistakes that the model was
            surest of, the surest first (in file order where there are no probabilities), 50 at
            most.
        macro_precision: unweighted mean of the classes' precision.
        macro_recall: unweighted mean of the classes' recall.
        brier_parts: what the Brier score is made of; None without probabilities.
        risk_coverage: how accurate the model is if it may abstain; None without probabilities.
    """

    predictions: Predictions
    accuracy: Estimate
    per_class: tuple[ClassScores, ...]
    macro_f1: Estimate
    confusion: Int64
    most_confused: tuple[ConfusedPair, ...]
    log_loss: Estimate | None
    brier: Estimate | None
    calibration: Calibration | None
    worst_mistakes: Int64
    macro_precision: Estimate | None = None
    macro_recall: Estimate | None = None
    brier_parts: BrierDecomposition | None = None
    risk_coverage: RiskCoverage | None = None

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain JSON types, but for the predictions.

        An estimate is ``{"value": …, "interval": [low, high]}``, with null for an end or a value
        that is infinite (the log loss of a model that ruled out what then happened); a part that
        needs probabilities is null where there are none. The risk-coverage curve is thinned to
        at most 101 points.
        """
        return {
            "pictures": len(self.predictions),
            "labels_hash": self.predictions.labels_hash,
            "classes": list(self.predictions.classes),
            "accuracy": _estimate(self.accuracy),
            "macro_precision": _estimate(self.macro_precision),
            "macro_recall": _estimate(self.macro_recall),
            "macro_f1": _estimate(self.macro_f1),
            "per_class": [
                {
                    "name": scores.name,
                    "support": scores.support,
                    "precision": _estimate(scores.precision),
                    "recall": _estimate(scores.recall),
                    "f1": _estimate(scores.f1),
                }
                for scores in self.per_class
            ],
            "confusion": self.confusion.tolist(),
            "most_confused": [
                {
                    "true": pair.true,
                    "predicted": pair.predicted,
                    "count": pair.count,
                    "share": _estimate(pair.share),
                }
                for pair in self.most_confused
            ],
            "log_loss": _estimate(self.log_loss),
            "brier": _estimate(self.brier),
            "brier_parts": None
            if self.brier_parts is None
            else {
                field.name: _estimate(getattr(self.brier_parts, field.name))
                for field in fields(self.brier_parts)
            },
            "calibration": None if self.calibration is None else _calibration(self.calibration),
            "risk_coverage": None
            if self.risk_coverage is None
            else _risk_coverage(self.risk_coverage),
            "worst_mistakes": self.worst_mistakes.tolist(),
        }

    def frame(self) -> pandas.DataFrame:
        """One row a class: ``support``, and ``precision``, ``recall``, ``f1`` with their ends.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        pandas = _pandas()
        rows = []
        for scores in self.per_class:
            row: dict[str, Any] = {"class": scores.name, "support": scores.support}
            for name in ("precision", "recall", "f1"):
                row |= zip(_ends(name), _numbers(getattr(scores, name)), strict=True)
            rows.append(row)
        return pandas.DataFrame(rows).set_index("class")

    def confusion_frame(self) -> pandas.DataFrame:
        """Counts of pictures, rows true, columns predicted; of two models, subtract one's from
        the other's to see where they differ.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        pandas = _pandas()
        names = pandas.Index(self.predictions.classes)
        return pandas.DataFrame(
            self.confusion, names.rename("true"), names.rename("predicted"), copy=True
        )

    def calibration_frame(self) -> pandas.DataFrame:
        """One row a bin of the reliability diagram; none without probabilities.

        Columns ``low``, ``high``, ``count``, ``confidence``, ``accuracy`` and its ends.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        columns = ["low", "high", "count", "confidence", *_ends("accuracy")]
        rows = [
            (each.low, each.high, each.count, each.confidence, *_numbers(each.accuracy))
            for each in ([] if self.calibration is None else self.calibration.bins)
        ]
        return _pandas().DataFrame(rows, columns=columns)

    def risk_coverage_frame(self) -> pandas.DataFrame:
        """One row a confidence that occurs, the surest first; none without probabilities.

        Columns ``threshold``, ``coverage``, ``risk`` and its ends.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        curve = self.risk_coverage
        columns = {"threshold": "threshold", "coverage": "coverage", "risk": "risk"}
        columns |= {"risk_low": "low", "risk_high": "high"}
        return _pandas().DataFrame(
            {name: [] if curve is None else getattr(curve, at) for name, at in columns.items()}
        )


def _ends(name: str) -> tuple[str, str, str]:
    return name, f"{name}_low", f"{name}_high"


def _numbers(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.low, estimate.high


def _estimate(estimate: Estimate | None) -> dict[str, Any] | None:
    if estimate is None:
        return None
    value, low, high = (
        float(x) if np.isfinite(x) else None for x in (estimate.value, estimate.low, estimate.high)
    )
    return {"value": value, "interval": [low, high]}


def _calibration(calibration: Calibration) -> dict[str, Any]:
    return {
        "error": _estimate(calibration.error),
        "plug_in": calibration.plug_in,
        "error_equal_mass": _estimate(calibration.error_equal_mass),
        "bins": [
            {
                "low": each.low,
                "high": each.high,
                "count": each.count,
                "confidence": each.confidence,
                "accuracy": _estimate(each.accuracy),
            }
            for each in calibration.bins
        ],
    }


def _risk_coverage(curve: RiskCoverage) -> dict[str, Any]:
    points = len(curve.coverage)
    chosen = np.unique(np.linspace(0, points - 1, min(points, _CURVE_POINTS)).round().astype(int))
    return {
        "area": _estimate(curve.area),
        **{
            name: getattr(curve, name)[chosen].tolist()
            for name in ("coverage", "risk", "low", "high", "threshold")
        },
    }


def _pandas() -> Any:
    try:
        import pandas
    except ModuleNotFoundError as error:
        raise missing_extra(error, "train") from error
    return pandas
