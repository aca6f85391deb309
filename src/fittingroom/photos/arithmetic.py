"""Arithmetic that all steps of the conversion share: brightness, distance, size.

An *image* is an array of red, green and blue, ``(H, W, 3)``, each 0–255; inside the conversion all
numbers are float64. *Distance* between two colours is the largest of their three differences.
*Rounded* is ``floor(x + 0.5)``, clipped to 0–255. *Luma* is ``(54 R + 183 G + 19 B) / 256``
(Rec. 709). ``page/arithmetic.js`` computes the same.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

UInt8 = npt.NDArray[np.uint8]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Pixels = npt.NDArray[Any]  # uint8 or float64

SIDE = 28  # pixels of the data set's images
CLOSE = 0.05 * 255  # the paper's "within 5% of the maximum possible intensity"
WORKING = 160  # longest edge on which photos are looked at


def luma(image: Float64) -> Float64:
    """Brightness of colours: ``(…, 3)`` → ``(…)``."""
    return (54 * image[..., 0] + 183 * image[..., 1] + 19 * image[..., 2]) / 256


def rounded(values: Float64) -> Float64:
    """The nearest whole numbers, halves upwards, clipped to 0–255."""
    return np.clip(np.floor(values + 0.5), 0, 255)


def distance(one: Float64, other: Float64) -> Float64:
    """The largest difference of any channel: ``(…, 3)`` → ``(…)``."""
    apart = np.abs(one - other)
    return np.maximum(np.maximum(apart[..., 0], apart[..., 1]), apart[..., 2])


def quantile(values: Float64, share: float) -> Float64:
    """The value at place ``floor(share × (n − 1))`` of ``n`` sorted ones, from 0; along axis 0."""
    return np.quantile(values, share, axis=0, method="lower")


def neighbours(values: Pixels, **padding: Any) -> list[Pixels]:
    """The nine values around each pixel, row by row, its own among them.

    ``padding`` is what is beyond the edges, as :func:`numpy.pad` takes it; zeros by default.
    """
    height, width = values.shape[:2]
    padded = np.pad(values, ((1, 1), (1, 1), (0, 0))[: values.ndim], **padding)
    return [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]


def shrink(image: Pixels, height: int, width: int) -> Float64:
    """The mean colour of each cell of a grid over an image: ``(height, width, 3)``.

    Pixels count by their covered share. More cells than pixels repeat them.
    """
    # Rows first, as they lie in memory, unless the result in between would be large.
    if image.shape[1] * height <= 2 * image.shape[0] * width:
        return _shrink_columns(_shrink_rows(image, height), width)
    return _shrink_rows(_shrink_columns(image, width), height)


def _shrink_columns(image: Pixels, width: int) -> Float64:
    if image.shape[1] == width:
        return image.astype(np.float64)
    turned = np.ascontiguousarray(image.transpose(1, 0, 2))
    return _shrink_rows(turned, width).transpose(1, 0, 2)


def _shrink_rows(image: Pixels, height: int) -> Float64:
    """Cell ``i`` covers rows ``i H / height`` to ``(i + 1) H / height``."""
    rows = image.shape[0]
    if rows == height:
        return image.astype(np.float64)
    result = np.empty((height, *image.shape[1:]))
    for i in range(height):
        # In whole numbers, so that no rounding moves an edge: ends in units of 1 / height.
        start, end = i * rows, (i + 1) * rows
        first, last = start // height, -(-end // height)
        total = image[first:last].sum(axis=0, dtype=np.float64)
        total -= image[first] * ((start - first * height) / height)
        total -= image[last - 1] * ((last * height - end) / height)
        result[i] = total * (height / rows)
    return result


def scaled(length: int, to: int, longest: int) -> int:
    """``length × to / longest``, rounded, and at least 1."""
    return max(1, (2 * length * to + longest) // (2 * longest))


def to_working_size(image: UInt8) -> Float64:
    """Shrunk by area so that no edge is longer than ``WORKING``, and rounded."""
    height, width = image.shape[:2]
    longest = max(height, width, WORKING)
    return rounded(shrink(image, scaled(height, WORKING, longest), scaled(width, WORKING, longest)))


def box(mask: Bool) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of the pixels that are set, the ends one past them."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
