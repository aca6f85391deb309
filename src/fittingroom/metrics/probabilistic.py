"""Scores of probabilities: log loss, Brier score and what it is made of."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fittingroom.metrics.checks import Float64, checked_matrix, checked_probabilities, checked_rows
from fittingroom.metrics.estimates import mean_estimate
from fittingroom.numbers import Estimate


@dataclass(frozen=True)
class BrierDecomposition:
    """What a Brier score is made of: ``score = reliability - resolution + uncertainty``.

    Attributes:
        reliability: what is lost because probabilities do not mean what they say (0 is best).
        resolution: what is gained over always giving the classes' shares (more is better).
        uncertainty: the score of always giving the classes' shares: the data's, not the model's.
    """

    reliability: Estimate
    resolution: Estimate
    uncertainty: Estimate


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


def brier_decomposition(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> BrierDecomposition:
    """What a Brier score is made of, without bins.

    Each class' probabilities are recalibrated by isotonic regression on the same images;
    reliability is what the score gains by that, resolution how much better the recalibrated
    probabilities are than the classes' shares. Recalibration fits noise too, a little for each
    of the steps that it makes; that is taken off both, until one is 0. So the three parts give the
    score exactly, and none is negative.

    The intervals are those of mean differences of scores, with the recalibration held fixed: its
    first-order effect vanishes, as it minimises the score. With few images they are somewhat
    too narrow: at 500, that of the resolution covers 91–92% instead of 95%.

    Source:
        Siegert (2017), QJRMS 143:1178, equation 6; Dimitriadis, Gneiting and Jordan (2021),
        PNAS 118:e2016191118 (isotonic recalibration); Ferro and Fricker (2012), QJRMS 138:1954
        (what is taken off, there for bins); Meyer and Woodroofe (2000), Annals of Statistics
        28:1083 (steps of an isotonic fit as its degrees of freedom).
    """
    given = checked_probabilities(probabilities)
    true = checked_rows(labels, given)
    count, classes = given.shape
    truth = np.zeros_like(given)
    truth[np.arange(count), true] = 1.0
    recalibrated = np.empty_like(given)
    overfit = 0.0
    for k in range(classes):
        recalibrated[:, k], noise = _isotonic(given[:, k], truth[:, k])
        overfit += noise / count
    of_model = ((given - truth) ** 2).sum(axis=1)
    of_recalibrated = ((recalibrated - truth) ** 2).sum(axis=1)
    of_shares = ((truth.mean(axis=0) - truth) ** 2).sum(axis=1)
    gained, resolved = of_model - of_recalibrated, of_shares - of_recalibrated
    overfit = max(min(overfit, float(gained.mean()), float(resolved.mean())), 0.0)
    return BrierDecomposition(
        reliability=mean_estimate(gained - overfit, minimum=0.0, maximum=2.0),
        resolution=mean_estimate(resolved - overfit, minimum=0.0, maximum=1.0),
        uncertainty=mean_estimate(of_shares, minimum=0.0, maximum=1.0),
    )


def _isotonic(given: Float64, truth: Float64) -> tuple[Float64, float]:
    """The monotone function of `given` nearest to `truth`, and how much its steps fit noise.

    Equal inputs get equal outputs. A step of ``n`` images with the share ``o`` of truths lowers
    the sum of squares below that of the true share by ``o(1-o) n/(n-1)`` on average.
    """
    from scipy import optimize

    _, group, size = np.unique(given, return_inverse=True, return_counts=True)
    means = np.bincount(group, weights=truth) / size
    fitted = optimize.isotonic_regression(means, weights=size)
    steps = np.add.reduceat(size, fitted.blocks[:-1])
    share = fitted.x[fitted.blocks[:-1]]
    noise = share * (1 - share) * steps / np.maximum(steps - 1, 1)
    return fitted.x[group], float(noise.sum())
