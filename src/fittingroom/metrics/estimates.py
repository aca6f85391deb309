"""The two intervals that everything else is built from: of a share, and of a mean."""

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from fittingroom.errors import PredictionsError
from fittingroom.numbers import Estimate

Float64 = npt.NDArray[np.float64]


def normal_quantile(confidence: float = 0.95) -> float:
    """The standard normal quantile of a two-sided interval: 1.96 for 0.95."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def wilson(successes: float, trials: float) -> Estimate:
    """A share and its 95% score interval.

    ``(p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n)`` with ``p = successes / trials``.

    Args:
        successes: how many, from 0 to ``trials``.
        trials: of how many. With none, nothing is known of the share: its value is given as 0
            (as scikit-learn's ``zero_division=0`` does) and its interval as (0, 1).

    Returns:
        Fractions, ``0 ≤ low ≤ value ≤ high ≤ 1``.

    Raises:
        PredictionsError: counts outside that range.

    Source:
        Wilson (1927), JASA 22:209; recommended by Brown, Cai and DasGupta (2001), Statistical
        Science 16:101.
    """
    if not 0 <= successes <= trials:
        raise PredictionsError(
            f"{successes} successes in {trials} trials are impossible. Give from 0 to {trials}."
        )
    low, high = wilson_interval(successes, trials)
    return Estimate(successes / trials if trials else 0.0, float(low), float(high))


def wilson_interval(successes: npt.ArrayLike, trials: npt.ArrayLike) -> tuple[Float64, Float64]:
    """The ends of :func:`wilson` for many counts at once: float64, of the counts' shape."""
    x, n = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    return score_interval(x / np.where(n > 0, n, 1), n, normal_quantile())


def score_interval(
    share: npt.ArrayLike, trials: npt.ArrayLike, quantile: float
) -> tuple[Float64, Float64]:
    """Wilson's interval of a share for any quantile and any (also fractional) number of trials."""
    p, n = np.asarray(share, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    z, safe = quantile, np.where(n > 0, n, 1)
    centre = p + z**2 / (2 * safe)
    half = z * np.sqrt(p * (1 - p) / safe + z**2 / (4 * safe**2))
    scale = 1 + z**2 / safe
    # The ends at no and at all successes are 0 and 1 exactly; rounding would miss them.
    low = np.where((n > 0) & (p > 0), np.clip((centre - half) / scale, 0, p), 0.0)
    high = np.where((n > 0) & (p < 1), np.clip((centre + half) / scale, p, 1), 1.0)
    return low, high


def difference_of_shares(
    successes: int, trials: int, other_successes: int, other_trials: int
) -> Estimate:
    """A share minus another one that is independent of it, with Newcombe's hybrid score interval.

    For two sets of images, such as the test set and validation. Two models on the same images
    are not independent: use :func:`fittingroom.comparison.paired_difference` for them.

    Raises:
        PredictionsError: counts outside their range.

    Source:
        Newcombe (1998), Statistics in Medicine 17:873, method 10.
    """
    first, second = wilson(successes, trials), wilson(other_successes, other_trials)
    gap = first.value - second.value
    low = gap - math.hypot(first.value - first.low, second.high - second.value)
    high = gap + math.hypot(first.high - first.value, second.value - second.low)
    return Estimate(gap, max(low, -1.0), min(high, 1.0))


def mean_estimate(
    values: Float64, *, minimum: float = -math.inf, maximum: float = math.inf
) -> Estimate:
    """The mean of one number an image, with a 95% interval over images that allows for skewness.

    Student's statistic is put through a cubic that takes its skewness away, so the interval
    reaches further to the side of the long tail: losses have one, since most images lose next
    to nothing and a few lose much. Without skewness it is Student's interval.

    Args:
        values: float64 ``(N,)``. If one is infinite, so is the mean, with certainty: the
            interval then is the same infinity at both ends.
        minimum, maximum: the range of the quantity; the interval is cut to it, and is all of it
            for a single image.

    Source:
        Hall (1992), JRSS B 54:221, the transformation ``g`` of its section 2.
    """
    mean = float(values.mean())
    if not math.isfinite(mean):
        return Estimate(mean, mean, mean)
    from scipy import special  # the intervals of shares do without it

    count = len(values)
    # A mean of equal values can leave the range by a rounding.
    mean = min(max(mean, minimum), maximum)
    if count == 1:
        return Estimate(mean, minimum, maximum)
    deviation = float(values.std())
    if deviation == 0:
        return Estimate(mean, mean, mean)
    skewness = float((((values - mean) / deviation) ** 3).mean())
    quantile = float(special.stdtrit(count - 1, 0.975))
    spread = deviation * math.sqrt(count / (count - 1))

    def end(student: float) -> float:
        shifted = student / math.sqrt(count) - skewness / (6 * count)
        if abs(skewness) < 1e-6:  # the limit without skewness, where the formula is 0/0
            return mean - spread * shifted
        return mean - spread * 3 / skewness * float(np.cbrt(1 + skewness * shifted) - 1)

    low, high = end(quantile), end(-quantile)
    return Estimate(mean, max(min(low, mean), minimum), min(max(high, mean), maximum))
