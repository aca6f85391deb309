"""A data set: training images for everybody, and test images behind a door."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from fittingroom.data.split import ImageSet, Split, SplitRule, make_split


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set that was found and checked; its images are checked again each time they are read.

    It doesn't know its file format: a format's reader makes one, and hands over ``read``.

    Attributes:
        name: "fashion-mnist", "sample", or "unknown-" and 8 digits of a hash of its content and
            class names.
        folder: where it came from.
        classes: the class names in the order of their labels.
        official: whether this is Fashion-MNIST as Zalando published it, byte for byte.
        training_hashes: file name → SHA-256 of its content, for the training set.
        test_hashes: the same for the test set.
        read: reads "training" or "test"; raises a DataError if a file is gone, or if its content
            no longer has the hash above.
    """

    name: str
    folder: Path
    classes: tuple[str, ...]
    official: bool
    training_hashes: dict[str, str]
    test_hashes: dict[str, str]
    read: Callable[[Literal["training", "test"]], ImageSet] = field(repr=False)

    @property
    def key(self) -> str:
        """The training files' hashes and the class names as one text; runs are named by it."""
        hashes = self.training_hashes
        return " ".join([*(hashes[name] for name in sorted(hashes)), *self.classes])

    def training(self) -> ImageSet:
        """Read the whole training set.

        Raises:
            DataError: a file is gone, or has changed.
        """
        return self.read("training")

    def split(self, rule: SplitRule) -> Split:
        """Read the training set and split it into training and validation images, for an engine.

        Raises:
            DataError: a file is gone, or has changed.
            RecipeError: the rule would leave one side without an image.
        """
        return make_split(self.training(), rule, self.classes)

    def open_test(self) -> ImageSet:
        """Read the test set: the door that only evaluation goes through.

        Raises:
            DataError: a file is gone, or has changed.
        """
        return self.read("test")
