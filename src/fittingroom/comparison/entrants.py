"""From entrants to verdicts: the comparison itself."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from fittingroom.classes import in_short
from fittingroom.comparison.paired import images_needed, mcnemar, paired_difference
from fittingroom.comparison.results import (
    ClassGain,
    Comparison,
    Entrant,
    ModelResult,
    Pair,
    Power,
    Verdict,
)
from fittingroom.comparison.seeds import SeedScores, accuracy_interval, seed_difference, seed_power
from fittingroom.comparison.sentences import comparison_sentence, pair_sentence
from fittingroom.errors import PredictionsError, UsageError
from fittingroom.numbers import Estimate, listed

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
        PredictionsError: fewer than two entrants, one name twice, or other classes, labels or
            images.
        UsageError: a margin outside its range.

    Source:
        See :mod:`fittingroom.comparison.paired` and :mod:`fittingroom.comparison.seeds`; Schuirmann
        (1987), Journal of Pharmacokinetics and Biopharmaceutics 15:657 (two one-sided tests);
        Holm (1979), Scandinavian Journal of Statistics 6:65.
    """
    _check_entrants(entrants)
    check_margin(margin)
    images = len(entrants[0].predictions[0])
    models = {each.name: _model(each) for each in entrants}
    pairs = [_pair(a, b, margin) for a, b in combinations(entrants, 2)]
    for at, p_adjusted in enumerate(holm([pair.p_value for pair in pairs])):
        pair = replace(pairs[at], p_adjusted=p_adjusted)
        words = pair_sentence(models[pair.a], models[pair.b], pair, images, len(pairs))
        pairs[at] = replace(pair, sentence=words)
    outcome = Comparison(tuple(models.values()), tuple(pairs), images, sentence="")
    return replace(outcome, sentence=comparison_sentence(outcome))


def check_margin(margin: float) -> None:
    """Raise a UsageError unless the margin is from 0 to below 1."""
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
    """The verdict on `b`, from the 95% interval of its accuracy minus that of `a`, fractions."""
    if interval.low > 0:
        return "better"
    if interval.high < 0:
        return "worse"
    return "equivalent" if _within(interval, margin) else "not shown"


def _within(interval: Estimate, margin: float) -> bool:
    return -margin < interval.low and interval.high < margin


def _model(entrant: Entrant) -> ModelResult:
    scores = SeedScores.of(entrant.correct)
    return ModelResult(
        name=entrant.name,
        recipe=entrant.recipe,
        seeds=entrant.seeds,
        accuracy=accuracy_interval(scores),
        per_seed=tuple(scores.per_seed.tolist()),
        deviation=float(np.sqrt(scores.seed_variance)) if scores.seeds > 1 else None,
    )


def _pair(a: Entrant, b: Entrant, margin: float) -> Pair:
    """What two entrants' answers show; Holm's correction and the sentence are filled in later."""
    of_a, of_b = a.correct, b.correct
    a_only, b_only = np.flatnonzero(of_a[0] & ~of_b[0]), np.flatnonzero(of_b[0] & ~of_a[0])
    fitted = len(of_a) == len(of_b) == 1
    test, p_better = None, None
    if fitted:
        test = mcnemar(len(a_only), len(b_only))
        p_value = test.p_mid
        power = Power(None, images_needed(len(a_only), len(b_only), of_a.shape[1]))
    else:
        scores = SeedScores.of(of_a), SeedScores.of(of_b)
        model = seed_difference(*scores)
        p_value, p_better, power = model.p_value, model.p_better, seed_power(*scores)
    difference, said = _difference(of_a, of_b), a.predictions[0]
    gains = [
        ClassGain(name, _difference(of_a[:, said.labels == k], of_b[:, said.labels == k]))
        for k, name in enumerate(said.classes)
    ]
    return Pair(
        a=a.name,
        b=b.name,
        level="fitted models" if fitted else "recipes",
        difference=difference,
        mcnemar=test,
        p_better=p_better,
        margin=margin,
        equivalent=_within(_difference(of_a, of_b, confidence=0.90), margin),
        verdict=verdict_of(difference, margin),
        sentence="",
        gains=tuple(gains),
        a_only=a_only,
        b_only=b_only,
        p_value=p_value,
        p_adjusted=p_value,
        power=power,
    )


def _difference(of_a: Correct, of_b: Correct, confidence: float = 0.95) -> Estimate:
    """Accuracy of `b` minus accuracy of `a`, of fitted models or over seeds."""
    images = of_a.shape[1]
    if len(of_a) == len(of_b) == 1 or images == 0:
        a_only, b_only = int((of_a[0] & ~of_b[0]).sum()), int((of_b[0] & ~of_a[0]).sum())
        return paired_difference(a_only, b_only, images, confidence)
    return seed_difference(SeedScores.of(of_a), SeedScores.of(of_b)).interval(confidence)


def _check_entrants(entrants: Sequence[Entrant]) -> None:
    names = [entrant.name for entrant in entrants]
    if len(set(names)) < max(2, len(names)):
        raise PredictionsError(
            f"Give two or more models with different names to compare, not {listed(names)}."
        )
    first = entrants[0].predictions[0]
    for entrant in entrants:
        both = f"{entrant.name} and {names[0]}"
        for said in entrant.predictions:
            if said.classes != first.classes:
                raise PredictionsError(
                    f"{both} have different classes: {in_short(said.classes)} and "
                    f"{in_short(first.classes)}."
                )
            if said.labels_hash != first.labels_hash or not np.array_equal(
                said.indices, first.indices
            ):
                raise PredictionsError(
                    f"{both} were scored on different images, or in a different order. They have "
                    f"{len(said):,} and {len(first):,} images. Score both on the same images in "
                    "the same order."
                )
