"""What is measured of answers about real photos; whoever took a photo is the unit of intervals."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.measure import Measured
from benchmarks.photo_rule import OTHER, SHOE, right_class
from fittingroom.classes import GARMENTS
from fittingroom.predict.abstention import ABSTENTIONS

KINDS: Mapping[str, str] = {
    **dict.fromkeys(("T-shirt/top", "Pullover", "Coat", "Shirt"), "top"),
    **dict.fromkeys(("Sandal", "Sneaker", "Ankle boot", SHOE), "shoe"),
    **{"Trouser": "trouser", "Dress": "dress", "Bag": "bag"},
}
_UNKNOWN = ABSTENTIONS.index("unknown")
_DRAWS = 2000

Rows = npt.NDArray[Any]


def share(holds: Rows, among: Rows, sender: Rows) -> Measured:
    """The share of photos ``among`` some for which it holds, pooled, with its 95% interval.

    Senders are drawn again with replacement, all of their photos together (cluster bootstrap,
    percentiles). Source: A. Davison and D. Hinkley (1997), Bootstrap Methods, section 3.8.
    """
    if not among.any():  # a fold's rule may answer nothing
        return {"value": 0.0, "low": 0.0, "high": 1.0, "photos": 0}
    of = np.unique(sender[among], return_inverse=True)[1]
    counts = np.stack([np.bincount(of, holds[among]), np.bincount(of)])  # (2, senders)
    random = np.random.default_rng(0)
    drawn = random.multinomial(
        counts.shape[1], np.full(counts.shape[1], 1 / counts.shape[1]), _DRAWS
    )
    top, bottom = counts @ drawn.T
    low, high = np.quantile(top[bottom > 0] / bottom[bottom > 0], (0.025, 0.975))
    value = float(counts[0].sum() / counts[1].sum())
    return {"value": value, "low": float(low), "high": float(high), "photos": int(among.sum())}


def mean_of_senders(holds: Rows, among: Rows, sender: Rows) -> Measured:
    """The mean over senders of each one's share, with Student's 95% interval."""
    from fittingroom.metrics import mean_estimate

    of = np.unique(sender[among], return_inverse=True)[1]
    shares = np.bincount(of, holds[among]) / np.bincount(of)
    return {**mean_estimate(shares, minimum=0.0, maximum=1.0).as_dict(), "senders": len(shares)}


def measures(names: Rows, sender: Rows, predicted: Rows, abstains: Rows) -> Measured:
    """All measures of one way to answer.

    Args:
        names: the garment of each photo, ``(N,)``; ``other garment`` is none of the ten classes.
        sender: ``(N,)``, equal for photos of one person.
        predicted: the most probable of the ten classes, ``(N,)``.
        abstains: as :func:`fittingroom.predict.abstain` gives it, ``(N,)``.
    """
    ten, right = names != OTHER, right_class(names, predicted)
    kind = np.array([KINDS.get(name, "") for name in names])
    kind_right = kind == np.array([KINDS[GARMENTS[each]] for each in predicted])
    answered, unknown = abstains == 0, abstains == _UNKNOWN
    found = {
        "correct": share(right, ten, sender),
        "correct_of_senders": mean_of_senders(right, ten, sender),
        "kind": share(kind_right, ten, sender),
        "answered": share(answered, ten, sender),
        "answered_correct": share(right, ten & answered, sender),
        "unknown": share(unknown, ten, sender),
        "classes": {
            name: share(right, names == name, sender)
            for name in (*GARMENTS, SHOE)
            if (names == name).any()
        },
    }
    if not ten.all():
        found["rejected"] = share(unknown, ~ten, sender)
    return found


def worst_senders(names: Rows, sender: Rows, predicted: Rows, count: int = 5) -> list[Measured]:
    """The senders with the lowest share of correct answers, of those with five photos or more."""
    right, ten = right_class(names, predicted), names != OTHER
    rows = [
        {"sender": int(each), "photos": int(own.sum()), "correct": float(right[own].mean())}
        for each in np.unique(sender[ten])
        if (own := ten & (sender == each)).sum() >= 5
    ]
    return sorted(rows, key=lambda row: row["correct"])[:count]


def curve(names: Rows, predicted: Rows, surest: Rows) -> list[tuple[float, float]]:
    """Share answered and share correct of these, for the surest tenth of the photos, the next, …"""
    order = np.argsort(-surest[names != OTHER], kind="stable")
    right = right_class(names, predicted)[names != OTHER][order]
    ends = [round(len(right) * tenth / 10) for tenth in range(1, 11)]
    return [(end / len(right), float(right[:end].mean())) for end in ends]
