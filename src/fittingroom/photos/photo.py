"""An opened photo, as models take it: resized, or converted to 28×28 with what may spoil that."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from fittingroom.errors import PhotoEmptyError
from fittingroom.photos import arithmetic, convert, garment
from fittingroom.photos.arithmetic import Float64, UInt8
from fittingroom.photos.garment import FoundGarment
from fittingroom.photos.opening import Limits, open_pixels
from fittingroom.photos.own_format import GREY, own_format
from fittingroom.photos.preparation import Preparation, is_small, resize

_DEFAULT = Limits()
_OWN_FORMAT = Preparation()
_ADVICE = "Lay the garment on a plain, light sheet and photograph it from above in even light."
_INVERTED = "The image is dark on light, so it was inverted."
_NOT_OWN = "The image is small, but not in the data set's own format. It was converted as a photo."
# A garment whose median distance from its background is below this is warned about.
_FAINT = 25.0


@dataclass(frozen=True, eq=False)
class PhotoStage:
    """One step of the conversion, to be shown.

    Attributes:
        name: a word or two.
        sentence: what was done.
        image: the result, uint8 ``(H, W)`` or ``(H, W, 3)``.
    """

    name: str
    sentence: str
    image: UInt8


@dataclass(frozen=True, eq=False)
class Converted:
    """A photo, converted to 28×28.

    Attributes:
        image: uint8 ``(28, 28)``, bright on black as in the data set.
        stages: the steps that led to it, the photo first.
        warnings: what may spoil the answer, each with what to do; empty if nothing does.
    """

    image: UInt8
    stages: tuple[PhotoStage, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Photo:
    """An opened photo.

    Attributes:
        pixels: uint8 ``(H, W, 3)``, upright, on white.
    """

    pixels: UInt8

    @property
    def in_own_format(self) -> bool:
        """Whether it is an image of the data set: unchanged, enlarged or negated."""
        return self._own is not None

    def resized(self, height: int, width: int) -> UInt8:
        """Stretched to a size as a whole: uint8 ``(height, width, 3)``.

        It is first made as small as fits, which keeps its aspect, as for a model's training.
        """
        image = Image.fromarray(np.ascontiguousarray(self.pixels))
        share = min(height / image.height, width / image.width)
        fits = [max(1, round(share * edge)) for edge in image.size]
        small = image.resize(fits, Image.Resampling.BICUBIC, reducing_gap=3)
        return np.asarray(small.resize((width, height), Image.Resampling.BILINEAR))

    def converted(self, preparation: Preparation = _OWN_FORMAT) -> Converted:
        """Make it 28×28 the way the images of a data set were; see :func:`read_photo`.

        Raises:
            PhotoEmptyError: it is of one colour all over.
        """
        pixels = self.pixels
        if preparation.resized and is_small(*pixels.shape[:2]):
            (image,) = resize(pixels[None], inverted=preparation.inverted)
            stage = PhotoStage("28×28", "Used as a whole, as in the model's training.", image)
            return Converted(image, (_upright(pixels), stage), ())
        if self._own is None:
            return _convert(pixels)
        image, sentence, negated = self._own
        stage = PhotoStage("as it is", sentence, image)
        stages = (stage,) if len(pixels) == arithmetic.SIDE else (_upright(pixels), stage)
        return Converted(image, stages, (_INVERTED,) if negated else ())

    @cached_property
    def _own(self) -> tuple[UInt8, str, bool] | None:
        return own_format(self.pixels)


def open_photo(
    source: "Path | str | bytes | Image.Image | npt.NDArray[Any]", limits: Limits = _DEFAULT
) -> Photo:
    """Open a photo; the arguments and errors are those of :func:`read_photo`."""
    return Photo(open_pixels(source, limits))


def read_photo(
    source: "Path | str | bytes | Image.Image | npt.NDArray[Any]",
    limits: Limits = _DEFAULT,
    preparation: Preparation = _OWN_FORMAT,
) -> Converted:
    """Make a photo 28×28 the way the images of a data set were.

    If the data set's images were resized, a small one is used as a whole (see ``preparation.py``).
    Otherwise, one that is in Fashion-MNIST's format already (28×28, grey, bright on black) is left
    alone, and if it was enlarged or negated, that is undone (see ``own_format.py``). Every other
    one is converted as Fashion-MNIST's own images were (see ``convert.py``).

    Args:
        source: the path of an image file; its content as bytes; a Pillow image; or an array of
            one image, as :func:`fittingroom.photos.one_or_many` takes it.
        limits: how large a photo may be; a larger one is refused before it is decoded.
        preparation: how the data set's images were made 28×28, as :attr:`Model.preparation` has it.

    Raises:
        PhotoError: it is none of these, too large, damaged, or of one colour all over.
    """
    return open_photo(source, limits).converted(preparation)


def _convert(pixels: UInt8) -> Converted:
    found = garment.find_garment(pixels)
    if not found.mask.any():
        raise PhotoEmptyError(f"No garment was found: the image has one colour. {_ADVICE}")
    warnings, negate = _warnings(found)
    if is_small(*pixels.shape[:2]):
        warnings.append(_NOT_OWN)
    photo, background = found.image, found.background
    if negate:
        photo, background = 255 - photo, 255 - background
    placed = convert.place_on_paper(photo, background, found.mask)
    small = convert.to_side(placed, found.mask)
    image = convert.to_grey(255 - convert.extend(small))
    stages = (
        _upright(pixels),
        _stage("garment", "What differs from the background, on near-white.", placed),
        _stage("28 pixels", "The longest edge reduced to 28.", small),
        PhotoStage("28×28", "Extended to a square, negated, and made grey.", image),
    )
    return Converted(image, stages, tuple(warnings))


def _warnings(found: FoundGarment) -> tuple[list[str], bool]:
    """What may spoil the answer, and whether garment and background are to be negated."""
    image, background, mask = found.image, found.background, found.mask
    median = float(np.median(arithmetic.luma(image[mask])))
    beneath = float(np.median(arithmetic.luma(background[mask])))
    spread = image.max(axis=2) - image.min(axis=2)
    warnings, negate = [], False
    if beneath <= convert.BLACK and float(np.quantile(spread, 0.99)) <= GREY:
        negate = True
        warnings.append(
            "The image is bright on black and has no colour, so it was taken for an enlarged image "
            "of the data set. If it is a photo, take it again on a light background."
        )
    elif median >= convert.WHITE and beneath < median - _FAINT:
        negate = True
        warnings.append(
            "The garment is nearly white. The data set has no white garments, so it was made dark, "
            "and the answer depends on its shape alone."
        )
    elif float(np.median(arithmetic.distance(image, background)[mask])) < _FAINT:
        warnings.append(
            "The garment hardly differs from its background. Lay it on a plain sheet of another "
            "colour."
        )
    elif beneath < 128:
        warnings.append("The background is dark. Lay the garment on a light sheet.")
    if found.threshold >= garment.PATTERNED:
        warnings.append(f"The background is not plain. {_ADVICE}")
    edges = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
    if sum(bool(edge.mean() > 0.3) for edge in edges) >= 2:
        warnings.append(
            "The garment, or what was taken for it, reaches the edges of the image. Leave some "
            "background around it on all sides."
        )
    return warnings, negate


def _upright(pixels: UInt8) -> PhotoStage:
    return _stage("photo", "The photo, upright.", arithmetic.to_working_size(pixels))


def _stage(name: str, sentence: str, image: Float64) -> PhotoStage:
    return PhotoStage(name, sentence, image.astype(np.uint8))
