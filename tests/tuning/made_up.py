"""A search that nobody ran, and a study of made-up trials."""

from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState

from fittingroom.tuning import Retrained, Search, search_space
from fittingroom.tuning.search import ended
from tests.conftest import TINY

SPACE = search_space(TINY, images=2000, vary=["learning_rate", "batch_size", "augmentation.flip"])
# Accuracy and seconds of each trial, the first that of the original recipe; or why there is none.
ENDED: tuple[Any, ...] = (
    (0.80, 1.5),
    (0.70, 1.6),
    TrialState.PRUNED,
    (0.90, 2.5),
    (0.90, 1.2),
    "The loss <b>is</b> not finite.",
)
RETRAINED = Retrained.of(
    (1, 2, 3),
    np.random.default_rng(1).random((3, 500)) < 0.80,
    np.random.default_rng(2).random((3, 500)) < 0.88,
)


def study_of(trials: Any = ENDED) -> optuna.Study:
    """A study in memory with these trials."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize")
    for number, how in enumerate(trials):
        study.enqueue_trial(
            {
                "learning_rate": round(0.02 + 0.004 * number, 3),
                "batch_size": 50 + 10 * number,
                "augmentation.flip": number % 2 == 0,
            },
            {} if number else {"start": True},
        )
        trial = study.ask()
        for setting in SPACE:
            setting.suggested(trial)
        match how:
            case str():
                trial.set_user_attr("error", how)
                study.tell(trial, state=TrialState.FAIL)
            case TrialState():
                study.tell(trial, state=how)
            case accuracy, seconds:
                trial.set_user_attr("seconds", seconds)
                study.tell(trial, accuracy)
    return study


def made_up(trials: Any = ENDED, **fields: Any) -> Search:
    """The search, with other trials or fields."""
    values: dict[str, Any] = {
        "folder": Path("found"),
        "recipe": TINY,
        "data": "sample",
        "official": False,
        "description": "The data is a sample.",
        "training": 1500,
        "validation": 500,
        "seed": 0,
        "space": SPACE,
        "trials": ended(study_of(trials)),
        "retrained": RETRAINED,
    }
    return Search(**{**values, **fields})
