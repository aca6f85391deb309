"""How many seeds or images it would take to show a gap of the size seen."""

import bisect
import math
from collections.abc import Callable

import numpy as np
from scipy import special

from fittingroom.comparison.results import Power
from fittingroom.comparison.seeds import SeedScores, spreads

_POWER = 0.8
_MOST_SEEDS = 1_000
_MOST_IMAGES = 1_000_000_000
# A gap of so many standard errors is shown with certainty, as far as floats can say.
_CERTAIN = 30.0


def seed_power(a: SeedScores, b: SeedScores) -> Power:
    """Seeds of each, or images, that show a gap of the size seen with 80% power at 5%.

    The variance components of :mod:`fittingroom.comparison.seeds` are put into the variance of the
    difference at other numbers of seeds and images; the power is that of Student's test, by the
    noncentral t distribution. A side with one seed is taken to vary as the other does.

    Returns:
        `seeds`: at least 2, with the present images, or None if 1,000 are too few;
        `images`: with the present seeds (the fewer of the two sides, at least 2), or None if
        a thousand million are too few. Both are None if the gap is zero.

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
