"""Accuracy without misleading images, side by side with accuracy on all test images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fittingroom.auditing import Subset
from fittingroom.numbers import percent_estimate, points_estimate, some
from fittingroom.reporting.tables import Table


@dataclass(frozen=True, eq=False)
class Audited:
    """How an audit of the data changes the results of a report's models."""

    name: str  # the audit's folder
    recipe: str  # whose models judged the labels
    subsets: tuple[Subset, ...]  # all models on all test images, and without the misleading ones
    page: bytes  # the audit's page, as HTML

    def as_dict(self) -> dict[str, Any]:
        """``audit`` in the report's ``results.json``."""
        subsets = [subset.as_dict() for subset in self.subsets]
        return {"name": self.name, "recipe": self.recipe, "subsets": subsets}

    def table(self, models: Sequence[str]) -> Table:
        """A column for each subset, all test images first; a row for each model and each pair."""
        rows: list[tuple[Any, ...]] = [("Test images", *(each.images for each in self.subsets))]
        for at, name in enumerate(models):
            accuracies = (each.accuracies[at] if each.images else None for each in self.subsets)
            rows.append((name, *(value and percent_estimate(value, 2) for value in accuracies)))
        for a, b in self.subsets[0].differences:
            differences = (each.differences.get((a, b)) for each in self.subsets)
            name = f"{b} minus {a}, in points"
            rows.append((name, *(value and points_estimate(value, 2) for value in differences)))
        return Table.of(
            "Accuracy on all test images, which is the result, and without misleading ones; in "
            "brackets: 95% intervals.",
            ("", *(subset.name.capitalize() for subset in self.subsets)),
            rows,
        )

    @property
    def sentence(self) -> str:
        """What the table is based on, and how far to trust it."""
        left_out = {subset.name: subset.left_out for subset in self.subsets}
        return (
            f"{self.name} found {some(left_out['without near-duplicates'], 'test image')} with a "
            f"near-duplicate in training, and {left_out['without doubtful labels']:,} with a "
            f"doubtful label. Models of the recipe {self.recipe} judged the labels. Without the "
            "doubtful ones every model looks better, most of all one that makes the same mistakes "
            "as these."
        )
