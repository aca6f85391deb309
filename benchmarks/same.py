"""Whether two trainings gave the same, and how far they are apart if not."""

from dataclasses import replace
from typing import Any

import numpy as np

from fittingroom.predictions import Predictions
from fittingroom.runs import Run
from fittingroom.safe_io import read_weights

WEIGHTS = "model.safetensors"


def same_run(one: Run, other: Run) -> bool:
    """Whether weights, history except its seconds, and validation predictions are the same bytes."""
    weights, histories = (
        [of(run) for run in (one, other)]
        for of in (
            lambda run: (run.folder / WEIGHTS).read_bytes(),
            lambda run: [replace(epoch, seconds=0.0) for epoch in run.history],
        )
    )
    same = compare_predictions(one.validation, other.validation)["identical"]
    return weights[0] == weights[1] and histories[0] == histories[1] and bool(same)


def compare_weights(one: Run, other: Run) -> dict[str, Any]:
    """Whether the weights of two runs are the same, and the largest difference of two numbers."""
    first, second = (read_weights(run.folder / WEIGHTS) for run in (one, other))
    differences = [
        float(np.abs(first[name].astype(float) - second[name].astype(float)).max(initial=0))
        if first[name].shape == second[name].shape
        else None
        for name in first
    ]
    known = [each for each in differences if each is not None]
    return {
        "identical": all(each == 0 for each in differences),
        "largest_difference": max(known) if len(known) == len(differences) else None,
    }


def compare_predictions(one: Predictions, other: Predictions) -> dict[str, Any]:
    """Predictions for the same images: identical or not, largest difference of two probabilities,
    and for how many images the class is the same."""
    assert one.log_probabilities is not None
    assert other.log_probabilities is not None
    first, second = np.exp(one.log_probabilities), np.exp(other.log_probabilities)
    return {
        "identical": one.log_probabilities.tobytes() == other.log_probabilities.tobytes(),
        "largest_difference": float(np.abs(first - second).max()),
        "same_class": int((one.predicted == other.predicted).sum()),
        "pictures": len(one.predicted),
    }
