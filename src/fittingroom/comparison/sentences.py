"""Verdicts in plain words, with the numbers that they rest on."""

from collections.abc import Sequence

from fittingroom.comparison.results import ModelResult, Pair, Power, Verdict
from fittingroom.metrics import Estimate

# What a 95% interval promises, for those who never met one; `benchmarks/statistics.py` measures it.
_PROMISE = "of 100 intervals made this way, about 95 hold the true gap"
_MARGIN = "below which a difference counts as none in practice"


def pair_sentence(a: ModelResult, b: ModelResult, pair: Pair, pictures: int, pairs: int) -> str:
    """One pair's verdict, what it rests on, and what it does not say.

    Args:
        a, b: the two entrants' results.
        pair: the outcome; its own `sentence` is not read.
        pictures: on how many both were scored.
        pairs: how many pairs the whole comparison has.
    """
    parts = [_verdict(a, b, pair, pictures)]
    if pair.verdict in ("better", "worse"):
        parts.append(_against_margin(pair))
        if pairs > 1 and pair.p_adjusted is not None and pair.p_adjusted > 0.05:
            parts.append(
                f"With Holm's correction for the {pairs} pairs compared here, the gap no longer "
                f"counts as shown (p = {pair.p_adjusted:.2f})."
            )
    if pair.verdict == "not shown":
        parts.append(_undecided(pair))
        parts.append(_more(pair.power, pair.level))
    parts.append(_scope(a, b, pair))
    return " ".join(part for part in parts if part)


def comparison_sentence(models: Sequence[ModelResult], pairs: Sequence[Pair], pictures: int) -> str:
    """The outcome of a whole comparison in one paragraph."""
    if len(pairs) == 1:
        return pairs[0].sentence
    first = max(models, key=lambda model: model.accuracy.value)
    said: dict[Verdict, list[str]] = {"better": [], "worse": [], "equivalent": [], "not shown": []}
    mirrored: dict[Verdict, Verdict] = {"better": "worse", "worse": "better"}
    doubtful = 0
    for pair in pairs:
        shown = pair.verdict in mirrored
        doubtful += shown and pair.p_adjusted is not None and pair.p_adjusted > 0.05
        if pair.b == first.name:
            said[pair.verdict].append(pair.a)
        elif pair.a == first.name:
            said[mirrored.get(pair.verdict, pair.verdict)].append(pair.b)
    parts = [
        f"Of the {len(models)} compared on {pictures:,} pictures, {first.name} is right most "
        f"often: on {_percent(first.accuracy.value)} {_accuracy_interval(first.accuracy)}."
    ]
    if said["better"]:
        parts.append(f"It is shown to be better than {_listed(said['better'])}.")
    if said["worse"]:
        parts.append(f"It is shown to be worse than {_listed(said['worse'])}.")
    if said["equivalent"]:
        parts.append(
            f"It is equivalent to {_listed(said['equivalent'])} within the margin of "
            f"{_points(pairs[0].margin)} percentage points."
        )
    if said["not shown"]:
        parts.append(f"No difference is shown between it and {_listed(said['not shown'])}.")
    decided = sum(pair.verdict in mirrored for pair in pairs)
    parts.append(
        f"A difference is shown in {decided} of the {len(pairs)} pairs"
        + (
            f", of which {doubtful} no longer {_verb(doubtful, 'counts', 'count')} as shown after "
            "Holm's correction for having looked at so many."
            if doubtful
            else "."
        )
    )
    return " ".join([*parts, _rests_on(models)])


def _rests_on(models: Sequence[ModelResult]) -> str:
    """What the intervals of a comparison of several allow for."""
    counts = [len(model.per_seed) for model in models]
    if max(counts) == 1:
        return (
            "These are single fitted models, and intervals allow for the luck of the pictures "
            f"alone: {_PROMISE}. Other trainings, with other seeds, may come out differently."
        )
    each = [f"{count} of {model.name}" for count, model in zip(counts, models, strict=True)]
    trainings = f"{counts[0]} of each" if min(counts) == max(counts) else _listed(each)
    sentence = (
        f"This rests on trainings with different random seeds, {trainings}, and intervals allow "
        f"for the luck of the seeds and of the pictures: {_PROMISE}."
    )
    singles = counts.count(1)
    if singles:
        sentence += (
            " What was trained once is taken to vary from seed to seed as what it is compared with."
        )
    if singles > 1:
        sentence += (
            " Two that were trained once each are compared as they are, by the pictures alone."
        )
    return sentence


def _verdict(a: ModelResult, b: ModelResult, pair: Pair, pictures: int) -> str:
    gap = pair.difference
    shares = (
        f"{_percent(b.accuracy.value)} of the {pictures:,} pictures named rightly against "
        f"{_percent(a.accuracy.value)}"
    )
    if pair.level == "recipes":
        shares = "on average " + shares
    if pair.verdict == "better":
        return (
            f"{b.name} is better than {a.name}: {shares}, a gain of {_points(gap.value)} "
            f"percentage points (95% interval {_points(gap.low)} to {_points(gap.high)})."
        )
    if pair.verdict == "worse":
        return (
            f"{b.name} is worse than {a.name}: {shares}, a loss of {_points(-gap.value)} "
            f"percentage points (95% interval {_points(-gap.high)} to {_points(-gap.low)})."
        )
    signed = (
        f"a difference of {_signed(gap.value)} percentage points "
        f"(95% interval {_signed(gap.low)} to {_signed(gap.high)})"
    )
    if pair.verdict == "equivalent":
        return (
            f"{b.name} and {a.name} are equivalent for practical purposes: {shares}, {signed}, "
            f"all of it within the margin of {_points(pair.margin)} points either way."
        )
    return (
        f"No difference between {b.name} and {a.name} is shown: {shares}, {signed}, "
        "which may well be zero."
    )


def _against_margin(pair: Pair) -> str:
    """How a gap that is shown compares with what counts as none."""
    if pair.margin == 0:
        return ""
    margin = f"the margin of {_points(pair.margin)} points, {_MARGIN}"
    gap = pair.difference
    if pair.equivalent:
        return f"The gap is real but small: it lies within {margin}."
    if min(abs(gap.low), abs(gap.high)) > pair.margin:
        return f"All of that interval is beyond {margin}."
    if abs(gap.value) <= pair.margin:
        return f"The gap seen is within {margin}, but may be larger than that."
    return f"The gap seen is beyond {margin}, but may be smaller than that."


def _undecided(pair: Pair) -> str:
    margin = _points(pair.margin)
    if pair.equivalent:
        return (
            f"The two one-sided tests at 5% find the two equivalent within {margin} points, but "
            "the 95% interval reaches beyond that."
        )
    return f"Nor are the two shown to be within {margin} points of each other."


def _more(power: Power | None, level: str) -> str:
    if power is None:
        return ""
    ways = []
    if power.seeds is not None:
        ways.append(f"{power.seeds:,} seeds of each")
    if power.pictures is not None:
        ways.append(f"{power.pictures:,} pictures")
    if ways:
        return (
            f"To show a gap of the size seen with 80% power would take about {' or '.join(ways)}."
        )
    if level == "recipes":
        return "Neither more seeds alone nor more pictures alone could show a gap of this size."
    return ""


def _scope(a: ModelResult, b: ModelResult, pair: Pair) -> str:
    if pair.level == "fitted models":
        return (
            "This holds for these two fitted models, and the interval allows for the luck of the "
            f"pictures alone: {_PROMISE}. Another training of either, with another seed, may come "
            "out differently."
        )
    counts = [len(model.per_seed) for model in (a, b)]
    if min(counts) == 1:
        single, many = (a, b) if counts[0] == 1 else (b, a)
        return (
            f"This rests on {max(counts)} trainings of {many.name}, with different random seeds, "
            f"and on one of {single.name}, which is taken to vary from seed to seed as "
            f"{many.name} does. On that assumption, the interval allows for the luck of the seeds "
            f"and of the pictures: {_PROMISE}."
        )
    trainings = (
        f"{counts[0]} trainings of each"
        if counts[0] == counts[1]
        else f"{counts[0]} trainings of {a.name} and {counts[1]} of {b.name}"
    )
    chance = "" if pair.p_better is None else f" {_chance(a, b, pair.p_better)}"
    return (
        f"This rests on {trainings}, with different random seeds, and the interval allows for the "
        f"luck of the seeds and of the pictures: {_PROMISE}.{chance}"
    )


def _chance(a: ModelResult, b: ModelResult, p_better: float) -> str:
    if p_better > 0.99:
        chance = "more than 99%"
    elif p_better < 0.01:
        chance = "less than 1%"
    else:
        chance = f"{100 * p_better:.0f}%"
    return (
        f"The chance that a new training of {b.name} beats a new training of {a.name} is put at "
        f"{chance}."
    )


def _accuracy_interval(estimate: Estimate) -> str:
    return f"(95% interval {_percent(estimate.low)} to {_percent(estimate.high)})"


def _listed(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _verb(count: int, one: str, many: str) -> str:
    return one if count == 1 else many


def _percent(share: float) -> str:
    return f"{100 * share:.2f}%"


def _points(share: float) -> str:
    return f"{100 * share:.2f}"


def _signed(share: float) -> str:
    text = f"{100 * share:+.2f}"
    return "0.00" if text in ("+0.00", "-0.00") else text.replace("-", "−")
