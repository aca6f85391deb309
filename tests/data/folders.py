"""Data sets as folders of images, for tests."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from fittingroom.predictions import UInt8
from tests.photos.corpus import encoded


def write_classes(folder: Path, images: Iterable[UInt8], classes: Sequence[str]) -> Path:
    """Write each image as a PNG file into the folder of its class."""
    for at, (image, name) in enumerate(zip(images, classes, strict=True)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / f"{at:05}.png").write_bytes(encoded(image, compress_level=1))
    return folder


def blobs(count: int, seed: int = 0, shape: tuple[int, ...] = (28, 28)) -> list[UInt8]:
    """Different images of bright squares on black."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 256, (count, 4, 4, *shape[2:]), np.uint8)
    images = np.zeros((count, *shape), np.uint8)
    inner = coarse.repeat(shape[0] // 8, axis=1).repeat(shape[1] // 8, axis=2)
    images[:, 2 : 2 + inner.shape[1], 2 : 2 + inner.shape[2]] = inner
    return list(images)
