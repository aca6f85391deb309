"""Find the garment on a photo: the pixels that differ from the background, even a shaded one.

1.  **Find** (:func:`find_garment`). The image is shrunk by area until its longest edge is at
    most ``WORKING``, and rounded. The background's colour is estimated at every pixel, and what
    differs from it is garment. If the longest edge of the garment's box is at most 0.6 of the
    image's, the same is done again on that part of the photo alone, with a margin of ``MARGIN``
    of the box' longest edge on each side.
2.  **Background** (:func:`estimate_ground`). For each channel a surface of second degree in x and y
    is fitted by least squares to the pixels of the border: first to those within ``NEAR`` of the
    border's median colour, then ``ROUNDS`` times to those that the last surface explains, finally
    to all pixels of the image that it takes for background.
3.  **Separate** (:func:`separate`). A pixel is garment if its distance from the background is more
    than a threshold: ``CLOSE``, the paper's 5% of 255, or more for an uneven background
    (``UNEVEN``, ``SPREAD``). If it is more, the image is smoothed (:func:`smooth`), its
    background is estimated again, and the smoothed image is used from here on. Of the connected
    parts (by 8 neighbours) those smaller than ``SPECK`` of the largest are dropped.

``page/garment.js`` does the same, function by function. In code, *ground* is short for background.
"""

from dataclasses import dataclass

import numpy as np

from fittingroom.photos.arithmetic import (
    CLOSE,
    WORKING,
    Bool,
    Float64,
    UInt8,
    box,
    distance,
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


def smooth(image: Float64) -> Float64:
    """Each pixel the mean of 3 × 3, edges repeated; rounded."""
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return rounded((rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9)


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


def estimate_ground(image: Float64) -> tuple[Float64, float]:
    """The background's colour at each pixel, also behind the garment.

    Args:
        image: ``(H, W, 3)``.

    Returns:
        The surface, float64 ``(H, W, 3)`` within 0–255, and the threshold of distance
        above which a pixel is garment.
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
    ground = terms @ coefficients
    everywhere = distance(image, ground) <= threshold
    if everywhere.any():
        ground = terms @ _fit(terms[everywhere], image[everywhere])
        apart = distance(image, ground)[everywhere]
        threshold = max(CLOSE, SPREAD * float(quantile(apart, 0.9)))
    return np.clip(ground, 0, 255), threshold


def separate(image: Float64, ground: Float64, threshold: float) -> Bool:
    """Which pixels are garment: bool ``(H, W)``."""
    return without_specks(distance(image, ground) > threshold)


def without_specks(mask: Bool) -> Bool:
    """Without the connected parts that are smaller than ``SPECK`` of the largest one.

    Parts are made of *runs*, the garment's stretches within a row: runs that touch those of the row
    above, corners included, are of one part.
    """
    height, width = mask.shape
    edges = np.zeros((height, width + 2), np.int8)
    edges[:, 1:-1] = mask
    steps = np.diff(edges, axis=1)
    rows, starts = np.nonzero(steps == 1)
    ends = np.nonzero(steps == -1)[1]  # as many, in the same order: one past the run's last pixel
    if len(rows) == 0:
        return mask
    parents = list(range(len(rows)))

    def root(run: int) -> int:
        while parents[run] != run:
            parents[run] = parents[parents[run]]
            run = parents[run]
        return run

    begins = np.searchsorted(rows, np.arange(height + 1)).tolist()
    first, last = starts.tolist(), ends.tolist()
    for row in range(1, height):
        above, here = begins[row - 1], begins[row]
        while above < begins[row] and here < begins[row + 1]:
            if first[above] <= last[here] and first[here] <= last[above]:
                one, other = root(above), root(here)
                parents[max(one, other)] = min(one, other)
            if last[above] < last[here]:
                above += 1
            else:
                here += 1
    roots = np.array([root(run) for run in range(len(parents))])
    sizes = np.bincount(roots, weights=ends - starts)
    kept = sizes[roots] >= SPECK * sizes.max()
    change = np.zeros((height, width + 1), np.int8)
    change[rows[kept], starts[kept]] += 1
    change[rows[kept], ends[kept]] -= 1
    result: Bool = change.cumsum(axis=1)[:, :width] > 0
    return result


@dataclass(frozen=True, eq=False)
class FoundGarment:
    """A garment, and the part of the photo that it was found on, at working size.

    Attributes:
        image: float64 ``(H, W, 3)``, whole numbers.
        ground: float64 ``(H, W, 3)``, the background's colour, also behind the garment.
        threshold: distance from the background above which a pixel counts as garment.
        mask: bool ``(H, W)``, where the garment is.
    """

    image: Float64
    ground: Float64
    threshold: float
    mask: Bool


def find_garment(photo: UInt8) -> FoundGarment:
    """Separate the garment from its background.

    Args:
        photo: uint8 ``(H, W, 3)`` of any size.
    """
    found = _look(photo)
    if found.mask.any():
        top, bottom, left, right = box(found.mask)
        rows, columns = found.mask.shape
        if (
            10 * max(bottom - top, right - left) <= 6 * max(rows, columns)
            and max(photo.shape) > WORKING
        ):
            # Pixels of the photo for one of the working image.
            step = max(photo.shape[0] / rows, photo.shape[1] / columns)
            margin = MARGIN * max(bottom - top, right - left) + 1
            high, low = int((top - margin) * step), int((bottom + margin) * step) + 1
            west, east = int((left - margin) * step), int((right + margin) * step) + 1
            closer = _look(photo[max(0, high) : low, max(0, west) : east])
            if closer.mask.any():
                return closer
    return found


def _look(photo: UInt8) -> FoundGarment:
    image = to_working_size(photo)
    ground, threshold = estimate_ground(image)
    if threshold > CLOSE:
        image = smooth(image)
        ground, threshold = estimate_ground(image)
    return FoundGarment(image, ground, threshold, separate(image, ground, threshold))
