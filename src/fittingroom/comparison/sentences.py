"""Verdicts in plain words, with the numbers behind them."""

from collections.abc import Sequence

from fittingroom.comparison.results import Comparison, ModelResult, Pair
from fittingroom.numbers import listed, percent, percent_range, points_range, sureness


def pair_sentence(a: ModelResult, b: ModelResult, pair: Pair, images: int, pairs: int) -> str:
    """One pair's verdict, what it is based on, and what it does not say.

    Both were scored on so many images, and the whole comparison has so many pairs.
    """
    average = "mean accuracy" if pair.level == "recipes" else "accuracy"
    parts = [
        _verdict(pair),
        f"{b.name} reaches {percent(b.accuracy.value, 2)} {average} on the {images:,} test images, "
        f"{a.name} {percent(a.accuracy.value, 2)}.",
    ]
    if pair.decided and pair.margin > 0:
        parts.append(_against_margin(pair))
    if pair.decided and pairs > 1 and pair.p_adjusted > 0.05:
        parts.append(
            f"After Holm's correction for comparing {pairs} pairs, the difference is no longer "
            f"significant (p = {pair.p_adjusted:.2f})."
        )
    if pair.verdict == "not shown":
        parts += _undecided(pair)
    parts.append(_basis([a, b]))
    if pair.p_better is not None:
        parts.append(
            f"A new training of {b.name} beats a new training of {a.name} with "
            f"{sureness(pair.p_better)} probability."
        )
    return " ".join(parts)


def comparison_sentence(comparison: Comparison) -> str:
    """The outcome of a whole comparison in one paragraph."""
    models, pairs = comparison.models, comparison.pairs
    if len(pairs) == 1:
        return pairs[0].sentence
    first = max(models, key=lambda model: model.accuracy.value)
    parts = [
        f"{first.name} has the highest accuracy of the {len(models)} models compared on "
        f"{comparison.images:,} test images: {percent(first.accuracy.value, 2)} (95% interval "
        f"{percent_range(first.accuracy, 2)})."
    ]
    margin = f"{_points(pairs[0].margin)} percentage points"
    for verdict, mirrored, words in (
        ("better", "worse", "It is better than {}."),
        ("worse", "better", "It is worse than {}."),
        ("equivalent", "equivalent", f"It is equivalent to {{}} within {margin}."),
        ("not shown", "not shown", "There is no clear difference between it and {}."),
    ):
        others = [p.a for p in pairs if (p.b, p.verdict) == (first.name, verdict)]
        others += [p.b for p in pairs if (p.a, p.verdict) == (first.name, mirrored)]
        if others:
            parts.append(words.format(listed(others)))
    decided = [pair for pair in pairs if pair.decided]
    few = f"{len(decided)} of the" if len(decided) < len(pairs) else "All"
    parts.append(f"{few} {len(pairs)} pairs differ.")
    doubtful = sum(pair.p_adjusted > 0.05 for pair in decided)
    if doubtful:
        parts.append(
            f"After Holm's correction for comparing {len(pairs)} pairs, {doubtful} of these "
            f"differences {'is' if doubtful == 1 else 'are'} no longer significant."
        )
    return " ".join([*parts, _basis(models)])


def _verdict(pair: Pair) -> str:
    a, b, gap = pair.a, pair.b, pair.difference
    if pair.decided:
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


def _against_margin(pair: Pair) -> str:
    """How a gap that is shown compares with what counts as none."""
    margin = f"{_points(pair.margin)} points, the smallest difference that matters in practice"
    gap = pair.difference
    if pair.equivalent:
        return f"The gap is real but small: it is less than {margin}."
    if min(abs(gap.low), abs(gap.high)) > pair.margin:
        return f"The whole interval is above {margin}."
    return f"The interval also contains gaps of less than {margin}."


def _undecided(pair: Pair) -> list[str]:
    """What is missing for a verdict, and what it would take to show the gap seen."""
    margin = _points(pair.margin)
    parts = [f"They are not shown to be equivalent within {margin} points either."]
    seeds, images = pair.power.seeds, pair.power.images
    ways = [] if seeds is None else [f"{seeds:,} seeds of each"]
    ways += [] if images is None else [f"{images:,} images"]
    if ways:
        parts.append(f"Showing a gap of this size with 80% power takes about {' or '.join(ways)}.")
    return parts


def _basis(models: Sequence[ModelResult]) -> str:
    """What the intervals cover."""
    counts = [len(model.per_seed) for model in models]
    if max(counts) == 1:
        return (
            "Each model was trained once, so the intervals cover the choice of test images only. "
            "Training again with another seed may give a different result."
        )
    trained = f"Each recipe was trained {counts[0]} times"
    if len(set(counts)) > 1:
        times = [
            f"{model.name} was trained {'once' if count == 1 else f'{count} times'}"
            for model, count in zip(models, counts, strict=True)
        ]
        trained = listed(times)
    sentence = (
        f"{trained}, with different random seeds. The intervals cover the variation between seeds "
        "and between test images."
    )
    if 1 in counts:
        sentence += (
            " A model trained once is assumed to vary between seeds as the one it is compared with."
        )
    if counts.count(1) > 1:
        sentence += " Two models trained once each are compared by the test images alone."
    return sentence


def _points(share: float) -> str:
    return f"{100 * share:.2f}"
