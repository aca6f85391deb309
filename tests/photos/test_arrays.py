import re

import numpy as np
import pytest
import torch

from fittingroom.errors import DataInvalidError
from fittingroom.photos.arrays import as_images

GREY = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
GREY[0, 0, :2] = 0, 255
COLOUR = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (GREY, GREY),
        (GREY[..., None], GREY),
        (GREY[:, None], GREY),
        (GREY.reshape(5, 784), GREY),
        (list(GREY), GREY),
        (GREY[:, ::2, ::2].reshape(5, 196), GREY[:, ::2, ::2]),
        (GREY.astype(np.int64), GREY),
        ((GREY + 0.4).clip(0, 255), GREY),
        (GREY / 255, GREY),
        (GREY / 255 * 1.0001, GREY),
        (GREY > 99, 255 * (GREY > 99)),
        (torch.tensor(GREY), GREY),
        (torch.tensor(GREY / 255, requires_grad=True)[:, None], GREY),
        (COLOUR, COLOUR),
        (COLOUR.transpose(0, 3, 1, 2) / 255, COLOUR),
        (np.zeros((2, 8, 8), np.int8), np.zeros((2, 8, 8))),
    ],
)
def test_images_come_in_many_arrays(array, expected):
    images = as_images(array)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, expected)


@pytest.mark.parametrize(
    "array",
    [
        GREY[0],
        GREY[0].ravel(),
        COLOUR[0],
        np.stack([GREY] * 4, axis=-1),
        np.hstack([np.zeros((5, 1), np.uint8), GREY.reshape(5, 784)]),
        GREY.astype(np.int8),
        GREY.astype(np.uint16) * 256,
        GREY / 127.5 - 1,
        (GREY - GREY.mean()) / GREY.std(),
        np.where(GREY == 0, np.nan, GREY),
        GREY.astype(object),
    ],
)
def test_the_line_in_a_refusal_helps(array):
    with pytest.raises(DataInvalidError, match="The images ") as caught:
        as_images(array)
    line = re.search("Use `(.*)`", str(caught.value))
    assert line is not None
    names = {"np": np, "images": array}
    exec(line[1], names)
    images = as_images(names["images"])
    assert (images.min(), images.max()) == (0, 255)


@pytest.mark.parametrize("array", [[GREY[0], GREY[1, 1:]], GREY[:0], np.zeros(9), GREY[:, :3]])
def test_what_no_line_helps_is_refused_too(array):
    with pytest.raises(DataInvalidError, match=r"one size|no images|Move or reshape"):
        as_images(array)
