"""A search that nobody ran."""

import dataclasses
from typing import Any

import numpy as np

from fittingroom.metrics import Estimate
from fittingroom.tuning import Retrained, Search, Trial, search_space
from tests.conftest import TINY

SPACE = search_space(TINY, pictures=2000, vary=["learning_rate", "batch_size", "augmentation.flip"])


def trial(number: int, accuracy: float | None, seconds: float | None, **changed: Any) -> Trial:
    rate = round(0.02 + 0.004 * number, 3)
    values: dict[str, Any] = {
        "number": number,
        "settings": {
            "learning_rate": rate,
            "batch_size": 50 + 10 * number,
            "augmentation.flip": number % 2 == 0,
        },
        "state": "complete",
        "epochs": 3,
        "curve": ((0.5, 0.5), (1.0, 0.7), (seconds or 1.5, accuracy or 0.6)),
        "accuracy": accuracy,
        "seconds": seconds,
    }
    return Trial(**{**values, **changed})


TRIALS = (
    trial(0, 0.80, 1.5),
    trial(1, 0.70, 1.6),
    trial(2, None, None, state="pruned", curve=((0.5, 0.4), (1.0, 0.5))),
    trial(3, 0.90, 2.5),
    trial(4, 0.85, 1.2),
    trial(5, None, None, state="failed", curve=(), error="The loss <b>is</b> no number."),
)
RETRAINED = Retrained.of(
    (1, 2, 3),
    np.random.default_rng(1).random((3, 500)) < 0.80,
    np.random.default_rng(2).random((3, 500)) < 0.88,
)


def made_up(changes: dict[int, dict[str, Any]] | None = None, **fields: Any) -> Search:
    """The search, with some fields of it, or of some trials, otherwise."""
    trials = tuple(
        dataclasses.replace(each, **(changes or {}).get(each.number, {})) for each in TRIALS
    )
    values: dict[str, Any] = {
        "recipe": TINY,
        "data": "sample",
        "official": False,
        "training": 1500,
        "validation": 500,
        "seed": 0,
        "space": SPACE,
        "trials": trials,
        "importance": (
            ("learning_rate", Estimate(0.6, 0.3, 0.9)),
            ("batch_size", Estimate(0.3, 0.1, 0.6)),
            ("augmentation.flip", Estimate(0.1, 0.0, 0.3)),
        ),
        "retrained": RETRAINED,
    }
    return Search(**{**values, **fields})
