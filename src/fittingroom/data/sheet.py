"""A sheet of example images: what `data show` draws."""

import numpy as np
from PIL import Image

from fittingroom.data.split import ImageSet
from fittingroom.photos.arithmetic import SIDE

_COLUMNS = 12
_ROWS = 30
_STEP = SIDE + 1  # a white line between images
_SCALE = 2  # pixels for each pixel


def contact_sheet(image_set: ImageSet) -> Image.Image:
    """Draw the first 12 images of each class, one row a class, as a grey Pillow image.

    Of more than 30 classes, the first 30 are drawn.
    """
    rows = min(int(image_set.labels.max()) + 1, _ROWS)
    sheet = np.full((rows * _STEP + 1, _COLUMNS * _STEP + 1), 255, dtype=np.uint8)
    for row in range(rows):
        for column, at in enumerate(np.flatnonzero(image_set.labels == row)[:_COLUMNS]):
            top, left = 1 + _STEP * row, 1 + _STEP * column
            sheet[top : top + SIDE, left : left + SIDE] = image_set.images[at]
    return Image.fromarray(sheet.repeat(_SCALE, axis=0).repeat(_SCALE, axis=1))
