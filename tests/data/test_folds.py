import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fittingroom.data import ImageSet, fold_numbers, make_folds
from fittingroom.errors import UsageError


@st.composite
def labelled(draw):
    """Labels of two classes or more, and a number of folds that they allow."""
    counts = draw(st.lists(st.integers(2, 30), min_size=2, max_size=5))
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.uint8)
    order = np.random.default_rng(draw(st.integers(0, 99))).permutation(len(labels))
    return labels[order], draw(st.integers(2, min(counts)))


@given(labelled(), st.integers(0, 5))
def test_folds_have_equal_shares_of_each_class_and_of_all(case, seed):
    labels, folds = case
    numbers = fold_numbers(labels, folds, seed)
    assert set(numbers) == set(range(folds))
    for members in (numbers, *(numbers[labels == label] for label in set(labels))):
        sizes = np.bincount(members, minlength=folds)
        assert sizes.max() - sizes.min() <= 1


def test_each_image_is_held_back_once_and_trained_on_otherwise(sample):
    image_set = sample.training()
    splits = list(make_folds(image_set, 4, sample.classes))
    held_back = np.concatenate([split.validation.indices for split in splits])
    assert sorted(held_back) == list(range(len(image_set)))
    for split in splits:
        assert len(split.training) + len(split.validation) == len(image_set)
        assert not set(split.training.indices) & set(split.validation.indices)
        for part in (split.training, split.validation):
            assert (part.images == image_set.images[part.indices]).all()
            assert (part.labels == image_set.labels[part.indices]).all()
    assert len({split.index_hash for split in splits}) == 4


@pytest.mark.parametrize("folds", [0, 1, 3])
def test_folds_that_cannot_be_are_refused(folds):
    images = np.zeros((5, 28, 28), np.uint8)
    image_set = ImageSet(images, np.array([0, 0, 0, 1, 1], np.uint8), np.arange(5))
    with pytest.raises(UsageError, match=f"{folds} folds.*2 to 2"):
        list(make_folds(image_set, folds, ("a", "b")))
