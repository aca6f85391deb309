"""When a model is to abstain: its thresholds, chosen on images that it was not trained on."""

import numpy as np
import numpy.typing as npt

from fittingroom.metrics.estimates import wilson
from fittingroom.metrics.selective import risk_coverage
from fittingroom.predict import Thresholds
from fittingroom.predictions import Labels

# At most 3% of the answers are wrong, and 97% of the garments are known.
_RISK, _ACCEPTED = 0.03, 0.97


def choose_thresholds(
    probabilities: npt.NDArray[np.floating],
    scores: npt.NDArray[np.floating],
    labels: Labels,
    *,
    risk: float = _RISK,
    accepted: float = _ACCEPTED,
) -> Thresholds:
    """When a model abstains, chosen on validation images alone.

    `unknown` is the score that the share `accepted` of the images does not exceed. `unsure` is the
    lowest probability for which at most `risk` of the answered images are wrong, by the upper end
    of Wilson's 95% interval; if no probability achieves that, the model is never sure. If there are
    :func:`too_few` images, the share of mistakes itself counts. Probabilities, ``(N, K)``, are
    calibrated; scores, ``(N,)``, are those of unknown images.
    """
    unknown = float(np.quantile(scores, accepted))
    known = scores <= unknown
    sure, true = probabilities[known], labels[known]
    curve = risk_coverage(true, sure.argmax(axis=1), sure)
    wrong = curve.risk if too_few(len(true), risk) else curve.high
    allowed = np.flatnonzero(wrong <= risk)
    unsure = float(curve.threshold[allowed[-1]]) if len(allowed) else 1.0
    return Thresholds(unsure, unknown)


def too_few(images: int, risk: float = _RISK) -> bool:
    """Whether even images without a mistake leave it open that more than `risk` are wrong.

    For 3%, fewer than 125 images do.
    """
    return wilson(0, images).high > risk
