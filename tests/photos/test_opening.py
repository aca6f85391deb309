"""Opening a photo: what comes of the kinds of pixels that there are."""

import numpy as np
import pytest
from PIL import Image

from fittingroom.photos.opening import Limits, open_photo


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I", "I;16", "F"]
)
def test_pictures_in_bands_are_pictures_in_one(mode, monkeypatch):
    rng = np.random.default_rng(0)
    colours = Image.fromarray(rng.integers(0, 256, (41, 5, 4), np.uint8), "RGBA")
    match mode:
        case "I" | "I;16" | "F":
            values = rng.integers(0, 256, (41, 5))
            values[17, 3] = 60_000  # deep in one band alone
            kinds = {"I": np.int32, "I;16": np.uint16, "F": np.float32}
            image = Image.fromarray(values.astype(kinds[mode]))
            assert image.mode == mode
        case "P":
            image = colours.convert("RGB").convert("P")
            image.info["transparency"] = 7
        case "PA":
            image = colours.convert("RGB").convert("P").convert("PA")
        case "RGBA":
            image = colours
        case _:
            image = colours.convert("RGB").convert(mode)
    whole = open_photo(image, Limits())
    monkeypatch.setattr("fittingroom.photos.opening._BAND", 4)
    np.testing.assert_array_equal(open_photo(image, Limits()), whole)
    assert len(np.unique(whole)) > 1
