"""Verdicts in plain words, with the numbers behind them."""

from collections.abc import Sequence

from fittingroom.comparison.results import ALPHA, LEAST_SEEDS, Comparison, ModelResult, Pair
from fittingroom.numbers import listed, percent, percent_range, points_range, sureness


def pair_sentence(
    a: ModelResult, b: ModelResult, pair: Pair, images: int, pairs: int, held_out: bool
) -> str:
    """One pair's verdict, what it is based on, and what it does not say.

    Both were scored on so many images, which are test images or were held out, and the whole
    comparison has so many pairs.
    """
    average = "mean accuracy" if pair.level == "recipes" else "accuracy"
    parts = [
        _verdict(pair, pairs),
        f"{b.name} reaches {percent(b.accuracy.value, 2)} {average} on the {images:,} "
        f"{_kind(held_out)} images, {a.name} {percent(a.accuracy.value, 2)}.",
    ]
    if pair.error_ratio is not None:
        ratio, low, high = (
            f"{100 * part:,.0f}"
            for part in (pair.error_ratio.value, pair.error_ratio.low, pair.error_ratio.high)
        )
        parts.append(
            f"For 100 errors of {a.name}, {b.name} makes {ratio} (95% interval {low} to {high})."
        )
    if pair.decided and pair.margin > 0:
        parts.append(_against_margin(pair))
    if not pair.decided and pair.margin > 0:
        parts.append(
            f"The difference is smaller than {_points(pair.margin)} points with "
            f"{sureness(pair.p_within)} probability."
        )
    if pairs > 1:
        parts.append(
            f"The verdict allows for the comparison of {pairs} pairs (Holm's correction); "
            "intervals are those of this pair alone."
        )
    if pair.verdict == "not shown":
        parts += _undecided(pair, pairs)
    parts.append(_basis([a, b], pair.level == "recipes", held_out))
    if pair.p_better is not None:
        new_b, new_a = (
            each.name if each.deterministic else f"a new training of {each.name}" for each in (b, a)
        )
        parts.append(
            f"On endless images like these, {new_b} beats {new_a} with {sureness(pair.p_better)} "
            "probability."
        )
    return " ".join(parts)


def headline(comparison: Comparison, held_out: bool) -> str:
    """The verdict of a whole comparison alone."""
    models, pairs = comparison.models, comparison.pairs
    if len(pairs) == 1:
        return _verdict(pairs[0], 1)
    first = max(models, key=lambda model: model.accuracy.value)
    reached = (
        f"{comparison.images:,} {_kind(held_out)} images: {percent(first.accuracy.value, 2)} (95% "
        f"interval {percent_range(first.accuracy, 2)})."
    )
    if not pairs:
        return f"Accuracy of {first.name} on {reached}"
    parts = [
        f"{first.name} has the highest accuracy of the {len(models)} models compared on {reached}"
    ]
    margin = f"{_points(pairs[0].margin)} percentage points"
    for verdict, mirrored, words in (
        ("better", "worse", "It is better than {}."),
        ("worse", "better", "It is worse than {}."),
        ("equivalent", "equivalent", f"It is equivalent to {{}} within {margin}."),
        ("not shown", "not shown", "It is not shown to be better than {}."),
    ):
        others = [p.a for p in pairs if (p.b, p.verdict) == (first.name, verdict)]
        others += [p.b for p in pairs if (p.a, p.verdict) == (first.name, mirrored)]
        if others:
            parts.append(words.format(listed(others)))
    return " ".join(parts)


def comparison_sentence(comparison: Comparison, held_out: bool) -> str:
    """The outcome of a whole comparison in one paragraph."""
    models, pairs = comparison.models, comparison.pairs
    if len(pairs) == 1:
        return pairs[0].sentence
    if not pairs:
        recipes = len(models[0].per_seed) >= LEAST_SEEDS
        return f"{comparison.headline} {_basis(models, recipes, held_out)}"
    decided = sum(pair.decided for pair in pairs)
    few = f"{decided} of the" if decided < len(pairs) else "All"
    counted = (
        f"{few} {len(pairs)} pairs are shown to differ. Verdicts allow for the number of pairs "
        "(Holm's correction); each interval is that of its pair alone."
    )
    recipes = any(pair.level == "recipes" for pair in pairs)
    return " ".join([comparison.headline, counted, _basis(models, recipes, held_out)])


def _verdict(pair: Pair, pairs: int) -> str:
    a, b, gap = pair.a, pair.b, pair.difference
    start = "" if pair.level == "recipes" else "Of these trained models, "
    alone = "95% interval" if pairs == 1 else "95% interval of this pair alone"
    if pair.decided:
        low, high = (_points(end) for end in sorted((abs(gap.low), abs(gap.high))))
        return (
            f"{start}{b} is {pair.verdict} than {a} by {_points(abs(gap.value))} percentage points "
            f"({alone} {low} to {high})."
        )
    interval = f"({alone} {points_range(gap, 2)})"
    ahead = b if gap.value > 0 else a
    lead = f"{ahead} is ahead by {_points(abs(gap.value))} percentage points"
    if gap.value == 0:
        lead = "their accuracies are equal"
    if pair.verdict == "equivalent":
        return (
            f"{start}{b} and {a} are equivalent within the margin of {_points(pair.margin)} "
            f"percentage points: {lead} {interval}."
        )
    after = f" after the correction for {pairs} pairs" if pair.p_value <= ALPHA else ""
    neither = f"{start}neither {b} nor {a} is shown to be better: {lead} {interval}, and a "
    return f"{neither[0].upper()}{neither[1:]}difference of zero is not ruled out{after}."


def _against_margin(pair: Pair) -> str:
    """How a gap that is shown compares with what counts as none."""
    gap, margin = pair.difference, f"{_points(pair.margin)} points"
    if pair.equivalent:
        return f"A gap is shown, smaller than the {margin} that matter."
    if min(abs(gap.low), abs(gap.high)) > pair.margin:
        return f"The whole interval is above {margin}, the smallest difference that matters."
    return f"The interval also contains gaps of less than the {margin} that matter."


def _undecided(pair: Pair, pairs: int) -> list[str]:
    """What is missing for a verdict, and what it would take to show the gap that matters."""
    margin, power = _points(pair.margin), pair.power
    after = f", after the correction for {pairs} pairs" if pair.equivalent and pairs > 1 else ""
    parts = [f"They are not shown to be equivalent within {margin} points either{after}."]
    ways = []
    if power.seeds is not None and power.seeds_range is not None:
        low, high = ("many" if end is None else f"{end:,}" for end in power.seeds_range)
        ways.append(f"{power.seeds:,} seeds of each (95% interval {low} to {high})")
    ways += [] if power.images is None else [f"{power.images:,} images"]
    if ways:
        parts.append(
            f"Showing a gap of {margin} points with 80% power takes about {' or '.join(ways)}."
        )
    if pair.level == "recipes":
        parts.append(
            "Decide on the number of seeds beforehand: if you look after 3, 5, 8 and 10 seeds and "
            "stop at a difference, you find one between equal recipes in up to 7 of 100 cases, "
            "instead of 5."
        )
    return parts


def _basis(models: Sequence[ModelResult], recipes: bool, held_out: bool) -> str:
    """What the intervals cover."""
    trained, kind = "cross-validated" if held_out else "trained", _kind(held_out)
    counts = [len(model.per_seed) for model in models]
    same = [model.name for model in models if model.deterministic]
    if max(counts) == 1:
        return (
            f"Each model was {trained} once, so the intervals cover the choice of {kind} images "
            "only. Training again with another seed may give a different result."
        )
    often = f"Each recipe was {trained} {counts[0]} times"
    if len(set(counts)) > 1:
        times = [
            f"{model.name} was {trained} {'once' if count == 1 else f'{count} times'}"
            + (" (every seed gives the same)" if model.deterministic else "")
            for model, count in zip(models, counts, strict=True)
        ]
        often = listed(times)
    parts = [f"{often}." if same else f"{often}, with different random seeds."]
    if recipes:
        parts.append(
            f"The intervals cover the variation between seeds and between {kind} images; another "
            "training set is not covered."
        )
    if any(
        count < LEAST_SEEDS and not model.deterministic
        for model, count in zip(models, counts, strict=True)
    ):
        parts.append(
            f"Fewer than {LEAST_SEEDS} trainings show nothing of a recipe: verdicts and intervals "
            f"about them are about these trained models, and cover the choice of {kind} images "
            "only."
        )
    return " ".join(parts)


def _kind(held_out: bool) -> str:
    return "held-out" if held_out else "test"


def _points(share: float) -> str:
    return f"{100 * share:.2f}"
