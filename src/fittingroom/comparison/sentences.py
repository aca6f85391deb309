"""Verdicts in plain words, with the numbers behind them."""

from collections.abc import Sequence

from fittingroom.comparison.results import Comparison, ModelResult, Pair
from fittingroom.numbers import listed, percent, points_range, sureness

# What a 95% interval promises, for those who never met one; `benchmarks/statistics.py` measures it.
_PROMISE = "about 95 of 100 such intervals contain the true gap"
_MATTERS = "the smallest difference that matters in practice"


def pair_sentence(a: ModelResult, b: ModelResult, pair: Pair, images: int, pairs: int) -> str:
    """One pair's verdict, what it is based on, and what it does not say.

    Args:
        a, b: the two entrants' results.
        pair: the outcome; its own `sentence` is not read.
        images: on how many both were scored.
        pairs: how many pairs the whole comparison has.
    """
    parts = [_verdict(pair), _accuracies(a, b, pair, images)]
    if pair.verdict in ("better", "worse"):
        parts.append(_against_margin(pair))
        if pairs > 1 and pair.p_adjusted > 0.05:
            parts.append(
                f"After Holm's correction for comparing {pairs} pairs, the difference is no longer "
                f"significant (p = {pair.p_adjusted:.2f})."
            )
    if pair.verdict == "not shown":
        parts.append(_undecided(pair))
    parts.append(_scope(a, b, pair))
    return " ".join(part for part in parts if part)


def comparison_sentence(comparison: Comparison) -> str:
    """The outcome of a whole comparison in one paragraph."""
    models, pairs = comparison.models, comparison.pairs
    if len(pairs) == 1:
        return pairs[0].sentence
    first = max(models, key=lambda model: model.accuracy.value)
    verdicts = comparison.verdict_matrix()[models.index(first)]
    parts = [
        f"{first.name} has the highest accuracy of the {len(models)} models compared on "
        f"{comparison.images:,} test images: {percent(first.accuracy.value, 2)} (95% interval "
        f"{percent(first.accuracy.low, 2)} to {percent(first.accuracy.high, 2)})."
    ]
    margin = f"{_points(pairs[0].margin)} percentage points"
    for verdict, words in (
        ("better", "It is better than {}."),
        ("worse", "It is worse than {}."),
        ("equivalent", f"It is equivalent to {{}} within {margin}."),
        ("not shown", "There is no clear difference between it and {}."),
    ):
        names = [
            each.name for each, of_it in zip(models, verdicts, strict=True) if of_it == verdict
        ]
        if names:
            parts.append(words.format(listed(names)))
    decided = [pair for pair in pairs if pair.verdict in ("better", "worse")]
    few = f"{len(decided)} of the" if len(decided) < len(pairs) else "All"
    parts.append(f"{few} {len(pairs)} pairs differ.")
    doubtful = sum(pair.p_adjusted > 0.05 for pair in decided)
    if doubtful:
        parts.append(
            f"After Holm's correction for comparing {len(pairs)} pairs, {doubtful} of these "
            f"differences {'is' if doubtful == 1 else 'are'} no longer significant."
        )
    return " ".join([*parts, _basis(models)])


def _basis(models: Sequence[ModelResult]) -> str:
    """What the intervals of a comparison of several allow for."""
    counts = [len(model.per_seed) for model in models]
    if max(counts) == 1:
        return (
            "Each model was trained once, and the intervals cover the choice of test images only: "
            f"{_PROMISE}. Training again with other seeds may give different results."
        )
    sentence = (
        f"{_trained(models)}, with different random seeds. The intervals cover the variation "
        f"between seeds and between test images: {_PROMISE}."
    )
    if 1 in counts:
        sentence += (
            " A model trained once is assumed to vary between seeds as the one it is compared with."
        )
    if counts.count(1) > 1:
        sentence += " Two models trained once each are compared by the test images alone."
    return sentence


def _verdict(pair: Pair) -> str:
    a, b, gap = pair.a, pair.b, pair.difference
    if pair.verdict in ("better", "worse"):
        low, high = sorted((abs(gap.low), abs(gap.high)))
        return (
            f"{b} is {pair.verdict} than {a} by {_points(abs(gap.value))} percentage points "
            f"(95% interval {_points(low)} to {_points(high)})."
        )
    interval = f"(95% interval {points_range(gap, 2)})"
    ahead = b if gap.value > 0 else a
    lead = f"{ahead} is ahead by {_points(abs(gap.value))} percentage points"
    if gap.value == 0:
        lead = "their accuracies are equal"
    if pair.verdict == "equivalent":
        return (
            f"{b} and {a} are equivalent for practical purposes: {lead} {interval}, within the "
            f"margin of {_points(pair.margin)}."
        )
    return f"No clear difference between {b} and {a}: {lead} {interval}, which may be chance."


def _accuracies(a: ModelResult, b: ModelResult, pair: Pair, images: int) -> str:
    average = "mean accuracy" if pair.level == "recipes" else "accuracy"
    return (
        f"{b.name} reaches {percent(b.accuracy.value, 2)} {average} on the {images:,} test images, "
        f"{a.name} {percent(a.accuracy.value, 2)}."
    )


def _against_margin(pair: Pair) -> str:
    """How a gap that is shown compares with what counts as none."""
    if pair.margin == 0:
        return ""
    margin = f"{_points(pair.margin)} points, {_MATTERS}"
    gap = pair.difference
    if pair.equivalent:
        return f"The gap is real but small: it is less than {margin}."
    if min(abs(gap.low), abs(gap.high)) > pair.margin:
        return f"The whole interval is above {margin}."
    if abs(gap.value) <= pair.margin:
        return f"The measured gap is less than {margin}, but the true gap may be larger."
    return f"The measured gap is more than {margin}, but the true gap may be smaller."


def _undecided(pair: Pair) -> str:
    """What is missing for a verdict, and what it would take to show the gap seen."""
    margin = _points(pair.margin)
    sentence = f"They are not shown to be equivalent within {margin} points either."
    if pair.equivalent:
        sentence = (
            f"Two one-sided tests at 5% find them equivalent within {margin} points, but the 95% "
            "interval reaches beyond that."
        )
    ways = []
    if pair.power.seeds is not None:
        ways.append(f"{pair.power.seeds:,} seeds of each")
    if pair.power.images is not None:
        ways.append(f"{pair.power.images:,} images")
    if ways:
        more = f" Showing a gap of this size with 80% power takes about {' or '.join(ways)}."
    elif pair.level == "recipes":
        more = " Neither more seeds alone nor more images alone could show a gap of this size."
    else:
        more = ""
    return sentence + more


def _scope(a: ModelResult, b: ModelResult, pair: Pair) -> str:
    if pair.level == "fitted models":
        return (
            "This compares two trained models. The interval covers the choice of test images only: "
            f"{_PROMISE}. Training either again with another seed may give a different result."
        )
    counts = [len(model.per_seed) for model in (a, b)]
    if min(counts) == 1:
        once, often = (a, b) if counts[0] == 1 else (b, a)
        return (
            f"{often.name} was trained {max(counts)} times with different random seeds, "
            f"{once.name} once. If {once.name} varies between seeds as {often.name} does, the "
            f"interval covers the seeds and the test images: {_PROMISE}."
        )
    return (
        f"{_trained((a, b))}, with different random seeds. The interval covers the variation "
        f"between seeds and between test images: {_PROMISE}. A new training of {b.name} beats "
        f"a new training of {a.name} with {sureness(pair.p_better or 0.0)} probability."
    )


def _trained(models: Sequence[ModelResult]) -> str:
    """``"Each recipe was trained 5 times"``, or how often each."""
    counts = [len(model.per_seed) for model in models]
    if min(counts) == max(counts):
        return f"Each recipe was trained {counts[0]} times"
    times = [
        f"{model.name} {'once' if count == 1 else f'{count} times'}"
        for model, count in zip(models, counts, strict=True)
    ]
    return f"The recipes were trained several times: {listed(times)}"


def _points(share: float) -> str:
    return f"{100 * share:.2f}"
