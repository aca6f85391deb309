"""Odd files: each gives a photo or a PhotoError, and nothing else, in bounded memory."""

import numpy as np
import pytest

from fittingroom.errors import PhotoError
from fittingroom.photos import Converted, read_photo
from tests.photos.corpus import corpus

CASES = corpus()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_gives_a_photo_or_a_message(case):
    photo: Converted | None = None
    message = ""
    try:
        photo = read_photo(case.content)
    except PhotoError as error:
        message = str(error)
    if photo is None:
        assert message.endswith(".")
        assert len(message) < 300
    else:
        assert photo.image.shape == (28, 28)
        assert photo.image.dtype == np.uint8
        assert photo.image.max() > 0
        assert all(stage.image.dtype == np.uint8 for stage in photo.stages)
    if case.expected != "either":
        assert (photo is not None) == (case.expected == "photo")
