"""When the photo model abstains: chosen on photos of senders that its training did not see."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from benchmarks.photo_folds import Names
from fittingroom.classes import GARMENTS
from fittingroom.metrics import fit_temperature
from fittingroom.metrics.checks import Float64
from fittingroom.predict.abstention import Thresholds, abstain
from fittingroom.predictions import UInt8, log_softmax

OTHER, SHOE = "other garment", "shoe"
SHOES = tuple(GARMENTS.index(name) for name in ("Sandal", "Sneaker", "Ankle boot"))
# Of the answers for a new sender, at most 8% may be wrong, with 90% confidence.
RISK, ERROR = 0.08, 0.1
# Probably one of the ten, and yet unknown, if "none of these" is so probable: a photo of something
# else does more harm named than a garment not named. Chosen on two of the folds, once.
UNKNOWN = 0.05
# Tested in this order.
UNSURE = tuple(round(0.95 - 0.01 * step, 2) for step in range(76))


@dataclass(frozen=True)
class Rule:
    """What is added to a model of temperature 1."""

    temperature: float
    unsure: float
    unknown: float

    def apply(self, logs: Float64) -> tuple[Float64, Float64]:
        """Probabilities of the ten classes, ``(N, 10)``, and of none of them, ``(N,)``."""
        eleven = np.exp(log_softmax(logs / self.temperature))
        ten = eleven[:, :-1] / eleven[:, :-1].sum(axis=1, keepdims=True)
        return ten, eleven[:, -1]

    def abstain(self, logs: Float64) -> UInt8:
        """As :func:`fittingroom.predict.abstention.abstain` gives it."""
        ten, none = (each.astype(np.float32) for each in self.apply(logs))
        return abstain(ten, none, Thresholds(self.unsure, self.unknown))


def right_class(names: Names, predicted: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """Whether the predicted of the ten classes is the label; for ``shoe`` any of the three is."""
    found = np.array(GARMENTS)[predicted] == names
    return found | ((names == SHOE) & np.isin(predicted, SHOES))


def choose(logs: Float64, names: Names, sender: npt.NDArray[np.int64]) -> Rule:
    """The temperature, by all photos of a known class; then the thresholds, by photos of the ten.

    Bags, which have no sender, do not count for the thresholds. If no threshold can be shown to
    keep the promise, none is: the rule is never sure.

    Args:
        logs: float64 ``(N, 11)``, log-probabilities of models that saw none of the senders.
        names: the garments, ``(N,)``.
        sender: ``(N,)``, negative for bags.
    """
    classes = np.array([*GARMENTS, OTHER])
    known = np.isin(names, classes)
    place = (names[known][:, None] == classes).argmax(axis=1)
    rule = Rule(fit_temperature(logs[known], place), 1.0, UNKNOWN)
    passed = safe(excess(rule, logs, names, sender))
    return Rule(rule.temperature, UNSURE[passed - 1] if passed else 1.0, UNKNOWN)


def excess(rule: Rule, logs: Float64, names: Names, sender: npt.NDArray[np.int64]) -> Float64:
    """How much more of a sender's photos is answered wrongly than the promise allows.

    Of a sender's photos, the share answered wrongly, less `RISK` times the share answered, for
    each threshold of `UNSURE` and each sender: ``(T, S)``. So every sender weighs the same,
    whether of one photo or hundreds, and the promise is kept if the mean over senders is at most 0.
    """
    counts = (names != OTHER) & (sender >= 0)
    ten, none = rule.apply(logs[counts])
    surest = np.where(none <= rule.unknown, ten.max(axis=1), -1.0)
    wrong = ~right_class(names[counts], ten.argmax(axis=1))
    of = np.unique(sender[counts], return_inverse=True)[1]
    shares = [np.bincount(of, (surest >= each) * (wrong - RISK)) for each in UNSURE]
    return np.stack(shares) / np.bincount(of)


def safe(excesses: Float64) -> int:
    """How many of the thresholds, in their order, are shown to keep the promise for new senders.

    One after another is tested, up to the first that fails. So with probability ``1 - ERROR`` or
    more over the senders drawn, the last that passed keeps it.

    Source:
        Angelopoulos, Bates, Candès, Jordan and Lei (2021), arXiv:2110.01052 (Learn then Test,
        with fixed sequence testing).
    """
    # With so few senders that all could be without a mistake by chance, nothing is shown.
    least = (1 - RISK) ** excesses.shape[1]
    passed = [max(p_value(each), least) <= ERROR for each in excesses]
    return [*passed, False].index(False)


def p_value(values: Float64) -> float:
    """The p-value of "the mean is zero or more", for independent values that may be skewed.

    Student's t takes skewed values for symmetric ones: where a few losses are large, it rejects too
    often. So its statistic is transformed, which removes the skewness. 1 if all values are equal.

    Source:
        Hall (1992), JRSS B 54:221 (On the removal of skewness by transformation).
    """
    spread = values.std()
    if spread == 0:
        return 1.0
    mean, root = values.mean() / spread, np.sqrt(len(values))
    skewness = ((values - values.mean()) ** 3).mean() / spread**3
    cubic = mean + skewness * mean**2 / 3 + skewness**2 * mean**3 / 27
    return float(norm.cdf(root * cubic + skewness / (6 * root)))


def broken(excesses: Float64, draws: int = 4000) -> float:
    """How often the promise is broken if as many senders are drawn anew from these, and choose.

    These are taken for all senders that there are.
    """
    random, senders = np.random.default_rng(0), excesses.shape[1]
    chosen = [safe(excesses[:, random.integers(senders, size=senders)]) for _ in range(draws)]
    risky = np.append(excesses.mean(axis=1) > 0, False)  # the last stands for "none passed"
    return float(risky[np.array(chosen) - 1].mean())
