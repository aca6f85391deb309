"""Accuracy without misleading images, side by side with accuracy on all test images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fittingroom.auditing import Subset
from fittingroom.numbers import NONE, percent_estimate, points_estimate, some
from fittingroom.reporting.tables import Table

# The page of the audit, as the report's folder holds it.
AUDIT_PAGE = "audit.html"

NO_AUDIT = (
    "Do doubtful labels, or near-duplicates of training images, change these numbers? "
    "fittingroom audit finds them in this data, and the next report shows their effect."
)

_COLUMNS = {
    "all": "All test images",
    "without near-duplicates": "Without near-duplicates of training images",
    "without doubtful labels": "Without doubtful labels",
}


@dataclass(frozen=True, eq=False)
class Audited:
    """How an audit of the data changes the results of a report's models.

    Attributes:
        name: the audit's folder.
        recipe: whose models judged the labels.
        subsets: all models on all test images, and without the misleading ones.
        page: the audit's page, as HTML.
    """

    name: str
    recipe: str
    subsets: tuple[Subset, ...]
    page: bytes

    def as_dict(self) -> dict[str, Any]:
        """``audit`` in the report's ``results.json``."""
        return {
            "name": self.name,
            "recipe": self.recipe,
            "subsets": [subset.as_dict() for subset in self.subsets],
        }


def subsets_table(audited: Audited, models: Sequence[str]) -> Table:
    """A column for each subset, all test images first; a row for each model and each pair."""
    columns = audited.subsets
    rows = [("Test images", *(f"{subset.images:,}" for subset in columns))]
    for at, name in enumerate(models):
        accuracies = [each.accuracies[at] if each.images else None for each in columns]
        rows.append(
            (name, *(NONE if each is None else percent_estimate(each, 2) for each in accuracies))
        )
    for pair in columns[0].differences:
        values = [each.differences.get(pair) for each in columns]
        rows.append(
            (
                f"{pair[1]} minus {pair[0]}, in points",
                *(NONE if each is None else points_estimate(each, 2) for each in values),
            )
        )
    return Table(
        "Accuracy with and without misleading images. The first column is the result; in "
        "brackets: 95% intervals.",
        ("", *(_COLUMNS[subset.name] for subset in columns)),
        tuple(rows),
    )


def subsets_sentence(audited: Audited) -> str:
    """What the table is based on, and how far to trust it."""
    left_out = {subset.name: subset.left_out for subset in audited.subsets}
    near, doubtful = left_out["without near-duplicates"], left_out["without doubtful labels"]
    return (
        f"According to {audited.name}, {some(near, 'test image')} {_has(near)} a near-duplicate in "
        f"training, and {some(doubtful, 'test image')} {_has(doubtful)} a doubtful label. Models "
        f"of the recipe {audited.recipe} found these labels unlikely. Without them every model "
        "looks better, most of all one that makes the same mistakes as these."
    )


def _has(number: int) -> str:
    return "has" if number == 1 else "have"
