"""The conversion: an upright colour picture → 28×28 grey levels, every step as plain arithmetic.

Everything after decoding stands in this file, so that the same conversion can be written in another
language and checked against it. A *picture* is an array of red, green and blue, ``(H, W, 3)``,
each 0–255; inside, all numbers are float64. *Distance* between two colours is the largest of
their three differences. *Rounded* is ``floor(x + 0.5)``, held within 0–255. *Luma* is
``(54 R + 183 G + 19 B) / 256`` (Rec. 709).

1.  **Find** (:func:`find_garment`). The picture is shrunk by area until its longest edge is at
    most ``WORKING``, and rounded. The ground's colour is estimated at every pixel, and what differs
    from it is garment. Where the longest edge of the garment's box is at most 0.6 of the picture's,
    the same is done again on that part of the photo alone, with a margin of ``MARGIN`` of the box'
    longest edge on each side.
2.  **Ground** (:func:`estimate_ground`). A surface of second degree in x and y, one a channel, is
    fitted by least squares to the pixels of the border: first to those within ``NEAR`` of the
    border's median colour, then ``ROUNDS`` times to those that the last surface explains, at
    last to all pixels of the picture that are ground by it.
3.  **Separate** (:func:`separate`). A pixel is garment where its distance from the ground is more
    than a threshold: ``CLOSE``, the paper's 5% of 255, or more where the ground is uneven
    (``UNEVEN``, ``SPREAD``). Where it is more, the picture is smoothed (:func:`smooth`), its ground
    estimated anew, and the smoothed picture taken from here on. Of the connected parts (by 8
    neighbours) those smaller than ``SPECK`` of the largest are dropped.
4.  **Light on dark** (``photo.py``). A grey picture on black is one in the data set's own manner,
    and a nearly white garment on a darker ground would vanish: picture and ground are negated.
5.  **Place** (:func:`place_on_paper`) on ``PAPER``: all ground is given that colour, and the
    ground's shading is divided out of the garment. On a ground of mean luma below ``FRINGED`` the
    outline is coloured from inside first (:func:`without_fringe`).
6.  **Thumbnail** (:func:`to_thumbnail`). The garment's box is shrunk by area to the largest size
    that fits in ``THUMBNAIL``, about what garments fill of the originals' thumbnails, and rounded.
7.  The steps of the data set's paper (arXiv:1708.07747, section 2): **trim** the edges all of whose
    pixels are within ``CLOSE`` of ``PAPER``; **subsample** to a longest edge of 28, row
    ``floor((i + 0.5) h / m)`` of ``h`` becoming row ``i`` of ``m``; **sharpen** with the kernel
    ``SHARPEN``, edges repeated, and round; **extend** the shorter edge to 28, the picture
    centred; **negate**; **grey** by luma, rounded.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

UInt8 = npt.NDArray[np.uint8]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Pixels = npt.NDArray[Any]  # uint8 or float64

SIDE = 28  # pixels of the data set's pictures
WORKING = 160  # longest edge on which the garment is searched
MARGIN = 0.15  # of the garment's longest edge, kept around it when it is looked at more closely
NEAR = 40.0  # distance from the border's median colour up to which it counts as ground at first
ROUNDS = 4
CLOSE = 0.05 * 255  # the paper's "within 5% of the maximum possible intensity"
# The threshold on uneven ground: in distances from its estimate that half of the border's ground
# keeps within, and once all ground is known in distances that nine tenths of it keep within.
UNEVEN = 4.0
SPREAD = 1.6
SPECK = 0.02
# The originals' ground is #fdfdfd, and yet the data set's is 0 nearly everywhere, not 2.
PAPER = 255.0
THUMBNAIL = (67, 47)  # rows, columns that a garment fills of a thumbnail of 73 × 51
WHITE = 225.0  # median luma from which a garment counts as white
FRINGE = 2  # pixels at the garment's outline into which the ground is mixed
FRINGED = 180.0  # mean luma of a ground below which that shows
BLACK = CLOSE  # luma up to which a ground counts as black

# ImageMagick's sharpening by a Gaussian of radius 1 and standard deviation 1: the negated Gaussian
# on 3 × 3 pixels, its centre replaced by twice its sum, divided by the new sum.
_G = np.exp(-np.array([[2.0, 1.0, 2.0], [1.0, 0.0, 1.0], [2.0, 1.0, 2.0]]) / 2)
SHARPEN = -_G
SHARPEN[1, 1] = 2 * _G.sum()
SHARPEN /= SHARPEN.sum()


def luma(picture: Float64) -> Float64:
    """Brightness of colours: ``(…, 3)`` → ``(…)``."""
    return (54 * picture[..., 0] + 183 * picture[..., 1] + 19 * picture[..., 2]) / 256


def rounded(values: Float64) -> Float64:
    """The nearest whole numbers, halves upwards, held within 0–255."""
    return np.clip(np.floor(values + 0.5), 0, 255)


def shrink(picture: Pixels, height: int, width: int) -> Float64:
    """The mean colour of each cell of a grid laid over a picture, partly covered pixels by share.

    Args:
        picture: ``(H, W, 3)``.
        height, width: cells of the grid; more than H or W repeat pixels.

    Returns:
        float64 ``(height, width, 3)``.
    """
    # Rows first, as they lie in memory, unless what comes between would be large.
    if picture.shape[1] * height <= 2 * picture.shape[0] * width:
        return _shrink_columns(_shrink_rows(picture, height), width)
    return _shrink_rows(_shrink_columns(picture, width), height)


def _shrink_columns(picture: Pixels, width: int) -> Float64:
    if picture.shape[1] == width:
        return picture.astype(np.float64)
    turned = np.ascontiguousarray(picture.transpose(1, 0, 2))
    return _shrink_rows(turned, width).transpose(1, 0, 2)


def _shrink_rows(picture: Pixels, height: int) -> Float64:
    """Cell ``i`` covers rows ``i H / height`` to ``(i + 1) H / height``."""
    rows = picture.shape[0]
    if rows == height:
        return picture.astype(np.float64)
    result = np.empty((height, *picture.shape[1:]))
    for i in range(height):
        # In whole numbers, so that no rounding moves an edge: ends in units of 1 / height.
        start, end = i * rows, (i + 1) * rows
        first, last = start // height, -(-end // height)
        total = picture[first:last].sum(axis=0, dtype=np.float64)
        total -= picture[first] * ((start - first * height) / height)
        total -= picture[last - 1] * ((last * height - end) / height)
        result[i] = total * (height / rows)
    return result


def quantile(values: Float64, share: float) -> Float64:
    """Of ``n`` sorted values that at ``floor(share × (n − 1))``, counted from 0; along axis 0."""
    return np.quantile(values, share, axis=0, method="lower")


def smooth(picture: Float64) -> Float64:
    """Each pixel the mean of 3 × 3, edges repeated; rounded."""
    padded = np.pad(picture, ((1, 1), (1, 1), (0, 0)), mode="edge")
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
    # A little weight on flatness, so that narrow pictures and few pixels have an answer too.
    products[np.arange(1, 6), np.arange(1, 6)] += 1e-3 * len(terms)
    coefficients: Float64 = np.linalg.solve(products, terms.T @ colours).astype(np.float64)
    return coefficients


def estimate_ground(picture: Float64) -> tuple[Float64, float]:
    """The ground's colour at each pixel, also where the garment hides it.

    Args:
        picture: ``(H, W, 3)``.

    Returns:
        The surface, float64 ``(H, W, 3)`` within 0–255, and the threshold of distance
        above which a pixel is garment.
    """
    height, width = picture.shape[:2]
    terms = _terms(height, width)
    border = _border(height, width)
    there, colours = terms[border], picture[border]
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
    everywhere = distance(picture, ground) <= threshold
    if everywhere.any():
        ground = terms @ _fit(terms[everywhere], picture[everywhere])
        apart = distance(picture, ground)[everywhere]
        threshold = max(CLOSE, SPREAD * float(quantile(apart, 0.9)))
    return np.clip(ground, 0, 255), threshold


def distance(one: Float64, other: Float64) -> Float64:
    """The largest difference of any channel: ``(…, 3)`` → ``(…)``."""
    apart = np.abs(one - other)
    return np.maximum(np.maximum(apart[..., 0], apart[..., 1]), apart[..., 2])


def separate(picture: Float64, ground: Float64, threshold: float) -> Bool:
    """Which pixels are garment: bool ``(H, W)``."""
    return without_specks(distance(picture, ground) > threshold)


def without_specks(mask: Bool) -> Bool:
    """Without those connected parts that are smaller than ``SPECK`` of the largest one.

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


def box(mask: Bool) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of what is set, the ends one past it."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


@dataclass(frozen=True, eq=False)
class Found:
    """A garment and the part of the photo that it was found on, at working size.

    Attributes:
        picture: float64 ``(H, W, 3)``, whole numbers.
        ground: float64 ``(H, W, 3)``, its colour where the garment hides it too.
        threshold: distance from the ground above which a pixel was taken for garment.
        mask: bool ``(H, W)``, where the garment is.
    """

    picture: Float64
    ground: Float64
    threshold: float
    mask: Bool


def to_working_size(picture: UInt8) -> Float64:
    """Shrunk by area so that no edge is longer than ``WORKING``, and rounded."""
    height, width = picture.shape[:2]
    longest = max(height, width, WORKING)
    return rounded(
        shrink(picture, _scaled(height, WORKING, longest), _scaled(width, WORKING, longest))
    )


def _scaled(length: int, to: int, longest: int) -> int:
    """``length × to / longest``, rounded, and at least 1."""
    return max(1, (2 * length * to + longest) // (2 * longest))


def find_garment(photo: UInt8) -> Found:
    """Tell the garment from its ground.

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
            # Pixels of the photo for one of the working picture.
            step = max(photo.shape[0] / rows, photo.shape[1] / columns)
            margin = MARGIN * max(bottom - top, right - left) + 1
            high, low = int((top - margin) * step), int((bottom + margin) * step) + 1
            west, east = int((left - margin) * step), int((right + margin) * step) + 1
            closer = _look(photo[max(0, high) : low, max(0, west) : east])
            if closer.mask.any():
                return closer
    return found


def _look(photo: UInt8) -> Found:
    picture = to_working_size(photo)
    ground, threshold = estimate_ground(picture)
    if threshold > CLOSE:
        picture = smooth(picture)
        ground, threshold = estimate_ground(picture)
    return Found(picture, ground, threshold, separate(picture, ground, threshold))


def _neighbours(values: Pixels) -> list[Pixels]:
    """Of each pixel the nine values around it, itself among them; 0 beyond the edges."""
    height, width = values.shape[:2]
    padded = np.pad(values, ((1, 1), (1, 1), *[(0, 0)] * (values.ndim - 2)))
    return [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]


def without_fringe(picture: Float64, mask: Bool) -> Float64:
    """The garment's outermost pixels, into which the ground is mixed, coloured from further inside.

    The mask without its ``FRINGE`` outermost pixels is the core. ``FRINGE`` times, those pixels of
    the mask that touch the core (by 8 neighbours) get the mean colour of the core's pixels around
    them, and join it. What is too thin to have a core keeps its colours.
    """
    core = mask.astype(np.float64)
    for _ in range(FRINGE):
        core = np.minimum.reduce(_neighbours(core))
    colours = picture.copy()
    for _ in range(FRINGE):
        count = np.add.reduce(_neighbours(core))
        total = np.add.reduce(_neighbours(colours * core[..., None]))
        joins = mask & (core == 0) & (count > 0)
        colours[joins] = total[joins] / count[joins][:, None]
        core[joins] = 1.0
    return rounded(colours)


def place_on_paper(picture: Float64, ground: Float64, mask: Bool) -> Float64:
    """The garment alone, on near-white, with the shading of its ground divided out; rounded."""
    brightness = np.maximum(luma(ground), 1.0)
    if brightness.mean() < FRINGED:
        picture = without_fringe(picture, mask)
    even = rounded(picture * (brightness.max() / brightness)[..., None])
    return np.where(mask[..., None], even, PAPER)


def to_thumbnail(placed: Float64, mask: Bool) -> Float64:
    """The garment's box, as large as fits in ``THUMBNAIL``; rounded."""
    top, bottom, left, right = box(mask)
    height, width = bottom - top, right - left
    if height * THUMBNAIL[1] >= width * THUMBNAIL[0]:
        size = THUMBNAIL[0], _scaled(width, THUMBNAIL[0], height)
    else:
        size = _scaled(height, THUMBNAIL[1], width), THUMBNAIL[1]
    return rounded(shrink(placed[top:bottom, left:right], *size))


def trim(picture: Float64) -> Float64:
    """Without the edges that are near-white all along; as it is where nothing would be left."""
    mask = distance(picture, np.full(3, PAPER)) > CLOSE
    if not mask.any():
        return picture
    top, bottom, left, right = box(mask)
    return picture[top:bottom, left:right]


def subsample(picture: Float64) -> Float64:
    """Some of the rows and columns, so that the longest edge is ``SIDE``."""
    height, width = picture.shape[:2]
    longest = max(height, width)
    rows, columns = _scaled(height, SIDE, longest), _scaled(width, SIDE, longest)
    return picture[_every(rows, height)][:, _every(columns, width)]


def _every(count: int, of: int) -> npt.NDArray[np.int64]:
    return (2 * np.arange(count) + 1) * of // (2 * count)


def sharpen(picture: Float64) -> Float64:
    """Convolved with ``SHARPEN``; rounded."""
    padded = np.pad(picture, ((1, 1), (1, 1), (0, 0)), mode="edge")
    height, width = picture.shape[:2]
    result = np.zeros_like(picture)
    for row in range(3):
        for column in range(3):
            result += SHARPEN[row, column] * padded[row : row + height, column : column + width]
    return rounded(result)


def extend(picture: Float64) -> Float64:
    """Centred on a near-white square of ``SIDE``, towards top and left where it cannot be."""
    height, width = picture.shape[:2]
    square = np.full((SIDE, SIDE, 3), PAPER)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    square[top : top + height, left : left + width] = picture
    return square


def to_grey(picture: Float64) -> UInt8:
    """Luma as whole numbers."""
    return rounded(luma(picture)).astype(np.uint8)
