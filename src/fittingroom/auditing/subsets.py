"""Accuracy without what misleads, beside accuracy on all test pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fittingroom.auditing.results import Audit
from fittingroom.comparison import Entrant, compare_models
from fittingroom.metrics import Estimate, wilson
from fittingroom.predictions import Int64


@dataclass(frozen=True)
class Difference:
    """Accuracy of ``b`` minus accuracy of ``a`` as a fraction, with its paired interval."""

    a: str
    b: str
    value: Estimate


@dataclass(frozen=True)
class Subset:
    """All models on some of the test pictures.

    Attributes:
        name: ``"all"``, ``"without near-duplicates"`` or ``"without doubtful labels"``.
        pictures: how many there are.
        left_out: how many of the test pictures are not among them.
        accuracies: one a model, in the order of the models; none where no picture is left.
        differences: one a pair of models, in their order.
    """

    name: str
    pictures: int
    left_out: int
    accuracies: tuple[Estimate, ...]
    differences: tuple[Difference, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "name": self.name,
            "pictures": self.pictures,
            "left_out": self.left_out,
            "accuracies": [_values(accuracy) for accuracy in self.accuracies],
            "differences": [
                {"a": each.a, "b": each.b, **_values(each.value)} for each in self.differences
            ],
        }


def subsets(entrants: Sequence[Entrant], audit: Audit) -> tuple[Subset, ...]:
    """All test pictures, those without a near-duplicate in training, those without doubtful label.

    Args:
        entrants: one model or more, all on the test half that was audited.
        audit: of that data.

    Raises:
        PredictionsError: entrants that cannot be compared.
    """
    indices = entrants[0].predictions[0].indices
    rest = {
        "all": np.zeros(0, np.int64),
        "without near-duplicates": audit.near_training,
        "without doubtful labels": audit.doubtful_test,
    }
    return tuple(_subset(name, entrants, indices, without) for name, without in rest.items())


def _subset(name: str, entrants: Sequence[Entrant], indices: Int64, without: Int64) -> Subset:
    kept = np.flatnonzero(~np.isin(indices, without)).astype(np.int64)
    left_out = len(indices) - len(kept)
    if len(kept) == 0:
        return Subset(name, 0, left_out, (), ())
    held = [
        replace(each, predictions=tuple(said.take(kept) for said in each.predictions))
        for each in entrants
    ]
    if len(held) == 1:
        right = held[0].predictions[0].correct
        return Subset(name, len(kept), left_out, (wilson(int(right.sum()), len(kept)),), ())
    comparison = compare_models(held)
    return Subset(
        name,
        len(kept),
        left_out,
        tuple(model.accuracy for model in comparison.models),
        tuple(Difference(pair.a, pair.b, pair.difference) for pair in comparison.pairs),
    )


def _values(estimate: Estimate) -> dict[str, Any]:
    return estimate.as_dict()
