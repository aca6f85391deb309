"""Recognise Fashion-MNIST by its images, in whatever order they come, and say what differs.

``fashion_mnist_images.npz`` holds, of the 70,000 images in their published order, the hashes and
labels, and the mean image of each class. No two images are equal, and no two hashes.
``tools/make_image_table.py`` makes it.
"""

import functools
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fittingroom.data.split import ImageSet
from fittingroom.numbers import listed
from fittingroom.predictions import UInt8

TABLE = Path(__file__).parent / "fashion_mnist_images.npz"
_TRAINING = 60_000  # images of the table that are training images
_SIZES = (_TRAINING, 10_000)
_SAMPLE_SIZES = (2000, 500)  # its images are in the table, too
# How the mean images of classes correlate with Fashion-MNIST's, in the mean: 0.99 for JPEG copies,
# 0.91 with a border around each image, 0.50 to 0.61 if classes are numbered otherwise, and 0.49
# for MNIST.
_ALIKE = 0.8


def image_hashes(images: UInt8) -> npt.NDArray[np.bytes_]:
    """The first five bytes of each image's SHA-256, ``(N,)``."""
    digests = (hashlib.sha256(image.data).digest()[:5] for image in np.ascontiguousarray(images))
    return np.frombuffer(b"".join(digests), "S5")


def class_means(images: UInt8, labels: UInt8) -> npt.NDArray[np.float64]:
    """The mean image of each of ten classes, ``(10, 784)``."""
    means = [images[labels == label].mean(axis=0) for label in range(10)]
    return np.stack(means).reshape(10, -1)


def recognise(training: ImageSet, test: ImageSet) -> tuple[list[ImageSet], list[str]]:
    """The same images in their published order, if they are Fashion-MNIST's or the sample's.

    If they seem to be meant as those, but differ, a sentence says how.
    """
    sets, sizes = [training, test], (len(training), len(test))
    labels = np.concatenate([each.labels for each in sets])
    if sizes not in (_SIZES, _SAMPLE_SIZES) or labels.max() != 9:
        return sets, []
    table = _table()
    places = _places(np.concatenate([each.images for each in sets]), table["hashes"])
    found = places >= 0
    kept = len(np.unique(places[found]))
    moved = found & ((places < _TRAINING) != (np.arange(len(places)) < sizes[0]))
    relabelled = found & (labels != table["labels"][places])
    if kept == len(labels) and not (moved | relabelled).any():
        orders = map(np.argsort, np.split(places, [sizes[0]]))
        return [
            ImageSet(each.images[order], each.labels[order], each.indices)
            for each, order in zip(sets, orders, strict=True)
        ], []
    if sizes != _SIZES:
        return sets, []
    if kept < len(labels) / 2:
        return sets, [_unlike(training, kept or "none", table["means"])]
    counted = {
        "images differ": len(labels) - kept,
        "images are in the wrong set, training or test": moved.sum(),
        "labels differ": relabelled.sum(),
    }
    words = [f"{number:,} of {len(labels):,} {what}" for what, number in counted.items() if number]
    return sets, [f"The data is Fashion-MNIST with changes: {listed(words)}."]


@functools.cache
def _table() -> dict[str, npt.NDArray[Any]]:
    with np.load(TABLE) as stored:
        return dict(stored)


def _places(images: UInt8, hashes: npt.NDArray[np.bytes_]) -> npt.NDArray[np.int64]:
    """Where each image is in the published order, test images last; -1 if it is nowhere."""
    received = image_hashes(images)
    order = np.argsort(hashes)
    places = order[np.searchsorted(hashes, received, sorter=order).clip(max=len(order) - 1)]
    return np.where(hashes[places] == received, places, -1)


def _unlike(training: ImageSet, kept: int | str, means: npt.NDArray[np.uint8]) -> str:
    correlations = np.corrcoef(class_means(training.images, training.labels), means)
    if correlations.diagonal(10).mean() > _ALIKE:
        return (
            f"The data looks like Fashion-MNIST, but {kept} of its images are the same. Were they "
            "stored as JPEG, or resized?"
        )
    return (
        "The data has as many images and classes as Fashion-MNIST, but they look different. "
        "Are these digits, or classes in another order?"
    )
