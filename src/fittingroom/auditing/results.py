"""What an audit found, and the same as JSON under documented names."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from fittingroom.auditing.labels import DoubtfulLabels
from fittingroom.auditing.outliers import Outliers
from fittingroom.auditing.similarity import SimilarPairs
from fittingroom.errors import RunChangedError
from fittingroom.numbers import Estimate, plain
from fittingroom.predictions import Int64

FORMAT = 2
_MOST_IMAGES = 1_000_000
SETS = ("training", "test")
_ACCURACIES = ("accuracy", "test_accuracy")


@dataclass(frozen=True)
class AuditBasis:
    """The data, models and thresholds of an audit.

    Attributes:
        data: name of the data set.
        official: whether its files are those that Zalando published.
        classes: the class names in the order of their labels.
        hashes: file name → SHA-256 of its decompressed content, of all four files.
        training, test: how many images the two sets have.
        recipe: name of the recipe whose models gave the probabilities.
        key: the recipe's key.
        folds: how many models were trained.
        seed: of the folds and of the trainings.
        similarity: two images whose pixels correlate this much or more are near-duplicates.
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

    Positions count through the training set first and then through the test set; :meth:`place`
    tells them apart.

    Attributes:
        basis: the data, models and thresholds.
        epochs: how many epochs each fold's model was trained, 1 for one trained in one go.
        accuracy: share of training images whose given label their fold's model predicts.
        test_accuracy: the same for test images, each by one of the models.
        doubtful: labels that are doubtful.
        pairs: images that are alike.
        outliers: images unlike all others.
    """

    basis: AuditBasis
    epochs: tuple[int, ...]
    accuracy: Estimate
    test_accuracy: Estimate
    doubtful: DoubtfulLabels
    pairs: SimilarPairs
    outliers: Outliers

    def place(self, position: int) -> tuple[str, int]:
        """``"training"`` or ``"test"``, and the image's index in that set's files."""
        in_test = int(position >= self.basis.training)
        return SETS[in_test], int(position) - in_test * self.basis.training

    def test_indices(self, positions: Int64) -> Int64:
        """The test images among these positions, as indices in the test files, rising."""
        return np.sort(positions[positions >= self.basis.training]) - self.basis.training

    @property
    def doubtful_test(self) -> Int64:
        """The test images whose label is doubtful: indices in the test files, rising."""
        return self.test_indices(self.doubtful.positions)

    @cached_property
    def near_training(self) -> Int64:
        """The test images that have a near-duplicate in training: indices, rising.

        Only the first of several exact copies is paired with other images; what is alike to it is
        alike to the copies.
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
        return self.test_indices(np.flatnonzero(alike[source]).astype(np.int64))

    def counts(self) -> dict[str, dict[str, int]]:
        """How much was found, by kind and set.

        ``near_duplicates`` and ``identical`` count pairs: ``within training``, ``across`` and
        ``within test``.
        """
        in_test = np.stack([self.pairs.first, self.pairs.second]) >= self.basis.training
        sides = in_test.sum(axis=0)

        def by_set(positions: Int64) -> dict[str, int]:
            test = len(self.test_indices(positions))
            return {"training": len(positions) - test, "test": test}

        def by_side(counted: npt.NDArray[Any]) -> dict[str, int]:
            numbers = np.bincount(counted, minlength=3).tolist()
            return dict(zip(("within training", "across", "within test"), numbers, strict=True))

        return {
            "doubtful": by_set(self.doubtful.positions),
            "near_duplicates": by_side(sides),
            "identical": by_side(sides[self.pairs.identical]),
            "test_near_training": {"test": len(self.near_training)},
            "outliers": by_set(self.outliers.positions),
        }

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values: ``audit.json``.

        ``basis``, ``epochs``, ``counts``; ``accuracy`` and ``test_accuracy``, out of fold and
        against the given labels; ``doubtful``: the ``set``, ``index``, ``given`` and ``suggested``
        label (numbers) and their probabilities, the most doubtful first; ``near_duplicates``: for
        each pair ``a`` and ``b`` (``set``, ``index``), their ``similarity``, and whether they are
        ``identical``; ``test_near_training``: indices of test images with a near-duplicate in
        training; ``outliers``: ``set``, ``index`` and ``distance``, the furthest first;
        ``outlier_fence``: the distance above which an image is an outlier.
        """
        doubtful, pairs, far = self.doubtful, self.pairs, self.outliers
        labels = (doubtful.given, doubtful.suggested)
        chances = (doubtful.given_probability, doubtful.suggested_probability)
        names = ("given", "suggested", "given_probability", "suggested_probability")
        return {
            "format": FORMAT,
            **{name: plain(getattr(self, name)) for name in ("basis", "epochs", *_ACCURACIES)},
            "counts": self.counts(),
            "doubtful": [
                self._placed(position) | dict(zip(names, values, strict=True))
                for position, *values in _rows(doubtful.positions, *labels, *chances)
            ],
            "near_duplicates": [
                {"a": self._placed(a), "b": self._placed(b), "similarity": alike, "identical": same}
                for a, b, alike, same in _rows(
                    pairs.first, pairs.second, pairs.similarity, pairs.identical
                )
            ],
            "test_near_training": self.near_training.tolist(),
            "outliers": [
                self._placed(position) | {"distance": distance}
                for position, distance in _rows(far.positions, far.distances)
            ],
            "outlier_fence": far.fence,
        }

    def _placed(self, position: int) -> dict[str, Any]:
        return dict(zip(("set", "index"), self.place(position), strict=True))


def _rows(*columns: npt.NDArray[Any]) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.tolist() for column in columns), strict=True)


def audit_from_dict(values: Mapping[str, Any]) -> Audit:
    """The inverse of :meth:`Audit.as_dict`.

    Raises:
        RunChangedError: missing or impossible values, or another version's.
    """
    try:
        if values["format"] != FORMAT:
            raise ValueError(f"format {values['format']}")
        basis = AuditBasis(**values["basis"] | {"classes": tuple(values["basis"]["classes"])})
        sizes = {"training": basis.training, "test": basis.test}
        if not all(type(size) is int and 1 <= size <= _MOST_IMAGES for size in sizes.values()):
            raise ValueError(f"{basis.training} and {basis.test} images")

        def position(entry: Mapping[str, Any]) -> int:
            if not 0 <= entry["index"] < sizes[entry["set"]]:
                raise ValueError(f"index {entry['index']} of {sizes[entry['set']]} images")
            return int(entry["index"]) + (basis.training if entry["set"] == "test" else 0)

        def column(rows: Sequence[Mapping[str, Any]], name: str, kind: Any = np.float64) -> Any:
            return np.array([row[name] for row in rows], kind)

        doubtful, pairs, far = values["doubtful"], values["near_duplicates"], values["outliers"]
        given, suggested = (column(doubtful, name, np.int64) for name in ("given", "suggested"))
        if not np.isin([*given, *suggested], np.arange(len(basis.classes))).all():
            raise ValueError("a label without a class")
        return Audit(
            basis=basis,
            epochs=tuple(map(int, values["epochs"])),
            **{name: Estimate(**values[name]) for name in _ACCURACIES},
            doubtful=DoubtfulLabels(
                np.array([position(row) for row in doubtful], np.int64),
                given,
                suggested,
                column(doubtful, "given_probability"),
                column(doubtful, "suggested_probability"),
            ),
            pairs=SimilarPairs(
                np.array([position(row["a"]) for row in pairs], np.int64),
                np.array([position(row["b"]) for row in pairs], np.int64),
                column(pairs, "similarity", np.float32),
                column(pairs, "identical", np.bool_),
            ),
            outliers=Outliers(
                np.array([position(row) for row in far], np.int64),
                column(far, "distance", np.float32),
                float(values["outlier_fence"]),
            ),
        )
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise RunChangedError(
            f"This is not an audit of this version: {error}. Audit again: `fittingroom audit "
            "--fresh`."
        ) from error
