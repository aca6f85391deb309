"""Findings: what deserves a second look in results, each under a code that says what to do.

::

    codes       every code, its title and advice; docs/methods/findings.md explains each
    checks      what is looked for in one model, and in several that are compared
"""

from collections.abc import Sequence

from fittingroom.comparison import Comparison
from fittingroom.evaluation import ModelReport
from fittingroom.findings.checks import find_in_comparison, find_in_model
from fittingroom.findings.codes import CODES, Advice, Finding

__all__ = ["CODES", "Advice", "Finding", "find"]


def find(
    models: Sequence[ModelReport],
    comparison: Comparison | None = None,
    *,
    failures: Sequence[str] = (),
    unshown: int = 0,
) -> tuple[Finding, ...]:
    """Every finding about some models, in the order of the codes.

    Args:
        models: which.
        comparison: of them, if there are several.
        failures: trainings that failed, in words.
        unshown: how often the test set was opened for runs of these recipes that are not shown,
            as far as the log knows.
    """
    found = [each for model in models for each in find_in_model(model)]
    if comparison is not None:
        trained = [model.name for model in models if model.run is not None]
        found += find_in_comparison(comparison, trained)
    if failures:
        found.append(Finding("trainings-failed", "", f"Failed: {'; '.join(failures)}."))
    if unshown:
        times = "once" if unshown == 1 else f"{unshown:,} times"
        sentence = (
            f"The test set was opened {times} for runs of these recipes that are not shown here."
        )
        found.append(Finding("openings-unshown", "", sentence))
    order = list(CODES)
    return tuple(sorted(found, key=lambda each: order.index(each.code)))
