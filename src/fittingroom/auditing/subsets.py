"""Accuracy without misleading images, beside accuracy on all test images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fittingroom.auditing.results import Audit
from fittingroom.comparison import Entrant, compare_models
from fittingroom.metrics import Estimate, wilson
from fittingroom.numbers import plain


@dataclass(frozen=True)
class Subset:
    """All models on some of the test images.

    Of each pair ``(a, b)`` of models, the difference is accuracy of ``b`` minus accuracy of ``a``
    as a fraction, with its paired interval.
    """

    name: str  # "all", "without near-duplicates" or "without doubtful labels"
    images: int
    left_out: int  # how many of the test images are not among them
    accuracies: tuple[Estimate, ...]  # of each model, in their order; empty if no image is left
    differences: dict[tuple[str, str], Estimate]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "name": self.name,
            "images": self.images,
            "left_out": self.left_out,
            "accuracies": plain(self.accuracies),
            "differences": [
                {"a": a, "b": b, **value.as_dict()} for (a, b), value in self.differences.items()
            ],
        }


def subsets(entrants: Sequence[Entrant], audit: Audit) -> tuple[Subset, ...]:
    """All test images, those without a near-duplicate in training, those without doubtful label.

    The entrants, one model or more, are all on the test set that was audited.
    """
    doubtful = audit.values["doubtful"]
    left_out: dict[str, list[int]] = {
        "all": [],
        "without near-duplicates": audit.values["test_near_training"],
        "without doubtful labels": [row["index"] for row in doubtful if row["set"] == "test"],
    }
    return tuple(_subset(name, entrants, without) for name, without in left_out.items())


def _subset(name: str, entrants: Sequence[Entrant], without: list[int]) -> Subset:
    indices = entrants[0].predictions[0].indices
    kept = np.flatnonzero(~np.isin(indices, without)).astype(np.int64)
    left_out = len(indices) - len(kept)
    accuracies: tuple[Estimate, ...] = ()
    differences = {}
    if len(kept) and len(entrants) == 1:
        correct = entrants[0].predictions[0].correct[kept]
        accuracies = (wilson(int(correct.sum()), len(kept)),)
    elif len(kept):
        comparison = compare_models(
            [
                replace(each, predictions=tuple(said.take(kept) for said in each.predictions))
                for each in entrants
            ]
        )
        accuracies = tuple(model.accuracy for model in comparison.models)
        differences = {(pair.a, pair.b): pair.difference for pair in comparison.pairs}
    return Subset(name, len(kept), left_out, accuracies, differences)
