"""A data set: training images for everybody, and test images behind a door."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from fittingroom.data.split import ImageSet, Split, SplitRule, make_split


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set in memory, checked when it was read.

    It doesn't know its file format: each format has a reader, which makes one of these.

    Attributes:
        name: "fashion-mnist", "sample", or "unknown-" and 8 digits of a hash of its content and
            class names.
        folder: where it came from.
        classes: the class names in the order of their labels.
        official: whether this is Fashion-MNIST as Zalando published it, byte for byte.
        training_hashes: file name → SHA-256 of its content, for the training set.
        test_hashes: the same for the test set.
    """

    name: str
    folder: Path
    classes: tuple[str, ...]
    official: bool
    training_hashes: dict[str, str]
    test_hashes: dict[str, str]
    _training: ImageSet = field(repr=False)
    _test: ImageSet = field(repr=False)

    @property
    def key(self) -> str:
        """The training files' hashes and the class names as one text; runs are named by it."""
        hashes = self.training_hashes
        return " ".join([*(hashes[name] for name in sorted(hashes)), *self.classes])

    def training(self) -> ImageSet:
        """The whole training set."""
        return self._training

    def split(self, rule: SplitRule) -> Split:
        """The training set, split into training and validation images for an engine.

        Raises:
            RecipeError: the rule would leave one side without an image.
        """
        return make_split(self._training, rule, self.classes)

    def open_test(self) -> ImageSet:
        """The test set: the door that only evaluation goes through."""
        return self._test

    def without_test(self) -> "Dataset":
        """The same with an empty test set, for machines that only train."""
        return replace(self, _test=self._test.take(np.array([], np.int64)))
