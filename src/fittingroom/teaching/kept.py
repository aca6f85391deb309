"""Features of some photos of the ten classes: what ships of the photos that a model learned from.

They say how features vary from photo to photo, which a few photos of new classes cannot, and they
are the examples of the ten classes where these are to stay. The file belongs to the photo model
beside it: ``tools/make_photo_model.py`` makes both.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from fittingroom.photos import open_photo
from fittingroom.predict import Model
from fittingroom.predict.packaged import FOLDER
from fittingroom.predictions import Float32, Labels

# Photos of a class; those of all ten take less than 500 kB.
_EACH = 36
# The directions in which photos of one class vary most, and how much of all variance counts as
# equal in all directions. docs/LOG.md has others.
_DIRECTIONS, _SHRINKAGE = 32, 0.1


@dataclass(frozen=True, eq=False)
class Kept:
    """Features, float32 ``(N, D)``, of photos of the ten classes, and their labels, ``(N,)``."""

    features: Float32
    labels: Labels

    @cached_property
    def mean(self) -> Float32:
        """The mean of each feature, ``(D,)``."""
        return self.features.mean(axis=0)

    @cached_property
    def directions(self) -> Float32:
        """The directions in which photos of one class vary most, ``(D, R)``, orthonormal."""
        return self._varying[0]

    @cached_property
    def damping(self) -> Float32:
        """How much of what lies in each of them is taken away, ``(R,)``, 0–1."""
        return self._varying[1]

    def damped(self, features: Float32) -> Float32:
        """Features, centred, with less of what varies within a class; also ``(N, D)``.

        Lighting, floors and folds vary with the photo, and say little of the class.

        Source: within-class covariance normalisation, A. Hatch, S. Kajarekar and A. Stolcke (2006),
        Interspeech, "Within-class covariance normalization for SVM-based speaker recognition".
        """
        centred = features - self.mean
        along = centred @ self.directions * self.damping
        return (centred - along @ self.directions.T).astype(np.float32, copy=False)

    def scaled(self, features: Float32) -> Float32:
        """As heads take them: damped, of length one."""
        damped = self.damped(features)
        lengths: Float32 = np.linalg.norm(damped, axis=1, keepdims=True)
        return damped / lengths

    @cached_property
    def _varying(self) -> tuple[Float32, Float32]:
        means = np.stack([self.features[self.labels == each].mean(axis=0) for each in range(10)])
        within = self.features - means[self.labels]
        _, lengths, directions = np.linalg.svd(within, full_matrices=False)
        variances = lengths**2 / len(within)
        even = _SHRINKAGE * variances.sum() / within.shape[1]
        damping = 1 - np.sqrt(even / ((1 - _SHRINKAGE) * variances + even))
        return directions[:_DIRECTIONS].T, damping[:_DIRECTIONS]


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
