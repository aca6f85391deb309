"""Features of some photos of the ten classes: what ships of the photos that a model learned from.

They are the examples of the ten classes where these are to stay beside those that are taught. The
file belongs to the photo model beside it: ``tools/make_photo_model.py`` makes both.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fittingroom.photos import open_photo
from fittingroom.predict import Model
from fittingroom.predict.packaged import FOLDER
from fittingroom.predictions import Float32, Labels

# Photos of a class; those of all ten take less than 500 kB.
_EACH = 36


class Kept(NamedTuple):
    """Features, float32 ``(N, D)``, of photos of the ten classes, and their labels, ``(N,)``."""

    features: Float32
    labels: Labels


def make_kept(model: Model, photos: Sequence[Path], labels: Sequence[int]) -> bytes:
    """The file ``photo-features.npz`` for a model, of the first 36 photos of each of ten labels.

    The order of the photos decides, so begin with many senders. Each feature is kept in 8 bits.
    """
    order = np.argsort(labels, kind="stable")
    rows = np.concatenate([order[np.take(labels, order) == each][:_EACH] for each in range(10)])
    images = [open_photo(photos[row]).resized(*model.shape[:2]) for row in rows]
    features = np.concatenate([model.features(image[None]) for image in images])
    scale = features.max(axis=0) / 255
    stream = io.BytesIO()
    np.savez_compressed(
        stream,
        levels=np.rint(features / np.where(scale > 0, scale, 1)).astype(np.uint8),
        scale=scale,
        labels=np.take(labels, rows).astype(np.uint8),
    )
    return stream.getvalue()


def read_kept(path: Path = FOLDER / "photo-features.npz") -> Kept:
    """The features that ship with the package, or those of another file."""
    with np.load(path) as stored:
        return Kept(stored["levels"] * stored["scale"], stored["labels"])
