"""Does a recipe give a claimed accuracy? Judged by trainings scored on the claim's test images.

They share the images, so claim and trainings differ by their seeds alone. With mean ``m`` and
standard deviation ``s`` of ``n`` trainings, and Student's ``t`` with ``n - 1`` degrees of freedom:

- The recipe's mean lies in ``m ± t s √(1/n)``. The claim is *reproduced* if all of that is within
  the margin of it: two one-sided tests at 2.5%, as for two models. So a claim passes by evidence
  that it is near, not for want of evidence. Here the claim is a number that others rely on, and
  has no error.
- One new training lies in ``m ± t s √(1 + 1/n)``. A claim outside is *not reproduced*, or
  *exceeded*. Here the claim varies as one seed does, since most claims are of a single training;
  for one that is a mean over seeds, this is cautious.

Otherwise the claim is *compatible, not confirmed*.

Source: Schuirmann (1987), Journal of Pharmacokinetics and Biopharmaceutics 15:657 (two one-sided
tests); Anderson and Maxwell (2016), Psychological Methods 21:1 (replication as equivalence); Patil,
Peng and Leek (2016), Perspectives on Psychological Science 11:539 (what contradicts a result: a
prediction interval). How often which claims pass is measured by ``benchmarks/statistics.py``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from fittingroom.comparison.results import ALPHA, LEAST_SEEDS
from fittingroom.numbers import Estimate

ClaimVerdict = Literal[
    "reproduced", "compatible, not confirmed", "not reproduced", "exceeded", "not judged"
]


@dataclass(frozen=True)
class Judgement:
    """What trainings say of a claim.

    Attributes:
        verdict: ``"not judged"`` if there are too few trainings.
        mean: mean accuracy of the recipe; the interval covers the seeds alone. None if not judged.
        one_training: the same value with the interval of one new training.
    """

    verdict: ClaimVerdict
    mean: Estimate | None = None
    one_training: Estimate | None = None


def judge_claim(
    claim: float, accuracies: Sequence[float], margin: float, *, deterministic: bool = False
) -> Judgement:
    """Judge a claimed accuracy by those of trainings with different seeds; all are fractions.

    Args:
        margin: the difference that does not matter.
        deterministic: whether every seed gives the same model, so that one training is enough.
    """
    seeds, mean = len(accuracies), float(np.mean(accuracies))
    width = 0.0
    if not deterministic:
        if seeds < LEAST_SEEDS:
            return Judgement("not judged")
        width = -float(special.stdtrit(seeds - 1, ALPHA / 2) * np.std(accuracies, ddof=1))

    def around(half: float) -> Estimate:
        return Estimate(mean, max(mean - half, 0.0), min(mean + half, 1.0))

    recipe, one = around(width * math.sqrt(1 / seeds)), around(width * math.sqrt(1 + 1 / seeds))
    verdict: ClaimVerdict = "compatible, not confirmed"
    if claim - margin < recipe.low and recipe.high < claim + margin:
        verdict = "reproduced"
    elif not one.low <= claim <= one.high:
        verdict = "not reproduced" if claim > mean else "exceeded"
    return Judgement(verdict, recipe, one)
