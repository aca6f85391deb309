from fractions import Fraction
from typing import Literal

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fittingroom.data import ImageSet, SplitRule, find_dataset, fold_numbers, make_folds
from fittingroom.data.split import split_positions
from fittingroom.errors import RecipeError, UsageError

SHARES = st.tuples(st.integers(1, 30), st.integers(2, 60)).filter(lambda pair: pair[0] < pair[1])
LABELS = arrays(np.uint8, st.integers(2, 200), elements=st.integers(0, 9))


@st.composite
def rules(draw: st.DrawFn) -> SplitRule:
    over, under = draw(SHARES)
    kinds: tuple[Literal["stratified", "last"], ...] = ("stratified", "last")
    kind = draw(st.sampled_from(kinds))
    return SplitRule(kind, f"{over}/{under}", draw(st.integers(0, 2**64)))


def positions(labels: np.ndarray, rule: SplitRule) -> tuple[np.ndarray, np.ndarray]:
    assume(1 <= len(labels) * rule.share + Fraction(1, 2) < len(labels))
    return split_positions(labels, rule)


@given(LABELS, rules())
def test_every_image_is_on_one_side_and_validation_gets_its_share(labels, rule):
    training, validation = positions(labels, rule)
    both = np.concatenate([training, validation])
    np.testing.assert_array_equal(np.sort(both), np.arange(len(labels)))
    for side in (training, validation):
        assert (np.diff(side) > 0).all()
        assert side.dtype == np.int64
    assert abs(len(validation) - len(labels) * rule.share) <= Fraction(1, 2)
    if rule.kind == "stratified":
        for label in range(10):
            exact = int((labels == label).sum()) * rule.share
            assert abs(int((labels[validation] == label).sum()) - exact) < 1
    again = split_positions(labels.copy(), rule)
    assert all(map(np.array_equal, again, (training, validation)))


def test_last_takes_the_end_of_the_file():
    training, validation = split_positions(np.zeros(10, np.uint8), SplitRule("last", "1/5"))
    assert (training.tolist(), validation.tolist()) == (list(range(8)), [8, 9])


def test_the_sample_is_split_as_it_always_was():
    split = find_dataset("sample").split(SplitRule("stratified", "1/12"))
    assert (len(split.training), len(split.validation)) == (1833, 167)
    assert split.index_hash == "e8d42da595f6b7c2a37ff2a57e4eb5b4a0d96e523b96d68c2a1838c061abdd93"


@pytest.mark.parametrize("kind", ["stratified", "last"])
def test_a_split_has_each_image_under_its_index(kind):
    dataset, rule = find_dataset("sample"), SplitRule(kind, "1/12")
    split, whole = dataset.split(rule), dataset.training()
    assert (split.rule, split.classes) == (rule, dataset.classes)
    for side in (split.training, split.validation):
        np.testing.assert_array_equal(side.images, whole.images[side.indices])
        np.testing.assert_array_equal(side.labels, whole.labels[side.indices])


@pytest.mark.parametrize("share", ["1/1000", "999/1000"])
def test_a_share_that_leaves_one_side_empty_is_refused(share):
    with pytest.raises(RecipeError, match="one side of 20 images empty"):
        split_positions(np.zeros(20, np.uint8), SplitRule("stratified", share))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        *((("stratified", share), "a fraction") for share in ("0/12", "12/12", "1/0", "0.1", "")),
        *((("last", "1/12", seed), "seed") for seed in (-1, 0.5, True, "1", None)),
        (("first", "1/12"), r"'first'.*'stratified' or 'last'"),
    ],
)
def test_a_rule_of_other_values_is_refused(fields, words):
    with pytest.raises(RecipeError, match=words):
        SplitRule(*fields)


def test_a_data_set_without_its_test_set_trains_the_same():
    sample = find_dataset("sample")
    alone = sample.without_test()
    assert len(alone.open_test()) == 0
    rule = SplitRule("last", "1/4")
    assert alone.split(rule).index_hash == sample.split(rule).index_hash
    assert alone.key == sample.key


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
