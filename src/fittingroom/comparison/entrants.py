"""From entrants to verdicts: the comparison itself."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from fittingroom.comparison.paired import images_needed, mcnemar, paired_difference
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
from fittingroom.numbers import Estimate
from fittingroom.predictions import Predictions

Correct = npt.NDArray[np.bool_]  # (S, N): which seed classifies which image correctly

# The difference in accuracy that counts as none by default: half a percentage point.
MARGIN = 0.005


def compare_models(entrants: Sequence[Entrant], *, margin: float = MARGIN) -> Comparison:
    """Every entrant's accuracy, and every pair's difference, tests and verdict.

    Two entrants with one seed each are compared as *fitted models*: McNemar's test and Tango's
    interval, over images alone. If either has several seeds, the *recipes* are compared, by
    :mod:`fittingroom.comparison.seeds`, over seeds and images; a side with a single seed is then
    assumed to vary between seeds as the other does, which its sentence says.

    The verdict on `b` against `a` is better or worse if the 95% interval excludes zero,
    equivalent if it includes zero and lies within the margin, and not shown otherwise. It is each
    pair's own; `p_adjusted` is corrected for all pairs by Holm's method, and the sentence says so
    if a verdict is not significant after it.

    Args:
        entrants: two or more, with different names, all on the same images in the same order.
        margin: the difference in accuracy that counts as none, a fraction from 0 to below 1.

    Raises:
        PredictionsError: entrants that cannot be compared: other labels, images or classes,
            fewer than two, one name twice, other numbers of seeds and predictions, one seed twice.
        UsageError: a margin outside its range.

    Source:
        See :mod:`fittingroom.comparison.paired` and :mod:`fittingroom.comparison.seeds`; Schuirmann
        (1987), Journal of Pharmacokinetics and Biopharmaceutics 15:657 (two one-sided tests);
        Holm (1979), Scandinavian Journal of Statistics 6:65.
    """
    _check_entrants(entrants)
    check_margin(margin)
    first = entrants[0].predictions[0]
    correct = {
        entrant.name: np.stack([each.correct for each in entrant.predictions])
        for entrant in entrants
    }
    models = {entrant.name: _model(entrant, correct[entrant.name]) for entrant in entrants}
    of_class = [(name, first.labels == k) for k, name in enumerate(first.classes)]
    pairs = [
        _pair(a, b, correct[a], correct[b], of_class, margin) for a, b in combinations(correct, 2)
    ]
    adjusted = holm([pair.p_value for pair in pairs])
    for at, p_adjusted in enumerate(adjusted):
        pair = replace(pairs[at], p_adjusted=p_adjusted)
        words = pair_sentence(models[pair.a], models[pair.b], pair, len(first), len(pairs))
        pairs[at] = replace(pair, sentence=words)
    outcome = Comparison(tuple(models.values()), tuple(pairs), len(first), sentence="")
    return replace(outcome, sentence=comparison_sentence(outcome))


def check_margin(margin: float) -> None:
    """Refuse what cannot be a difference that counts as none.

    Raises:
        UsageError: a margin outside 0 to below 1.
    """
    if not 0 <= margin < 1:
        raise UsageError(
            f"The margin is {margin:g}. Give a fraction from 0 to below 1, such as 0.005 for half "
            "a percentage point."
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
    a: str,
    b: str,
    right_a: Correct,
    right_b: Correct,
    of_class: Sequence[tuple[str, npt.NDArray[np.bool_]]],
    margin: float,
) -> Pair:
    """What two entrants' answers show; Holm's correction and the sentence are filled in later."""
    a_only = np.flatnonzero(right_a[0] & ~right_b[0])
    b_only = np.flatnonzero(right_b[0] & ~right_a[0])
    difference = _difference(right_a, right_b)
    fitted = len(right_a) == len(right_b) == 1
    test, p_better = None, None
    if fitted:
        test = mcnemar(len(a_only), len(b_only))
        p_value = test.p_mid
        power = Power(None, images_needed(len(a_only), len(b_only), right_a.shape[1]))
    else:
        scores = SeedScores.of(right_a), SeedScores.of(right_b)
        model = seed_difference(*scores)
        p_value, p_better, power = model.p_value, model.p_better, seed_power(*scores)
    return Pair(
        a=a,
        b=b,
        level="fitted models" if fitted else "recipes",
        difference=difference,
        mcnemar=test,
        p_better=p_better,
        margin=margin,
        equivalent=_within(_difference(right_a, right_b, confidence=0.90), margin),
        verdict=verdict_of(difference, margin),
        sentence="",
        gains=tuple(
            ClassGain(name, _difference(right_a[:, images], right_b[:, images]))
            for name, images in of_class
        ),
        a_only=a_only,
        b_only=b_only,
        p_value=p_value,
        p_adjusted=p_value,
        power=power,
    )


def _difference(right_a: Correct, right_b: Correct, confidence: float = 0.95) -> Estimate:
    """Share that `b` gets right minus share that `a` does, at whichever level applies."""
    images = right_a.shape[1]
    if images == 0:
        return Estimate(0.0, -1.0, 1.0)
    if len(right_a) == len(right_b) == 1:
        a_only, b_only = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
        return paired_difference(a_only, b_only, images, confidence)
    model = seed_difference(SeedScores.of(right_a), SeedScores.of(right_b))
    return model.interval(confidence)


def _check_entrants(entrants: Sequence[Entrant]) -> None:
    if len(entrants) < 2:
        raise PredictionsError(f"Give two or more models to compare. There is {len(entrants)}.")
    names = [entrant.name for entrant in entrants]
    first = entrants[0].predictions[0]
    for entrant in entrants:
        name, seeds, models = entrant.name, len(entrant.seeds), len(entrant.predictions)
        if names.count(name) > 1:
            raise PredictionsError(
                f"{names.count(name)} models have the name {name!r}. Give each its own name."
            )
        if not models or (seeds != models and (seeds, models) != (0, 1)):
            raise PredictionsError(
                f"{name} has {seeds} seeds and {models} sets of predictions. Give one set for each "
                "seed."
            )
        if len(set(entrant.seeds)) < seeds:
            raise PredictionsError(
                f"{name} has a seed twice: {entrant.seeds}. Give each seed once; one that counts "
                "twice makes the interval too narrow."
            )
        for predictions in entrant.predictions:
            _check_same(f"{name} and {names[0]}", predictions, first)


def _check_same(both: str, one: Predictions, other: Predictions) -> None:
    """Refuse predictions for other classes, labels or images."""
    if one.classes != other.classes:
        raise PredictionsError(
            f"{both} have different classes: {', '.join(one.classes)} and "
            f"{', '.join(other.classes)}."
        )
    same = "Score both on the same images in the same order."
    if one.labels_hash != other.labels_hash:
        raise PredictionsError(
            f"{both} were scored on different labels ({len(one)} and {len(other)} images). {same}"
        )
    if not np.array_equal(one.indices, other.indices):
        row = int(np.flatnonzero(one.indices != other.indices)[0])
        raise PredictionsError(
            f"{both} were scored on different images, or in a different order: row {row} is image "
            f"{one.indices[row]} and image {other.indices[row]}. {same}"
        )
