"""What the page says around its figures: the outcome, warnings, openings of the test set."""

import re
from collections.abc import Sequence

from fittingroom.comparison import Comparison
from fittingroom.evaluation import ModelReport
from fittingroom.numbers import listed, percent, percent_range, some
from fittingroom.reporting.facts import Facts


def outcome(models: Sequence[ModelReport], comparison: Comparison | None, facts: Facts) -> str:
    """The verdict in words that the page opens with."""
    if comparison is not None:
        return comparison.sentence
    (model,) = models
    accuracy = model.evaluation.accuracy
    return (
        f"{model.name} reaches {percent(accuracy.value, 2)} accuracy on the "
        f"{len(model.evaluation.predictions):,} test images of {facts.data} (95% interval "
        f"{percent_range(accuracy, 2)})."
    )


def headline(verdict: str) -> tuple[str, str]:
    """The verdict's first sentence, and the rest."""
    first, _, rest = re.sub(r"(?<=[a-z)%]\.)\s+(?=\S)", "\n", verdict, count=1).partition("\n")
    return first, rest


def notices(facts: Facts) -> list[str]:
    """What a reader must know before the first number."""
    warnings = []
    if facts.embedded_sample:
        warnings.append(
            "These numbers come from the small sample inside the package, not from the whole of "
            "Fashion-MNIST. They are good for trying things out, not for quoting."
        )
    elif not facts.official:
        warnings.append(
            f"The data is not the official Fashion-MNIST: the files of {facts.data} do not have "
            "the published hashes. Do not compare these numbers with published ones."
        )
    if facts.failures:
        warnings.append(
            "Some trainings failed, and the numbers come from the others. Failed: "
            f"{'; '.join(facts.failures)}."
        )
    return warnings


def openings(models: Sequence[ModelReport], facts: Facts) -> str:
    """How often the test set was opened for what is shown, as far as the log knows."""
    counted = facts.openings_for(models)
    names = dict.fromkeys(each.recipe for each in counted)
    times = [f"{sum(each.recipe == name for each in counted)} for {name}" for name in names]
    sentence = (
        f"This folder of runs has logged {some(len(counted), 'opening')} of this test set for the "
        f"recipes shown{f' ({listed(times)})' if times else ''}."
    )
    unshown = len(facts.openings_unshown(models))
    if unshown:
        sentence += f" Of these, {unshown:,} opened it for runs that are not in this report."
    return f"{sentence} The log does not know of openings in other folders."
