"""What an audit found, and the same as JSON under documented names."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fittingroom.auditing.confident import DoubtfulLabels
from fittingroom.auditing.outliers import Outliers
from fittingroom.auditing.similarity import SimilarPairs
from fittingroom.errors import RunChangedError
from fittingroom.metrics import Estimate
from fittingroom.predictions import Int64

FORMAT = 1
_MOST_PICTURES = 1_000_000
HALVES = ("training", "test")


@dataclass(frozen=True)
class Basis:
    """What an audit rests on.

    Attributes:
        data: name of the data set.
        official: whether its files are those that Zalando published.
        classes: the class names in the order of their labels.
        hashes: file name → SHA-256 of its decompressed content, of all four files.
        training, test: how many pictures the halves have.
        recipe: name of the recipe whose models gave the probabilities.
        key: what tells that recipe, cut to the audit's budget, from all others.
        folds: how many models were trained.
        seed: of the folds and of the trainings.
        similarity: the correlation from which on two pictures count as near-duplicates.
        neighbours: how many neighbours an outlier is far from.
    """

    data: str
    official: bool
    classes: tuple[str, ...]
    hashes: Mapping[str, str]
    training: int
    test: int
    recipe: str
    key: str
    folds: int
    seed: int
    similarity: float
    neighbours: int


@dataclass(frozen=True, eq=False)
class Audit:
    """What an audit found.

    Positions count through the training half first and then through the test half;
    :meth:`place` tells them apart.

    Attributes:
        basis: what it rests on.
        epochs: how many epochs each fold's model was trained, 1 for one trained in one go.
        accuracy: the share of training pictures whose given label their fold's model names.
        test_accuracy: likewise of test pictures, each by one of the models.
        doubtful: labels that are doubtful.
        pairs: pictures that are alike.
        outliers: pictures unlike all others.
    """

    basis: Basis
    epochs: tuple[int, ...]
    accuracy: Estimate
    test_accuracy: Estimate
    doubtful: DoubtfulLabels
    pairs: SimilarPairs
    outliers: Outliers

    def place(self, position: int) -> tuple[str, int]:
        """``"training"`` or ``"test"``, and where the picture stands in that half's files."""
        in_test = position >= self.basis.training
        return HALVES[in_test], int(position) - in_test * self.basis.training

    def within(self, positions: Int64, half: str) -> Int64:
        """Of these positions those in a half, as places in its files, in the same order."""
        in_test = positions >= self.basis.training
        kept = positions[in_test] - self.basis.training
        return kept if half == "test" else positions[~in_test]

    @property
    def doubtful_test(self) -> Int64:
        """The test pictures whose label is doubtful: places in the test files, rising."""
        return np.sort(self.within(self.doubtful.positions, "test"))

    @cached_property
    def near_training(self) -> Int64:
        """The test pictures that have a near-duplicate in training: places, rising.

        Of exact copies only the first is paired with others: what is alike to it is to them.
        """
        count = self.basis.training + self.basis.test
        first, second = self.pairs.first, self.pairs.second
        source = np.arange(count)
        source[second[self.pairs.identical]] = first[self.pairs.identical]
        in_training = source < self.basis.training
        alike = in_training.copy()
        near = ~self.pairs.identical
        for one, other in ((first[near], second[near]), (second[near], first[near])):
            np.logical_or.at(alike, one, in_training[other])
        found = np.flatnonzero(alike[source])
        return self.within(found.astype(np.int64), "test")

    def counts(self) -> dict[str, dict[str, int]]:
        """How much was found, by kind and half: what ``counts`` in the JSON holds.

        ``near_duplicates`` counts pairs: ``within training``, ``within test`` and ``across``.
        """
        in_test = np.stack([self.pairs.first, self.pairs.second]) >= self.basis.training
        sides = in_test.sum(axis=0)
        kinds = {"within training": 0, "across": 1, "within test": 2}
        return {
            "doubtful": self._by_half(self.doubtful.positions),
            "near_duplicates": {name: int((sides == k).sum()) for name, k in kinds.items()},
            "identical": {
                name: int((sides[self.pairs.identical] == k).sum()) for name, k in kinds.items()
            },
            "test_near_training": {"test": len(self.near_training)},
            "outliers": self._by_half(self.outliers.positions),
        }

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values: ``audit.json``.

        ``basis``, ``epochs``, ``counts``; ``accuracy`` and ``test_accuracy``: out of fold, against
        the given labels, each ``value`` and ``interval``; ``indices``: lists of places in the data
        files, by kind (``doubtful``, the most doubtful first; ``near_training``, test pictures
        with a near-duplicate in training; ``outliers``, the furthest first) and half;
        ``doubtful``: of each its ``half``, ``index``, ``given`` and ``suggested`` label (numbers)
        and their probabilities; ``near_duplicates``: of each pair ``a`` and ``b`` (``half``,
        ``index``), ``similarity`` and whether they are ``identical``; ``outliers``: of each
        ``half``, ``index`` and ``distance``; ``outlier_fence``: the distance above which a
        picture is one.
        """
        doubtful, pairs, outliers = self.doubtful, self.pairs, self.outliers
        return {
            "format": FORMAT,
            "basis": asdict(self.basis) | {"classes": list(self.basis.classes)},
            "epochs": list(self.epochs),
            "accuracy": _estimate(self.accuracy),
            "test_accuracy": _estimate(self.test_accuracy),
            "counts": self.counts(),
            "indices": {
                "doubtful": self._indices(doubtful.positions),
                "near_training": {"test": self.near_training.tolist()},
                "outliers": self._indices(outliers.positions),
            },
            "doubtful": [
                {
                    **self._placed(position),
                    "given": given,
                    "suggested": suggested,
                    "given_probability": own,
                    "suggested_probability": other,
                }
                for position, given, suggested, own, other in zip(
                    doubtful.positions.tolist(),
                    doubtful.given.tolist(),
                    doubtful.suggested.tolist(),
                    doubtful.given_probability.tolist(),
                    doubtful.suggested_probability.tolist(),
                    strict=True,
                )
            ],
            "near_duplicates": [
                {
                    "a": self._placed(first),
                    "b": self._placed(second),
                    "similarity": similarity,
                    "identical": same,
                }
                for first, second, similarity, same in zip(
                    pairs.first.tolist(),
                    pairs.second.tolist(),
                    pairs.similarity.tolist(),
                    pairs.identical.tolist(),
                    strict=True,
                )
            ],
            "outliers": [
                {**self._placed(position), "distance": distance}
                for position, distance in zip(
                    outliers.positions.tolist(), outliers.distances.tolist(), strict=True
                )
            ],
            "outlier_fence": outliers.fence,
        }

    def _indices(self, positions: Int64) -> dict[str, list[int]]:
        return {half: self.within(positions, half).tolist() for half in HALVES}

    def _by_half(self, positions: Int64) -> dict[str, int]:
        return {half: len(self.within(positions, half)) for half in HALVES}

    def _placed(self, position: int) -> dict[str, Any]:
        half, index = self.place(position)
        return {"half": half, "index": index}


def audit_from_dict(values: Mapping[str, Any]) -> Audit:
    """The inverse of :meth:`Audit.as_dict`.

    Raises:
        RunChangedError: missing or impossible values, or another version's.
    """
    try:
        if values["format"] != FORMAT:
            raise ValueError(f"format {values['format']}")
        basis = Basis(**values["basis"] | {"classes": tuple(values["basis"]["classes"])})
        starts = {"training": 0, "test": basis.training}

        def positions(entries: Sequence[Mapping[str, Any]]) -> Int64:
            return np.array([starts[each["half"]] + each["index"] for each in entries], np.int64)

        doubtful, pairs, far = values["doubtful"], values["near_duplicates"], values["outliers"]
        audit = Audit(
            basis=basis,
            epochs=tuple(values["epochs"]),
            accuracy=_read_estimate(values["accuracy"]),
            test_accuracy=_read_estimate(values["test_accuracy"]),
            doubtful=DoubtfulLabels(
                positions(doubtful),
                np.array([each["given"] for each in doubtful], np.int64),
                np.array([each["suggested"] for each in doubtful], np.int64),
                np.array([each["given_probability"] for each in doubtful], np.float64),
                np.array([each["suggested_probability"] for each in doubtful], np.float64),
            ),
            pairs=SimilarPairs(
                positions([each["a"] for each in pairs]),
                positions([each["b"] for each in pairs]),
                np.array([each["similarity"] for each in pairs], np.float32),
                np.array([each["identical"] for each in pairs], np.bool_),
            ),
            outliers=Outliers(
                positions(far),
                np.array([each["distance"] for each in far], np.float32),
                float(values["outlier_fence"]),
            ),
        )
        _check(audit)
        return audit
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise RunChangedError(
            f"Expected an audit that this version of the project writes. Received another: "
            f"{error}. Make it anew with `fittingroom audit --fresh`."
        ) from error


def _check(audit: Audit) -> None:
    """Check that an audit read from a file can be used: positions are places, numbers numbers.

    Raises:
        ValueError: it cannot.
    """
    basis = audit.basis
    texts = (basis.data, basis.recipe, basis.key, *basis.classes, *basis.hashes.values())
    whole = (basis.training, basis.test, basis.folds, basis.seed, basis.neighbours, *audit.epochs)
    if not all(isinstance(each, str) for each in texts) or not all(
        type(each) is int for each in whole
    ):
        raise ValueError("other types than names and whole numbers in its basis")
    # Before anything of that length is made.
    if not all(1 <= each <= _MOST_PICTURES for each in (basis.training, basis.test)):
        raise ValueError(f"{basis.training} and {basis.test} pictures")
    count, kinds = basis.training + basis.test, len(basis.classes)
    places = (audit.doubtful.positions, audit.pairs.first, audit.pairs.second)
    for positions in (*places, audit.outliers.positions):
        if len(positions) and not 0 <= positions.min() <= positions.max() < count:
            raise ValueError(f"a place that is not among its {count} pictures")
    for labels in (audit.doubtful.given, audit.doubtful.suggested):
        if len(labels) and not 0 <= labels.min() <= labels.max() < kinds:
            raise ValueError(f"a label that is none of its {kinds} classes")
    accuracies = (audit.accuracy, audit.test_accuracy)
    numbers = [number for each in accuracies for number in (each.value, each.low, each.high)]
    numbers += [basis.similarity, audit.outliers.fence]
    if not all(type(each) in (int, float) and np.isfinite(each) for each in numbers):
        raise ValueError("a number that is none")


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {"value": estimate.value, "interval": [estimate.low, estimate.high]}


def _read_estimate(values: Mapping[str, Any]) -> Estimate:
    return Estimate(values["value"], *values["interval"])
