"""The measured trainings, as ``training.json`` holds them: sittings, and a row for each training.

A *sitting* is one call of the benchmark on one machine, with the predecessor's epoch as it was then. A *row* is one recipe trained with one seed, and names its
sitting. A row counts while its *conditions* hold: the recipe's key, the number of threads, the data.
The sitting names the revision of the code.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.measure import QUIET
from fittingroom.comparison import Entrant, SeedScores, accuracy_interval, compare_models
from fittingroom.predictions import Predictions
from fittingroom.recipes import RECIPES

Row = dict[str, Any]
Sitting = Mapping[str, Any]

TUTORIAL, PREDECESSOR = "tutorial", "keras-cnn"


def key_of(name: str) -> str:
    """The key of a recipe; the tutorial's loop trains the predecessor's network."""
    return RECIPES[PREDECESSOR if name == TUTORIAL else name].key


def counted(rows: Sequence[Row]) -> list[Row]:
    """The rows that count, in the catalogue's order: of recipes as they are now, measured under the
    conditions of the newest row."""
    order = {name: place for place, name in enumerate([*RECIPES, TUTORIAL])}
    common = {name: rows[-1]["conditions"][name] for name in ("threads", "data", "epochs")}
    current = [
        row
        for row in rows
        if row["recipe"] in order
        and row["conditions"]["key"] == key_of(row["recipe"])
        and common.items() <= row["conditions"].items()
    ]
    return sorted(current, key=lambda row: (order[row["recipe"]], row["seed"]))


def predecessor_epoch(sitting: Sitting) -> float | None:
    """Seconds of one of the predecessor's epochs with TensorFlow; None if that is not installed."""
    return sitting["predecessor"].get("tensorflow", {}).get("epoch_seconds")


def correct_of(rows: Sequence[Row]) -> npt.NDArray[np.bool_]:
    """Which seed classified which test image correctly: bool ``(S, N)``."""
    correct = np.ones((len(rows), rows[0]["test_images"]), np.bool_)
    for place, row in enumerate(rows):
        correct[place, [int(each) for each in row["mistakes"].split()]] = False
    return correct


def summarise(
    rows: Sequence[Row], sittings: Sequence[Sitting], whole_epochs: int | None
) -> dict[str, Any]:
    """The results of the rows of each recipe together.

    Args:
        rows: those that count; failed trainings among them.
        sittings: all of them.
        whole_epochs: after how many epochs the predecessor's own training ended; None if unknown.

    Returns:
        ``"recipes"``: by name, accuracy and interval over seeds and test images, seeds, seconds
        and so on; ``"verdicts"``: each recipe compared with the next worse one by accuracy, and
        ``cnn`` with ``ann``, corrected for all pairs.
    """
    recipes: dict[str, Any] = {}
    entrants = []
    for name in dict.fromkeys(row["recipe"] for row in rows):
        own = sorted((row for row in rows if row["recipe"] == name), key=lambda row: row["seed"])
        failures = [f"seed {row['seed']}: {row['failure']}" for row in own if "failure" in row]
        own = [row for row in own if "failure" not in row]
        if not own:
            recipes[name] = {"seeds": [], "failures": failures}
            continue
        correct = correct_of(own)
        measured = _recipe(own, sittings, correct, whole_epochs)
        recipes[name] = {**measured, "failures": failures}
        if name != TUTORIAL:
            answers = tuple(_right_or_wrong(each) for each in correct)
            entrants.append(
                Entrant(name, name, tuple(measured["seeds"]), answers, RECIPES[name].deterministic)
            )
    entrants.sort(key=lambda entrant: recipes[entrant.name]["accuracy"])
    wanted = [(a.name, b.name) for a, b in itertools.pairwise(entrants)]
    wanted += [pair for pair in (("ann", "cnn"),) if pair not in wanted]
    # The accuracies seen choose the pairs, so that each is judged among all that there are.
    pairs = compare_models(entrants).pairs if len(entrants) > 1 else ()
    told = {(pair.a, pair.b): pair.sentence for pair in pairs}
    verdicts = [told[pair] for pair in wanted if pair in told]
    return {"predecessor_epochs": whole_epochs, "recipes": recipes, "verdicts": verdicts}


def _recipe(
    rows: Sequence[Row],
    sittings: Sequence[Sitting],
    correct: npt.NDArray[np.bool_],
    whole_epochs: int | None,
) -> dict[str, Any]:
    accuracy = accuracy_interval(SeedScores.of(correct))
    # Rows from before this was noted were measured on a quiet machine.
    quiet = [row for row in rows if (row.get("others_share") or 0.0) <= QUIET]
    timed = quiet or rows
    seconds = [row["seconds"] for row in timed]
    units = [predecessor_epoch(sittings[row["sitting"]]) for row in timed]
    ratios = [time / unit for time, unit in zip(seconds, units, strict=True) if unit is not None]
    epochs = _mean(ratios) if len(ratios) == len(timed) else None
    return {
        "seeds": [row["seed"] for row in rows],
        "accuracy": accuracy.value,
        "interval": [accuracy.low, accuracy.high],
        "deviation": float(correct.mean(axis=1).std(ddof=1)) if len(rows) > 1 else None,
        "validation_accuracy": _mean([row["validation_accuracy"] for row in rows]),
        "seconds": _mean(seconds),
        "seconds_range": [min(seconds), max(seconds)],
        "timed_seeds": [row["seed"] for row in timed],
        "quiet": bool(quiet),
        "before_training_seconds": _mean([row["before_training_seconds"] for row in rows]),
        "predecessor_epochs": epochs,
        "factor": None if epochs is None or whole_epochs is None else whole_epochs / epochs,
        "parameters": rows[0]["parameters"],
        "operations": rows[0]["operations"],
        "model_bytes": rows[0].get("model_bytes"),
        "peak_memory_mb": max(row["peak_memory_mb"] for row in rows),
    }


def _right_or_wrong(correct: npt.NDArray[np.bool_]) -> Predictions:
    """All that a verdict needs: every label is 0, and a mistake is predicted as 1."""
    return Predictions(
        labels=np.zeros(len(correct), np.uint8),
        predicted=(~correct).astype(np.uint8),
        log_probabilities=None,
        indices=np.arange(len(correct)),
        classes=("right", "wrong"),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
