"""When a model is to abstain: its thresholds, chosen on images that it was not trained on."""

import math

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from fittingroom.predict import Thresholds
from fittingroom.predictions import Labels

# At most 3% of the answers are wrong, and 97% of the garments are known.
_RISK, _ACCEPTED = 0.03, 0.97
# How often the promise may be broken.
ERROR = 0.1
# The order in which thresholds are tested.
_GRID = (0.999, 0.995, *(round(0.99 - step / 100, 2) for step in range(99)))


def choose_thresholds(
    probabilities: npt.NDArray[np.floating],
    scores: npt.NDArray[np.floating],
    labels: Labels,
    *,
    risk: float = _RISK,
    accepted: float = _ACCEPTED,
    promised: bool = True,
) -> Thresholds:
    """When a model abstains, chosen on images that it was not trained on.

    `unknown` is the score that the share `accepted` of the images does not exceed. `unsure` is a
    probability above which, with 90% confidence, at most `risk` of the answers are wrong: one
    threshold after another is tested, by the binomial distribution, up to the first that fails.
    If the first fails, the model is never sure: 1. This holds for images drawn like these, one
    by one. If nothing is promised, or there are :func:`too_few` images, the share of mistakes
    itself counts.

    Args:
        probabilities: ``(N, K)``, calibrated.
        scores: ``(N,)``, of unknown images.
        labels: ``(N,)``.
        risk: the share of wrong answers that is allowed.
        accepted: the share of known images.
        promised: whether the threshold has to be shown to keep the promise.

    Source:
        Angelopoulos, Bates, Candès, Jordan and Lei (2021), arXiv:2110.01052 (Learn then Test,
        with fixed sequence testing).
    """
    unknown = float(np.quantile(scores, accepted))
    known = scores <= unknown
    sure, unsure = probabilities[known].max(axis=1), 1.0
    wrong = probabilities[known].argmax(axis=1) != labels[known]
    promised &= not too_few(len(sure), risk)
    for threshold in _GRID:
        answered = sure >= threshold
        count, mistakes = int(answered.sum()), int(wrong[answered].sum())
        if count == 0 or (promised and too_few(count, risk)):
            continue  # whatever these few are, they show nothing
        if (binom.cdf(mistakes, count, risk) > ERROR) if promised else (mistakes > risk * count):
            break
        unsure = threshold
        if answered.all():
            break
    return Thresholds(unsure, unknown)


def too_few(images: int, risk: float = _RISK) -> bool:
    """Whether even images without a mistake leave it open that more than `risk` are wrong."""
    return images < fewest(risk)


def fewest(risk: float = _RISK) -> int:
    """How many images without a mistake show that at most `risk` are wrong: 76 for 3%."""
    return math.ceil(math.log(ERROR) / math.log1p(-risk))
