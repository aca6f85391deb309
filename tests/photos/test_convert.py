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


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 80), st.integers(1, 80))
def test_the_longest_edge_becomes_28_and_what_is_a_little_wide_as_high_as_wide(height, width):
    small = convert.to_side(np.zeros((height, width, 3)), np.ones((height, width), bool))
    assert max(small.shape[:2]) == 28
    share = height / width
    expected = (28, 28) if 0.6 <= share < 1 else (28 * min(1, share), 28 * min(1, 1 / share))
    for edge, length in zip(small.shape[:2], expected, strict=True):
        assert abs(edge - max(1, length)) <= 0.5


def test_colours_tell_a_garment_from_a_pattern():
    shades = np.random.default_rng(0).normal(170, 40, (30, 40)).clip(0, 255)
    image = np.kron(shades, np.ones((4, 4)))[..., None] * (1, 0.8, 0.6)
    image[20:100, 40:120] = 90, 150, 210
    image[50:60, 60:90] = 20, 20, 90  # a print of its own colour
    inside = np.zeros((120, 160), bool)
    inside[20:100, 40:120] = True
    found = garment.find_garment(image.astype(np.uint8))
    assert found.threshold >= garment.PATTERNED
    assert (found.mask == inside).mean() > 0.95


def test_extending_centres():
    square = convert.extend(np.zeros((28, 11, 3)))
    assert (square[:, 8:19] == 0).all()
    assert (square[:, :8] == convert.PAPER).all()
    assert (square[:, 19:] == convert.PAPER).all()
