"""Scores of probabilities: log loss and Brier score."""

import numpy as np
import numpy.typing as npt

from fittingroom.metrics.checks import checked_matrix, checked_probabilities, checked_rows
from fittingroom.metrics.estimates import mean_estimate
from fittingroom.numbers import Estimate


def log_loss(labels: npt.ArrayLike, log_probabilities: npt.ArrayLike) -> Estimate:
    """Mean negative natural logarithm of the true class' probability, in nats (0 is best).

    Taken from the logarithms themselves, so that a probability too small for a float still
    counts with its right, finite loss. A probability of exactly zero for what then happened
    (minus infinity) makes the mean infinite, at both ends of the interval too; nothing is
    clipped. The interval is Student's over images, not below 0.

    Args:
        labels: ``(N,)``, below ``K``.
        log_probabilities: natural logarithms, ``(N, K)``.

    Source:
        Good (1952), JRSS B 14:107.
    """
    logs = checked_matrix(log_probabilities, "log_probabilities")
    true = checked_rows(labels, logs)
    checked_probabilities(np.exp(logs))
    # Rounding in float32 can leave a logarithm a hair above zero.
    losses = -np.minimum(logs[np.arange(len(true)), true], 0.0)  # (N,)
    return mean_estimate(losses + 0.0, minimum=0.0)


def brier_score(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> Estimate:
    """Mean over images of ``Σ_k (p_k - y_k)²``, from 0 (best) to 2, with Student's interval.

    Source:
        Brier (1950), Monthly Weather Review 78:1.
    """
    given = checked_probabilities(probabilities)
    true = checked_rows(labels, given)
    # Σ (p - y)² = Σ p² - 2 p_true + 1, summed in the form that loses no digits near zero.
    of_true = given[np.arange(len(true)), true]
    others = np.maximum((given**2).sum(axis=1) - of_true**2, 0.0)
    return mean_estimate(others + (1 - of_true) ** 2, minimum=0.0, maximum=2.0)
