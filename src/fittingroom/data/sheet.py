"""A sheet of example images: what `data show` draws."""

from typing import TYPE_CHECKING

import numpy as np

from fittingroom.data.official import SIDE
from fittingroom.data.split import ImageSet

if TYPE_CHECKING:
    from PIL.Image import Image

_COLUMNS = 12
_ROWS = 30
_STEP = SIDE + 1  # a white line between images
_SCALE = 2  # pixels for each pixel


def contact_sheet(image_set: ImageSet) -> "Image":
    """Draw the first 12 images of each class, one row a class, as a grey Pillow image.

    More than 30 classes stand in blocks side by side, with fewer images each.
    """
    from PIL import Image

    classes = int(image_set.labels.max()) + 1
    blocks = -(-classes // _ROWS)
    rows, columns = -(-classes // blocks), max(_COLUMNS // blocks, 1)
    sheet = np.full(
        (rows * _STEP + 1, (blocks * (columns + 1) - 1) * _STEP + 1), 255, dtype=np.uint8
    )
    for label in range(classes):
        block, row = divmod(label, rows)
        for column, at in enumerate(np.flatnonzero(image_set.labels == label)[:columns]):
            top, left = 1 + _STEP * row, 1 + _STEP * (block * (columns + 1) + column)
            sheet[top : top + SIDE, left : left + SIDE] = image_set.images[at]
    return Image.fromarray(sheet.repeat(_SCALE, axis=0).repeat(_SCALE, axis=1))
