"""How many seeds or images it would take to show a gap of the size seen."""

import math
from collections.abc import Callable

import numpy as np
from scipy import special

from fittingroom.comparison.results import Power
from fittingroom.comparison.seeds import SeedScores

_POWER = 0.8
_MOST_SEEDS = 1_000
_MOST_PICTURES = 1_000_000_000
# A gap of so many standard errors is shown with certainty, as far as floats can say.
_CERTAIN = 30.0


def seed_power(a: SeedScores, b: SeedScores) -> Power:
    """Seeds of each, or images, that show a gap of the size seen with 80% power at 5%.

    The variance components of :mod:`fittingroom.comparison.seeds` are put into the variance of the
    difference at other numbers of seeds and images; the power is that of Student's test, by the
    noncentral t distribution. A side with one seed is taken to vary as the other does.

    Returns:
        `seeds`: at least 2, with the present images, or None where 1,000 are too few;
        `images`: with the present seeds (the fewer of the two sides, at least 2), or None where
        a thousand million are too few. Both are None where the gap is zero.

    Source:
        Hillis, Obuchowski and Berbaum (2011), Academic Radiology 18:129 (sizing a study of
        readers and cases by its variance components).
    """
    gap = abs(b.accuracy - a.accuracy)
    if gap == 0:
        return Power(seeds=None, images=None)
    known = [side for side in (a, b) if side.seeds > 1]
    sides = [side if side.seeds > 1 else known[0] for side in (a, b)]
    of_seeds = [side.pure_seed_variance for side in sides]
    of_rest = [side.interaction for side in sides]
    differences = b.per_image - a.per_image
    of_images = float(np.var(differences)) - sum(
        rest / given.seeds for rest, given in zip(of_rest, (a, b), strict=True)
    )

    def power(seeds: int, images: int) -> float:
        from_seeds = [
            (seed + rest / images) / seeds for seed, rest in zip(of_seeds, of_rest, strict=True)
        ]
        variance = sum(from_seeds) + max(of_images, 0.0) / images
        if variance == 0 or gap > _CERTAIN * math.sqrt(variance):
            return 1.0
        uncertain = sum(part**2 for part in from_seeds) / (seeds - 1)
        uncertain += (max(of_images, 0.0) / images) ** 2 / max(images - 1, 1)
        freedom = min(variance**2 / uncertain, 1e6)
        critical = float(special.stdtrit(freedom, 0.975))
        return 1 - float(special.nctdtr(freedom, gap / math.sqrt(variance), critical))

    fewest = max(min(side.seeds for side in (a, b)), 2)
    return Power(
        seeds=_least(lambda seeds: power(seeds, a.images), 2, _MOST_SEEDS),
        images=_least(lambda images: power(fewest, images), 2, _MOST_PICTURES),
    )


def _least(power: Callable[[int], float], least: int, most: int) -> int | None:
    """The least number from `least` to `most` that has the power wanted, by bisection."""
    if power(most) < _POWER:
        return None
    below = least - 1
    while most - below > 1:
        middle = (below + most) // 2
        if power(middle) >= _POWER:
            most = middle
        else:
            below = middle
    return most
