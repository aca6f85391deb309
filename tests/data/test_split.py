import dataclasses
import hashlib
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fittingroom.data import Half, Split, SplitRule, find_dataset
from fittingroom.data.split import hash_indices, make_split, split_positions
from fittingroom.errors import DataInvalidError, RecipeError

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
def test_every_image_is_on_one_side_and_validation_gets_its_share(
    labels: np.ndarray, rule: SplitRule
) -> None:
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
    assert hash_indices(training, validation) == hash_indices(*again)


def test_another_seed_gives_another_split() -> None:
    labels = np.arange(1000, dtype=np.uint8) % 10
    one = split_positions(labels, SplitRule("stratified", "1/12"))
    two = split_positions(labels, SplitRule("stratified", "1/12", seed=1))
    assert one[1].tolist() != two[1].tolist()


def test_last_takes_the_end_of_the_file() -> None:
    training, validation = split_positions(np.zeros(10, np.uint8), SplitRule("last", "1/5"))
    assert (training.tolist(), validation.tolist()) == (list(range(8)), [8, 9])


def test_the_sample_is_split_as_it_always_was() -> None:
    split = find_dataset("sample").split(SplitRule("stratified", "1/12"))
    assert (len(split.training), len(split.validation)) == (1833, 167)
    assert split.index_hash == "e8d42da595f6b7c2a37ff2a57e4eb5b4a0d96e523b96d68c2a1838c061abdd93"


def test_the_hash_tells_where_training_ends() -> None:
    numbers = np.arange(10, dtype=np.int64)
    assert hash_indices(numbers[:8], numbers[8:]) != hash_indices(numbers[:7], numbers[7:])
    assert (
        hash_indices(numbers[:1], numbers[1:2])
        == hashlib.sha256(
            b"\1" + bytes(7) + bytes(8) + b"\1" + bytes(7) + b"\1" + bytes(7)
        ).hexdigest()
    )


def test_a_split_holds_its_pictures_labels_rule_and_classes() -> None:
    half = Half(
        np.arange(10, dtype=np.uint8)[:, None, None].repeat(28, 1).repeat(28, 2),
        np.arange(10, dtype=np.uint8) % 2,
        np.arange(100, 110, dtype=np.int64),
    )
    rule = SplitRule("last", "1/5")
    split = make_split(half, rule, ("even", "odd"))
    assert split.training.indices.tolist() == list(range(100, 108))
    assert split.validation.indices.tolist() == [108, 109]
    assert split.validation.images[:, 5, 5].tolist() == [8, 9]
    assert split.validation.labels.tolist() == [0, 1]
    assert (split.rule, split.classes) == (rule, ("even", "odd"))
    assert split.index_hash == hash_indices(split.training.indices, split.validation.indices)


@pytest.mark.parametrize("kind", ["stratified", "last"])
def test_a_split_has_each_picture_under_its_index(
    kind: Literal["stratified", "last"], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fittingroom.data.split._MOVED", 7)  # several moves, the last one short
    images = np.random.default_rng(0).integers(0, 256, (100, 28, 28), dtype=np.uint8)
    labels = np.arange(100, dtype=np.uint8) % 10
    half = Half(images.copy(), labels, np.arange(100))
    split = make_split(half, SplitRule(kind, "1/12"), ())
    for side in (split.training, split.validation):
        np.testing.assert_array_equal(side.images, images[side.indices])
        np.testing.assert_array_equal(side.labels, labels[side.indices])
    assert np.shares_memory(split.training.images, half.images)


def test_what_engines_get_has_no_place_for_the_test_half() -> None:
    fields = {field.name for field in dataclasses.fields(Split)}
    assert fields == {"training", "validation", "rule", "classes", "index_hash"}


@pytest.mark.parametrize("share", ["1/1000", "999/1000"])
@pytest.mark.parametrize("kind", ["stratified", "last"])
def test_a_share_that_leaves_one_side_empty_is_refused(kind: str, share: str) -> None:
    rule = SplitRule(kind, share)  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="one side of 20 images empty"):
        split_positions(np.zeros(20, np.uint8), rule)


@pytest.mark.parametrize(
    "share", ["0/12", "12/12", "13/12", "1/0", "0.1", "1/x", "-1/3", "", " 1/2"]
)
def test_a_share_that_is_no_fraction_is_refused(share: str) -> None:
    with pytest.raises(RecipeError, match="a fraction between 0 and 1"):
        SplitRule("stratified", share)


@pytest.mark.parametrize("seed", [-1, 0.5, True, "1", None])
def test_a_seed_that_is_none_is_refused(seed: object) -> None:
    with pytest.raises(RecipeError, match="seed"):
        SplitRule("stratified", "1/12", seed)  # type: ignore[arg-type]


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"'first'.*'stratified' or 'last'"):
        SplitRule("first", "1/12")  # type: ignore[arg-type]


def test_a_rule_comes_back_from_its_fields() -> None:
    rule = SplitRule("last", "1/5", seed=3)
    assert SplitRule(**dataclasses.asdict(rule)) == rule


@pytest.mark.parametrize("field", ["images", "labels", "indices"])
def test_a_half_whose_arrays_do_not_fit_is_refused(field: str) -> None:
    arrays_of: dict[str, Any] = {
        "images": np.zeros((3, 28, 28), np.uint8),
        "labels": np.zeros(3, np.uint8),
        "indices": np.arange(3),
    }
    assert len(Half(**arrays_of)) == 3
    with pytest.raises(DataInvalidError, match=r"^`"):
        Half(**{**arrays_of, field: arrays_of[field][:2]})
    with pytest.raises(DataInvalidError, match=rf"^`{field}`"):
        Half(**{**arrays_of, field: arrays_of[field].astype(np.float32)})
