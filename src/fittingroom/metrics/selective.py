"""How accurate a model is if it may abstain when it is not sure, and when it should."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fittingroom.metrics.calibration import confidences
from fittingroom.metrics.checks import Float64, checked_probabilities, checked_rows
from fittingroom.metrics.estimates import mean_estimate, wilson, wilson_interval
from fittingroom.numbers import Estimate


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """The share of mistakes among the images that a model is surest of.

    Attributes:
        coverage: float64 ``(C,)``, the share of images answered, rising to 1; one point for
            each confidence that occurs, so that equal confidences are answered together.
        risk: float64 ``(C,)``, the share of mistakes among them.
        low, high: float64 ``(C,)``, Wilson's interval of each risk (not of the whole curve).
        threshold: float64 ``(C,)``, the least confidence answered.
        area: mean of the risk over all coverages; within equal confidences, the mean over all
            orders that they could have come in.
    """

    coverage: Float64
    risk: Float64
    low: Float64
    high: Float64
    threshold: Float64
    area: Estimate

    def at(self, point: int) -> Estimate:
        """The risk at a point of the curve, with its interval."""
        return Estimate(*(float(each[point]) for each in (self.risk, self.low, self.high)))


def risk_coverage(
    labels: npt.ArrayLike, predicted: npt.ArrayLike, probabilities: npt.ArrayLike
) -> RiskCoverage:
    """The risk-coverage curve and the area under it.

    The confidence is the probability of the predicted class. The area is ``1/N Σ_n`` (mistakes
    among the ``n`` surest)``/n``; its interval is that of the mean of the influence function,
    allowing for its skewness. Without a mistake the upper end is that of the share of mistakes,
    which bounds the area of any model whose confidence is worth something.

    Source:
        Geifman and El-Yaniv (2017), arXiv:1705.08500; Zhou, Van Landeghem, Popordanoska and
        Blaschko (2024), arXiv:2410.15361 (the area as a mean of weighted mistakes).
    """
    given = checked_probabilities(probabilities)
    confidence = confidences(predicted, given)
    wrong = (checked_rows(labels, given) != np.asarray(predicted)).astype(np.float64)
    count = len(wrong)

    threshold, group, size = np.unique(-confidence, return_inverse=True, return_counts=True)
    answered = np.cumsum(size)  # (C,) images at least so sure
    mistakes = np.bincount(group, weights=wrong)  # (C,) in each group of equal confidence
    total = np.cumsum(mistakes)

    # H(n) = Σ_{i≤n} 1/i: an image of rank r adds H(N) - H(r-1) times its mistake to N · area.
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, count + 1))])
    before = answered - size
    # Mean of H(r-1) over the ranks of a group, by Σ_{r≤n} H(r-1) = n H(n) - n.
    sums = np.concatenate([[0.0], np.arange(1, count + 1) * (harmonic[1:] - 1)])
    weight = harmonic[-1] - (sums[answered] - sums[before]) / size  # (C,)
    area = float(weight @ mistakes) / count

    # Influence of an image: its own weighted mistake, and that it moves the ranks of all below.
    moved = np.cumsum((mistakes / answered)[::-1])[::-1]  # (C,) Σ over groups not surer
    influence = weight[group] * wrong - moved[group] + wrong.mean() - area
    low, high = wilson_interval(total, answered)
    if total[-1]:
        mean = mean_estimate(influence + area, minimum=0.0, maximum=1.0)
    else:
        mean = Estimate(0.0, 0.0, wilson(0, count).high)
    return RiskCoverage(
        coverage=answered / count,
        risk=total / answered,
        low=low,
        high=high,
        threshold=-threshold,
        area=mean,
    )
