import hashlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fittingroom.data import find_dataset
from fittingroom.data.set_apart import NEAR, _aside, _vectors, set_apart
from fittingroom.errors import DataInvalidError
from fittingroom.photos.preparation import resize
from tests.photos.corpus import encoded

from .folders import blobs, write_classes

SAMPLE = find_dataset("sample").training()
SIDES = _aside(SAMPLE.images)
BLOBS = np.stack(blobs(200))  # none is a near-duplicate of another
positions = st.integers(0, len(SAMPLE) - 1)
seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=10)


def test_it_is_about_a_fifth_of_each_class_and_stays_so_for_ever():
    aside, note = set_apart(SAMPLE.images, SAMPLE.labels, tuple("abcdefghij"))
    assert (aside == SIDES).all()
    assert np.flatnonzero(aside[:30]).tolist() == [14, 16, 20, 21, 27]
    assert 0.18 < aside.mean() < 0.22
    shares = [aside[SAMPLE.labels == label].mean() for label in range(10)]
    assert 0.12 < min(shares) < max(shares) < 0.28
    assert f"{aside.sum()} of 2,000 images were set apart" in note


@few
@given(seeds, st.integers(1, 200))
def test_neither_order_nor_other_images_move_an_image(seed, count):
    chosen = np.random.default_rng(seed).permutation(200)[:count]
    assert (_aside(BLOBS[chosen]) == _aside(BLOBS)[chosen]).all()


@few
@given(st.lists(positions, min_size=1, max_size=20), st.integers(80, 100), st.integers(26, 64))
def test_copies_stay_together_whatever_was_done_to_them(chosen, quality, side):
    def again(image):
        """Saved as JPEG."""
        return np.asarray(Image.open(io.BytesIO(encoded(image, "JPEG", quality=quality))))

    def resized(image):
        larger = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
        return resize(np.asarray(larger)[None], inverted=False)[0]

    images = [SAMPLE.images[at] for at in chosen]
    sides = _aside(np.stack([*images, *map(again, images), *map(resized, images), *images]))
    first, *copies = sides.reshape(4, -1)
    assert (first == copies).all()


def test_of_a_chain_of_near_duplicates_the_smallest_hash_decides():
    start, end = SAMPLE.images[:2].astype(float)
    chain = np.stack([start + step * (end - start) for step in np.linspace(0, 1, 40)])
    chain = chain.round().astype(np.uint8)
    vectors = _vectors(chain)
    near = vectors @ vectors.T > NEAR * vectors[0] @ vectors[0]
    assert near[range(39), range(1, 40)].all()
    assert not near[0, -1]
    keys = [int.from_bytes(hashlib.sha256(each.tobytes()).digest()[:8], "big") for each in chain]
    assert (_aside(np.stack([*chain, *BLOBS]))[:40] == (min(keys) % 5 == 0)).all()


def contents(images) -> set[bytes]:
    return {image.tobytes() for image in images}


def test_a_validation_set_stays_one_but_for_what_is_set_apart(tmp_path):
    write_classes(tmp_path / "data" / "train", blobs(60), ["cat", "dog"] * 30)
    write_classes(tmp_path / "data" / "val", blobs(40, seed=1), ["cat", "dog"] * 20)
    dataset = find_dataset(tmp_path / "data")
    assert len(dataset.training()) + len(dataset.open_test()) == 100
    kept = dataset.training().images[-dataset.own_validation :]
    assert 20 < dataset.own_validation < 40
    assert contents(kept) < contents(blobs(40, seed=1))


def test_too_few_images_are_refused():
    images = np.stack(blobs(100))
    aside = _aside(images)
    kept, chosen = images[~aside][:4], images[aside][:3]
    labels = np.array([0, 0, 0, 0, 1, 1, 1], np.uint8)
    few = r"leaves the class b with 0 training images\. Add images, or name a test set with --test"
    with pytest.raises(DataInvalidError, match=few):
        set_apart(np.concatenate([kept, chosen]), labels, ("a", "b"))
    with pytest.raises(DataInvalidError, match="leaves it empty"):
        set_apart(kept, np.array([0, 0, 1, 1], np.uint8), ("a", "b"))
