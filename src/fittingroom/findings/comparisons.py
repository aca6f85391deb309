"""Findings about several models, and about how the results came to be."""

from collections.abc import Iterator, Sequence

from fittingroom.comparison import Comparison
from fittingroom.findings.codes import Finding

# With fewer, Student's quantile makes intervals wide, and a deviation is hardly known.
ENOUGH_SEEDS = 5


def find_in_comparison(comparison: Comparison, here: Sequence[str]) -> Iterator[Finding]:
    """Findings of the codes that concern models held against each other.

    Args:
        comparison: the outcome.
        here: names of the models that more seeds could be trained of.
    """
    margin = comparison.pairs[0].margin
    for model in comparison.models:
        count = len(model.per_seed)
        if model.name in here and count < ENOUGH_SEEDS:
            yield Finding(
                "too-few-seeds",
                model.name,
                f"{model.name} rests on {count} {'training' if count == 1 else 'trainings'}.",
            )
        if model.deviation is not None and model.deviation > margin > 0:
            yield Finding(
                "seeds-vary",
                model.name,
                f"The accuracy of {model.name} varies from seed to seed with a standard deviation "
                f"of {100 * model.deviation:.2f} points, more than the margin of "
                f"{100 * margin:.2f}.",
            )
    for pair in comparison.pairs:
        about = f"{pair.b} against {pair.a}"
        if pair.verdict == "not shown":
            yield Finding(
                "undecided",
                about,
                f"Between {pair.b} and {pair.a} neither a difference nor equivalence within "
                f"{100 * pair.margin:.2f} points is shown.",
            )
        elif pair.verdict != "equivalent" and pair.p_adjusted is not None:
            lost = pair.p_adjusted > 0.05 and len(comparison.pairs) > 1
            if lost:
                yield Finding(
                    "lost-after-holm",
                    about,
                    f"Among {len(comparison.pairs)} pairs, the difference between {pair.b} and "
                    f"{pair.a} has p = {pair.p_adjusted:.2f} after Holm's correction.",
                )


def find_in_making(failures: Sequence[str], unshown: int) -> Iterator[Finding]:
    """Findings about how the results came to be.

    Args:
        failures: trainings that broke down, in words.
        unshown: openings of the test half for runs on which no number here rests.
    """
    if failures:
        yield Finding("trainings-failed", "", f"Broken down: {'; '.join(failures)}.")
    if unshown:
        times = "once" if unshown == 1 else f"{unshown:,} times"
        yield Finding(
            "openings-unshown",
            "",
            f"The test half was opened {times} for runs of these recipes on which no number here "
            "rests.",
        )
