"""Bring the images of any data set to 28×28: decided once for a data set, then done to each."""

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, TypeVar

import numpy as np

from fittingroom.classes import in_short
from fittingroom.data.content import Decoded, Part
from fittingroom.errors import DataInvalidError, PhotoEmptyError, PhotoError
from fittingroom.photos import Preparation, read_photo
from fittingroom.photos.arithmetic import SIDE, luma
from fittingroom.photos.own_format import has_dark_corners
from fittingroom.photos.preparation import SMALL, border, is_small, resize
from fittingroom.predictions import UInt8

# Starts a display of progress: takes what is done and how many steps it has; gives what is to be
# called with how many are done, and a word on it.
Track = Callable[[str, int], AbstractContextManager[Callable[[int, str], None]]]

_Result = TypeVar("_Result")

_DARKEST = 64  # images whose brightest level is no more were not meant from 0 to 255
_SAMPLE = 1000  # images that decide, at equal distances
_BLOCK = 1000  # images that are held, and resized, at a time


def decide(
    parts: Sequence[Part], invert: str, track: Track | None = None
) -> tuple[Preparation, list[str]]:
    """How a data set's images are to be prepared, and what was decided, a sentence each.

    A thousand images of the first part, the training images, decide: their median longer edge
    whether they are photos, and, if ``invert`` is "auto", the median of their borders whether they
    are dark on light.

    Raises:
        DataInvalidError: the images are nearly black, so that their values are of another range.
    """
    looks = [_look(part, track) for part in parts]
    seen = looks[0]
    if max(seen.brightest) <= _DARKEST:
        raise DataInvalidError(
            f"The images have values up to {max(seen.brightest)}, far below 255. Scale them to "
            "0–255; for arrays, `images = images / images.max()` does it."
        )
    sizes = {size for look in looks for size in look.sizes}
    height, width = (int(np.median(each)) for each in zip(*seen.sizes, strict=True))
    colour, various = any(seen.coloured), len(sizes) > 1
    shape = f"{'various sizes, around ' if various else ''}{height}×{width} pixels"
    note = f"The images are {'in colour' if colour else 'grey'}, {shape}."
    if not is_small(height, width):
        return Preparation(), [note, "Each was converted as a photo."]
    inverted = invert == "yes" or (invert == "auto" and seen.dark_on_light)
    why = "as was asked for" if invert == "yes" else "since they are dark on light"
    changes = {
        "Colours were turned into grey levels (luma).": colour,
        f"The longer edge was resized to {SIDE} by area, the rest filled up.": (
            sizes != {(SIDE, SIDE)}
        ),
        f"Images of more than {SMALL} pixels were converted as photos.": not all(
            is_small(*each) for each in sizes
        ),
        f"They were inverted, {why}.": inverted,
        "One part of the data is dark on light and another light on dark: is one inverted?": (
            len({look.dark_on_light for look in looks}) > 1
        ),
    }
    done = [words for words, holds in changes.items() if holds]
    # By its dark corners an image file of the data set is known for one.
    own = not done and all(seen.dark_corners)
    return Preparation(resized=not own, inverted=inverted), [note, *done] if done else []


class _Look(NamedTuple):
    """What a thousand images of a part are like, a value for each."""

    sizes: tuple[tuple[int, int], ...]
    coloured: tuple[bool, ...]
    borders: tuple[float, ...]  # grey levels
    dark_corners: tuple[bool, ...]
    brightest: tuple[int, ...]

    @property
    def dark_on_light(self) -> bool:
        return bool(np.median(self.borders) > 127)


def _look(part: Part, track: Track | None) -> _Look:
    places = np.unique(np.linspace(0, len(part) - 1, _SAMPLE).astype(int))

    def look(at: int) -> tuple[Any, ...]:
        image = part.images[places[at]]
        colour, edge = image.ndim == 3, border(image[None]).astype(float)
        level = float(np.median(luma(edge) if colour else edge))
        dark = not colour and bool(has_dark_corners(image))
        return image.shape[:2], colour, level, dark, int(image.max())

    if isinstance(part.images, np.ndarray):
        track = None  # it takes a moment
    (seen,) = _in_blocks(look, len(places), track, "Looking at the images")
    return _Look(*zip(*seen, strict=True))


def prepare(
    part: Part, preparation: Preparation, track: Track | None, words: str
) -> tuple[UInt8, list[str]]:
    """The images of one part, uint8 ``(N, 28, 28)``, and which may be converted badly, in words.

    A photo on which no object is found is resized as a whole. ``words`` say which part this is.

    Raises:
        DataInvalidError: an image can't be converted.
    """
    images = part.images
    shape = (len(part), SIDE, SIDE)
    if isinstance(images, np.ndarray) and images.shape == shape and not preparation.resized:
        return images, []
    result = np.empty(shape, np.uint8)
    empty: list[int] = []
    doubtful: list[int] = []

    def name(at: int) -> str:
        return images.names[at] if isinstance(images, Decoded) else f"image {at:,} of the {words}"

    def one(at: int) -> UInt8 | None:
        """An image that is still to be resized; another one is put in its place."""
        image = images[at]
        if preparation.resized and is_small(*image.shape[:2]):
            return image
        if image.shape == shape[1:]:
            result[at] = image
            return None
        try:
            photo = read_photo(image, preparation=preparation)
            result[at] = photo.image
            if photo.warnings:
                doubtful.append(at)
        except PhotoEmptyError:
            (result[at],) = resize(image[None], inverted=preparation.inverted)
            empty.append(at)
        except PhotoError as error:
            raise DataInvalidError(f"{name(at)} can't be used: {error}") from error
        return None

    for number, block in enumerate(_in_blocks(one, len(part), track, f"Reading the {words}")):
        # Resizing images of one size together is much faster.
        alike: dict[tuple[int, ...], dict[int, UInt8]] = defaultdict(dict)
        for at, image in enumerate(block, number * _BLOCK):
            if image is not None:
                alike[image.shape][at] = image
        for each in alike.values():
            stack = np.stack(list(each.values()))
            result[list(each)] = resize(stack, inverted=preparation.inverted)
    found = {
        "Resized as a whole, since no object was found on them": empty,
        "Perhaps converted badly, so look at them": doubtful,
    }
    return result, [
        f"{what}: {len(places):,} of the {words} ({in_short([*map(name, sorted(places))], 3)})."
        for what, places in found.items()
        if places
    ]


def _in_blocks(
    one: Callable[[int], _Result], count: int, track: Track | None, words: str
) -> Iterator[list[_Result]]:
    """Results for 0 to ``count``, computed side by side, a block at a time."""
    show = nullcontext(lambda done, unit: None) if track is None else track(words, count)
    # What opens files silences warnings, which is no business of a single thread.
    with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor() as pool, show as advance:
        for start in range(0, count, _BLOCK):
            block = []
            for result in pool.map(one, range(start, min(start + _BLOCK, count))):
                block.append(result)
                advance(start + len(block), "")
            yield block
