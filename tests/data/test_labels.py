import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fittingroom.classes import GARMENTS
from fittingroom.data.content import Content, Part, labels_of
from fittingroom.data.labels import number_labels, read_names
from fittingroom.errors import DataError, DataInvalidError


def part(labels: list[int] | list[str]) -> Part:
    return Part(np.zeros((len(labels), 28, 28), np.uint8), labels_of(labels, Path("labels")))


def numbered(content: Content) -> Any:
    return number_labels(content, None)


def test_labels_that_start_at_one_are_renumbered_and_it_is_said():
    content = numbered(Content(part([1, 2, 3, 3, 2, 1]), test=part([3, 1])))
    assert content.training.labels.tolist() == [0, 1, 2, 2, 1, 0]
    assert content.validation is None
    assert content.test.labels.tolist() == [2, 0]
    assert content.classes == ("class 1", "class 2", "class 3")
    assert content.notes == ("The labels 1, 2, 3 were renumbered 0 to 2, in this order.",)


def test_a_class_without_training_images_is_left_out():
    content = numbered(Content(part([0, 0, 2, 2]), test=part([2]), classes=("cat", "owl", "frog")))
    assert content.training.labels.tolist() == [0, 0, 1, 1]
    assert content.test.labels.tolist() == [1]
    assert content.classes == ("cat", "frog")
    assert len(content.notes) == 1


def test_garments_get_the_order_of_fashion_mnist_however_they_are_spelled():
    spelled = ["ankle_boot", "BAG", "coat", "Dress", "pullover", "sandal", "shirt", "sneaker"]
    spelled += ["T - shirt / top", "trouser"]
    content = numbered(Content(part(spelled * 2)))
    assert content.classes == GARMENTS
    assert content.training.labels.tolist() == [9, 8, 4, 3, 2, 5, 6, 7, 0, 1] * 2
    assert content.notes == ()


@pytest.mark.parametrize(
    ("training", "test", "given", "words"),
    [
        ([0, 0], [0], None, "2 to 1,000 classes are allowed, not 1"),
        ([0, 0, 1], [0], None, "class 1 has one training image"),
        ([0, 0, 1, 1], [2, 7], None, "lacks the classes 2, 7, which another part"),
        ([0, 0, 1, 1], [0], ("a", "b", "c"), "3 class names for 2 classes"),
    ],
)
def test_classes_that_cannot_be_used(training, test, given, words):
    with pytest.raises(DataError, match=words):
        number_labels(Content(part(training), test=part(test)), given)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 3.0], [0, 3]),
        (["1", " 2 "], [1, 2]),
        (["cat ", "owl"], ["cat", "owl"]),
        ([b"cat", b"owl"], ["cat", "owl"]),
        ([[4], [5]], [4, 5]),
    ],
)
def test_labels_come_as_numbers_or_names(values, expected):
    assert labels_of(values, Path("labels")).tolist() == expected


@pytest.mark.parametrize("values", [[0.5, 1], [np.nan, 1], [[1, 0], [0, 1]]])
def test_labels_that_are_none(values):
    with pytest.raises(DataInvalidError, match=r"labels that are not whole|labels of shape"):
        labels_of(values, Path("labels"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have no names here")
def test_names_are_read_from_a_file_or_a_link_to_one_and_not_from_a_pipe(tmp_path):
    (tmp_path / "names.txt").write_text("cat\n\nowl\n")
    (tmp_path / "link.txt").symlink_to("names.txt")
    assert read_names(tmp_path / "link.txt") == ("cat", "owl")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataInvalidError, match="a pipe or device"):
        read_names(tmp_path / "pipe")
