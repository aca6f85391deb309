"""A data set: training images for everybody, and test images behind a door."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from fittingroom.data.official import SAMPLE, TEST, TITLES, TRAINING
from fittingroom.data.split import ImageSet, Split, SplitRule, split_positions
from fittingroom.photos import Preparation

_AS_IT_IS = Preparation()


@dataclass(frozen=True)
class Source:
    """Where a data set came from, and how it was to be read: enough to find it again.

    Attributes:
        path: a file or folder; None for arrays.
        test: another file or folder whose images are the test set, or None.
        invert: "yes", "no", or "auto": whether its images are dark on light.
    """

    path: Path | None
    test: Path | None = None
    invert: str = "auto"


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set in memory, checked when it was read.

    It doesn't know its file format: each format has a reader (``data/readers/``).

    Attributes:
        name: "fashion-mnist", "sample", "mnist", "kmnist", or "unknown-" and 8 digits of a hash of
            its content and class names.
        source: where it came from.
        classes: the class names in the order of their labels.
        official: whether its images and labels are Fashion-MNIST's, as Zalando published it.
        training_hashes: of the training set, the SHA-256 of its content as plain IDX files,
            whatever its format: file name → hash.
        test_hashes: the same for the test set.
        preparation: how its images were brought to 28×28.
        notes: what it was read from, and what was done to it, a sentence each.
        warnings: why it may not be what was meant, a sentence each.
        format: what it was read from, in words: "IDX files".
        own_validation: how many of the last training images are the source's own validation set.
    """

    name: str
    source: Source
    classes: tuple[str, ...]
    official: bool
    training_hashes: Mapping[str, str]
    test_hashes: Mapping[str, str]
    _training: ImageSet = field(repr=False)
    _test: ImageSet = field(repr=False)
    preparation: Preparation = _AS_IT_IS
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    format: str = "arrays"
    own_validation: int = 0

    @property
    def path(self) -> Path:
        """The file or folder that it came from; "arrays" if it has none."""
        return self.source.path or Path("arrays")

    @property
    def known(self) -> str | None:
        """What it is called in public, if it is known by its hashes."""
        return TITLES.get(self.name)

    @property
    def description(self) -> str:
        """What it is, what its numbers may be compared with, and the warnings, in sentences."""
        if self.official:
            return "The data is the official Fashion-MNIST, by its published hashes."
        if self.name == SAMPLE.name:
            return (
                "The data is the small sample inside the package, not the whole of Fashion-MNIST. "
                "Its numbers are good for trying things out, not for quoting."
            )
        words = (
            f"The data is {self.path.name} ({self.format}): not the official Fashion-MNIST, and no "
            "other known data set. Do not compare its numbers with published ones."
        )
        if self.known:
            words = (
                f"The data is {self.known}, by its published hashes, and not the official "
                f"Fashion-MNIST. Compare its numbers with those of {self.known} alone."
            )
        return " ".join([words, *self.warnings])

    @property
    def key(self) -> str:
        """What decides about a training, as one text: hashes, class names, validation set."""
        own = [f"validation {self.own_validation}"] if self.own_validation else []
        hashes = [self.training_hashes[name] for name in sorted(TRAINING)]
        return " ".join([*hashes, *self.classes, *own])

    def training(self) -> ImageSet:
        """The whole training set, the source's own validation images at its end."""
        return self._training

    def split(self, rule: SplitRule) -> Split:
        """The training set, split by a rule, or as the source has it, if it has validation images.

        Raises:
            RecipeError: the rule would leave one side without an image.
        """
        if self.own_validation:
            rule = SplitRule("last", f"{self.own_validation}/{len(self._training)}")
        chosen = split_positions(self._training.labels, rule)
        training, validation = map(self._training.take, chosen)
        return Split(training, validation, rule, self.classes)

    def open_test(self) -> ImageSet:
        """The test set: the door that only evaluation goes through."""
        return self._test

    @property
    def test_size(self) -> int:
        """How many images the test set has."""
        return len(self._test)

    def without_test(self) -> "Dataset":
        """The same with an empty test set, for machines that only train."""
        return replace(self, _test=self._test.take(np.array([], np.int64)))


def content_hashes(training: ImageSet, test: ImageSet) -> dict[str, str]:
    """The SHA-256 that images and labels have as plain IDX files: file name → hash."""
    hashes: dict[str, str] = {}
    for part, files in ((training, TRAINING), (test, TEST)):
        labels = part.labels if part.labels.dtype == np.uint8 else part.labels.astype(">i2")
        hashes |= {files.images: hash_idx(part.images), files.labels: hash_idx(labels)}
    return hashes


def hash_idx(array: np.ndarray) -> str:
    """The SHA-256 that an array of uint8 or int16 has as a plain IDX file."""
    kind = 8 if array.dtype == np.uint8 else 11  # of the file's numbers: uint8 or int16
    header = bytes([0, 0, kind, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    digest = hashlib.sha256(header)
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
