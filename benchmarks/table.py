"""The measured trainings, as ``training.json`` holds them: sittings, and a row for each training.

A *sitting* is a stretch of one call of the benchmark on one machine, with the predecessor's epoch as
it was then. A *row* is one recipe trained with one seed, and names its sitting. A row counts while
its *conditions* hold: the recipe's key, the number of threads, the data. The sitting names the
revision of the code.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from benchmarks.measure import QUIET
from fittingroom.comparison import Entrant, SeedScores, accuracy_interval, compare_models
from fittingroom.numbers import Estimate, plain
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


def in_epochs(
    rows: Sequence[Row], sittings: Sequence[Sitting], apart: tuple[float, int]
) -> Estimate | None:
    """The mean time of these rows in the predecessor's epochs; None if one of them has no epoch.

    The 95% interval covers the seeds, if there are several, and the sittings. As in
    :mod:`fittingroom.comparison.seeds`, its quantile is Cochran's and Cox's; its errors are those of
    logarithms.

    Args:
        apart: variance of the logarithm of the predecessor's epoch between sittings, and its
            degrees of freedom.
    """
    units = [predecessor_epoch(sittings[row["sitting"]]) for row in rows]
    ratios = [row["seconds"] / unit for row, unit in zip(rows, units, strict=True) if unit]
    if len(ratios) < len(rows):
        return None
    parts = [(apart[0] / len({row["sitting"] for row in rows}), apart[1])]
    if len(rows) > 1:
        logs = np.log([row["seconds"] for row in rows])
        parts.append((float(logs.var(ddof=1)) / len(rows), len(rows) - 1))
    variance = sum(part for part, _ in parts)
    far = sum(part * stats.t.ppf(0.975, freedom) for part, freedom in parts) / math.sqrt(variance)
    mean = _mean(ratios)
    return Estimate(mean, mean * math.exp(-far), mean * math.exp(far))


def kind_of_processor(sitting: Sitting) -> str:
    """Its name, and what it lacks: processors of one name differ in their instructions."""
    environment = sitting["environment"]
    # The first sittings did not list instructions, and had AVX-512.
    able = environment.get("instructions") or ["avx512f"]
    return str(environment["processor"]) + ("" if "avx512f" in able else " (AVX2 alone)")


def between_sittings(rows: Sequence[Row], sittings: Sequence[Sitting]) -> tuple[float, int] | None:
    """How the predecessor's epoch varies between sittings of these rows on one kind of processor:
    variance of its logarithm, and degrees of freedom; None without two such sittings."""
    logs = defaultdict(list)
    for sitting in (sittings[place] for place in {row["sitting"] for row in rows}):
        if unit := predecessor_epoch(sitting):
            logs[kind_of_processor(sitting)].append(math.log(unit))
    freedom = sum(len(each) - 1 for each in logs.values())
    squares = sum(float(np.var(each)) * len(each) for each in logs.values())
    return (squares / freedom, freedom) if freedom else None


def correct_of(rows: Sequence[Row]) -> npt.NDArray[np.bool_]:
    """Which seed classified which test image correctly: bool ``(S, N)``."""
    correct = np.ones((len(rows), rows[0]["test_images"]), np.bool_)
    for place, row in enumerate(rows):
        correct[place, [int(each) for each in row["mistakes"].split()]] = False
    return correct


def summarise(
    rows: Sequence[Row], sittings: Sequence[Sitting], predecessor: Mapping[str, Any]
) -> dict[str, Any]:
    """The results of the rows of each recipe together.

    Args:
        rows: those that count; failed trainings among them.
        sittings: all of them.
        predecessor: after how many ``"epochs"`` the predecessor's own training ended, and with
            what ``"accuracy"``; empty if nobody verified it.

    Returns:
        ``"recipes"``: by name, accuracy and interval over seeds and test images, seeds, seconds
        and so on; ``"verdicts"``: each recipe compared with the next worse one by accuracy, and
        ``cnn`` with ``ann``, corrected for all pairs.
    """
    recipes: dict[str, Any] = {}
    entrants = []
    apart = between_sittings(rows, sittings)
    for name in dict.fromkeys(row["recipe"] for row in rows):
        own = sorted((row for row in rows if row["recipe"] == name), key=lambda row: row["seed"])
        failures = [f"seed {row['seed']}: {row['failure']}" for row in own if "failure" in row]
        own = [row for row in own if "failure" not in row]
        if not own:
            recipes[name] = {"seeds": [], "failures": failures}
            continue
        correct = correct_of(own)
        measured = _recipe(own, sittings, correct, apart, predecessor)
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
    return {"predecessor": predecessor, "recipes": recipes, "verdicts": verdicts}


def _recipe(
    rows: Sequence[Row],
    sittings: Sequence[Sitting],
    correct: npt.NDArray[np.bool_],
    apart: tuple[float, int] | None,
    predecessor: Mapping[str, Any],
) -> dict[str, Any]:
    accuracy = accuracy_interval(SeedScores.of(correct))
    # Rows from before this was noted were measured on a quiet machine.
    quiet = [row for row in rows if (row.get("others_share") or 0.0) <= QUIET]
    timed = quiet or rows
    seconds = [row["seconds"] for row in timed]
    # A disturbed epoch of the predecessor makes a time look shorter. Whether others disturbed it was
    # not noted at first; such an epoch gives no bound.
    share = 0.0 if quiet else math.inf
    steady = [
        row
        for row in timed
        if sittings[row["sitting"]]["predecessor"].get("tensorflow", {}).get("others_share", share)
        <= QUIET
    ]
    epochs = in_epochs(steady, sittings, apart) if apart and steady else None
    factor = None
    if epochs and predecessor and accuracy.value >= predecessor["accuracy"]:
        ends = (epochs.value, epochs.high, epochs.low)
        factor = Estimate(*(predecessor["epochs"] / each for each in ends))
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
        "predecessor_epochs": plain(epochs),
        "factor": plain(factor),
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
