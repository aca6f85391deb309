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

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from fittingroom.metrics.estimates import normal_quantile, score_interval
from fittingroom.numbers import Estimate

Float64 = npt.NDArray[np.float64]

# Recipes that never disagree still differ by an unknown little. The standard error is at least so
# many images, which makes the interval that of Tango for fitted models that never disagree.
_LEAST_IMAGES = 1.96


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
        """How many."""
        return len(self.per_seed)

    @property
    def images(self) -> int:
        """How many."""
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

    Args:
        a, b: on the same images in the same order.
    """
    images = a.images
    sides = spreads(a, b)
    from_images = _variance_of_mean(b.per_image - a.per_image)
    twice = sum(spread.interaction / (seeds * images) for spread, seeds in sides)
    from_seeds = sum(spread.seed_variance / seeds for spread, seeds in sides)
    error_squared = max(from_seeds + max(from_images - twice, 0.0), (_LEAST_IMAGES / images) ** 2)
    freedom = _freedom(error_squared, from_images, a, b)
    new_error, new_freedom = None, None
    if a.seeds > 1 and b.seeds > 1:
        # Beside how uncertain the means are: the variation of one new seed of each.
        new_squared = error_squared + a.pure_seed_variance + b.pure_seed_variance
        new_error = math.sqrt(new_squared)
        new_freedom = _freedom(new_squared, from_images, a, b, added=1.0)
    return SeedDifference(
        b.accuracy - a.accuracy, math.sqrt(error_squared), freedom, new_error, new_freedom
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
    mean, images, seeds = scores.accuracy, scores.images, scores.seeds
    quantile, informative = normal_quantile(), float(images)
    if seeds > 1 and 0 < mean < 1 and images > 1:
        from_images = _variance_of_mean(scores.per_image)
        twice = scores.interaction / (seeds * images)
        variance = scores.seed_variance / seeds + max(from_images - twice, 0.0)
        uncertain = (scores.seed_variance / seeds) ** 2 / (seeds - 1)
        uncertain += from_images**2 / (images - 1)
        if variance > 0:
            freedom = max(variance**2 / uncertain, float(seeds - 1))
            quantile = float(special.stdtrit(freedom, 0.975))
            informative = mean * (1 - mean) / variance
    low, high = score_interval(mean, informative, quantile)
    return Estimate(mean, float(low), float(high))


def _variance_of_mean(values: Float64) -> float:
    return float(values.var(ddof=1)) / len(values) if len(values) > 1 else 0.0


def _freedom(
    variance: float, from_images: float, a: SeedScores, b: SeedScores, added: float = 0.0
) -> float:
    """Satterthwaite's degrees of freedom of a variance made of seeds' and images' parts.

    They are never fewer than those of the scarcer of the parts: the interaction, once taken off,
    can leave a variance so small that the formula alone would say so.
    """
    known = [side for side in (a, b) if side.seeds > 1]
    weights = [1 / side.seeds + added for side in (a, b)]
    if len(known) == 1:  # its spread stands for both sides
        weights = [sum(weights)]
    uncertain = from_images**2 / max(a.images - 1, 1)
    for side, weight in zip(known, weights, strict=True):
        uncertain += (side.seed_variance * weight) ** 2 / (side.seeds - 1)
    least = min(side.seeds for side in known) - 1.0
    return max(variance**2 / uncertain, least) if uncertain > 0 else math.inf
