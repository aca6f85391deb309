"""The conversion: a garment on its background → 28×28 grey levels, in plain arithmetic.

``garment.py`` finds the garment. ``page/convert.js`` does the same as this file, function by
function, and tests compare the two.

1.  **Light on dark** (``photo.py``). A grey image on black looks like one of the data set, and a
    nearly white garment on a darker background would vanish: both are negated.
2.  **Place** (:func:`place_on_paper`) on ``PAPER``: the whole background gets that colour, and its
    shading is divided out of the garment. If the background's mean luma is below ``FRINGED``, the
    outline is coloured from inside first (:func:`without_fringe`).
3.  **Shrink** (:func:`to_side`): the garment's box, by area, to a longest edge of 28. A garment
    wider than high, as one with its sleeves spread, is made as high as wide, since those of the
    data set fill the height; not one lower than ``FLAT`` of its width, which may be a shoe.
4.  As the data set's paper has it (arXiv:1708.07747, section 2): **extend** the shorter edge to 28,
    the image centred; **negate**; **grey** by luma, rounded. The paper's subsampling and sharpening
    of smooth product shots bring out creases and noise in photos, and are left out.
"""

import numpy as np

from fittingroom.photos.arithmetic import (
    CLOSE,
    SIDE,
    Bool,
    Float64,
    UInt8,
    box,
    luma,
    neighbours,
    rounded,
    scaled,
    shrink,
)

# The originals' background is #fdfdfd; yet the data set's is 0 nearly everywhere, not 2.
PAPER = 255.0
FLAT = 0.6  # height by width below which a garment keeps its proportions
WHITE = 225.0  # median luma from which a garment counts as white
FRINGE = 2  # pixels at the garment's outline that are mixed with the background
FRINGED = 180.0  # mean luma of a background below which that shows
BLACK = CLOSE  # luma up to which a background counts as black


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


def to_side(placed: Float64, mask: Bool) -> Float64:
    """The garment's box with a longest edge of ``SIDE``; rounded."""
    top, bottom, left, right = box(mask)
    height, width = bottom - top, right - left
    garment = placed[top:bottom, left:right]
    if FLAT * width <= height < width:
        height = width
    longest = max(height, width)
    return rounded(shrink(garment, scaled(height, SIDE, longest), scaled(width, SIDE, longest)))


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
