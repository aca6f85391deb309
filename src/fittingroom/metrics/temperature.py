"""Temperature scaling: fitting one number on validation, and what it changes elsewhere."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fittingroom.metrics.calibration import calibration_error, reliability
from fittingroom.metrics.checks import checked_matrix, checked_rows
from fittingroom.metrics.estimates import mean_estimate
from fittingroom.metrics.probabilistic import log_loss
from fittingroom.numbers import Estimate
from fittingroom.predictions import log_softmax, softmax

# A temperature outside these says that the data do not determine one.
COLDEST, HOTTEST = 0.05, 20.0


@dataclass(frozen=True)
class TemperatureEffect:
    """What a temperature changes, on images that it was not fitted on.

    Attributes:
        temperature: what logits are divided by; above 1 it makes a model less sure.
        log_loss_before: at temperature 1.
        log_loss_change: after minus before, image by image, with the interval of that mean:
            below 0 the temperature helps.
        error_before: expected calibration error (15 bins of equal width) at temperature 1.
    """

    temperature: float
    log_loss_before: Estimate
    log_loss_change: Estimate
    error_before: Estimate


def fit_temperature(logits: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """The temperature ``T`` for which ``softmax(logits / T)`` makes the labels likeliest.

    The likelihood is log-concave in ``1/T``, so its derivative's only root is found by bracketing
    between 0.05 and 20. A result at one of these ends says that the data do not determine a
    temperature (all images classified correctly, say). Equal logits throughout give 1.

    Args:
        logits: ``(N, K)``, finite, of validation images.
        labels: ``(N,)``, below ``K``.

    Source:
        Guo, Pleiss, Sun and Weinberger (2017), arXiv:1706.04599, section 4.2.
    """
    from scipy import optimize

    scores = checked_matrix(logits, "logits", finite=True)
    true = checked_rows(labels, scores)
    centred = scores - scores.max(axis=1, keepdims=True)
    if not centred.any():
        return 1.0
    of_true = float(centred[np.arange(len(true)), true].mean())

    def slope(inverse: float) -> float:
        """Derivative of the log loss by ``1/T``: never falls as ``1/T`` grows."""
        expected = (softmax(inverse * centred) * centred).sum(axis=1)
        return float(expected.mean()) - of_true

    if slope(1 / COLDEST) <= 0:
        return COLDEST
    if slope(1 / HOTTEST) >= 0:
        return HOTTEST
    return 1 / float(optimize.brentq(slope, 1 / HOTTEST, 1 / COLDEST, xtol=1e-12))


def temperature_effect(
    labels: npt.ArrayLike, log_probabilities: npt.ArrayLike, temperature: float, draws: int = 2000
) -> TemperatureEffect:
    """What a temperature that is already in these probabilities has changed in them.

    They hold the logits divided by it, up to a constant, so multiplying by it gives those at
    temperature 1 again. The predicted classes are the same at every temperature.

    Args:
        labels: ``(N,)``, below ``K``.
        log_probabilities: natural logarithms with the temperature in them, ``(N, K)``, finite.
        temperature: above 0.
        draws: as for :func:`calibration_error`.
    """
    after = checked_matrix(log_probabilities, "log_probabilities", finite=True)
    true = checked_rows(labels, after)
    before = log_softmax(after * temperature)
    rows = np.arange(len(true))
    curve = reliability(true, after.argmax(axis=1), np.exp(before))
    return TemperatureEffect(
        temperature=temperature,
        log_loss_before=log_loss(true, before),
        log_loss_change=mean_estimate(before[rows, true] - after[rows, true]),
        error_before=calibration_error(curve, draws=draws),
    )
