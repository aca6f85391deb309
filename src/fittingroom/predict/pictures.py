"""Pictures in any form that a person has them in → the form that a model takes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from fittingroom.errors import PredictionsError
from fittingroom.photos import read_photo
from fittingroom.predictions import UInt8

Picture = Path | str | bytes | Image.Image | npt.NDArray[Any]

_SIDE = 28


def to_images(pictures: Picture | Sequence[Picture]) -> UInt8:
    """One picture or many as a model takes them.

    Args:
        pictures: one or a sequence of: paths of PNG, JPEG or WebP files, their contents as bytes,
            Pillow pictures, and arrays. An array uint8 ``(28, 28)`` or ``(N, 28, 28)`` is taken
            for pictures in the data set's own format and left alone; one of another shape, and
            everything else, is converted as a photo (:func:`fittingroom.photos.read_photo`).

    Returns:
        uint8 ``(N, 28, 28)``.

    Raises:
        PhotoError: a photo cannot be read, or what was given is no picture.
        PredictionsError: no pictures at all.
    """
    if isinstance(pictures, np.ndarray) and pictures.ndim == 3 and _is_own(pictures[:1]):
        return pictures
    many = list(pictures) if isinstance(pictures, list | tuple) else [pictures]
    if not many:
        raise PredictionsError("Expected at least one picture. Received none.")
    return np.stack([_to_image(picture) for picture in many])


def _to_image(picture: Any) -> UInt8:
    if isinstance(picture, np.ndarray) and picture.ndim == 2 and _is_own(picture):
        return picture
    return read_photo(picture).image


def _is_own(array: npt.NDArray[Any]) -> bool:
    return array.dtype == np.uint8 and array.shape[-2:] == (_SIDE, _SIDE)
