"""Findings about several models that are compared."""

from collections.abc import Iterator, Sequence

from fittingroom.comparison import Comparison
from fittingroom.findings.codes import Finding

# With fewer, Student's quantile makes intervals wide, and the deviation is hardly known.
ENOUGH_SEEDS = 5


def find_in_comparison(comparison: Comparison, here: Sequence[str]) -> Iterator[Finding]:
    """Findings of the codes that concern models that are compared.

    Args:
        comparison: the outcome.
        here: names of the models of which more seeds could be trained.
    """
    margin = comparison.pairs[0].margin
    for model in comparison.models:
        count = len(model.per_seed)
        if model.name in here and count < ENOUGH_SEEDS:
            often = "once" if count == 1 else f"{count} times"
            yield Finding("too-few-seeds", model.name, f"{model.name} was trained {often}.")
        if model.deviation is not None and model.deviation > margin > 0:
            yield Finding(
                "seeds-vary",
                model.name,
                f"The accuracy of {model.name} has a standard deviation of "
                f"{100 * model.deviation:.2f} points between seeds, more than the margin of "
                f"{100 * margin:.2f}.",
            )
    for pair in comparison.pairs:
        about = f"{pair.b} against {pair.a}"
        if pair.verdict == "not shown":
            yield Finding(
                "undecided",
                about,
                f"Between {pair.b} and {pair.a} there is neither a clear difference nor "
                f"equivalence within {100 * pair.margin:.2f} points.",
            )
        elif pair.verdict != "equivalent" and pair.p_adjusted > 0.05 and len(comparison.pairs) > 1:
            yield Finding(
                "lost-after-holm",
                about,
                f"Among {len(comparison.pairs)} pairs, the difference between {pair.b} and "
                f"{pair.a} has p = {pair.p_adjusted:.2f} after Holm's correction.",
            )
