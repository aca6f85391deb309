"""A sheet of example pictures, as small as they are: what `data show` leaves for the eye."""

from typing import TYPE_CHECKING

import numpy as np

from fittingroom.data.official import SIDE
from fittingroom.data.split import Half

if TYPE_CHECKING:
    from PIL.Image import Image

_GAP = 1  # pixels between pictures, before enlarging
_GAP_SHADE = 255


def contact_sheet(half: Half, rows: int = 10, columns: int = 12, scale: int = 2) -> "Image":
    """Draw ``columns`` examples of each of the first ``rows`` classes, a class a row.

    Examples come in the order of the file. A class that has fewer leaves its row's end empty,
    and a class without any its whole row.

    Args:
        half: where the pictures are from.
        rows: how many classes, counted from label 0.
        columns: how many pictures of each.
        scale: how many pixels wide each pixel is drawn.

    Returns:
        A grey Pillow image of ``rows`` × ``columns`` pictures.
    """
    from PIL import Image

    step = SIDE + _GAP
    sheet = np.full((rows * step + _GAP, columns * step + _GAP), _GAP_SHADE, dtype=np.uint8)
    for row in range(rows):
        for column, at in enumerate(np.flatnonzero(half.labels == row)[:columns]):
            top, left = _GAP + row * step, _GAP + column * step
            sheet[top : top + SIDE, left : left + SIDE] = half.images[at]
    return Image.fromarray(sheet.repeat(scale, axis=0).repeat(scale, axis=1))
