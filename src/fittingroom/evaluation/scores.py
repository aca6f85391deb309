"""Every score of a model, in one table: the evaluation's JSON and the report walk over it.

To add a score, write its function in :mod:`fittingroom.metrics` and add a line to :data:`SCORES`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from fittingroom import metrics
from fittingroom.numbers import Estimate, decimal_estimate, percent_estimate
from fittingroom.predictions import Int64, Predictions


@dataclass(frozen=True, eq=False)
class Basis:
    """What scores are computed from; what several of them need is computed once.

    Everything but the confusion matrix needs probabilities.
    """

    predictions: Predictions
    draws: int  # simulations behind the interval of a calibration error

    @cached_property
    def confusion(self) -> Int64:
        """Int64 ``(K, K)``, rows true, columns predicted."""
        said = self.predictions
        return metrics.confusion_matrix(said.labels, said.predicted, said.classes)

    @cached_property
    def probabilities(self) -> npt.NDArray[np.float64]:
        """Float64 ``(N, K)``."""
        return np.exp(np.asarray(self.predictions.log_probabilities, np.float64))

    @cached_property
    def reliability(self) -> metrics.Reliability:
        """The reliability diagram with 15 bins of equal width."""
        return self._reliability("equal width")

    @cached_property
    def risk_coverage(self) -> metrics.RiskCoverage:
        """The risk-coverage curve."""
        said = self.predictions
        return metrics.risk_coverage(said.labels, said.predicted, self.probabilities)

    def equal_mass_error(self) -> Estimate:
        """The calibration error over 15 bins of equally many images."""
        return metrics.calibration_error(self._reliability("equal mass"), draws=self.draws)

    def _reliability(self, binning: metrics.Binning) -> metrics.Reliability:
        said = self.predictions
        return metrics.reliability(said.labels, said.predicted, self.probabilities, binning=binning)


@dataclass(frozen=True)
class ScoreInfo:
    """One score, and how it is shown.

    Attributes:
        label: the head of its row in the report's tables.
        compute: the number with its interval.
        show: how it reads.
        explanation: what it is, in a sentence.
        probabilities: whether it needs them; None is its value for a model that gives none.
        headline: whether it is in the report's first table; the others are in a later one.
    """

    label: str
    compute: Callable[[Basis], Estimate]
    show: Callable[[Estimate], str]
    explanation: str
    probabilities: bool = False
    headline: bool = False


SCORES: dict[str, ScoreInfo] = {
    "accuracy": ScoreInfo(
        "Accuracy",
        lambda given: metrics.accuracy(given.predictions.labels, given.predictions.predicted),
        lambda estimate: percent_estimate(estimate, 2),
        "The share of images classified correctly.",
        headline=True,
    ),
    "macro_precision": ScoreInfo(
        "Macro precision",
        lambda given: metrics.precision(given.confusion).macro,
        percent_estimate,
        "Of the images predicted as a class, the share that are of it; mean of the classes.",
    ),
    "macro_recall": ScoreInfo(
        "Macro recall",
        lambda given: metrics.recall(given.confusion).macro,
        percent_estimate,
        "Of the images of a class, the share predicted as it; mean of the classes.",
    ),
    "macro_f1": ScoreInfo(
        "Macro F1",
        lambda given: metrics.f1(given.confusion).macro,
        percent_estimate,
        "The harmonic mean of precision and recall; mean of the classes.",
        headline=True,
    ),
    "top_2_accuracy": ScoreInfo(
        "Top-2 accuracy",
        lambda given: metrics.top_accuracy(
            given.predictions.labels, np.asarray(given.predictions.log_probabilities)
        ),
        percent_estimate,
        "The share of images whose class is one of the two most likely ones.",
        probabilities=True,
    ),
    "log_loss": ScoreInfo(
        "Log loss",
        lambda given: metrics.log_loss(
            given.predictions.labels, np.asarray(given.predictions.log_probabilities)
        ),
        decimal_estimate,
        "Mean negative logarithm of the true class's probability; 0 is best.",
        probabilities=True,
        headline=True,
    ),
    "brier": ScoreInfo(
        "Brier score",
        lambda given: metrics.brier_score(given.predictions.labels, given.probabilities),
        decimal_estimate,
        "Mean squared distance between probabilities and truth, from 0 (best) to 2.",
        probabilities=True,
    ),
    "calibration_error": ScoreInfo(
        "Calibration error",
        lambda given: metrics.calibration_error(given.reliability, draws=given.draws),
        percent_estimate,
        "Mean distance between confidence and accuracy in 15 bins of equal width, debiased.",
        probabilities=True,
        headline=True,
    ),
    "calibration_error_equal_mass": ScoreInfo(
        "– in bins of equal mass",
        Basis.equal_mass_error,
        percent_estimate,
        "The same in 15 bins of equally many images.",
        probabilities=True,
    ),
    "risk_coverage_area": ScoreInfo(
        "Area under risk–coverage",
        lambda given: given.risk_coverage.area,
        percent_estimate,
        "Mean error rate over all shares of images answered, the surest first; 0 is best.",
        probabilities=True,
    ),
}
