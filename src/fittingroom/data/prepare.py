"""Bring the images of any data set to 28×28: decided once for a data set, then done to each."""

import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import TypeVar

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

_Result = TypeVar("_Result")

_SAMPLE = 1000  # images that decide, at equal distances
_BLOCK = 1000  # images that are resized at a time


def decide(
    part: Part, invert: str, track: Track | None = None
) -> tuple[Preparation, bool, list[str]]:
    """How a data set's images are to be prepared.

    A thousand training images decide: their median longer edge whether they are photos, and the
    median of their borders whether they are dark on light.

    Args:
        part: the training images.
        invert: "yes", "no", or "auto" to decide it by the borders.
        track: a display of progress, or None.

    Returns:
        The preparation, whether the images are photos, and what was decided, a sentence each.
    """
    places = np.unique(np.linspace(0, len(part) - 1, _SAMPLE).astype(int))

    def look(at: int) -> tuple[tuple[int, ...], bool, float, bool]:
        """Size, whether it is in colour, the level of its border, whether its corners are dark."""
        image = part.images[places[at]]
        colour, edge = image.ndim == 3, border(image[None]).astype(float)
        level = float(np.median(luma(edge) if colour else edge))
        return image.shape[:2], colour, level, not colour and bool(has_dark_corners(image))

    seen = _side_by_side(look, len(places), track, "Looking at the images")
    sizes, coloured, edges, dark = zip(*seen, strict=True)
    height, width = (int(np.median(each)) for each in zip(*sizes, strict=True))
    colour = any(coloured)
    one_size = len(set(sizes)) == 1
    size = f"{'' if one_size else 'various sizes, around '}{height}×{width} pixels"
    notes = [f"The images are {'in colour' if colour else 'grey'}, {size}."]
    if not is_small(height, width):
        return Preparation(), True, [*notes, "Each was converted as a photo."]
    light = np.median(edges) > 127
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
    own = same and all(dark)
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

    def one(at: int) -> tuple[UInt8, bool]:
        """An image, and whether it is still to be resized."""
        image = images[at]
        small = preparation.resized and is_small(*image.shape[:2])
        if not as_photos and (small or image.shape == (SIDE, SIDE)):
            return image, small
        try:
            return read_photo(image, preparation=preparation).image, False
        except PhotoError as error:
            name = part.names[at] if part.names else f"Image {at:,} of the {words}"
            raise DataInvalidError(f"{name} can't be used: {error}") from error

    result = np.empty((len(part), SIDE, SIDE), np.uint8)
    ones = _side_by_side(one, len(part), track, f"Reading the {words}")
    for start in range(0, len(part), _BLOCK):
        # Resizing images of one size together is much faster.
        alike: dict[tuple[int, ...], tuple[list[int], list[UInt8]]] = {}
        for at, (image, small) in enumerate(islice(ones, _BLOCK), start):
            if small:
                places, stack = alike.setdefault(image.shape, ([], []))
                places.append(at)
                stack.append(image)
            else:
                result[at] = image
        for places, stack in alike.values():
            result[places] = resize(np.stack(stack), inverted=preparation.inverted)
    return result


def _side_by_side(
    one: Callable[[int], _Result], count: int, track: Track | None, words: str
) -> Iterator[_Result]:
    show = nullcontext(lambda done, unit: None) if track is None else track(words, count)
    # What opens files silences warnings, which is no business of a single thread.
    with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor() as pool, show as advance:
        # Not all at once: what is done would be kept until it is its turn.
        for start in range(0, count, _BLOCK):
            block = range(start, min(start + _BLOCK, count))
            for at, result in zip(block, pool.map(one, block), strict=True):
                advance(at + 1, "")
                yield result
