"""Find the garment on a photo: the pixels that differ from the background, even a shaded one.

1.  **Find** (:func:`find_garment`). The image is shrunk to the working size, the background's
    colour is estimated at every pixel, and what differs from it is garment. If the longest edge of
    the garment's box is at most 0.6 of the image's, the same is done again on that part of the
    photo alone, with a margin of ``MARGIN`` of that edge on each side.
2.  **Background** (:func:`estimate_background`). For each channel a surface of second degree in x
    and y is fitted by least squares: to the pixels of the border within ``NEAR`` of the border's
    median colour, then ``ROUNDS`` times to those that the last surface explains, finally to all
    pixels of the image that it takes for background.
3.  **Separate** (:func:`find_garment`). A pixel is garment if its distance from the background is
    more than a threshold: ``CLOSE``, the paper's 5% of 255, or more for an uneven background
    (``UNEVEN``, ``SPREAD``). If it is more, the image is smoothed (:func:`smooth`) and its
    background estimated again. From ``PATTERNED`` on, the background is no surface, and colours are
    told apart by how frequent they are (:func:`by_colour`). Of the connected parts (by 8
    neighbours) those smaller than ``SPECK`` of the largest are dropped.

``page/garment.js`` does the same, function by function.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fittingroom.photos.arithmetic import (
    CLOSE,
    WORKING,
    Bool,
    Float64,
    UInt8,
    box,
    distance,
    neighbours,
    quantile,
    rounded,
    to_working_size,
)

MARGIN = 0.15  # of the garment's longest edge, kept around it for the closer look
NEAR = 40.0  # distance from the border's median colour that first counts as background
ROUNDS = 4
# The threshold for an uneven background: times the median distance of the border from its estimate,
# and once all of the background is known, times the 0.9 quantile of that distance.
UNEVEN = 4.0
SPREAD = 1.6
SPECK = 0.02
PATTERNED = 30.0  # the threshold from which on the background counts as patterned
COLOURS = 8  # levels of each channel that are told apart on such a background


def smooth(image: Float64) -> Float64:
    """Each pixel the mean of 3 × 3, edges repeated; rounded."""
    return rounded(np.add.reduce(neighbours(image, mode="edge")) / 9)


def _border(height: int, width: int) -> Bool:
    """The pixels of a frame whose breadth is 1/32 of the shorter edge, and at least one pixel."""
    breadth = max(1, min(height, width) // 32)
    border = np.ones((height, width), np.bool_)
    border[breadth : height - breadth, breadth : width - breadth] = False
    return border


def _terms(height: int, width: int) -> Float64:
    """``1, x, y, x², xy, y²`` at each pixel's centre, x and y from −1 to 1: ``(H, W, 6)``."""
    y = ((2 * np.arange(height) + 1) / height - 1)[:, None] + np.zeros((1, width))
    x = ((2 * np.arange(width) + 1) / width - 1)[None, :] + np.zeros((height, 1))
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def _fit(terms: Float64, colours: Float64) -> Float64:
    """Coefficients of the surface through ``colours (N, 3)`` at ``terms (N, 6)``: ``(6, 3)``."""
    products = terms.T @ terms
    # A little weight on flatness, so that narrow images and few pixels have an answer too.
    products[np.arange(1, 6), np.arange(1, 6)] += 1e-3 * len(terms)
    coefficients: Float64 = np.linalg.solve(products, terms.T @ colours).astype(np.float64)
    return coefficients


def estimate_background(image: Float64) -> tuple[Float64, float]:
    """The background's colour at each pixel ``(H, W, 3)``, also behind the garment.

    With it comes the threshold of distance above which a pixel is garment.
    """
    height, width = image.shape[:2]
    terms = _terms(height, width)
    border = _border(height, width)
    there, colours = terms[border], image[border]
    near = distance(colours, quantile(colours, 0.5)) <= NEAR
    if not near.any():
        near[:] = True
    threshold = CLOSE
    for _ in range(ROUNDS):
        coefficients = _fit(there[near], colours[near])
        apart = distance(colours, there @ coefficients)
        threshold = max(CLOSE, UNEVEN * float(quantile(apart[near], 0.5)))
        near = apart <= threshold
        if not near.any():
            break
    background = terms @ coefficients
    everywhere = distance(image, background) <= threshold
    if everywhere.any():
        background = terms @ _fit(terms[everywhere], image[everywhere])
        apart = distance(image, background)[everywhere]
        threshold = max(CLOSE, SPREAD * float(quantile(apart, 0.9)))
    return np.clip(background, 0, 255), threshold


def without_specks(mask: Bool) -> Bool:
    """Without the connected parts that are smaller than ``SPECK`` of the largest one."""
    outside = mask.size
    labels = np.where(mask, np.arange(outside).reshape(mask.shape), outside)
    while True:
        # Each pixel takes the least number around it, and then the number that is there.
        least = np.minimum.reduce(neighbours(labels, constant_values=outside))
        least = np.append(least, outside)[np.where(mask, least, outside)]
        if (least == labels).all():
            break
        labels = least
    sizes = np.bincount(labels[mask], minlength=outside + 1)
    return mask & (sizes[labels] >= SPECK * sizes.max())


def by_colour(image: Float64) -> Bool:
    """Where the colours are more frequent in the garment than around it: ``(H, W)``.

    At first, the garment is probably in the middle. Then, ``ROUNDS`` times and once more, each
    pixel's probability comes from its place and from how much more frequent its colour is in the
    garment than in the background, as the last probabilities have them, the mean of this over
    nearby pixels. Like GrabCut (Rother et al. 2004), with histograms in place of mixtures, and a
    mean in place of a cut.
    """
    height, width = image.shape[:2]
    red, green, blue = np.moveaxis(image.astype(np.int64) * COLOURS // 256, 2, 0)
    colour = (red * COLOURS + green) * COLOURS + blue
    terms = _terms(height, width)
    place = 2 - 4 * np.maximum(abs(terms[..., 1]), abs(terms[..., 2])) ** 3
    odds = place
    for _ in range(ROUNDS + 1):
        garment = 1 / (1 + np.exp(-odds))
        ratio = np.log(_shares(colour, garment) / _shares(colour, 1 - garment))
        odds = np.clip(ratio, -4, 4)[colour]
        for _ in range(4):
            odds = np.add.reduce(neighbours(odds, mode="edge")) / 9
        odds = 2 * odds + place
    return odds > 0


def _shares(colour: npt.NDArray[np.int64], weight: Float64) -> Float64:
    """How frequent each colour is among weighted pixels; none is impossible."""
    counts = np.bincount(colour.ravel(), weight.ravel(), minlength=COLOURS**3)
    return (counts + 0.01) / (weight.sum() + 1)


@dataclass(frozen=True, eq=False)
class FoundGarment:
    """The part of a photo that a garment was found on, ``(H, W, 3)`` at working size.

    ``mask`` says where it is. ``background`` is known behind it, too, and ``threshold`` is the
    distance from it that is not yet garment.
    """

    image: Float64
    background: Float64
    threshold: float
    mask: Bool


def find_garment(photo: UInt8) -> FoundGarment:
    """Separate the garment from its background, on a photo ``(H, W, 3)`` of any size."""
    found = _look(photo)
    if not found.mask.any():
        return found
    top, bottom, left, right = box(found.mask)
    longest, (rows, columns) = max(bottom - top, right - left), found.mask.shape
    if 10 * longest > 6 * max(rows, columns) or max(photo.shape) <= WORKING:
        return found
    # Pixels of the photo for one of the working image.
    step = max(photo.shape[0] / rows, photo.shape[1] / columns)
    margin = MARGIN * longest + 1
    high, west = (max(0, int((edge - margin) * step)) for edge in (top, left))
    low, east = (int((edge + margin) * step) + 1 for edge in (bottom, right))
    closer = _look(photo[high:low, west:east])
    return closer if closer.mask.any() else found


def _look(photo: UInt8) -> FoundGarment:
    image = to_working_size(photo)
    background, threshold = estimate_background(image)
    if threshold > CLOSE:
        image = smooth(image)
        background, threshold = estimate_background(image)
    plain = threshold < PATTERNED
    mask = distance(image, background) > threshold if plain else by_colour(image)
    return FoundGarment(image, background, threshold, without_specks(mask))
