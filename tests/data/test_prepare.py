from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from fittingroom.data.content import Part
from fittingroom.data.prepare import decide, prepare
from fittingroom.errors import DataInvalidError
from fittingroom.photos import Preparation, read_photo
from fittingroom.photos.preparation import resize
from tests.photos.corpus import encoded


def part(images) -> Part:
    return Part(images, np.zeros(len(images), np.int64))


def prepared(images, invert: str = "auto") -> np.ndarray:
    return prepare(part(images), decide([part(images)], invert)[0], None, "images")[0]


def test_images_of_the_data_sets_own_format_stay_as_they_are(sample):
    images = sample.training().images
    assert decide([part(images)], "auto") == (Preparation(), [])
    assert prepared(images) is images


def test_ink_on_white_is_inverted_and_said(sample):
    images = sample.training().images[:50]
    preparation, notes = decide([part(255 - images)], "auto")
    assert preparation == Preparation(resized=True, inverted=True)
    assert notes[-1] == "They were inverted, since they are dark on light."
    np.testing.assert_array_equal(prepared(255 - images), images)
    np.testing.assert_array_equal(prepared(255 - images, "no"), 255 - images)
    np.testing.assert_array_equal(prepared(images, "yes"), 255 - images)


def test_images_are_resized_by_area():
    images = np.random.default_rng(0).integers(0, 255, (3, 56, 56), np.uint8)
    means = images.reshape(3, 28, 2, 28, 2).mean(axis=(2, 4))
    expected = np.floor(means + 0.5).astype(np.uint8)
    np.testing.assert_array_equal(prepared(images, "no"), expected)
    # By no whole factor, the mean grey level is kept.
    other = prepared(images[:, :43, :43], "no").mean(axis=(1, 2))
    np.testing.assert_allclose(other, images[:, :43, :43].mean(axis=(1, 2)), atol=0.5)


def test_the_shorter_edge_is_filled_with_the_background():
    image = np.full((1, 28, 14), 40, np.uint8)
    image[0, 10:18, 4:10] = 200
    square = resize(image, inverted=False)[0]
    np.testing.assert_array_equal(square[:, 7:21], image[0])
    assert (square[:, :7] == 40).all()
    assert (square[:, 21:] == 40).all()


@given(arrays(np.uint8, (4, 12, 9, 3)))
def test_one_by_one_is_the_same_as_together(images):
    together = resize(images, inverted=True)
    alone = np.concatenate([resize(each[None], inverted=True) for each in images])
    np.testing.assert_array_equal(together, alone)


def smooth(count: int, *shape: int) -> np.ndarray:
    """Images that differ, without noise that a photo's conversion would not survive."""
    ramp = np.indices(shape).sum(axis=0) * 5 % 200
    return np.stack([(ramp + 9 * number) % 200 for number in range(count)]).astype(np.uint8)


def test_values_of_another_range_are_refused():
    for images in (smooth(4, 8, 8) // 8, smooth(4, 28, 28) > 100):
        with pytest.raises(DataInvalidError, match=r"values up to \d+, far below 255.*images.max"):
            decide([part(images.astype(np.uint8))], "auto")


def test_other_parts_may_have_other_sizes_and_are_held_against_the_first():
    images = np.pad(smooth(4, 20, 20), ((0, 0), (4, 4), (4, 4)))
    assert decide([part(images), part(images)], "auto")[0] == Preparation()
    preparation, notes = decide(
        [part(images), part(np.pad(images, ((0, 0), (2, 2), (2, 2))))], "no"
    )
    assert preparation == Preparation(resized=True)
    assert notes[0] == "The images are grey, various sizes, around 28×28 pixels."
    notes = decide([part(images), part(255 - images)], "auto")[1]
    assert notes[-1].endswith("is one inverted?")


KINDS: dict[str, Any] = {
    "colour": smooth(4, 32, 32, 3),
    "colour, dark on light": 255 - smooth(4, 32, 32, 3) // 2,
    "digits": smooth(4, 8, 8),
    "ink on white": 255 - np.pad(smooth(4, 20, 20), ((0, 0), (4, 4), (4, 4))),
    "bright to its corners": np.pad(smooth(4, 27, 27), ((0, 0), (1, 0), (0, 1)), "edge") // 2 + 50,
    "own format": np.pad(smooth(4, 26, 26), ((0, 0), (1, 1), (1, 1))),
    "various sizes": [np.pad(smooth(1, side, 9)[0], 9, constant_values=250) for side in (5, 9, 70)],
    "photos": [np.pad(garment, 40, constant_values=250) for garment in smooth(3, 90, 70)],
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_an_image_becomes_what_training_used(kind):
    images = KINDS[kind]
    preparation, notes = decide([part(images)], "auto")
    assert ("Each was converted as a photo." in notes) == (kind == "photos")
    for image, expected in zip(images, prepared(images), strict=True):
        photo = read_photo(encoded(image), preparation=preparation)
        np.testing.assert_array_equal(photo.image, expected)
