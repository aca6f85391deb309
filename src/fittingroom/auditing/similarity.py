"""Pictures that are the same, or nearly: every pair of tens of thousands, by matrix products.

Two pictures are as similar as their pixels correlate (Pearson's correlation, from -1 to 1): how
bright a picture is and how strong its contrast play no part, so the same photograph is found in
another exposure, and a garment in another colour.

The search is exact. Pictures as vectors of mean 0 and length 1 are turned into a basis of ``m``
directions (their principal components); what is left over has length ``r``. By the inequality of
Cauchy and Schwarz ``a·b ≤ Pa·Pb + r_a r_b``, so the products of the ``m + 1`` numbers ``(Pa, r_a)``
never fall below the correlation, and only pairs whose product reaches the threshold have to be
looked at in full.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fittingroom.errors import DataInvalidError, UsageError
from fittingroom.predictions import Float32, Int64, UInt8

# Correlation from which on two pictures are near-duplicates. Mirrored pictures say why: a garment
# is never the mirror image of another's photograph, so pairs of a picture and a mirrored one that
# correlate do so by chance. benchmarks/audit.py counts both.
NEAR_DUPLICATE = 0.995
NEIGHBOURS = 10

_COMPONENTS = 64
_BLOCK = 500  # pictures held against all others at a time
_ROUNDING = 1e-4  # of products of float32
_MOST_PAIRS = 1_000_000


@dataclass(frozen=True, eq=False)
class SimilarPairs:
    """Pairs of pictures that are alike.

    Of pictures that are the same byte for byte, each is paired with the first of them, and the
    first alone with pictures that are nearly the same.

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
    """What the search over all pictures gives.

    Attributes:
        pairs: those that are alike.
        distances: float32 ``(N,)``, of each picture to its nearest neighbours, on average, in
            the space of ``(Pa, r_a)``: from 0 to 2.
    """

    pairs: SimilarPairs
    distances: Float32


def unit_pictures(images: UInt8) -> Float32:
    """Pictures as vectors of mean 0 and length 1: float32 ``(N, 784)``.

    A picture of one shade has no such vector, and gets zeros: it is similar to none.
    """
    vectors = images.reshape(len(images), -1).astype(np.float32)  # (N, 784)
    vectors -= vectors.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.where(lengths > 0, lengths, 1)
    return vectors


def search(
    images: UInt8, *, threshold: float = NEAR_DUPLICATE, neighbours: int = NEIGHBOURS
) -> Neighbourhoods:
    """All pairs of pictures that are alike, and each picture's distance to its neighbours.

    Args:
        images: uint8 ``(N, 28, 28)``.
        threshold: the correlation from which on two pictures are alike, above 0 and at most 1.
        neighbours: how many of the nearest, exact copies counted once, distances are averaged
            over; all others where there are fewer.

    Raises:
        UsageError: a threshold or a number of neighbours outside its range.
        DataInvalidError: more than a million pairs, which is no list to look through.

    Source:
        Distance to the nearest neighbours as a mark of outliers: Ramaswamy, Rastogi and Shim
        (2000), SIGMOD Record 29:427; averaged over them: Angiulli and Pizzuti (2002),
        doi:10.1007/3-540-45681-3_2.
    """
    if not 0 < threshold <= 1:
        raise UsageError(f"Expected a similarity above 0 and at most 1. Received {threshold}.")
    if neighbours < 1:
        raise UsageError(f"Expected at least 1 neighbour. Received {neighbours}.")
    firsts, group = _copies(images)
    vectors = unit_pictures(images[firsts])
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
    """Positions of distinct pictures, rising, and which of these each picture is a copy of."""
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
    """The search, of pictures no two of which are the same byte for byte."""
    count = len(vectors)
    nearest = min(neighbours, count - 1)
    points = _points(vectors)  # (N, m + 1)
    distances = np.zeros(count, np.float32)
    found: list[tuple[Int64, Int64, Float32]] = []
    total = 0
    for start in range(0, count if nearest else 0, _BLOCK):
        products = points[start : start + _BLOCK] @ points.T  # (block, N)
        rows = np.arange(len(products))
        products[rows, start + rows] = -1  # no picture is its own neighbour
        row, second = np.divmod(np.flatnonzero(products >= threshold - _ROUNDING), count)
        first = row + start
        first, second = first[first < second], second[first < second]
        similarity = np.einsum("ij,ij->i", vectors[first], vectors[second]).clip(-1, 1)
        alike = similarity >= threshold - 1e-6
        found.append((first[alike], second[alike], similarity[alike]))
        total += int(alike.sum())
        if total > _MOST_PAIRS:
            raise DataInvalidError(
                f"Expected at most {_MOST_PAIRS:,} pairs of pictures with a similarity of "
                f"{threshold:g} or more. Received more: most pictures are alike. Raise the "
                "similarity, or look at the data."
            )
        products.partition(count - nearest, axis=1)
        closest = products[:, count - nearest :].clip(-1, 1)
        distances[start : start + len(products)] = np.sqrt(2 - 2 * closest).mean(axis=1)
    none = np.zeros(0, np.int64)
    pairs = SimilarPairs(
        np.concatenate([none, *(part[0] for part in found)]),
        np.concatenate([none, *(part[1] for part in found)]),
        np.concatenate([none.astype(np.float32), *(part[2] for part in found)]),
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
