"""Accuracy without what misleads, side by side with accuracy on all test pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fittingroom.auditing import Subset
from fittingroom.numbers import NONE, percent_estimate, points_estimate, some
from fittingroom.reporting.tables import Table

# The page of the audit, as the report's folder holds it.
AUDIT_PAGE = "audit.html"

NO_AUDIT = (
    "Whether doubtful labels, or near-duplicates of training pictures, move these numbers: "
    "fittingroom audit finds them in this data, and the next report shows what they change."
)

_COLUMNS = {
    "all": "All test pictures",
    "without near-duplicates": "Without near-duplicates of training pictures",
    "without doubtful labels": "Without doubtful labels",
}


@dataclass(frozen=True, eq=False)
class Audited:
    """What an audit of the data says of a report's models.

    Attributes:
        name: the audit's folder.
        recipe: whose models judged the labels.
        subsets: all models on all test pictures, and on those that do not mislead.
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
    """A column a subset, the raw one first; a row a model and a row a pair."""
    columns = audited.subsets
    rows = [("Test pictures", *(f"{subset.pictures:,}" for subset in columns))]
    for at, name in enumerate(models):
        rows.append(
            (
                name,
                *(
                    percent_estimate(subset.accuracies[at], 2) if subset.accuracies else NONE
                    for subset in columns
                ),
            )
        )
    for at, pair in enumerate(columns[0].differences):
        rows.append(
            (
                f"{pair.b} minus {pair.a}, in points",
                *(
                    points_estimate(subset.differences[at].value, 2) if subset.differences else NONE
                    for subset in columns
                ),
            )
        )
    return Table(
        "Accuracy with and without what misleads. The first column is the result; in brackets: "
        "95% intervals.",
        ("", *(_COLUMNS[subset.name] for subset in columns)),
        tuple(rows),
    )


def subsets_sentence(audited: Audited) -> str:
    """What the table rests on, and how far it may be trusted."""
    left_out = {subset.name: subset.left_out for subset in audited.subsets}
    near, doubtful = (
        left_out["without near-duplicates"],
        left_out["without doubtful labels"],
    )
    return (
        f"{some(near, 'test picture')} {_has(near)} a near-duplicate in training, and "
        f"{some(doubtful, 'test picture')} {_has(doubtful)} a doubtful label, says {audited.name}. "
        f"Doubtful are labels that models of the recipe {audited.recipe} hold for unlikely: "
        "without them every model looks better, and one that errs as these do most of all."
    )


def _has(number: int) -> str:
    return "has" if number == 1 else "have"
