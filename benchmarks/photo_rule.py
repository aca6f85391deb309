"""When the photo model abstains: chosen on photos of senders that its training did not see."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.photo_folds import Names
from fittingroom.classes import GARMENTS
from fittingroom.metrics import fit_temperature, safe_threshold
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
    counts = (names != OTHER) & (sender >= 0)
    ten, none = rule.apply(logs[counts])
    surest = np.where(none <= UNKNOWN, ten.max(axis=1), -1.0)
    wrong = ~right_class(names[counts], ten.argmax(axis=1))
    safe = safe_threshold(surest, wrong, sender[counts], UNSURE, risk=RISK, error=ERROR)
    return Rule(rule.temperature, 1.0 if safe is None else safe, UNKNOWN)
