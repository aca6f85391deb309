"""How accurate a model is if it may abstain when it is not sure, and when it should."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fittingroom.errors import PredictionsError
from fittingroom.metrics.calibration import confidences
from fittingroom.metrics.checks import Float64, checked_probabilities, checked_rows
from fittingroom.metrics.estimates import mean_estimate, wilson, wilson_interval
from fittingroom.numbers import Estimate

# How many sizes of a bet `mean_p_value` mixes; more change no p-value's second digit.
_BETS = 100


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


def safe_threshold(
    confidence: npt.ArrayLike,
    wrong: npt.ArrayLike,
    groups: npt.ArrayLike,
    thresholds: npt.ArrayLike,
    *,
    risk: float,
    error: float,
) -> float | None:
    """The lowest confidence worth an answer, if of new groups' answers few may be wrong.

    A group is who took the images: those of one person are alike. Every group weighs the same,
    whether it has one image or hundreds. With the shares ``a`` of a group's images that are
    answered and ``w`` that are answered wrongly, the risk is ``E[w] / E[a]`` over groups. It is at
    most `risk` if ``E[w - risk · a] ≤ 0``, which is tested for one threshold after another, by
    :func:`mean_p_value` at level `error`, up to the first test that fails. So with probability
    ``1 - error`` or more over the groups drawn, the threshold keeps the promise.

    Args:
        confidence: ``(N,)``; negative for an image that is not answered at any threshold.
        wrong: ``(N,)``, whether the answer would be.
        groups: ``(N,)``, equal for images of one group; groups are drawn independently.
        thresholds: falling, and chosen without these images. The first should be nearly sure
            to be safe, and still answer many: without answers nothing can be shown.
        risk: the share of wrong answers that is allowed.
        error: how often the promise may be broken.

    Returns:
        The last threshold that passed; None if the first one failed.

    Source:
        Angelopoulos, Bates, Candès, Jordan and Lei (2021), arXiv:2110.01052 (Learn then Test,
        with fixed sequence testing).
    """
    sure, mistaken = np.asarray(confidence, np.float64), np.asarray(wrong, bool)
    of = np.unique(groups, return_inverse=True)[1]
    images, safe = np.bincount(of), None
    for threshold in np.asarray(thresholds, np.float64).tolist():
        loss = (sure >= threshold) * (mistaken - risk)
        if mean_p_value(np.bincount(of, loss) / images + risk, risk) > error:
            break
        safe = threshold
    return safe


def mean_p_value(values: npt.ArrayLike, mean: float) -> float:
    """The p-value of "the mean is `mean` or more", for independent values from 0 to 1.

    A gambler bets the share ``b`` that values are lower: a value ``x`` multiplies what he has by
    ``1 + b (mean - x)``, so under the hypothesis he expects no gain, and by Markov's inequality
    has ``1/p`` times his stake with probability ``p`` at most. The stake is spread over many bets,
    ``0 < b < 1/(1 - mean)``. It holds for any number of values and any distribution.

    Source:
        Waudby-Smith and Ramdas (2024), JRSS B 86:1, arXiv:2010.09686 (testing by betting).
    """
    seen = np.asarray(values, np.float64)
    if not (0 < mean < 1 and seen.size and seen.min() >= -1e-9 and seen.max() <= 1 + 1e-9):
        raise PredictionsError("Give values from 0 to 1, one at least, and a mean between these.")
    bets = np.arange(1, _BETS) / _BETS / (1 - mean)
    gained = np.log1p(bets[:, None] * (mean - seen)).sum(axis=1)  # (bets,)
    return min(1.0, float(1 / np.exp(np.minimum(gained, 700)).mean()))
