"""Set a fifth of a data set's images apart as its test set, by what the images show.

An image's SHA-256 decides, once and for ever: neither the order nor the names of files matter, and
images that are added later move no others. Of near-duplicates, the smallest hash decides for all.

Two images are near-duplicates if they correlate by at least ``NEAR`` once they are blurred, so that
saving an image again as JPEG or in a slightly different size doesn't hide a copy. Chains of them
count as one. The search is exact: all of it that decides is done in whole numbers. It misses images
that were cut out anew or mirrored, and photos in which the garment is found a pixel apart.
"""

import hashlib
from collections.abc import Iterator

import numpy as np

from fittingroom.errors import DataInvalidError
from fittingroom.photos.arithmetic import Bool, Float64
from fittingroom.predictions import Int64, Labels, UInt8

# Of Fashion-MNIST's images, 99.8% correlate more than this with copies of 26 or 30 pixels or of
# JPEG quality 75; of all pairs of different images, 7 in 10 million do.
NEAR = 0.998
_FIFTH = 5
_BLUR = (1, 8, 28, 56, 70, 56, 28, 8, 1)  # binomial: a Gaussian of 1.4 pixels
_AXES = 32
_BLOCK = 500  # images compared with others at a time
_MOST = 100_000  # pairs that are compared in full at a time
_ROUNDING = 1e-4  # of products of float32


def set_apart(images: UInt8, labels: Labels, classes: tuple[str, ...]) -> tuple[Bool, str]:
    """Which images are the test set: about a fifth, and about a fifth of each class.

    Args:
        images: uint8 ``(N, 28, 28)``.
        labels: ``(N,)``.
        classes: the class names in the order of the labels.

    Returns:
        bool ``(N,)``, and a sentence on it.

    Raises:
        DataInvalidError: it would leave no test image, or a class with one training image or none.
    """
    aside = _aside(images)
    left = np.bincount(labels[~aside], minlength=len(classes))
    if left.min() < 2 or not aside.any():
        few = f"{left.min()} training images of the class {classes[left.argmin()]}"
        raise DataInvalidError(
            "There is no test set. Setting a fifth of the images apart for it leaves "
            f"{few if aside.any() else 'it empty'}. Add images, or name a test set with --test."
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
    smallest = np.arange(len(keys))  # place of the smallest hash that each is joined with
    for one, other in _near_duplicates(images[first], smallest):
        _join(smallest, one, other)
    return (keys[smallest] % _FIFTH == 0)[which]


def _join(smallest: Int64, one: Int64, other: Int64) -> None:
    """Join these pairs, and all that they are joined with already, in place."""
    while (smallest[one] != smallest[other]).any():
        pair = smallest[one], smallest[other]
        np.minimum.at(smallest, np.maximum(*pair), np.minimum(*pair))
        while (smallest != smallest[smallest]).any():
            smallest[:] = smallest[smallest]


def _near_duplicates(images: UInt8, smallest: Int64) -> Iterator[tuple[Int64, Int64]]:
    """Pairs of near-duplicates that are not joined yet, some at a time."""
    count = len(images)
    blurred = np.concatenate([_blurred(images[at : at + _BLOCK]) for at in range(0, count, _BLOCK)])
    size = blurred.shape[1]
    # Sums of whole numbers below 2**53, exact in any order; so is the verdict everywhere the same.
    sums = blurred.sum(axis=1)
    spread = size * np.einsum("ij,ij->i", blurred, blurred) - sums**2
    vectors = (blurred - sums[:, None] / size).astype(np.float32)
    vectors /= np.sqrt(np.maximum(spread / size, 1), dtype=np.float32)[:, None]  # of length 1
    # To save work, vectors are projected onto their principal axes; the rest of each has length
    # ``rest``. By the Cauchy-Schwarz inequality, ``a·b <= Pa·Pb + rest_a rest_b``.
    inside = vectors @ np.linalg.eigh(vectors.T @ vectors)[1][:, -_AXES:]
    rest = np.sqrt(np.maximum(1 - (inside**2).sum(axis=1, keepdims=True), 0))
    points = np.concatenate([inside, rest], axis=1)
    along = inside[:, -1]  # near vectors are near on any axis
    order = np.argsort(along)
    reach = np.sqrt(2 - 2 * NEAR) + _ROUNDING
    ends = np.searchsorted(along[order], along[order] + reach, side="right")
    for start in range(0, count, _BLOCK):
        block = order[start : start + _BLOCK]
        beside = order[start : ends[start + len(block) - 1]]
        close = np.flatnonzero(points[block] @ points[beside].T >= NEAR - _ROUNDING)
        for at in range(0, len(close), _MOST):
            row, column = np.divmod(close[at : at + _MOST], len(beside))
            one, other = block[row], beside[column]
            new = (row < column) & (smallest[one] != smallest[other])
            one, other = one[new], other[new]
            products = size * np.einsum("ij,ij->i", blurred[one], blurred[other])
            near = products - sums[one] * sums[other] >= NEAR * np.sqrt(spread[one] * spread[other])
            yield one[near], other[near]


def _blurred(images: UInt8) -> Float64:
    """Blurred, at every second pixel: whole numbers up to 2**16, ``(N, 196)``."""
    side = images.shape[1]
    weights = np.zeros((side // 2, side + 8))
    for row in range(side // 2):
        weights[row, 2 * row : 2 * row + 9] = _BLUR
    weights = weights[:, 4:-4]  # black beyond the edges
    return np.floor(weights @ images @ weights.T / 256).reshape(len(images), -1)
