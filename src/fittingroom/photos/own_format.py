"""Recognise images in the data set's own format: unchanged, enlarged, or negated.

Such an image was trimmed, sharpened and centred when the data set was made. Doing that again would
only harm it, so its 28×28 grey levels are used as they are.

*Enlarged* is a square of at least ``FACTOR`` times 28 pixels with no more detail than 28×28: it is
read at the centres of 28×28 cells, where nearest, bilinear, bicubic and Lanczos enlargements all
keep the original's values; enlarged again, that differs little (``LITTLE``) from the image.
Since many blurred squares would pass, an enlarged or negated image must also lie in its frame as
the data set's do: on black, and reaching from edge to edge in one direction.
``page/own_format.js`` does the same.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from fittingroom.photos.arithmetic import (
    CLOSE,
    SIDE,
    Float64,
    UInt8,
    luma,
    quantile,
    rounded,
    to_working_size,
)

# The data set's own corners have at most 52 as their median, over all 70,000 images.
DARK_CORNERS = 63
FACTOR = 2
# Root mean square of the difference, in standard deviations of the image: bicubic enlargements of
# garments, cut out and put on paper, have up to 0.19, sharp ones at other scales mostly more.
LITTLE = 0.2
# Largest difference between the channels of a grey image; JPEG colours grey a little.
GREY = 12
# Cells from edge to edge, less one at each end, which may be too faint: of the 60,000 training
# images all but 15 reach so far.
REACH = SIDE - 2


def own_format(image: UInt8) -> tuple[UInt8, str, bool] | None:
    """The data set's grey levels ``(28, 28)``, if an image ``(H, W, 3)`` holds them already.

    With them come a sentence on what the image is, and whether it was negated.
    """
    side = image.shape[0]
    if image.shape[1] != side or (side != SIDE and side < FACTOR * SIDE):
        return None
    if side == SIDE and (image == image[:, :, :1]).all():
        grey = image[:, :, 0]
        if has_dark_corners(grey):
            return grey.copy(), "It is in the data set's own format, and is left alone.", False
    working = to_working_size(image)
    spread = (working.max(axis=2) - working.min(axis=2)).ravel()
    if float(quantile(spread, 0.99)) > GREY:
        return None
    levels = luma(working)
    negated = _corners(levels) > 127
    if negated:
        levels = 255 - levels
    cells = rounded(_resampled(levels, SIDE))
    if not _framed(cells) or _difference(levels, cells) > LITTLE * float(levels.std()):
        return None
    told = [word for word, holds in (("enlarged", side > SIDE), ("negated", negated)) if holds]
    sentence = (
        f"It is in the data set's own format, {' and '.join(told)}, and is only turned back."
        if told
        else "It is in the data set's own format, and is only made grey."
    )
    return cells.astype(np.uint8), sentence, negated


def has_dark_corners(images: UInt8) -> npt.NDArray[np.bool_]:
    """Whether images ``(…, 28, 28)`` have corners as dark as those of the data set's: ``(…)``."""
    return np.asarray(_corners(images) <= DARK_CORNERS)


def _corners(levels: npt.NDArray[Any]) -> Any:
    """The median of the four corners of ``(…, H, W)``: ``(…)``."""
    return np.median(levels[..., [0, 0, -1, -1], [0, -1, 0, -1]], axis=-1)


def _framed(cells: Float64) -> bool:
    """Whether the bright cells of ``(28, 28)`` lie as in the data set, on black corners."""
    if _corners(cells) > CLOSE:
        return False
    there = cells > CLOSE
    reaches = (np.flatnonzero(there.any(axis=axis)) for axis in (0, 1))
    return any(len(places) > 0 and np.ptp(places) + 1 >= REACH for places in reaches)


def _difference(levels: Float64, cells: Float64) -> float:
    """Root mean square difference from the cells enlarged again, in the nearer of two ways."""
    side = len(levels)
    nearest = (2 * np.arange(side) + 1) * SIDE // (2 * side)
    ways = (_resampled(cells, side), cells[nearest][:, nearest])
    return min(float(np.sqrt(((levels - way) ** 2).mean())) for way in ways)


def _resampled(levels: Float64, side: int) -> Float64:
    """A square read at the centres of ``side × side`` cells, bilinear between its own pixels."""
    for _ in range(2):
        levels = _resampled_rows(levels, side).T
    return levels


def _resampled_rows(levels: Float64, count: int) -> Float64:
    rows = len(levels)
    # In whole numbers, so that no rounding moves a place: in units of 1 / (2 × count) rows.
    place = (2 * np.arange(count) + 1) * rows - count
    above = np.clip(place // (2 * count), 0, rows - 1)
    below = np.minimum(above + 1, rows - 1)
    share = np.clip(place / (2 * count) - above, 0, 1)[:, None]
    mixed: npt.NDArray[np.float64] = levels[above] * (1 - share) + levels[below] * share
    return mixed
