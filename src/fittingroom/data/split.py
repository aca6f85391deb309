"""Divide the training half into training and validation: the same way each time, everywhere."""

import hashlib
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from fittingroom.data.official import SIDE
from fittingroom.errors import DataInvalidError, RecipeError
from fittingroom.predictions import Int64, UInt8

# Pictures moved at a time.
_MOVED = 1000


@dataclass(frozen=True, eq=False)
class Half:
    """Some labelled pictures and where each stands in its file.

    Attributes:
        images: uint8 ``(N, 28, 28)``, 0 is the background.
        labels: uint8 ``(N,)``.
        indices: int64 ``(N,)``, positions in the data file.

    Raises:
        DataInvalidError: shapes or types that do not fit together.
    """

    images: UInt8
    labels: UInt8
    indices: Int64

    def __post_init__(self) -> None:
        count = len(self.labels)
        for name, shape, kind in (
            ("images", (count, SIDE, SIDE), np.uint8),
            ("labels", (count,), np.uint8),
            ("indices", (count,), np.int64),
        ):
            array = getattr(self, name)
            if array.shape != shape or array.dtype != kind:
                raise DataInvalidError(
                    f"Expected `{name}` as {kind.__name__} of shape {shape}. "
                    f"Received {array.dtype} of shape {array.shape}."
                )

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, positions: Int64) -> "Half":
        """The pictures at these positions of this half, with their labels and indices."""
        return Half(self.images[positions], self.labels[positions], self.indices[positions])


@dataclass(frozen=True)
class SplitRule:
    """How validation pictures are chosen from the training half.

    A fraction rather than a number, so that one rule fits the whole data and the sample.

    Attributes:
        kind: "stratified", the same share of each class, chosen by ``seed``;
            or "last", the last pictures in file order.
        validation: the validation share, a fraction of two whole numbers such as "1/12".
        seed: zero or a positive whole number; "last" does not use it.

    Raises:
        RecipeError: a value that is none of these.
    """

    kind: Literal["stratified", "last"]
    validation: str
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in ("stratified", "last"):
            raise RecipeError(
                f"Expected the kind of split as 'stratified' or 'last'. Received {self.kind!r}."
            )
        fraction = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", str(self.validation))
        if fraction is None or not 0 < int(fraction[1]) < int(fraction[2]):
            raise RecipeError(
                "Expected the validation share as a fraction between 0 and 1 such as '1/12'. "
                f"Received {self.validation!r}."
            )
        if type(self.seed) is not int or self.seed < 0:
            raise RecipeError(
                "Expected the split's seed as zero or a positive whole number. "
                f"Received {self.seed!r}."
            )

    @property
    def share(self) -> Fraction:
        """The validation share as an exact fraction."""
        return Fraction(self.validation)


@dataclass(frozen=True, eq=False)
class Split:
    """What an engine gets: pictures to train on and to validate on, and nothing of the test half.

    Attributes:
        training: what the weights are fitted on.
        validation: what epochs, recipes and temperatures are chosen on.
        rule: how the two were told apart.
        classes: the class names in the order of their labels.
        index_hash: SHA-256 over both index arrays (see :func:`hash_indices`).
    """

    training: Half
    validation: Half
    rule: SplitRule
    classes: tuple[str, ...]
    index_hash: str


def make_split(half: Half, rule: SplitRule, classes: tuple[str, ...]) -> Split:
    """Split a training half by a rule; the half is used up, as its pictures become the split's.

    Raises:
        RecipeError: the rule would leave one side without a picture.
    """
    training, validation = split_positions(half.labels, rule)
    held_back = half.take(validation)
    images = _bring_forward(half.images, training)
    parts = Half(images, half.labels[training], half.indices[training]), held_back
    return Split(*parts, rule, classes, hash_indices(parts[0].indices, parts[1].indices))


def _bring_forward(images: UInt8, positions: Int64) -> UInt8:
    """The pictures at rising positions, moved to the array's own beginning: a view of it.

    So the pictures are in memory once, and not a second time while they are being split.
    """
    for start in range(0, len(positions), _MOVED):
        chosen = positions[start : start + _MOVED]
        # None of these lies before `start`, so nothing is overwritten that is still to be read.
        images[start : start + len(chosen)] = images[chosen]
    return images[: len(positions)]


def split_positions(labels: UInt8, rule: SplitRule) -> tuple[Int64, Int64]:
    """Positions for training and for validation, each int64 in file order.

    Validation gets ``N · share`` of all pictures, rounded. In a stratified split each class gives
    its share rounded down or up: up for the largest remainders (Hamilton's method).

    Raises:
        RecipeError: the rule would leave one side without a picture.
    """
    count = len(labels)
    chosen = _rounded(count * rule.share)
    if not 0 < chosen < count:
        raise RecipeError(
            f"Expected a validation share that leaves pictures on both sides of {count:,}. "
            f"Received {rule.validation!r}, which gives validation {chosen:,} of them. "
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
    return _positions(~in_validation), _positions(in_validation)


def hash_indices(training: Int64, validation: Int64) -> str:
    """SHA-256 over both arrays: each as its length, then its values, little-endian int64."""
    digest = hashlib.sha256()
    for indices in (training, validation):
        # Without the length, every "last" split would have one and the same hash.
        digest.update(len(indices).to_bytes(8, "little"))
        digest.update(indices.astype("<i8").tobytes())
    return digest.hexdigest()


def _quotas(class_counts: Int64, share: Fraction, total: int) -> dict[int, int]:
    """How many pictures of each class go to validation, ``total`` in all."""
    exact = {label: int(count) * share for label, count in enumerate(class_counts)}
    quotas = {label: int(quota) for label, quota in exact.items()}
    by_remainder = sorted(exact, key=lambda label: quotas[label] - exact[label])
    for label in by_remainder[: total - sum(quotas.values())]:
        quotas[label] += 1
    return quotas


def _rounded(number: Fraction) -> int:
    """To the nearest whole number, halves up (Python's round takes halves to even)."""
    return int(number + Fraction(1, 2))


def _positions(where: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> Int64:
    return np.flatnonzero(where).astype(np.int64)
