"""The conversion: a garment on its background → 28×28 grey levels, in plain arithmetic.

``garment.py`` finds the garment. ``page/convert.js`` does the same as this file, function by
function, and tests compare the two.

1.  **Light on dark** (``photo.py``). A grey image on black looks like one of the data set, and a
    nearly white garment on a darker background would vanish: both are negated.
2.  **Place** (:func:`place_on_paper`) on ``PAPER``: the whole background gets that colour, and its
    shading is divided out of the garment. If the background's mean luma is below ``FRINGED``, the
    outline is coloured from inside first (:func:`without_fringe`).
3.  **Thumbnail** (:func:`to_thumbnail`). The garment's box is shrunk by area to the largest size
    that fits in ``THUMBNAIL``, about the part of the originals' thumbnails that garments fill, and
    rounded.
4.  The steps of the data set's paper (arXiv:1708.07747, section 2): **trim** the edges all of whose
    pixels are within ``CLOSE`` of ``PAPER``; **subsample** to a longest edge of 28, row
    ``floor((i + 0.5) h / m)`` of ``h`` becoming row ``i`` of ``m``; **sharpen** with the kernel
    ``SHARPEN``, edges repeated, and round; **extend** the shorter edge to 28, the image
    centred; **negate**; **grey** by luma, rounded.
"""

import numpy as np
import numpy.typing as npt

from fittingroom.photos.arithmetic import (
    CLOSE,
    SIDE,
    Bool,
    Float64,
    UInt8,
    box,
    distance,
    luma,
    neighbours,
    rounded,
    scaled,
    shrink,
)

# The originals' background is #fdfdfd; yet the data set's is 0 nearly everywhere, not 2.
PAPER = 255.0
THUMBNAIL = (67, 47)  # rows, columns that a garment fills of a thumbnail of 73 × 51
WHITE = 225.0  # median luma from which a garment counts as white
FRINGE = 2  # pixels at the garment's outline that are mixed with the background
FRINGED = 180.0  # mean luma of a background below which that shows
BLACK = CLOSE  # luma up to which a background counts as black

# ImageMagick's sharpening by a Gaussian of radius 1 and standard deviation 1: the negated Gaussian
# on 3 × 3 pixels, its centre replaced by twice its sum, divided by the new sum.
_G = np.exp(-np.array([[2.0, 1.0, 2.0], [1.0, 0.0, 1.0], [2.0, 1.0, 2.0]]) / 2)
SHARPEN = -_G
SHARPEN[1, 1] = 2 * _G.sum()
SHARPEN /= SHARPEN.sum()


def without_fringe(image: Float64, mask: Bool) -> Float64:
    """Colour the garment's outermost pixels, which are mixed with the background, from inside.

    The mask without its ``FRINGE`` outermost pixels is the core. ``FRINGE`` times, those pixels of
    the mask that touch the core (by 8 neighbours) get the mean colour of the core's pixels around
    them, and join it. What is too thin to have a core keeps its colours.
    """
    core = mask.astype(np.float64)
    for _ in range(FRINGE):
        core = np.minimum.reduce(neighbours(core))
    colours = image.copy()
    for _ in range(FRINGE):
        count = np.add.reduce(neighbours(core))
        total = np.add.reduce(neighbours(colours * core[..., None]))
        joins = mask & (core == 0) & (count > 0)
        colours[joins] = total[joins] / count[joins][:, None]
        core[joins] = 1.0
    return rounded(colours)


def place_on_paper(image: Float64, background: Float64, mask: Bool) -> Float64:
    """The garment alone, on near-white, with the background's shading divided out; rounded."""
    brightness = np.maximum(luma(background), 1.0)
    if brightness.mean() < FRINGED:
        image = without_fringe(image, mask)
    even = rounded(image * (brightness.max() / brightness)[..., None])
    return np.where(mask[..., None], even, PAPER)


def to_thumbnail(placed: Float64, mask: Bool) -> Float64:
    """The garment's box, as large as fits in ``THUMBNAIL``; rounded."""
    top, bottom, left, right = box(mask)
    height, width = bottom - top, right - left
    if height * THUMBNAIL[1] >= width * THUMBNAIL[0]:
        size = THUMBNAIL[0], scaled(width, THUMBNAIL[0], height)
    else:
        size = scaled(height, THUMBNAIL[1], width), THUMBNAIL[1]
    return rounded(shrink(placed[top:bottom, left:right], *size))


def trim(image: Float64) -> Float64:
    """Without the edges that are near-white all along; unchanged if nothing would be left."""
    mask = distance(image, np.full(3, PAPER)) > CLOSE
    if not mask.any():
        return image
    top, bottom, left, right = box(mask)
    return image[top:bottom, left:right]


def subsample(image: Float64) -> Float64:
    """Some of the rows and columns, so that the longest edge is ``SIDE``."""
    height, width = image.shape[:2]
    longest = max(height, width)
    rows, columns = scaled(height, SIDE, longest), scaled(width, SIDE, longest)
    return image[_every(rows, height)][:, _every(columns, width)]


def _every(count: int, of: int) -> npt.NDArray[np.int64]:
    return (2 * np.arange(count) + 1) * of // (2 * count)


def sharpen(image: Float64) -> Float64:
    """Convolved with ``SHARPEN``; rounded."""
    result = np.zeros_like(image)
    for weight, moved in zip(SHARPEN.ravel(), neighbours(image, mode="edge"), strict=True):
        result += weight * moved
    return rounded(result)


def extend(image: Float64) -> Float64:
    """Centred on a near-white square of ``SIDE``, towards top and left if it can't be."""
    height, width = image.shape[:2]
    square = np.full((SIDE, SIDE, 3), PAPER)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    square[top : top + height, left : left + width] = image
    return square


def to_grey(image: Float64) -> UInt8:
    """Luma as whole numbers."""
    return rounded(luma(image)).astype(np.uint8)
