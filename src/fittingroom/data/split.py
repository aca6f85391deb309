"""Split the training set into training and validation images, or folds, the same everywhere."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal

import numpy as np

from fittingroom.errors import RecipeError, UsageError
from fittingroom.predictions import Int64, Labels, UInt8


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Labelled images, and where each is in its file.

    Attributes:
        images: uint8 ``(N, 28, 28)``, 0 is the background.
        labels: uint8 ``(N,)``, or uint16 for more than 256 classes.
        indices: int64 ``(N,)``, positions in the data file.
    """

    images: UInt8
    labels: Labels
    indices: Int64

    @classmethod
    def of(cls, images: UInt8, labels: Labels) -> "ImageSet":
        """All images of a file, in its order."""
        return cls(images, labels, np.arange(len(labels), dtype=np.int64))

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, positions: Int64) -> "ImageSet":
        """The images at these positions, with their labels and indices."""
        return ImageSet(self.images[positions], self.labels[positions], self.indices[positions])


@dataclass(frozen=True)
class SplitRule:
    """How validation images are chosen from the training set.

    The share is a fraction rather than a number, so that one rule fits the whole data and the
    sample.

    Attributes:
        kind: "stratified", the same share of each class, chosen by ``seed``;
            or "last", the last images in file order.
        validation: the validation share, a fraction of two whole numbers such as "1/12".
        seed: zero or a positive whole number; "last" doesn't use it.

    Raises:
        RecipeError: another value.
    """

    kind: Literal["stratified", "last"]
    validation: str
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in ("stratified", "last"):
            raise RecipeError(f"{self.kind!r} is not a kind of split. Use 'stratified' or 'last'.")
        fraction = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", str(self.validation))
        if fraction is None or not 0 < int(fraction[1]) < int(fraction[2]):
            raise RecipeError(
                f"{self.validation!r} is not a validation share. "
                "Use a fraction between 0 and 1, such as '1/12'."
            )
        if type(self.seed) is not int or self.seed < 0:
            raise RecipeError(
                f"{self.seed!r} is not a seed of a split. Use zero or a positive whole number."
            )

    @property
    def share(self) -> Fraction:
        """The validation share as an exact fraction."""
        return Fraction(self.validation)


@dataclass(frozen=True, eq=False)
class Split:
    """What an engine gets: images to train on and to validate on, and none of the test set.

    Attributes:
        training: what the weights are fitted on.
        validation: what epochs, recipes and temperatures are chosen on.
        rule: how the validation images were chosen.
        classes: the class names in the order of their labels.
    """

    training: ImageSet
    validation: ImageSet
    rule: SplitRule
    classes: tuple[str, ...]

    @cached_property
    def index_hash(self) -> str:
        """SHA-256 over both index arrays: each as its length, then as little-endian int64."""
        digest = hashlib.sha256()
        for indices in (self.training.indices, self.validation.indices):
            # Without the length, every "last" split would have one and the same hash.
            digest.update(len(indices).to_bytes(8, "little"))
            digest.update(indices.astype("<i8").tobytes())
        return digest.hexdigest()


def split_positions(labels: Labels, rule: SplitRule) -> tuple[Int64, Int64]:
    """Positions for training and for validation, each int64 in file order.

    Validation gets ``N · share`` of all images, rounded. In a stratified split each class gives
    its share rounded down or up: up for the largest remainders (Hamilton's method).

    Raises:
        RecipeError: the rule would leave one side without an image.
    """
    count = len(labels)
    chosen = int(count * rule.share + Fraction(1, 2))  # rounded, halves up
    if not 0 < chosen < count:
        raise RecipeError(
            f"A validation share of {rule.validation} leaves one side of {count:,} images empty. "
            "Use more data or another share."
        )
    in_validation = np.zeros(count, dtype=np.bool_)
    if rule.kind == "last":
        in_validation[count - chosen :] = True
    else:
        # Raw bits, sorted: unlike Generator.permutation, whose stream may change between NumPy
        # versions, a bit generator's own stream is guaranteed (NumPy enhancement proposal 19).
        keys = np.random.PCG64(rule.seed).random_raw(count)
        for label, quota in _quotas(np.bincount(labels), rule.share, chosen).items():
            members = np.flatnonzero(labels == label)
            in_validation[members[np.argsort(keys[members], kind="stable")[:quota]]] = True
    training, validation = np.flatnonzero(~in_validation), np.flatnonzero(in_validation)
    return training.astype(np.int64), validation.astype(np.int64)


def fold_numbers(labels: Labels, folds: int, seed: int = 0) -> Int64:
    """The fold, from 0 to ``folds - 1``, that each image is held back in: int64 ``(N,)``.

    Folds have the same share of each class, within one image, and of all images.

    Raises:
        UsageError: fewer than two folds, or more than some class has images.
    """
    counts = np.bincount(labels)
    smallest = int(counts[counts > 0].min(initial=len(labels)))
    if not 2 <= folds <= smallest:
        raise UsageError(
            f"{folds} folds are not possible. Use 2 to {smallest:,}, as many as the smallest class "
            "has images."
        )
    # Raw bits, sorted, are the same in every version of NumPy: see split_positions.
    keys = np.random.PCG64(seed).random_raw(len(labels))
    order = np.lexsort((keys, labels))  # class by class, at random within each
    numbers = np.empty(len(labels), dtype=np.int64)
    numbers[order] = np.arange(len(labels)) % folds
    return numbers


def make_folds(
    image_set: ImageSet, folds: int, classes: tuple[str, ...], seed: int = 0
) -> Iterator[Split]:
    """A split for each of :func:`fold_numbers`: its images for validation, all others to train."""
    numbers = fold_numbers(image_set.labels, folds, seed)
    # The rule is the share that is held back; it can't tell which fold this is.
    rule = SplitRule("stratified", f"1/{folds}", seed)
    for fold in range(folds):
        kept, held_back = (np.flatnonzero(side) for side in (numbers != fold, numbers == fold))
        yield Split(image_set.take(kept), image_set.take(held_back), rule, classes)


def _quotas(class_counts: Int64, share: Fraction, total: int) -> dict[int, int]:
    """How many images of each class go to validation, ``total`` in all."""
    exact = {label: int(count) * share for label, count in enumerate(class_counts)}
    quotas = {label: int(quota) for label, quota in exact.items()}
    by_remainder = sorted(exact, key=lambda label: quotas[label] - exact[label])
    for label in by_remainder[: total - sum(quotas.values())]:
        quotas[label] += 1
    return quotas
