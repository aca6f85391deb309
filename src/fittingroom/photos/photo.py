"""A photo as a classifier takes it, each stage of the conversion, and what may spoil the answer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from fittingroom.errors import PhotoError
from fittingroom.photos import arithmetic, convert, garment
from fittingroom.photos.opening import Limits, open_photo
from fittingroom.photos.own_format import GREY, own_format

UInt8 = npt.NDArray[np.uint8]
Float64 = npt.NDArray[np.float64]

_DEFAULT = Limits()
_ADVISE = "Lay the garment on a plain, light sheet and photograph it from above in even light."
# A garment that differs so little from its ground, by the median, is warned about.
_FAINT = 25.0
# From this threshold on the ground counts as patterned.
_PATTERNED = 30.0


@dataclass(frozen=True, eq=False)
class Stage:
    """One step of the conversion, to be shown.

    Attributes:
        name: a word or two.
        sentence: what was done.
        picture: uint8 ``(H, W)`` or ``(H, W, 3)``, what came of it.
    """

    name: str
    sentence: str
    picture: UInt8


@dataclass(frozen=True, eq=False)
class Photo:
    """A converted photo.

    Attributes:
        image: uint8 ``(28, 28)``, bright on black as in the data set.
        stages: how it came about, the photo first.
        warnings: what may spoil the answer, each with what to do; empty where nothing does.
    """

    image: UInt8
    stages: tuple[Stage, ...]
    warnings: tuple[str, ...]


def read_photo(
    source: "Path | str | bytes | Image.Image | npt.NDArray[Any]", limits: Limits = _DEFAULT
) -> Photo:
    """Convert a photo the way the data set's own pictures were made (see ``convert.py``).

    A picture that is in the data set's format already (28×28, grey, bright on black) is left alone,
    and one that is it enlarged or negated is only turned back (see ``own_format.py``).

    Args:
        source: the path of a PNG, JPEG or WebP file; its content as bytes; a Pillow picture; or an
            array: uint8 ``(H, W)``, ``(H, W, 3)`` or ``(H, W, 4)``.
        limits: how large a photo may be; more is refused before it is decoded.

    Raises:
        PhotoError: it is none of these, too large, damaged, or of one colour all over.
    """
    pixels = open_photo(source, limits)
    own = own_format(pixels)
    if own is None:
        return _convert(pixels)
    image, sentence = own
    stage = Stage("as it is", sentence, image)
    if len(pixels) == arithmetic.SIDE:
        return Photo(image, (stage,), ())
    photo = Stage("photo", "The photo, upright.", _bytes(arithmetic.to_working_size(pixels)))
    return Photo(image, (photo, stage), ())


def _convert(pixels: UInt8) -> Photo:
    found = garment.find_garment(pixels)
    if not found.mask.any():
        raise PhotoError(
            "Expected a garment that differs from its ground. Received a picture of one colour. "
            + _ADVISE
        )
    warnings = []
    picture, ground = found.picture, found.ground
    stages = [
        Stage("photo", "The photo, upright.", _bytes(arithmetic.to_working_size(pixels))),
    ]
    inside = arithmetic.luma(picture[found.mask])
    below = arithmetic.luma(ground[found.mask])
    median, beneath = float(np.median(inside)), float(np.median(below))
    spread = picture.max(axis=2) - picture.min(axis=2)
    if beneath <= convert.BLACK and float(np.quantile(spread, 0.99)) <= GREY:
        warnings.append(
            "Bright on black and without colour: taken for a picture in the data set's own manner, "
            "enlarged. If it is a photo, take it anew on a light ground."
        )
        picture, ground = 255 - picture, 255 - ground
    elif median >= convert.WHITE and beneath < median - _FAINT:
        warnings.append(
            "The garment is nearly white. The data set has no white garments, so it was turned "
            "dark; the answer goes by its shape alone."
        )
        picture, ground = 255 - picture, 255 - ground
    elif float(np.median(arithmetic.distance(picture, ground)[found.mask])) < _FAINT:
        warnings.append(
            "The garment hardly differs from its ground. Lay it on a plain sheet of another "
            "colour; the data set has no white garments, and little is known of them."
        )
    elif beneath < 128:
        warnings.append("The ground is dark. " + _ADVISE)
    if found.threshold >= _PATTERNED:
        warnings.append("The ground is not plain. " + _ADVISE)
    edges = (found.mask[0], found.mask[-1], found.mask[:, 0], found.mask[:, -1])
    if sum(bool(edge.mean() > 0.3) for edge in edges) >= 2:
        warnings.append(
            "The garment, or what was taken for it, reaches the picture's edges. Leave some ground "
            "around it on all sides."
        )
    placed = convert.place_on_paper(picture, ground, found.mask)
    stages.append(Stage("garment", "What differs from the ground, on near-white.", _bytes(placed)))
    thumbnail = convert.to_thumbnail(placed, found.mask)
    stages.append(Stage("thumbnail", "As small as the originals' thumbnails.", _bytes(thumbnail)))
    small = convert.subsample(convert.trim(thumbnail))
    stages.append(Stage("28 pixels", "Trimmed, and the longest edge brought to 28.", _bytes(small)))
    sharp = convert.sharpen(small)
    stages.append(Stage("sharpened", "Sharpened by a Gaussian of radius 1.", _bytes(sharp)))
    square = convert.extend(sharp)
    image = convert.to_grey(255 - square)
    stages.append(Stage("28×28", "Extended to a square, negated, and made grey.", image))
    return Photo(image, tuple(stages), tuple(warnings))


def _bytes(picture: Float64) -> UInt8:
    return picture.astype(np.uint8)
