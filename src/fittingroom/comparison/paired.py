"""Two fitted models on the same images: McNemar's test and the paired difference of accuracy."""

import math

import numpy as np
import numpy.typing as npt
from scipy import stats

from fittingroom.comparison.results import McNemar
from fittingroom.metrics.estimates import normal_quantile
from fittingroom.numbers import Estimate

Float64 = npt.NDArray[np.float64]

# Halvings of the search for an interval's end: beyond the digits of a float64.
_HALVINGS = 60


def mcnemar(a_only: int, b_only: int) -> McNemar:
    """McNemar's test, exact and mid-p, of whether two models are equally accurate.

    Given ``n = a_only + b_only`` images on which only one is right, ``a_only`` is binomial with
    a half. Exact: ``min(1, 2 P(X ≤ min))``; mid-p: ``2 P(X ≤ min) - P(X = min)``. Both are 1 if
    the models never disagree.

    Source:
        McNemar (1947), Psychometrika 12:153; Fagerland, Lydersen and Laake (2013), BMC Medical
        Research Methodology 13:91 (mid-p: nearly as safe as exact, and less blunt).
    """
    discordant, fewer = a_only + b_only, min(a_only, b_only)
    if discordant == 0:
        return McNemar(a_only, b_only, 1.0, 1.0)
    twice = 2 * float(stats.binom.cdf(fewer, discordant, 0.5))
    middle = twice - float(stats.binom.pmf(fewer, discordant, 0.5))
    return McNemar(a_only, b_only, min(1.0, twice), min(1.0, middle))


def paired_difference(a_only: int, b_only: int, images: int, confidence: float = 0.95) -> Estimate:
    """Accuracy of `b` minus accuracy of `a`, a fraction, with Tango's score interval.

    The interval holds the differences that a score test, with the chance of disagreement
    estimated under each, does not reject. It has a width even if the models never disagree; without
    images it is (-1, 1). Where Tango's excludes zero and McNemar's mid-p test, which is exact to a
    half of one table, does not (four images against none), it is extended to zero: it excludes zero
    exactly where that test rejects.

    Args:
        a_only, b_only: images that only `a`, or only `b`, gets right.
        images: all of them.
        confidence: the interval's nominal coverage.

    Source:
        Tango (1998), Statistics in Medicine 17:891, equations 8 to 10.
    """
    if images == 0:
        return Estimate(0.0, -1.0, 1.0)
    low, high = (float(end) for end in tango_interval(a_only, b_only, images, confidence))
    if mcnemar(a_only, b_only).p_mid > 1 - confidence:
        low, high = min(low, 0.0), max(high, 0.0)
    return Estimate((b_only - a_only) / images, low, high)


def paired_p_equivalent(a_only: int, b_only: int, images: int, margin: float) -> float:
    """Twice the larger p-value of two one-sided score tests that the gap is as large as the margin.

    It is 5% or less where Tango's 95% interval lies within the margin.
    """
    a, b, total, edge = (np.asarray(x, dtype=np.float64) for x in (a_only, b_only, images, margin))
    scores = float(_score(a, b, total, -edge)), -float(_score(a, b, total, edge))
    return min(1.0, 2 * float(stats.norm.sf(min(scores))))


def tango_interval(
    a_only: npt.ArrayLike, b_only: npt.ArrayLike, images: npt.ArrayLike, confidence: float = 0.95
) -> tuple[Float64, Float64]:
    """The ends of :func:`paired_difference` for many tables at once: float64, their shape."""
    first, second, total = (
        np.asarray(x, dtype=np.float64) for x in np.broadcast_arrays(a_only, b_only, images)
    )
    z = normal_quantile(confidence)
    # The lower end is the upper end with the models' roles exchanged.
    return -_upper_end(second, first, total, z), _upper_end(first, second, total, z)


def _upper_end(first: Float64, second: Float64, total: Float64, z: float) -> Float64:
    """The largest difference not rejected, by halving the span from the one seen to 1."""
    inside = (second - first) / total
    outside = np.ones_like(inside)
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        kept = _score(first, second, total, middle) > -z
        inside, outside = np.where(kept, middle, inside), np.where(kept, outside, middle)
    # Where even 1 is not rejected (all images speak for `second`), 1 is the end.
    return np.where(_score(first, second, total, np.ones_like(inside)) > -z, 1.0, inside)


def _score(first: Float64, second: Float64, total: Float64, difference: Float64) -> Float64:
    """Tango's statistic: standard normal where `difference` is the true one."""
    linear = (2 * total - second + first) * difference - (first + second)
    constant = -first * difference * (1 - difference)
    # Chance that only the first is right, likeliest under this difference.
    root = np.sqrt(np.maximum(linear**2 - 8 * total * constant, 0))
    chance = (root - linear) / (4 * total)
    variance = total * (2 * chance + difference * (1 - difference))
    gap = second - first - total * difference
    deviation = np.sqrt(np.maximum(variance, 0))
    return np.where(deviation > 0, gap / np.where(deviation > 0, deviation, 1), np.sign(gap) * 1e9)


def images_needed(share: float, gap: float) -> int | None:
    """Images for McNemar's test, two-sided at 5%, to show a gap with 80% power.

    ``n = (z_α √ψ + z_β √(ψ - δ²))² / δ²`` with ``ψ`` the share of images on which only one is
    right and ``δ`` the gap; None if that is zero, or more than the share.

    Source:
        Connor (1987), Biometrics 43:207.
    """
    if not 0 < gap <= share:
        return None
    wanted = normal_quantile() * math.sqrt(share)
    wanted += float(stats.norm.ppf(0.8)) * math.sqrt(share - gap**2)
    return max(1, math.ceil((wanted / gap) ** 2))
