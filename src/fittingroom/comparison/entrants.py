"""From entrants to verdicts: the comparison itself."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from fittingroom.comparison.bootstrap import bootstrap_accuracies
from fittingroom.comparison.paired import mcnemar, paired_difference, pictures_needed
from fittingroom.comparison.power import seed_power
from fittingroom.comparison.results import (
    ClassGain,
    Comparison,
    Entrant,
    ModelResult,
    Pair,
    Power,
    Verdict,
)
from fittingroom.comparison.seeds import SeedScores, accuracy_interval, seed_difference
from fittingroom.comparison.sentences import comparison_sentence, pair_sentence
from fittingroom.errors import PredictionsError, UsageError
from fittingroom.metrics import Estimate

Correct = npt.NDArray[np.bool_]  # (S, N): which seed names which picture rightly

# The difference in accuracy that counts as none, where a person names no other: half a point.
MARGIN = 0.005


def compare_models(
    entrants: Sequence[Entrant], *, margin: float = MARGIN, draws: int = 10_000, seed: int = 0
) -> Comparison:
    """Every entrant's accuracy, and every pair's difference, tests and verdict.

    Two entrants with one seed each are compared as *fitted models*: McNemar's test and Tango's
    interval, over pictures alone. Where either has several seeds, the *recipes* are compared, by
    :mod:`fittingroom.comparison.seeds`, over seeds and pictures; a side with a single seed is then
    taken to vary from seed to seed as the other does, which its sentence says.

    The verdict on `b` against `a`: better or worse where the 95% interval excludes zero,
    equivalent where it includes zero and lies within the margin, not shown otherwise. It is each
    pair's own; with more than two entrants `p_adjusted` is corrected by Holm's method, and a
    verdict that would not outlast it says so in its sentence.

    Args:
        entrants: two or more, with different names, all on the same pictures in the same order.
        margin: the difference in accuracy that counts as none, a fraction from 0 to below 1.
        draws: of the bootstrap that each pair's interval is shown beside, at least 100.
        seed: of the bootstrap; equal input and seed give an equal result.

    Raises:
        PredictionsError: entrants that cannot be compared: other labels, pictures or classes,
            fewer than two, one name twice, other numbers of seeds and predictions, one seed twice.
        UsageError: a margin or a number of draws outside its range.

    Source:
        See :mod:`fittingroom.comparison.paired` and :mod:`fittingroom.comparison.seeds`; Schuirmann
        (1987), Journal of Pharmacokinetics and Biopharmaceutics 15:657 (two one-sided tests);
        Holm (1979), Scandinavian Journal of Statistics 6:65.
    """
    _check_entrants(entrants)
    check_margin(margin)
    if draws < 100:
        raise UsageError(f"Expected at least 100 bootstrap draws. Received {draws}.")
    first = entrants[0].predictions[0]
    correct = [np.stack([each.correct for each in entrant.predictions]) for entrant in entrants]
    models = tuple(_model(*each) for each in zip(entrants, correct, strict=True))
    drawn = bootstrap_accuracies(correct, draws=draws, seed=seed)
    members = [np.flatnonzero(first.labels == k) for k in range(len(first.classes))]

    pairs = []
    for i, j in combinations(range(len(entrants)), 2):
        pair = _pair(models[i], models[j], correct[i], correct[j], margin)
        low, high = np.quantile(drawn[:, j] - drawn[:, i], [0.025, 0.975])
        gains = tuple(
            ClassGain(name, _difference(correct[i][:, where], correct[j][:, where]))
            for name, where in zip(first.classes, members, strict=True)
        )
        bootstrap = Estimate(pair.difference.value, float(low), float(high))
        pairs.append(replace(pair, gains=gains, bootstrap=bootstrap))
    adjusted = holm([pair.p_value for pair in pairs if pair.p_value is not None])
    pairs = [replace(pair, p_adjusted=p) for pair, p in zip(pairs, adjusted, strict=True)]
    by_name = {model.name: model for model in models}
    told = tuple(
        replace(
            pair,
            sentence=pair_sentence(by_name[pair.a], by_name[pair.b], pair, len(first), len(pairs)),
        )
        for pair in pairs
    )
    return Comparison(models, told, len(first), comparison_sentence(models, told, len(first)))


def check_margin(margin: float) -> None:
    """Refuse what cannot be a difference that counts as none.

    Raises:
        UsageError: a margin outside 0 to below 1.
    """
    if not 0 <= margin < 1:
        raise UsageError(
            "Expected a margin from 0 to below 1, a fraction (0 to below 100 percentage points). "
            f"Received {margin:g}."
        )


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for having made as many tests, in the order given.

    Source:
        Holm (1979), Scandinavian Journal of Statistics 6:65.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted.tolist()


def verdict_of(interval: Estimate, margin: float) -> Verdict:
    """The verdict that a 95% interval of a difference gives.

    Args:
        interval: of accuracy of `b` minus accuracy of `a`, fractions.
        margin: the difference that counts as none, a fraction.
    """
    if interval.low > 0:
        return "better"
    if interval.high < 0:
        return "worse"
    return "equivalent" if _within(interval, margin) else "not shown"


def _within(interval: Estimate, margin: float) -> bool:
    return -margin < interval.low and interval.high < margin


def _model(entrant: Entrant, correct: Correct) -> ModelResult:
    scores = SeedScores.of(correct)
    return ModelResult(
        name=entrant.name,
        recipe=entrant.recipe,
        seeds=entrant.seeds,
        accuracy=accuracy_interval(scores),
        per_seed=tuple(scores.per_seed.tolist()),
        deviation=float(np.sqrt(scores.seed_variance)) if scores.seeds > 1 else None,
    )


def _pair(
    a: ModelResult, b: ModelResult, right_a: Correct, right_b: Correct, margin: float
) -> Pair:
    pictures = right_a.shape[1]
    a_only = np.flatnonzero(right_a[0] & ~right_b[0]).astype(np.int64)
    b_only = np.flatnonzero(right_b[0] & ~right_a[0]).astype(np.int64)
    difference = _difference(right_a, right_b)
    fitted = len(right_a) == len(right_b) == 1
    test, p_better = None, None
    if fitted:
        test = mcnemar(len(a_only), len(b_only))
        p_value = test.p_mid
        power = Power(None, pictures_needed(len(a_only), len(b_only), pictures))
    else:
        scores = SeedScores.of(right_a), SeedScores.of(right_b)
        model = seed_difference(*scores)
        p_value, p_better, power = model.p_value, model.p_better, seed_power(*scores)
    return Pair(
        a=a.name,
        b=b.name,
        level="fitted models" if fitted else "recipes",
        difference=difference,
        mcnemar=test,
        p_better=p_better,
        margin=margin,
        equivalent=_within(_difference(right_a, right_b, confidence=0.90), margin),
        verdict=verdict_of(difference, margin),
        sentence="",
        gains=(),
        a_only=a_only,
        b_only=b_only,
        p_value=p_value,
        power=power,
    )


def _difference(right_a: Correct, right_b: Correct, confidence: float = 0.95) -> Estimate:
    """Share that `b` gets right minus share that `a` does, at whichever level applies."""
    pictures = right_a.shape[1]
    if pictures == 0:
        return Estimate(0.0, -1.0, 1.0)
    if len(right_a) == len(right_b) == 1:
        a_only, b_only = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
        return paired_difference(a_only, b_only, pictures, confidence)
    model = seed_difference(SeedScores.of(right_a), SeedScores.of(right_b))
    return model.interval(confidence)


def _check_entrants(entrants: Sequence[Entrant]) -> None:
    if len(entrants) < 2:
        raise PredictionsError(f"Expected two or more models to compare. Received {len(entrants)}.")
    names = [entrant.name for entrant in entrants]
    for name in names:
        if names.count(name) > 1:
            raise PredictionsError(
                f"Expected each model under a name of its own. Received {name!r} "
                f"{names.count(name)} times."
            )
    for entrant in entrants:
        models, seeds = len(entrant.predictions), len(entrant.seeds)
        unknown = (models, seeds) == (1, 0)
        if not models or (seeds != models and not unknown):
            raise PredictionsError(
                f"Expected one set of predictions for each seed of {entrant.name}, and at least "
                f"one. Received {seeds} seeds and {models} sets."
            )
        if len(set(entrant.seeds)) < len(entrant.seeds):
            raise PredictionsError(
                f"Expected each seed of {entrant.name} once: the same training counted twice "
                f"would make it look surer than it is. Received the seeds {entrant.seeds}."
            )
    first = entrants[0].predictions[0]
    for entrant in entrants:
        for predictions in entrant.predictions:
            if predictions.classes != first.classes:
                raise PredictionsError(
                    f"Expected {entrant.name} to know the classes of {names[0]}: "
                    f"{', '.join(first.classes)}. Received {', '.join(predictions.classes)}."
                )
            if predictions.labels_hash != first.labels_hash:
                raise PredictionsError(
                    f"Expected {entrant.name} to be scored on the same labels as {names[0]}: "
                    f"{len(first)} labels with the hash {first.labels_hash[:12]}…. Received "
                    f"{len(predictions)} labels with the hash {predictions.labels_hash[:12]}…. "
                    "Score both on the same pictures in the same order."
                )
            if not np.array_equal(predictions.indices, first.indices):
                row = int(np.flatnonzero(predictions.indices != first.indices)[0])
                raise PredictionsError(
                    f"Expected {entrant.name} to be scored on the same pictures as {names[0]}, in "
                    f"the same order: picture {int(first.indices[row])} in row {row}. Received "
                    f"picture {int(predictions.indices[row])}."
                )
