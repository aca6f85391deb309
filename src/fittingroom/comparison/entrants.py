"""From entrants to verdicts: the comparison itself."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from fittingroom.classes import in_short
from fittingroom.comparison.paired import (
    images_needed,
    mcnemar,
    paired_difference,
    paired_p_equivalent,
)
from fittingroom.comparison.results import (
    ALPHA,
    LEAST_SEEDS,
    ClassGain,
    Comparison,
    Entrant,
    ModelResult,
    Pair,
    Power,
    Verdict,
)
from fittingroom.comparison.seeds import (
    SeedScores,
    accuracy_interval,
    error_ratio,
    seed_difference,
    seed_power,
)
from fittingroom.comparison.sentences import comparison_sentence, headline, pair_sentence
from fittingroom.errors import PredictionsError, UsageError
from fittingroom.numbers import Estimate, listed

Correct = npt.NDArray[np.bool_]  # (S, N): which seed classifies which image correctly

# The difference in accuracy that counts as none by default: half a percentage point.
MARGIN = 0.005


def compare_models(
    entrants: Sequence[Entrant], *, margin: float = MARGIN, held_out: bool = False
) -> Comparison:
    """Every entrant's accuracy, and every pair's difference, tests and verdict.

    Two *recipes* are compared over seeds and images, by :mod:`fittingroom.comparison.seeds`, if
    each has three seeds or more, or is deterministic. Otherwise these *fitted models* are, over
    images alone: two single ones by McNemar's test and Tango's interval, several of a recipe by
    the mean of their answers.

    The verdict on `b` against `a` is better or worse if p is at most 5% after Holm's correction for
    all pairs. Otherwise it is equivalent if the 95% interval lies within the margin, after the same
    correction, and not shown if it does not. Intervals are not corrected.

    Args:
        entrants: two or more, or one if images are held out, with different names, all on the same
            images in the same order.
        margin: the difference in accuracy that counts as none, a fraction from 0 to below 1.
        held_out: whether the images are training images, each predicted by a model that was
            trained without it. Nothing is said of a single new training then.

    Raises:
        PredictionsError: fewer than two entrants, one name twice, or other classes, labels or
            images.
        UsageError: a margin outside its range.

    Source:
        See :mod:`fittingroom.comparison.paired` and :mod:`fittingroom.comparison.seeds`; Schuirmann
        (1987), Journal of Pharmacokinetics and Biopharmaceutics 15:657 (two one-sided tests);
        Holm (1979), Scandinavian Journal of Statistics 6:65.
    """
    _check_entrants(entrants, 1 if held_out else 2)
    check_margin(margin)
    images = len(entrants[0].predictions[0])
    models = {each.name: _model(each) for each in entrants}
    pairs = [_pair(a, b, margin, held_out) for a, b in combinations(entrants, 2)]
    adjusted = holm([pair.p_value for pair in pairs])
    equivalent = holm([pair.p_equivalent for pair in pairs])
    for at, (pair, p, p_equivalent) in enumerate(zip(pairs, adjusted, equivalent, strict=True)):
        verdict = verdict_of(pair.difference.value, p, p_equivalent)
        pair = replace(pair, verdict=verdict, p_adjusted=p, p_equivalent=p_equivalent)
        words = pair_sentence(models[pair.a], models[pair.b], pair, images, len(pairs), held_out)
        pairs[at] = replace(pair, sentence=words)
    outcome = Comparison(tuple(models.values()), tuple(pairs), images, headline="", sentence="")
    outcome = replace(outcome, headline=headline(outcome, held_out))
    return replace(outcome, sentence=comparison_sentence(outcome, held_out))


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


def verdict_of(difference: float, p_adjusted: float, p_equivalent: float) -> Verdict:
    """The verdict on `b`, from the difference and both p-values after Holm's correction."""
    if p_adjusted <= ALPHA:
        return "better" if difference > 0 else "worse"
    return "equivalent" if p_equivalent <= ALPHA else "not shown"


def _model(entrant: Entrant) -> ModelResult:
    scores = SeedScores.of(entrant.correct)
    enough = scores.seeds >= LEAST_SEEDS
    return ModelResult(
        name=entrant.name,
        recipe=entrant.recipe,
        seeds=entrant.seeds,
        accuracy=accuracy_interval(scores if enough else scores.as_one()),
        per_seed=tuple(scores.per_seed.tolist()),
        deviation=float(np.sqrt(scores.seed_variance)) if scores.seeds > 1 else None,
        deterministic=entrant.deterministic,
    )


def _pair(a: Entrant, b: Entrant, margin: float, held_out: bool) -> Pair:
    """What two entrants' answers show; Holm's correction, verdict and sentence come later."""
    of_a, of_b = a.correct, b.correct
    a_only, b_only = np.flatnonzero(of_a[0] & ~of_b[0]), np.flatnonzero(of_b[0] & ~of_a[0])
    single = len(of_a) == len(of_b) == 1
    recipes = not single and all(
        each.deterministic or len(each.predictions) >= LEAST_SEEDS for each in (a, b)
    )
    scores = _scores(of_a, of_b, recipes=recipes)
    model, said = seed_difference(*scores), a.predictions[0]
    difference, p_value = _difference(of_a, of_b, recipes=recipes)
    p_equivalent = model.p_equivalent(margin)
    narrow, power = model.interval(0.90), seed_power(*scores, margin)
    if single:
        counts = len(a_only), len(b_only), of_a.shape[1]
        share = (len(a_only) + len(b_only)) / of_a.shape[1]
        power = Power(None, None, images_needed(share, margin))
        p_equivalent = paired_p_equivalent(*counts, margin)
        narrow = paired_difference(*counts, 0.90)
    classes = [said.labels == k for k in range(len(said.classes))]
    gains = [_difference(of_a[:, kind], of_b[:, kind], recipes=recipes) for kind in classes]
    adjusted = holm([p for _, p in gains])
    return Pair(
        a=a.name,
        b=b.name,
        level="recipes" if recipes else "fitted models",
        difference=difference,
        error_ratio=error_ratio(*scores),
        mcnemar=mcnemar(len(a_only), len(b_only)) if single else None,
        p_better=None if held_out else model.p_better,
        p_within=model.p_within(margin),
        margin=margin,
        equivalent=-margin < narrow.low and narrow.high < margin,
        verdict="not shown",
        sentence="",
        gains=tuple(
            ClassGain(name, gain, p)
            for name, (gain, _), p in zip(said.classes, gains, adjusted, strict=True)
        ),
        a_only=a_only,
        b_only=b_only,
        p_value=p_value,
        p_adjusted=p_value,
        p_equivalent=p_equivalent,
        power=power,
    )


def _scores(of_a: Correct, of_b: Correct, *, recipes: bool) -> tuple[SeedScores, SeedScores]:
    """Of two recipes, or of these runs of them, which then are one model each."""
    a, b = SeedScores.of(of_a), SeedScores.of(of_b)
    return (a, b) if recipes else (a.as_one(), b.as_one())


def _difference(of_a: Correct, of_b: Correct, *, recipes: bool) -> tuple[Estimate, float]:
    """Accuracy of `b` minus accuracy of `a`, and the p-value for zero."""
    images = of_a.shape[1]
    if len(of_a) == len(of_b) == 1 or images == 0:
        a_only, b_only = int((of_a[0] & ~of_b[0]).sum()), int((of_b[0] & ~of_a[0]).sum())
        return paired_difference(a_only, b_only, images), mcnemar(a_only, b_only).p_mid
    model = seed_difference(*_scores(of_a, of_b, recipes=recipes))
    return model.interval(), model.p_value


def _check_entrants(entrants: Sequence[Entrant], least: int) -> None:
    names = [entrant.name for entrant in entrants]
    if len(set(names)) < max(least, len(names)):
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
