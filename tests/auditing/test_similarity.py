import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fittingroom.auditing import outliers, search, similarity, unit_images
from fittingroom.errors import DataInvalidError


@pytest.fixture(scope="module")
def images(sample):
    return sample.training().images[:300].copy()


def all_pairs(images, threshold):
    """Every pair that correlates so, by NumPy's own correlation."""
    correlation = np.corrcoef(images.reshape(len(images), -1).astype(np.float64))
    first, second = np.nonzero(np.triu(correlation >= threshold, 1))
    return set(zip(first.tolist(), second.tolist(), strict=True)), correlation


def test_the_search_misses_no_pair_and_adds_none(images):
    expected, correlation = all_pairs(images, 0.9)
    pairs, _ = search(images, threshold=0.9)
    assert expected
    assert set(zip(pairs["first"], pairs["second"], strict=True)) == expected
    exact = correlation[pairs["first"], pairs["second"]]
    assert pairs["similarity"].to_numpy() == pytest.approx(exact, abs=1e-5)
    assert not pairs["identical"].any()


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.floats(0.05, 1))
def test_it_misses_none_of_made_up_images_either(seed, count, noise):
    generator = np.random.default_rng(seed)
    base = generator.integers(0, 256, (3, 28, 28))
    shaken = base[generator.integers(0, 3, count)] + generator.normal(
        0, 60 * noise, (count, 28, 28)
    )
    images = shaken.clip(0, 255).astype(np.uint8)
    expected, correlation = all_pairs(images, 0.9)
    pairs, _ = search(images, threshold=0.9)
    found = set(zip(pairs["first"], pairs["second"], strict=True))
    for first, second in expected ^ found:  # those on the threshold may fall either way
        assert correlation[first, second] == pytest.approx(0.9, abs=1e-5)


def test_all_exact_copies_are_found_whatever_the_image(images):
    images = np.concatenate([images, images[40:90], np.zeros((3, 28, 28), np.uint8)])
    pairs, _ = search(images)
    same = pairs[pairs["identical"]]
    copies = set(zip(same["first"], same["second"], strict=True))
    blank = {(350, 351), (350, 352)}  # no correlation, and copies all the same
    assert copies == {(40 + at, 300 + at) for at in range(50)} | blank
    assert (same["similarity"] == 1).all()
    assert (pairs["first"] < pairs["second"]).all()
    assert pairs["first"].is_monotonic_increasing


def test_many_copies_of_one_image_are_no_burden():
    images = np.full((4000, 28, 28), 7, np.uint8)
    images[:, 3, 3] = 250
    pairs, _ = search(images)
    assert len(pairs) == 3999  # each with the first, and not all with all
    assert (pairs["first"] == 0).all()


def test_images_that_are_nearly_all_alike_are_told(monkeypatch, images):
    monkeypatch.setattr(similarity, "_MOST_PAIRS", 50)
    with pytest.raises(DataInvalidError, match=r"More than 50 pairs.*Check the data"):
        search(images, threshold=0.5)


def test_distances_are_those_to_the_nearest(images):
    vectors = unit_images(images).astype(np.float64)
    exact = np.sqrt((2 - 2 * vectors @ vectors.T).clip(0))
    nearest = np.sort(exact, axis=1)[:, 1:6].mean(axis=1)
    _, found = search(images, neighbours=5)
    # What the basis leaves out can bring two images nearer, and never further apart.
    assert (found <= nearest + 1e-3).all()
    assert np.corrcoef(found, nearest)[0, 1] > 0.95


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_few_images_are_enough(images, count):
    _, distances = search(images[:count])
    assert distances.shape == (count,)
    assert np.isfinite(distances).all()


def test_what_lies_beyond_the_fence_is_an_outlier_furthest_first():
    far, fence = outliers(np.array([1, 2, 3, 4, 5, 6, 7, 8, 15, 20], np.float32))
    assert fence == pytest.approx(3.25 + 4.5 + 1.5 * 4.5)  # quartiles 3.25 and 7.75
    assert far.to_dict("list") == {"position": [9, 8], "distance": [20, 15]}
    assert len(outliers(np.ones(20, np.float32))[0]) == 0
