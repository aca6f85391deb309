"""Bring the images of any data set to 28×28: decided once for a data set, then done to each."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import numpy as np

from fittingroom.data.content import Part
from fittingroom.errors import DataInvalidError, PhotoError
from fittingroom.photos import Preparation, read_photo
from fittingroom.photos.arithmetic import SIDE, luma
from fittingroom.photos.own_format import has_dark_corners
from fittingroom.photos.preparation import SMALL, border, is_small, resize
from fittingroom.predictions import UInt8

# Starts a display of progress: takes what is done and how many steps it has; gives what is to be
# called with how many are done, and a word on it.
Track = Callable[[str, int], AbstractContextManager[Callable[[int, str], None]]]

_SAMPLE = 1000  # images that decide, at equal distances
_BLOCK = 1000  # images that are resized at a time


def decide(part: Part, invert: str) -> tuple[Preparation, bool, list[str]]:
    """How a data set's images are to be prepared.

    A thousand training images decide: their median longer edge whether they are photos, and the
    median of their borders whether they are dark on light.

    Args:
        part: the training images.
        invert: "yes", "no", or "auto" to decide it by the borders.

    Returns:
        The preparation, whether the images are photos, and what was decided, a sentence each.
    """
    places = np.unique(np.linspace(0, len(part) - 1, _SAMPLE).astype(int))
    sample = [part.images[place] for place in places]
    sizes = [image.shape[:2] for image in sample]
    height, width = (int(np.median(each)) for each in zip(*sizes, strict=True))
    colour = any(image.ndim == 3 for image in sample)
    one_size = len(set(sizes)) == 1
    size = (
        f"{height}×{width} pixels" if one_size else f"various sizes, {height}×{width} in the middle"
    )
    notes = [f"The images are {'in colour' if colour else 'grey'}, {size}."]
    if not is_small(height, width):
        return Preparation(), True, [*notes, "Each was converted as a photo."]
    levels = [luma(image.astype(float)) if image.ndim == 3 else image for image in sample]
    light = np.median([np.median(border(each[None])) for each in levels]) > 127
    inverted = invert == "yes" or (invert == "auto" and bool(light))
    if colour:
        notes.append("Colours were turned into grey levels (luma).")
    if not one_size or (height, width) != (SIDE, SIDE):
        notes.append(f"The longer edge was resized to {SIDE} by area, the rest filled up.")
    if not all(is_small(*each) for each in sizes):
        notes.append(f"Images of more than {SMALL} pixels were converted as photos.")
    if inverted:
        why = "as was asked for" if invert == "yes" else "since they are dark on light"
        notes.append(f"They were inverted, {why}.")
    same = one_size and not colour and (height, width) == (SIDE, SIDE) and not inverted
    # By its dark corners an image file of the data set is known for one.
    own = same and all(has_dark_corners(image) for image in sample)
    return Preparation(resized=not own, inverted=inverted), False, [] if same else notes


def prepare(
    part: Part, preparation: Preparation, as_photos: bool, track: Track | None, words: str
) -> UInt8:
    """The images of one part, as 28×28 grey levels: uint8 ``(N, 28, 28)``.

    Args:
        part: the images.
        preparation: how.
        as_photos: whether each is converted as a photo.
        track: a display of progress, or None.
        words: which part this is, for the display.

    Raises:
        DataInvalidError: an image can't be converted.
    """
    images = part.images
    if isinstance(images, np.ndarray) and not as_photos:
        if not preparation.resized:
            return images
        blocks = range(0, len(images), _BLOCK)
        return np.concatenate(
            [resize(images[at : at + _BLOCK], inverted=preparation.inverted) for at in blocks]
        )

    def one(at: int) -> UInt8:
        image = images[at]
        if not as_photos and not preparation.resized and image.shape == (SIDE, SIDE):
            return image
        try:
            return read_photo(image, preparation=preparation).image
        except PhotoError as error:
            raise DataInvalidError(f"Image {at:,} of the {words} can't be used: {error}") from error

    result = np.empty((len(part), SIDE, SIDE), np.uint8)
    for at, image in enumerate(_side_by_side(one, len(part), track, f"Reading the {words}")):
        result[at] = image
    return result


def _side_by_side(
    one: Callable[[int], UInt8], count: int, track: Track | None, words: str
) -> Iterator[UInt8]:
    with ThreadPoolExecutor() as pool:
        if track is None:
            yield from pool.map(one, range(count))
            return
        with track(words, count) as advance:
            for done, image in enumerate(pool.map(one, range(count)), start=1):
                advance(done, "images")
                yield image
