"""Whether probabilities mean what they say: reliability and calibration error."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from fittingroom.metrics.checks import Float64, Int64, checked_probabilities, checked_rows
from fittingroom.metrics.estimates import wilson
from fittingroom.numbers import Estimate

Binning = Literal["equal width", "equal mass"]


@dataclass(frozen=True, eq=False)
class Reliability:
    """Images in bins of the confidence in the predicted class; empty bins are left out.

    Attributes:
        low, high: float64 ``(B,)``, the bins' ends.
        count: int64 ``(B,)``, images in each.
        confidence: float64 ``(B,)``, their mean confidence.
        correct: int64 ``(B,)``, how many of them were classified correctly.
    """

    low: Float64
    high: Float64
    count: Int64
    confidence: Float64
    correct: Int64

    @property
    def accuracies(self) -> tuple[Estimate, ...]:
        """The share of each bin's images that are classified correctly, with its interval."""
        return tuple(map(wilson, self.correct.tolist(), self.count.tolist()))

    @property
    def gap(self) -> Float64:
        """How far confidence is from accuracy in each bin: float64 ``(B,)``, fractions."""
        return np.abs(self.correct / self.count - self.confidence)

    @property
    def plug_in_error(self) -> float:
        """The expected calibration error as papers give it: ``Σ_b n_b/N |gap_b|``.

        It is too high even for a perfect model: the fewer images a bin has, the more.
        """
        return float(self.count @ self.gap / self.count.sum())


def confidences(predicted: npt.ArrayLike, probabilities: npt.ArrayLike) -> Float64:
    """The probability that was given to the predicted class: float64 ``(N,)``."""
    given = checked_probabilities(probabilities)
    called = checked_rows(predicted, given, "predicted")
    return given[np.arange(len(called)), called]


def reliability(
    labels: npt.ArrayLike,
    predicted: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    *,
    bins: int = 15,
    binning: Binning = "equal width",
) -> Reliability:
    """The reliability diagram's numbers.

    Args:
        labels, predicted, probabilities: ``(N,)``, ``(N,)`` and ``(N, K)``.
        bins: how many; at least 1.
        binning: ``"equal width"``: ``(m/B, (m+1)/B]``, the lowest one closed; ``"equal mass"``:
            equally many images in each, as far as equal confidences let them be divided.

    Source:
        Guo, Pleiss, Sun and Weinberger (2017), arXiv:1706.04599, section 2 (equal width);
        Nguyen and O'Connor (2015), arXiv:1508.05154 (equal mass).
    """
    given = checked_probabilities(probabilities)
    confidence = confidences(predicted, given)
    correct = checked_rows(labels, given) == np.asarray(predicted)
    if binning == "equal width":
        ends = np.linspace(0, 1, bins + 1)
        low, high = ends[:-1], ends[1:]
        place = np.searchsorted(ends[1:-1], confidence, side="left")
    else:
        ordered = np.sort(confidence)
        cuts = np.unique(ordered[(np.arange(1, bins) * len(ordered)) // bins])
        place = np.searchsorted(cuts, confidence, side="right")
        low, high = np.full(len(cuts) + 1, np.inf), np.zeros(len(cuts) + 1)
        np.minimum.at(low, place, confidence)
        np.maximum.at(high, place, confidence)
    count = np.bincount(place, minlength=len(low))
    filled = count > 0
    total = np.bincount(place, weights=confidence, minlength=len(low))
    return Reliability(
        low=low[filled],
        high=high[filled],
        count=count[filled].astype(np.int64),
        confidence=total[filled] / count[filled],
        correct=np.bincount(place[correct], minlength=len(low))[filled].astype(np.int64),
    )


def calibration_error(curve: Reliability, *, draws: int = 2000, seed: int = 0) -> Estimate:
    """Expected calibration error ``Σ_b n_b/N |accuracy_b - confidence_b|``, debiased.

    The plug-in value is too high, since the absolute value turns noise into error. Each bin's
    gap is nearly normal, with mean ``γ_b``; the bias of ``|gap|`` is that of the folded normal
    distribution at the gap seen, and is taken off. The interval inverts a test: it holds the
    multiples ``t`` of the debiased gaps for which the plug-in value seen is not among the 2.5%
    lowest or highest of those simulated with gaps ``t γ_b``. So it holds 0 as often as it
    promises if the model is perfectly calibrated, which no bootstrap percentiles do.

    Args:
        curve: what :func:`reliability` gives; the error, a fraction, is that over these bins.
        draws: simulated sets of gaps; a few hundred or more.
        seed: of the simulation: equal seeds give equal intervals.

    Source:
        Naeini, Cooper and Hauskrecht (2015), AAAI (the error); Kumar, Liang and Ma (2019),
        arXiv:1909.10155 (debiasing by the normal approximation, here in closed form); Carpenter
        (1999), JRSS B 61:159 (test inversion).
    """
    from scipy import optimize

    weight = curve.count / curve.count.sum()
    # One more image, as sure as the others are, keeps a bin without a mistake from a spread of 0.
    share = (curve.correct + curve.confidence) / (curve.count + 1)
    deviation = np.sqrt(share * (1 - share) / curve.count)
    true_gap = 2 * curve.gap - _folded_normal_mean(curve.gap, deviation)
    value = max(float(weight @ true_gap), 0.0)
    if not deviation.any():  # each confidence is 0 or 1, and was right: no spread to invert
        return Estimate(value, value, value)

    direction = np.maximum(true_gap, 0.0) if (true_gap > 0).any() else deviation
    unit = direction / float(weight @ direction)  # of calibration error 1
    noise = np.random.default_rng(seed).standard_normal((draws, len(weight))) * deviation
    plug_in = curve.plug_in_error

    def simulated(error: float, level: float) -> float:
        return float(np.quantile(np.abs(noise + error * unit) @ weight, level)) - plug_in

    low, high = 0.0, 1.0
    if simulated(0.0, 0.975) < 0:
        low = float(optimize.brentq(simulated, 0.0, 1.0, args=(0.975,), xtol=1e-7))
    if simulated(0.0, 0.025) < 0 < simulated(1.0, 0.025):
        high = float(optimize.brentq(simulated, 0.0, 1.0, args=(0.025,), xtol=1e-7))
    return Estimate(value, min(low, value), max(high, value))


def _folded_normal_mean(mean: Float64, deviation: Float64) -> Float64:
    """``E|X|`` of ``X ~ N(mean, deviation²)`` (Leone, Nelson and Nottingham 1961)."""
    from scipy import special

    ratio = mean / np.where(deviation > 0, deviation, 1)
    spread = deviation * np.sqrt(2 / np.pi) * np.exp(-(ratio**2) / 2)
    return np.where(deviation > 0, spread + mean * (1 - 2 * special.ndtr(-ratio)), mean)
