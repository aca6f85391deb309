"""Images in any form → arrays as a model takes them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from fittingroom.errors import PredictionsError
from fittingroom.photos import read_photo
from fittingroom.predictions import UInt8

ImageLike = Path | str | bytes | Image.Image | npt.NDArray[Any]

_SIDE = 28


def to_images(images: ImageLike | Sequence[ImageLike]) -> UInt8:
    """Convert one image or many to the form that a model takes.

    Args:
        images: one or a sequence of: paths of PNG, JPEG or WebP files, their contents as bytes,
            Pillow images, and arrays. An array uint8 ``(28, 28)`` or ``(N, 28, 28)`` is in the
            data set's own format and is not converted; one of another shape, and everything else,
            is converted as a photo (:func:`fittingroom.photos.read_photo`).

    Returns:
        uint8 ``(N, 28, 28)``.

    Raises:
        PhotoError: a photo cannot be read, or is not an image.
        PredictionsError: there are no images.
    """
    if isinstance(images, np.ndarray) and _is_own(images, 3):
        return images
    many: list[Any] = list(images) if isinstance(images, list | tuple) else [images]
    if not many:
        raise PredictionsError("There are no images. Give at least one.")
    return np.stack(
        [
            image
            if isinstance(image, np.ndarray) and _is_own(image, 2)
            else read_photo(image).image
            for image in many
        ]
    )


def _is_own(array: npt.NDArray[Any], dimensions: int) -> bool:
    return (
        array.dtype == np.uint8 and array.ndim == dimensions and array.shape[-2:] == (_SIDE, _SIDE)
    )
