"""HEIC, where pillow-heif is installed."""

import numpy as np
import pytest

from fittingroom.photos import open_photo
from fittingroom.photos.opening import SUFFIXES
from tests.photos.corpus import encoded, exif, garment_photo, rotated

heif = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")


@pytest.mark.parametrize("orientation", [1, 6])
def test_it_is_opened_upright(orientation, tmp_path):
    heif.register_heif_opener()
    photo = garment_photo(240, 180)
    content = encoded(rotated(photo, orientation), "HEIF", exif=exif(orientation), quality=95)
    path = tmp_path / "photo.heic"
    path.write_bytes(content)
    assert path.suffix in SUFFIXES
    pixels = open_photo(path).pixels
    assert pixels.shape == photo.shape
    assert np.abs(pixels.astype(int) - photo).mean() < 6
