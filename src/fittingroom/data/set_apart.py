"""Set a fifth of a data set's images apart as its test set, by what the images show.

An image's SHA-256 decides, once and for ever: neither the order nor the names of files matter, and
images that are added later move no others. Of near-duplicates, the smallest hash decides for all.

Two images are near-duplicates if they correlate by at least ``NEAR`` once they are blurred, so that
saving an image again as JPEG or in a slightly different size doesn't hide a copy. Chains of them
count as one. The search misses images that were cut out anew or mirrored, and photos in which the
garment is found a pixel apart.
"""

import hashlib

import numpy as np

from fittingroom.errors import DataInvalidError
from fittingroom.numbers import some
from fittingroom.photos.arithmetic import SIDE, Bool
from fittingroom.predictions import Float32, Labels, UInt8

# Of Fashion-MNIST's images, 99.8% correlate more than this with copies of 26 or 30 pixels or of
# JPEG quality 75; of all pairs of different images, 7 in 10 million do.
NEAR = 0.998
_FIFTH = 5
_BLUR = (1, 8, 28, 56, 70, 56, 28, 8, 1)  # binomial: a Gaussian of 1.4 pixels
# Of vectors of whole numbers: products stay below 2**24, so that float32 holds them exactly, and
# the verdict is everywhere the same.
_LENGTH = 4000
_BLOCK = 500  # images compared with others at a time


def set_apart(images: UInt8, labels: Labels, classes: tuple[str, ...]) -> tuple[Bool, str]:
    """Which images are the test set, bool ``(N,)``, and a sentence on it.

    It is about a fifth, and about a fifth of each class.

    Raises:
        DataInvalidError: it would leave no test image, or a class with one training image or none.
    """
    aside = _aside(images)
    left = np.bincount(labels[~aside], minlength=len(classes))
    if left.min() < 2 or not aside.any():
        few = f"the class {classes[left.argmin()]} with {some(left.min(), 'training image')}"
        raise DataInvalidError(
            "There is no test set. Setting a fifth of the images apart for it, near-duplicates "
            f"together, leaves {few if aside.any() else 'it empty'}. Add images, or name a test "
            "set with --test."
        )
    return aside, (
        f"There is no test set, so {aside.sum():,} of {len(images):,} images were set apart for "
        "it, by a hash of their content; near-duplicates stay together."
    )


def _aside(images: UInt8) -> Bool:
    hashes = b"".join(hashlib.sha256(image.tobytes()).digest()[:8] for image in images)
    # Exact copies have one hash, and are compared once.
    keys, first, which = np.unique(
        np.frombuffer(hashes, ">u8"), return_index=True, return_inverse=True
    )
    vectors = _vectors(images[first])
    smallest = np.arange(len(keys))  # place of the smallest hash that each is joined with
    # What is near is near along any axis, with 2% to spare; so most pairs need no look.
    along = vectors @ np.linalg.eigh(vectors.T @ vectors)[1][:, -1]
    order = np.argsort(along)
    reach = 1.02 * _LENGTH * np.sqrt(2 - 2 * NEAR)
    ends = np.searchsorted(along, along + reach, sorter=order)
    for start in range(0, len(keys), _BLOCK):
        block = order[start : start + _BLOCK]
        beside = order[start : ends[block[-1]]]
        row, column = np.nonzero(vectors[block] @ vectors[beside].T >= NEAR * _LENGTH**2)
        one, other = block[row], beside[column]
        while (smallest[one] != smallest[other]).any():
            pair = smallest[one], smallest[other]
            np.minimum.at(smallest, np.maximum(*pair), np.minimum(*pair))
            while (smallest != smallest[smallest]).any():  # all that they are joined with already
                smallest = smallest[smallest]
    return (keys[smallest] % _FIFTH == 0)[which]


def _vectors(images: UInt8) -> Float32:
    """Blurred, at every second pixel, of mean 0 and of one length: whole numbers ``(N, 196)``."""
    weights = np.array([np.convolve(pixel, _BLUR, "same")[::2] for pixel in np.eye(SIDE)])
    levels = np.floor(weights.T @ images @ weights / 256).reshape(len(images), -1)
    # Sums of whole numbers below 2**53 are exact in any order.
    sums, size = levels.sum(axis=1, keepdims=True), levels.shape[1]
    spread = size * (levels**2).sum(axis=1, keepdims=True) - sums**2
    scale = _LENGTH / np.sqrt(np.maximum(size * spread, 1))
    return np.rint((size * levels - sums) * scale).astype(np.float32)
