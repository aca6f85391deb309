"""Rendered photos of test images, damaged in one way after another: a second table beside real ones.

Each kind of damage (photo_scenes.py) is done to the same test images of Fashion-MNIST. They are
answered by the photo model, and by a model of 28×28 images, which gets them from `read_photo` and
in the two naive ways: resized to 28×28 and made grey, negated or not.
"""

from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import photo_scenes
from benchmarks.measure import Measured, say, share_of
from benchmarks.photo_scenes import SCENES
from fittingroom.comparison.paired import paired_difference
from fittingroom.data import find_dataset
from fittingroom.errors import PhotoError
from fittingroom.photos import open_photo
from fittingroom.predict import Predictor
from fittingroom.predict.packaged import packaged_model

UInt8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]

WAYS = ("read_photo", "negated", "as_is")
_SEED = 0
_CHUNK = 100


def convert(task: tuple[int, int, UInt8, tuple[int, ...]]) -> tuple[UInt8, int, int, UInt8]:
    """Some photos of one kind, read in all ways.

    Args:
        task: place in ``SCENES``; number of the first image; the images, uint8 ``(N, 28, 28)``;
            the size that the photo model takes.

    Returns:
        uint8 ``(3, N, 28, 28)`` in the order of ``WAYS``, black if a photo was refused; how
        many were refused; how many came with a warning; the photos as the photo model takes them.
    """
    place, start, images, shape = task
    colour = np.zeros((len(images), *shape), np.uint8)
    result = np.zeros((len(WAYS), *images.shape), np.uint8)
    refused = warned = 0
    for at, image in enumerate(images):
        random = np.random.default_rng([_SEED, place, start + at])
        photo = photo_scenes.render(image, SCENES[place], random)
        opened = open_photo(photo)
        colour[at] = opened.resized(*shape[:2])
        try:
            read = opened.converted()
            result[0, at] = read.image
            warned += bool(read.warnings)
        except PhotoError:
            refused += 1
        result[1, at] = photo_scenes.naive(photo, invert=True)
        result[2, at] = photo_scenes.naive(photo, invert=False)
    return result, refused, warned, colour


def measure_scene(
    place: int,
    images: UInt8,
    labels: UInt8,
    clean: Bool,
    model: Predictor,
    large: Predictor,
    pool: Any,
) -> Measured:
    """Accuracy on one kind of photo in all ways, compared with the clean images and each other."""
    tasks = [
        (place, at, images[at : at + _CHUNK], large.shape) for at in range(0, len(images), _CHUNK)
    ]
    parts = list(pool.map(convert, tasks))
    converted = np.concatenate([part[0] for part in parts], axis=1)
    logs = [large.log_probabilities(part[3]) for part in parts]
    by_photo = np.concatenate(logs).argmax(axis=1) == labels
    right = [model.log_probabilities(each).argmax(axis=1) == labels for each in converted]
    best = max(right[1:], key=lambda each: int(each.sum()))
    return {
        "photo": share_of(by_photo),
        **{way: share_of(each) for way, each in zip(WAYS, right, strict=True)},
        "against_best_naive": _difference(best, right[0]),
        "refused": sum(part[1] for part in parts),
        "warned": sum(part[2] for part in parts),
    }


def _difference(one: Bool, other: Bool) -> Measured:
    only = int((one & ~other).sum()), int((other & ~one).sum())
    return paired_difference(*only, len(one)).as_dict()


def measure_damage(count: int, data: str | None) -> Measured:
    """All kinds of damage, one after another, on the first ``count`` test images."""
    image_set = find_dataset(data).open_test()
    images, labels = image_set.images[:count], image_set.labels[:count]
    small, large = (Predictor(packaged_model(name), threads=1) for name in ("cnn-tiny", "photo"))
    clean = small.log_probabilities(images).argmax(axis=1) == labels
    scenes = {}
    with ProcessPoolExecutor() as pool:
        for place, scene in enumerate(SCENES):
            row = measure_scene(place, images, labels, clean, small, large, pool)
            scenes[scene.name] = row
            say(f"{scene.name}: {row['photo']['value']:.1%}")
    return {"images": len(images), "clean": share_of(clean), "scenes": scenes}
