"""Identical and nearly identical images: an exact search over all pairs of tens of thousands.

The similarity of two images is the Pearson correlation of their pixels, from -1 to 1. It ignores
brightness and contrast, so it finds the same photograph in another exposure, and the same garment
in another colour.

Each image becomes a vector of mean 0 and length 1, so that a correlation is a dot product. To save
work, vectors are projected onto their ``m`` principal components; the rest has length ``r``. By the
Cauchy–Schwarz inequality ``a·b ≤ Pa·Pb + r_a r_b``: the dot products of ``(Pa, r_a)`` are never
below the correlation, and only pairs that reach the threshold by them are computed in full.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fittingroom.errors import DataInvalidError
from fittingroom.predictions import Float32, Int64, UInt8

# Two images that correlate this much are near-duplicates. Mirrored images show why: no photograph
# is the mirror image of another, so an image and a mirrored one correlate only by chance, and at
# this threshold hardly ever do. benchmarks/audit.py counts both.
NEAR_DUPLICATE = 0.995
NEIGHBOURS = 10

_COMPONENTS = 64
_BLOCK = 500  # images compared with all others at a time
_ROUNDING = 1e-4  # of products of float32
_MOST_PAIRS = 1_000_000


@dataclass(frozen=True, eq=False)
class SimilarPairs:
    """Pairs of images that are alike.

    Each exact copy is paired with the first of its kind; only that first one is paired with images
    that are nearly the same.

    Attributes:
        first: int64 ``(P,)``, positions; ``first < second``, and rising.
        second: int64 ``(P,)``.
        similarity: float32 ``(P,)``, correlation of the pixels; 1 for exact copies.
        identical: bool ``(P,)``, whether the two are the same byte for byte.
    """

    first: Int64
    second: Int64
    similarity: Float32
    identical: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True, eq=False)
class Neighbourhoods:
    """The result of the search over all images.

    Attributes:
        pairs: the images that are alike.
        distances: float32 ``(N,)``, of each image to its nearest neighbours, on average, in
            the space of ``(Pa, r_a)``: from 0 to 2.
    """

    pairs: SimilarPairs
    distances: Float32


def unit_images(images: UInt8) -> Float32:
    """Images as vectors of mean 0 and length 1: float32 ``(N, 784)``.

    An image of a single shade becomes zeros: it is similar to no other.
    """
    vectors = images.reshape(len(images), -1).astype(np.float32)  # (N, 784)
    vectors -= vectors.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.where(lengths > 0, lengths, 1)
    return vectors


def search(
    images: UInt8, *, threshold: float = NEAR_DUPLICATE, neighbours: int = NEIGHBOURS
) -> Neighbourhoods:
    """All pairs of images that are alike, and each image's distance to its neighbours.

    Args:
        images: uint8 ``(N, 28, 28)``.
        threshold: the least correlation of two images that are alike, above 0 and at most 1.
        neighbours: distances are averaged over this many nearest images, exact copies counted
            once.

    Raises:
        DataInvalidError: more than a million pairs are alike.

    Source:
        Distance to the nearest neighbours as a mark of outliers: Ramaswamy, Rastogi and Shim
        (2000), SIGMOD Record 29:427; averaged over them: Angiulli and Pizzuti (2002),
        doi:10.1007/3-540-45681-3_2.
    """
    firsts, group = _copies(images)
    vectors = unit_images(images[firsts])
    near, distances = _search_distinct(vectors, threshold, neighbours)
    others = np.setdiff1d(np.arange(len(images)), firsts)
    pairs = (
        np.concatenate([firsts[group[others]], firsts[near.first]]),
        np.concatenate([others, firsts[near.second]]),
    )
    order = np.lexsort(pairs[::-1])
    same = np.arange(len(order)) < len(others)
    similarity = np.concatenate([np.ones(len(others), np.float32), near.similarity])
    return Neighbourhoods(
        SimilarPairs(pairs[0][order], pairs[1][order], similarity[order], same[order]),
        distances[group],
    )


def _copies(images: UInt8) -> tuple[Int64, Int64]:
    """Positions of distinct images, rising, and which of these each image is a copy of."""
    rows = np.ascontiguousarray(images).reshape(len(images), -1)
    bytes_of = rows.view(np.dtype((np.void, rows.shape[1])))[:, 0]
    _, index, inverse = np.unique(bytes_of, return_index=True, return_inverse=True)
    order = np.argsort(index)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return index[order].astype(np.int64), rank[inverse].astype(np.int64)


def _search_distinct(
    vectors: Float32, threshold: float, neighbours: int
) -> tuple[SimilarPairs, Float32]:
    """The search among distinct images."""
    count = len(vectors)
    nearest = min(neighbours, count - 1)
    points = _points(vectors)  # (N, m + 1)
    distances = np.zeros(count, np.float32)
    found: list[tuple[Int64, Int64, Float32]] = []
    total = 0
    for start in range(0, count if nearest else 0, _BLOCK):
        products = points[start : start + _BLOCK] @ points.T  # (block, N)
        rows = np.arange(len(products))
        products[rows, start + rows] = -1  # no image is its own neighbour
        row, second = np.divmod(np.flatnonzero(products >= threshold - _ROUNDING), count)
        first = row + start
        first, second = first[first < second], second[first < second]
        similarity = np.einsum("ij,ij->i", vectors[first], vectors[second]).clip(-1, 1)
        alike = similarity >= threshold - 1e-6
        found.append((first[alike], second[alike], similarity[alike]))
        total += int(alike.sum())
        if total > _MOST_PAIRS:
            raise DataInvalidError(
                f"More than {_MOST_PAIRS:,} pairs of images are alike (correlation of "
                f"{threshold:g} or more). Check the data: most of its images are nearly the same."
            )
        products.partition(count - nearest, axis=1)
        closest = products[:, count - nearest :].clip(-1, 1)
        distances[start : start + len(products)] = np.sqrt(2 - 2 * closest).mean(axis=1)
    none = np.zeros(0, np.int64)
    firsts, seconds, similarities = zip((none, none, none.astype(np.float32)), *found, strict=True)
    pairs = SimilarPairs(
        np.concatenate(firsts),
        np.concatenate(seconds),
        np.concatenate(similarities),
        np.zeros(total, np.bool_),
    )
    return pairs, distances


def _points(vectors: Float32) -> Float32:
    """``(Pa, r_a)`` of each vector: float32 ``(N, m + 1)``, no shorter than the vectors are."""
    moments = (vectors.T @ vectors).astype(np.float64)
    basis = np.linalg.eigh(moments)[1][:, -_COMPONENTS:].astype(np.float32)  # (784, m)
    inside = vectors @ basis
    squared = (vectors**2).sum(axis=1) - (inside**2).sum(axis=1)
    return np.concatenate([inside, np.sqrt(squared.clip(0))[:, None]], axis=1)
