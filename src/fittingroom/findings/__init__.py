"""Findings: what deserves a second look in results, each under a code that says what to do.

::

    codes       every code, its title and advice; docs/methods/findings.md explains each
    course      what a training's history says of its fit
    models      findings about one model
    comparisons findings about several, and about how they came to be
"""

from collections.abc import Sequence

from fittingroom.comparison import Comparison
from fittingroom.findings.codes import CODES, Advice, Finding
from fittingroom.findings.comparisons import find_in_comparison, find_in_making
from fittingroom.findings.models import Subject, find_in_model

__all__ = ["CODES", "Advice", "Finding", "Subject", "find"]


def find(
    subjects: Sequence[Subject],
    comparison: Comparison | None = None,
    *,
    failures: Sequence[str] = (),
    unshown: int = 0,
) -> tuple[Finding, ...]:
    """Every finding about some models, in the order of the codes.

    Args:
        subjects: the models.
        comparison: of them, where there are several.
        failures: trainings that broke down, in words.
        unshown: how often the test half was opened for runs of these recipes on which no number
            here rests, as far as the log knows.
    """
    found = [each for subject in subjects for each in find_in_model(subject)]
    if comparison is not None:
        here = [subject.name for subject in subjects if subject.trained_here]
        found += find_in_comparison(comparison, here)
    found += find_in_making(failures, unshown)
    order = list(CODES)
    return tuple(sorted(found, key=lambda each: order.index(each.code)))
