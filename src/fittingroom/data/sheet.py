"""A sheet of example images: what `data show` draws."""

from typing import TYPE_CHECKING

import numpy as np

from fittingroom.data.official import SIDE
from fittingroom.data.split import ImageSet

if TYPE_CHECKING:
    from PIL.Image import Image

_GAP = 1  # pixels between images, before enlarging
_GAP_SHADE = 255


def contact_sheet(
    image_set: ImageSet, rows: int = 10, columns: int = 12, scale: int = 2
) -> "Image":
    """Draw ``columns`` examples of each of the first ``rows`` classes, one row a class.

    Examples come in the order of the file. If a class has fewer, the rest of its row stays empty.

    Args:
        image_set: where the images are from.
        rows: how many classes, counted from label 0.
        columns: how many images of each.
        scale: how many pixels wide each pixel is drawn.

    Returns:
        A grey Pillow image of ``rows`` × ``columns`` images.
    """
    from PIL import Image

    step = SIDE + _GAP
    sheet = np.full((rows * step + _GAP, columns * step + _GAP), _GAP_SHADE, dtype=np.uint8)
    for row in range(rows):
        for column, at in enumerate(np.flatnonzero(image_set.labels == row)[:columns]):
            top, left = _GAP + row * step, _GAP + column * step
            sheet[top : top + SIDE, left : left + SIDE] = image_set.images[at]
    return Image.fromarray(sheet.repeat(scale, axis=0).repeat(scale, axis=1))
