import numpy as np
import pytest
import torch

from fittingroom.data import find_dataset
from fittingroom.errors import DataInvalidError

GREY = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)


def test_arrays_are_a_data_set():
    pairs = (GREY, [3, 3, 7, 7, 7]), (GREY[:2] / 255, torch.tensor([[7], [3]]))
    dataset = find_dataset(pairs, classes=["cat", "owl"], invert="no")
    assert dataset.classes == ("cat", "owl")
    assert dataset.training().labels.tolist() == [0, 0, 1, 1, 1]
    assert dataset.open_test().labels.tolist() == [1, 0]
    np.testing.assert_array_equal(dataset.open_test().images, GREY[:2])
    four = (*pairs[0], *pairs[1])
    assert find_dataset(four, classes=["cat", "owl"], invert="no").name == dataset.name


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ((GREY, [0, 1, 0]), "y has 3 labels for 5 images"),
        ((GREY, [0, 1, 0, 1, [2]]), "one array"),
        (([0, 1, 0], GREY), "x: The images have the shape"),
        ((GREY, [0] * 5, GREY), "not as 3 values"),
    ],
)
def test_arrays_that_are_no_data_set_are_refused(arrays, words):
    with pytest.raises(DataInvalidError, match=words):
        find_dataset(arrays)
