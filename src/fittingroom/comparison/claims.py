"""Does a recipe give a claimed accuracy? Judged by trainings scored on the claim's test images.

As they share the images, claim and trainings differ by their seeds alone. With mean ``m`` and
standard deviation ``s`` of ``n`` trainings, and Student's ``t`` with ``n - 1`` degrees of freedom:

- The recipe's mean lies in ``m ± t s √(1/n)``. A claim is *reproduced* if all of that is within the
  margin of it: two one-sided tests at 2.5%. It is a number that others rely on, without an error.
- A new training lies in ``m ± t s √(1 + 1/n)``. A claim outside is *not reproduced*, or *exceeded*.
  It varies as one seed does, since most claims are of one training; for a mean, this is cautious.

Source: Schuirmann (1987); Anderson and Maxwell (2016), Psychological Methods 21:1 (replication as
equivalence); Patil, Peng and Leek (2016), Perspectives on Psychological Science 11:539 (prediction
interval). ``benchmarks/statistics.py`` measures how often which claims pass.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy import special

from fittingroom.comparison.results import ALPHA, LEAST_SEEDS
from fittingroom.numbers import Estimate

ClaimVerdict = Literal[
    "reproduced", "compatible, not confirmed", "not reproduced", "exceeded", "not judged"
]


def judge_claim(
    claim: float, accuracies: Sequence[float], margin: float, *, deterministic: bool = False
) -> tuple[ClaimVerdict, Estimate | None, Estimate | None]:
    """The verdict on a claimed accuracy, and the two intervals; none if the trainings are too few.

    One training is enough if every seed gives the same. All numbers are fractions.
    """
    seeds, mean, far = len(accuracies), float(np.mean(accuracies)), 0.0
    if seeds < LEAST_SEEDS and not deterministic:
        return "not judged", None, None
    if not deterministic:
        far = -float(special.stdtrit(seeds - 1, ALPHA / 2) * np.std(accuracies, ddof=1))
    recipe, one = (
        Estimate(mean, max(mean - far * root, 0.0), min(mean + far * root, 1.0))
        for root in (math.sqrt(1 / seeds), math.sqrt(1 + 1 / seeds))
    )
    verdict: ClaimVerdict = "compatible, not confirmed"
    if claim - margin < recipe.low and recipe.high < claim + margin:
        verdict = "reproduced"
    elif not one.low <= claim <= one.high:
        verdict = "not reproduced" if claim > mean else "exceeded"
    return verdict, recipe, one
