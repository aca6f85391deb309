"""Two recipes over seeds: one difference whose interval covers seeds and test images.

The model. Whether seed ``s`` of recipe ``r`` classifies image ``i`` correctly is

    ``X_rsi = μ_r + α_rs + β_ri + γ_rsi``

with the seed's effect ``α`` (independent between recipes), the image's ``β`` (shared by all seeds,
and correlated between the recipes, since they see the same images) and the rest ``γ``. The mean
difference ``D`` then has the variance

    ``Σ_r σ²_αr / S_r  +  var(β_b - β_a) / N  +  Σ_r σ²_γr / (S_r N)``,

estimated without bias from mean squares: the variance ``s²_r`` of the seeds' accuracies holds the
first and third part, the variance of the images' mean differences the second and third, and the
third, counted twice, is taken off by the mean square of interaction. This is the analysis of
multi-reader multi-case studies, seeds for readers and test images for cases, with readers nested
within the method.

The quantile is Cochran's and Cox's: the mean of Student's quantiles of the parts, weighted by the
parts. Satterthwaite's degrees of freedom, which are usual, rise by chance where the error shrinks
by chance, so that few or unequal seeds give intervals that are too narrow.

Source: Cochran and Cox (1950), Experimental Designs, section 4.14; Mickey and Brown (1966), Annals
of Mathematical Statistics 37:639 (why it is cautious); Hillis (2007), Statistics in Medicine 26:596
and (2014) 33:330; Gallas, Bandos, Samuelson and Wagner (2009), Communications in Statistics A
38:2586. Its coverage is measured by ``benchmarks/statistics.py``.
"""

import bisect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from fittingroom.comparison.results import Power
from fittingroom.metrics.estimates import normal_quantile, score_interval
from fittingroom.numbers import Estimate

Float64 = npt.NDArray[np.float64]
# Of a variance, each with its degrees of freedom; the last one is the images'.
Parts = tuple[tuple[float, float], ...]

# Recipes that never disagree still differ by an unknown little. The standard error is at least so
# many images, which makes the interval that of Tango for fitted models that never disagree.
_LEAST_IMAGES = 1.96
_POWER = 0.8
_MOST_SEEDS = 1_000
_MOST_IMAGES = 1_000_000_000
# A gap of so many standard errors is shown with certainty, as far as floats can say.
_CERTAIN = 30.0


@dataclass(frozen=True, eq=False)
class SeedScores:
    """One recipe's models on the same images, as the model needs them.

    Attributes:
        per_seed: float64 ``(S,)``, accuracy of each seed.
        per_image: float64 ``(N,)``, share of the seeds that classify each image correctly.
        unit: what an image counts, if it is classified correctly.
    """

    per_seed: Float64
    per_image: Float64
    unit: float = 1.0

    @classmethod
    def of(cls, correct: npt.NDArray[np.bool_]) -> "SeedScores":
        """From which seed classifies which image correctly, bool ``(S, N)``."""
        return cls(correct.mean(axis=1), correct.mean(axis=0))

    def as_one(self) -> "SeedScores":
        """These runs together as one model, for what is said of them and not of their recipe."""
        return SeedScores(self.per_seed.mean(keepdims=True), self.per_image)

    @property
    def seeds(self) -> int:
        """Number of seeds ``S``."""
        return len(self.per_seed)

    @property
    def images(self) -> int:
        """Number of images ``N``."""
        return len(self.per_image)

    @property
    def accuracy(self) -> float:
        """Mean over seeds."""
        return float(self.per_seed.mean())

    @property
    def seed_variance(self) -> float:
        """Variance ``s²`` of the seeds' accuracies, of ``σ²_α + σ²_γ/N``; needs two seeds."""
        return float(self.per_seed.var(ddof=1))

    @property
    def interaction(self) -> float:
        """Mean square of interaction, of ``σ²_γ``; needs two seeds."""
        seeds, images, mean = self.seeds, self.images, self.accuracy
        if images == 1:
            return 0.0
        total = (
            seeds * images * mean * (self.unit + mean)
            - images * float(self.per_seed @ self.per_seed)
            - seeds * float(self.per_image @ self.per_image)
        )
        return max(total, 0.0) / ((seeds - 1) * (images - 1))

    @property
    def pure_seed_variance(self) -> float:
        """``σ²_α``: the variance of a seed's accuracy on all images there could be."""
        return max(self.seed_variance - self.interaction / self.images, 0.0)


@dataclass(frozen=True)
class SeedDifference:
    """`b` minus `a` under the model above.

    Attributes:
        difference: the mean difference of accuracy, a fraction.
        parts: of its variance, over seeds and images.
        new_parts: of the variance with which it predicts the difference between two new trainings,
            both scored on all images that there could be; None if no side has several seeds.
    """

    difference: float
    parts: Parts
    new_parts: Parts | None

    @property
    def error(self) -> float:
        """Its standard error."""
        return _error(self.parts)

    def interval(self, confidence: float = 0.95) -> Estimate:
        """The difference with its interval, cut to -1 to 1."""
        half = _quantile(self.parts, (1 - confidence) / 2) * self.error
        return Estimate(
            self.difference, max(self.difference - half, -1.0), min(self.difference + half, 1.0)
        )

    @property
    def p_value(self) -> float:
        """Two-sided, for a difference of zero."""
        return 2 * _beyond(self.parts, abs(self.difference))

    def p_equivalent(self, margin: float) -> float:
        """Twice the larger p-value of two one-sided tests that it is as large as the margin."""
        return min(1.0, 2 * _beyond(self.parts, margin - abs(self.difference)))

    def p_within(self, margin: float) -> float:
        """Probability that the true difference lies within the margin, if all were as likely.

        Source:
            Benavoli, Corani, Demšar and Zaffalon (2017), Journal of Machine Learning Research
            18:77 (the region of practical equivalence in the correlated Bayesian t test).
        """
        ends = (margin - self.difference, margin + self.difference)
        return max(0.0, 1.0 - sum(_beyond(self.parts, end) for end in ends))

    @property
    def p_better(self) -> float | None:
        """Probability that a new training of `b` beats one of `a`."""
        return None if self.new_parts is None else _beyond(self.new_parts, -self.difference)


def seed_difference(a: SeedScores, b: SeedScores) -> SeedDifference:
    """The difference of two recipes; a side with a single seed is taken not to vary between seeds.

    `p_better` is predictive: the difference of two new trainings is taken to vary around `D` by
    the seeds' variance and by how uncertain `D` itself is (Geisser 1993, Predictive Inference,
    chapter 2).
    """
    sides = [side for side in (a, b) if side.seeds > 1]
    least = (_LEAST_IMAGES / a.images) ** 2
    *of_seeds, of_images = _parts(b.per_image - a.per_image, sides, least)
    # Beside how uncertain the means are: the variation of one new seed of each.
    new = [
        (variance + side.pure_seed_variance, freedom)
        for side, (variance, freedom) in zip(sides, of_seeds, strict=True)
    ]
    return SeedDifference(
        difference=b.accuracy - a.accuracy,
        parts=(*of_seeds, of_images),
        new_parts=(*new, of_images) if sides else None,
    )


def error_ratio(a: SeedScores, b: SeedScores) -> Estimate | None:
    """How many errors `b` makes for each of `a`; None if one of them makes none.

    The interval is that of the logarithm: to first order, its error is that of the difference of
    the errors, each divided by its recipe's mean.
    """
    if max(a.accuracy, b.accuracy) == 1:
        return None
    wrong = (1 - a.accuracy, 1 - b.accuracy)
    first, second = (
        SeedScores(side.per_seed / share, side.per_image / share, 1 / share)
        for side, share in zip((a, b), wrong, strict=True)
    )
    parts = _parts(
        second.per_image - first.per_image,
        [side for side in (first, second) if side.seeds > 1],
        (_LEAST_IMAGES / a.images / min(wrong)) ** 2,
    )
    ratio = wrong[1] / wrong[0]
    factor = math.exp(_quantile(parts, 0.025) * _error(parts))
    return Estimate(ratio, ratio / factor, ratio * factor)


def accuracy_interval(scores: SeedScores) -> Estimate:
    """A recipe's mean accuracy, with a 95% interval that covers seeds and images.

    Wilson's interval with the number of images that would be as informative without seeds,
    ``p(1-p) / variance``, and this module's quantile: it stays within 0 and 1. A single seed gives
    Wilson's own interval, of that fitted model.

    Source:
        Dean and Pagano (2015), Journal of Survey Statistics and Methodology 3:484 (Wilson's
        interval with an effective sample size); the variance is that of this module.
    """
    mean, quantile, informative = scores.accuracy, normal_quantile(), float(scores.images)
    if scores.seeds > 1 and 0 < mean < 1 and scores.images > 1:
        parts = _parts(scores.per_image, [scores])
        if _error(parts) > 0:
            quantile = _quantile(parts, 0.025)
            informative = mean * (1 - mean) / _error(parts) ** 2
    low, high = score_interval(mean, informative, quantile)
    return Estimate(mean, float(low), float(high))


def seed_power(a: SeedScores, b: SeedScores, gap: float, images: int | None = None) -> Power:
    """Seeds of each, or images, that show this gap with 80% power at 5%.

    The variance components are put into the variance of the difference at other numbers of seeds
    and images; the power is that of the test above, by the noncentral t distribution with
    Satterthwaite's degrees of freedom. The range takes the seeds' variance from the ends of its
    95% interval. A side with a single seed is taken not to vary between seeds.

    Args:
        a, b: what the components are taken from.
        gap: a fraction; without one, nothing is given.
        images: that will be tested on; None for as many as these.

    Source:
        Hillis, Obuchowski and Berbaum (2011), Academic Radiology 18:129 (sizing a study of
        readers and cases by its variance components).
    """
    sides = [side for side in (a, b) if side.seeds > 1]
    if gap == 0:
        return Power(None, None, None)
    of_images = float(np.var(b.per_image - a.per_image))
    of_images = max(of_images - sum(side.interaction / side.seeds for side in sides), 0.0)

    def power(seeds: int, images: int, factor: float = 1.0) -> float:
        parts = []
        for side in sides:
            pure = max(factor * side.seed_variance - side.interaction / side.images, 0.0)
            parts.append(((pure + side.interaction / images) / seeds, seeds - 1.0))
        parts.append((of_images / images, max(images - 1.0, 1.0)))
        error = _error(parts)
        if gap > _CERTAIN * error:
            return 1.0
        freedom = error**4 / sum(part**2 / free for part, free in parts)
        critical = _quantile(parts, 0.025)
        return 1 - float(special.nctdtr(min(freedom, 1e6), gap / error, critical))

    def needed(factor: float) -> int | None:
        return _least(lambda seeds: power(seeds, images or a.images, factor), _MOST_SEEDS)

    seeds, between = None, None
    if sides:
        freedom = sum(side.seeds - 1 for side in sides)
        low, high = (freedom / float(special.chdtri(freedom, p)) for p in (0.025, 0.975))
        seeds, between = needed(1.0), (needed(low), needed(high))
    fewest = min((side.seeds for side in sides), default=2)
    return Power(seeds, between, _least(lambda count: power(fewest, count), _MOST_IMAGES))


def _least(power: Callable[[int], float], most: int) -> int | None:
    """The least number from 2 to `most` that has the power wanted, by bisection."""
    found = 2 + bisect.bisect_left(range(2, most + 1), _POWER, key=power)
    return found if found <= most else None


def _parts(per_image: Float64, sides: Sequence[SeedScores], least: float = 0.0) -> Parts:
    """The variance of a mean: a part for each side's seeds, and that of the images, which makes
    their sum `least` at least."""
    images = len(per_image)
    of_images = float(per_image.var(ddof=1)) / images if images > 1 else 0.0
    twice = sum(side.interaction / (side.seeds * images) for side in sides)
    of_seeds = [(side.seed_variance / side.seeds, side.seeds - 1.0) for side in sides]
    rest = max(of_images - twice, least - sum(part for part, _ in of_seeds), 0.0)
    return (*of_seeds, (rest, max(images - 1.0, 1.0)))


def _error(parts: Sequence[tuple[float, float]]) -> float:
    return math.sqrt(sum(part for part, _ in parts))


def _quantile(parts: Sequence[tuple[float, float]], tail: float) -> float:
    """The value in standard errors, 0 or more, beyond which lies a share `tail` up to a half."""
    weights, freedoms = np.array(parts).T
    return float(weights @ -special.stdtrit(freedoms, tail) / weights.sum())


def _beyond(parts: Sequence[tuple[float, float]], distance: float) -> float:
    """The chance of an error above this distance: the inverse of :func:`_quantile`."""
    if distance < 0:
        return 1 - _beyond(parts, -distance)
    standard = distance / _error(parts)
    ends = special.stdtr([freedom for part, freedom in parts if part > 0], -standard)
    low, high = ends.min() * (1 - 1e-9), min(ends.max() * (1 + 1e-9), 0.5)

    def excess(tail: float) -> float:
        return _quantile(parts, tail) - standard

    # Near one half SciPy's quantiles are not exact to the last digit, so that a tiny distance may
    # lie beyond both ends.
    if excess(low) <= 0 or excess(high) >= 0:
        return float(high)
    return float(optimize.brentq(excess, low, high, xtol=1e-300, rtol=1e-12))
