"""The arithmetic of the conversion, step by step, against its definition and against SciPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from fittingroom.photos import arithmetic, convert, garment

COLOURS = st.integers(1, 9).flatmap(
    lambda height: st.integers(1, 9).flatmap(
        lambda width: arrays(np.uint8, (height, width, 3), elements=st.integers(0, 255))
    )
)


@settings(deadline=None, max_examples=50)
@given(COLOURS, st.integers(1, 12), st.integers(1, 12))
def test_shrinking_keeps_the_mean_colour(image, height, width):
    small = arithmetic.shrink(image, height, width)
    assert small.shape == (height, width, 3)
    assert small.mean(axis=(0, 1)) == pytest.approx(image.mean(axis=(0, 1)), abs=1e-9)


@settings(deadline=None, max_examples=50)
@given(COLOURS, st.integers(1, 4), st.integers(1, 4))
def test_shrinking_by_whole_factors_is_the_mean_of_blocks(image, down, across):
    height, width = image.shape[:2]
    large = image.repeat(down, axis=0).repeat(across, axis=1)
    assert arithmetic.shrink(large, height, width) == pytest.approx(image, abs=1e-9)


@settings(deadline=None, max_examples=50)
@given(arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_specks_are_the_small_connected_parts(mask):
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    kept = [part + 1 for part in range(count) if sizes[part] >= garment.SPECK * sizes.max()]
    assert (garment.without_specks(mask) == np.isin(labels, kept)).all()


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-20, 20), min_size=5, max_size=5))
def test_the_background_is_estimated_beneath_the_garment(slopes):
    terms = garment._terms(60, 50)
    background = np.repeat((200 + terms[..., 1:] @ np.array(slopes) / 4)[..., None], 3, axis=2)
    image = background.copy()
    image[15:45, 12:38] = (30, 20, 60)
    estimated, threshold = garment.estimate_background(image)
    assert np.abs(estimated - background).max() < 3
    assert threshold == arithmetic.CLOSE


def test_the_kernel_sharpens_and_leaves_flat_colour_alone():
    assert convert.SHARPEN.sum() == pytest.approx(1)
    # By hand: e^-½ at the sides and e^-1 at the corners, -2 × their sum with 1 in the middle.
    assert convert.SHARPEN[1, 1] == pytest.approx(1.66088, abs=1e-5)
    assert convert.SHARPEN[0, 1] == pytest.approx(-0.10284, abs=1e-5)
    flat = np.full((5, 4, 3), 77.0)
    assert (convert.sharpen(flat) == flat).all()
    edge = np.full((6, 6, 3), 200.0)
    edge[:, 3:] = 100
    sharp = convert.sharpen(edge)
    assert sharp[2, 2, 0] > 200
    assert sharp[2, 3, 0] < 100


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 80), st.integers(1, 80))
def test_the_longest_edge_becomes_28_and_the_other_keeps_its_share(height, width):
    small = convert.subsample(np.zeros((height, width, 3)))
    assert max(small.shape[:2]) == 28
    expected = 28 * min(height, width) / max(height, width)
    assert abs(min(small.shape[:2]) - max(1, expected)) <= 0.5


def test_rows_are_skipped_evenly():
    assert convert._every(28, 56).tolist() == list(range(1, 56, 2))
    assert convert._every(28, 28).tolist() == list(range(28))
    assert convert._every(4, 2).tolist() == [0, 0, 1, 1]


def test_trimming_goes_by_five_percent_of_the_paper():
    image = np.full((9, 9, 3), convert.PAPER)
    image[:, 2] = convert.PAPER - 12  # within
    image[4, 5:7] = convert.PAPER - 14  # beyond
    assert convert.trim(image).shape == (1, 2, 3)
    blank = np.full((3, 3, 3), convert.PAPER)
    assert convert.trim(blank).shape == blank.shape


def test_extending_centres():
    square = convert.extend(np.zeros((28, 11, 3)))
    assert (square[:, 8:19] == 0).all()
    assert (square[:, :8] == convert.PAPER).all()
    assert (square[:, 19:] == convert.PAPER).all()
