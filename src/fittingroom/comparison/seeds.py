"""Two recipes over seeds: one difference whose interval covers seeds and test images.

The model. Whether seed ``s`` of recipe ``r`` classifies image ``i`` correctly is

    ``X_rsi = μ_r + α_rs + β_ri + γ_rsi``

with the seed's effect ``α`` (independent between recipes), the image's ``β`` (shared by all seeds,
and correlated between the recipes, since they see the same images) and the rest ``γ``. The mean
difference ``D`` then has the variance

    ``Σ_r σ²_αr / S_r  +  var(β_b - β_a) / N  +  Σ_r σ²_γr / (S_r N)``,

estimated without bias from mean squares: the variance ``s²_r`` of the seeds' accuracies holds the
first and third part, the variance of the images' mean differences the second and third, and the
third, counted twice, is taken off by the mean square of interaction. The degrees of freedom are
Satterthwaite's. This is the analysis of multi-reader multi-case studies, seeds for readers and
test images for cases, with readers nested within the method.

Source: Satterthwaite (1946), Biometrics Bulletin 2:110; Welch (1947), Biometrika 34:28; Hillis
(2007), Statistics in Medicine 26:596 and (2014) 33:330; Gallas, Bandos, Samuelson and Wagner
(2009), Communications in Statistics A 38:2586. Its coverage is measured by
``benchmarks/statistics.py``.
"""

import bisect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from fittingroom.comparison.results import Power
from fittingroom.metrics.estimates import normal_quantile, score_interval
from fittingroom.numbers import Estimate

Float64 = npt.NDArray[np.float64]

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
    """

    per_seed: Float64
    per_image: Float64

    @classmethod
    def of(cls, correct: npt.NDArray[np.bool_]) -> "SeedScores":
        """From which seed classifies which image correctly, bool ``(S, N)``."""
        return cls(correct.mean(axis=1), correct.mean(axis=0))

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
            seeds * images * mean * (1 + mean)
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
        error: its standard error, over seeds and images.
        freedom: Satterthwaite's degrees of freedom of `error`.
        new_error: standard error with which it predicts the difference between two new trainings,
            both scored on all images that there could be; None if a side has a single seed.
        new_freedom: degrees of freedom of `new_error`.
    """

    difference: float
    error: float
    freedom: float
    new_error: float | None
    new_freedom: float | None

    def interval(self, confidence: float = 0.95) -> Estimate:
        """The difference with Student's interval, cut to -1 to 1."""
        half = float(special.stdtrit(self.freedom, (1 + confidence) / 2)) * self.error
        return Estimate(
            self.difference,
            max(self.difference - half, -1.0),
            min(self.difference + half, 1.0),
        )

    @property
    def p_value(self) -> float:
        """Two-sided, for a difference of zero."""
        return 2 * float(special.stdtr(self.freedom, -abs(self.difference) / self.error))

    @property
    def p_better(self) -> float | None:
        """Probability that a new training of `b` beats one of `a`; None with a single seed."""
        if self.new_error is None or self.new_freedom is None:
            return None
        return float(special.stdtr(self.new_freedom, self.difference / self.new_error))


def spreads(a: SeedScores, b: SeedScores) -> list[tuple[SeedScores, int]]:
    """For each side, whose variation between seeds it is taken to have, and its number of seeds."""
    known = a if a.seeds > 1 else b
    return [(side if side.seeds > 1 else known, side.seeds) for side in (a, b)]


def seed_difference(a: SeedScores, b: SeedScores) -> SeedDifference:
    """The difference of two recipes, at least one of them with several seeds.

    A side with a single seed does not show how it varies between seeds. It is taken to vary as
    the other side does, with the other side's degrees of freedom, and `p_better` is not given.

    `p_better` is predictive: the difference of two new trainings is taken to vary around `D` by
    the seeds' variance and by how uncertain `D` itself is, in Student's distribution (Geisser 1993,
    Predictive Inference, chapter 2).
    """
    sides = spreads(a, b)
    variance, from_images = _variance(b.per_image - a.per_image, sides)
    variance = max(variance, (_LEAST_IMAGES / a.images) ** 2)
    new_error, new_freedom = None, None
    if a.seeds > 1 and b.seeds > 1:
        # Beside how uncertain the means are: the variation of one new seed of each.
        new_variance = variance + a.pure_seed_variance + b.pure_seed_variance
        new_error = math.sqrt(new_variance)
        new_freedom = _freedom(new_variance, from_images, sides, new_seeds=1)
    return SeedDifference(
        difference=b.accuracy - a.accuracy,
        error=math.sqrt(variance),
        freedom=_freedom(variance, from_images, sides),
        new_error=new_error,
        new_freedom=new_freedom,
    )


def accuracy_interval(scores: SeedScores) -> Estimate:
    """A recipe's mean accuracy, with a 95% interval that covers seeds and images.

    Wilson's interval with the number of images that would be as informative without seeds,
    ``p(1-p) / variance``, and Student's quantile: it stays within 0 and 1. A single seed gives
    Wilson's own interval, of that fitted model.

    Source:
        Dean and Pagano (2015), Journal of Survey Statistics and Methodology 3:484 (Wilson's
        interval with an effective sample size); the variance is that of this module.
    """
    mean, quantile, informative = scores.accuracy, normal_quantile(), float(scores.images)
    if scores.seeds > 1 and 0 < mean < 1 and scores.images > 1:
        sides = [(scores, scores.seeds)]
        variance, from_images = _variance(scores.per_image, sides)
        if variance > 0:
            freedom = _freedom(variance, from_images, sides)
            quantile = float(special.stdtrit(freedom, 0.975))
            informative = mean * (1 - mean) / variance
    low, high = score_interval(mean, informative, quantile)
    return Estimate(mean, float(low), float(high))


def seed_power(a: SeedScores, b: SeedScores) -> Power:
    """Seeds of each, or images, that show a gap of the size seen with 80% power at 5%.

    The variance components are put into the variance of the difference at other numbers of seeds
    and images; the power is that of Student's test, by the noncentral t distribution. A side with
    one seed is taken to vary as the other does.

    Both are None if the gap is zero. `images` is for the fewer of the present seeds, at least 2.

    Source:
        Hillis, Obuchowski and Berbaum (2011), Academic Radiology 18:129 (sizing a study of
        readers and cases by its variance components).
    """
    gap = abs(b.accuracy - a.accuracy)
    if gap == 0:
        return Power(seeds=None, images=None)
    sides = spreads(a, b)
    of_images = float(np.var(b.per_image - a.per_image))
    of_images = max(of_images - sum(side.interaction / seeds for side, seeds in sides), 0.0)

    def power(seeds: int, images: int) -> float:
        from_seeds = [
            (side.pure_seed_variance + side.interaction / images) / seeds for side, _ in sides
        ]
        variance = sum(from_seeds) + of_images / images
        if variance == 0 or gap > _CERTAIN * math.sqrt(variance):
            return 1.0
        uncertain = sum(part**2 for part in from_seeds) / (seeds - 1)
        uncertain += (of_images / images) ** 2 / max(images - 1, 1)
        freedom = min(variance**2 / uncertain, 1e6)
        critical = float(special.stdtrit(freedom, 0.975))
        return 1 - float(special.nctdtr(freedom, gap / math.sqrt(variance), critical))

    fewest = max(min(a.seeds, b.seeds), 2)
    return Power(
        seeds=_least(lambda seeds: power(seeds, a.images), _MOST_SEEDS),
        images=_least(lambda images: power(fewest, images), _MOST_IMAGES),
    )


def _least(power: Callable[[int], float], most: int) -> int | None:
    """The least number from 2 to `most` that has the power wanted, by bisection."""
    found = 2 + bisect.bisect_left(range(2, most + 1), _POWER, key=power)
    return found if found <= most else None


def _variance(per_image: Float64, sides: Sequence[tuple[SeedScores, int]]) -> tuple[float, float]:
    """The variance of a mean over seeds and images, and the part of it that images show."""
    images = len(per_image)
    from_images = float(per_image.var(ddof=1)) / images if images > 1 else 0.0
    from_seeds = sum(spread.seed_variance / seeds for spread, seeds in sides)
    twice = sum(spread.interaction / (seeds * images) for spread, seeds in sides)
    return from_seeds + max(from_images - twice, 0.0), from_images


def _freedom(
    variance: float, from_images: float, sides: Sequence[tuple[SeedScores, int]], new_seeds: int = 0
) -> float:
    """Satterthwaite's degrees of freedom of a variance made of seeds' and images' parts.

    They are never fewer than those of the scarcer of the parts: the interaction, once taken off,
    can leave a variance so small that the formula alone would say so.
    """
    weights: dict[SeedScores, float] = {}  # one spread may stand for both sides
    for spread, seeds in sides:
        weights[spread] = weights.get(spread, 0.0) + 1 / seeds + new_seeds
    uncertain = from_images**2 / max(sides[0][0].images - 1, 1)
    for spread, weight in weights.items():
        uncertain += (spread.seed_variance * weight) ** 2 / (spread.seeds - 1)
    least = min(spread.seeds for spread in weights) - 1.0
    return max(variance**2 / uncertain, least) if uncertain > 0 else math.inf
