"""Identical and nearly identical images, and outliers: an exact search over all pairs of images.

The similarity of two images is the Pearson correlation of their pixels, from -1 to 1. It ignores
brightness and contrast, so it finds the same photograph in another exposure, and the same garment
in another colour.

Each image becomes a vector of mean 0 and length 1, so that a correlation is a dot product. To save
work, vectors are projected onto their ``m`` principal components; the rest has length ``r``. By the
Cauchy–Schwarz inequality ``a·b ≤ Pa·Pb + r_a r_b``: the dot products of ``(Pa, r_a)`` are never
below the correlation, and only pairs that reach the threshold by them are computed in full.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

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
) -> tuple[pd.DataFrame, Float32]:
    """All pairs of images that are alike, and each image's distance to its neighbours.

    Args:
        images: uint8 ``(N, 28, 28)``.
        threshold: the least correlation of two images that are alike, above 0 and at most 1.
        neighbours: distances are averaged over this many nearest images, exact copies counted
            once.

    Returns:
        The pairs: ``first`` and ``second`` (positions, ``first < second``, rising), ``similarity``
        (correlation of the pixels) and ``identical`` (the same byte for byte). Each exact copy is
        paired with the first of its kind; only that first one is paired with images that are
        nearly the same.

        The distances: float32 ``(N,)``, of each image to its nearest neighbours, on average, in
        the space of ``(Pa, r_a)``: from 0 to 2.

    Raises:
        DataInvalidError: more than a million pairs are alike.

    Source:
        Distance to the nearest neighbours as a mark of outliers: Ramaswamy, Rastogi and Shim
        (2000), SIGMOD Record 29:427; averaged over them: Angiulli and Pizzuti (2002),
        doi:10.1007/3-540-45681-3_2.
    """
    contents = np.array([image.tobytes() for image in images], dtype=object)
    group = pd.factorize(contents)[0]  # the kind of each image, numbered as they come
    originals = np.unique(group, return_index=True)[1]
    copies = np.setdiff1d(np.arange(len(images)), originals)
    blocks = [(originals[group[copies]], copies, np.ones(len(copies), np.float32))]
    distances = np.zeros(len(originals), np.float32)
    vectors, total = unit_images(images[originals]), 0
    for place, near, (first, second, similarity) in _blocks(vectors, threshold, neighbours):
        distances[place] = near
        blocks.append((originals[first], originals[second], similarity))
        total += len(first)
        if total > _MOST_PAIRS:
            raise DataInvalidError(
                f"More than {_MOST_PAIRS:,} pairs of images are alike (correlation of "
                f"{threshold:g} or more). Check the data: most of its images are nearly the same."
            )
    columns = zip(("first", "second", "similarity"), zip(*blocks, strict=True), strict=True)
    pairs = pd.DataFrame({name: np.concatenate(parts) for name, parts in columns})
    pairs["identical"] = np.arange(len(pairs)) < len(copies)
    return pairs.sort_values(["first", "second"], ignore_index=True), distances[group]


def outliers(distances: Float32) -> tuple[pd.DataFrame, float]:
    """The images above the upper fence of these distances, and the fence.

    ``fence = Q3 + 1.5 (Q3 - Q1)``, with the quartiles of all distances, float32 ``(N,)``.

    Returns:
        ``position`` and ``distance``, the furthest first; and the fence.

    Source:
        Tukey (1977), Exploratory Data Analysis, chapter 2 (fences).
    """
    low, high = np.quantile(distances.astype(np.float64), (0.25, 0.75))
    fence = float(high + 1.5 * (high - low))
    order = np.argsort(-distances, kind="stable")
    positions = order[distances[order] > fence]
    return pd.DataFrame({"position": positions, "distance": distances[positions]}), fence


def _blocks(
    vectors: Float32, threshold: float, neighbours: int
) -> Iterator[tuple[slice, Float32, tuple[Int64, Int64, Float32]]]:
    """For each block of vectors: its place, its mean distances, and the pairs that are alike."""
    count = len(vectors)
    nearest = min(neighbours, count - 1)
    points = _points(vectors)  # (N, m + 1)
    for start in range(0, count if nearest else 0, _BLOCK):
        products = points[start : start + _BLOCK] @ points.T  # (block, N)
        rows = np.arange(len(products))
        products[rows, start + rows] = -1  # no image is its own neighbour
        row, second = np.divmod(np.flatnonzero(products >= threshold - _ROUNDING), count)
        first = row + start
        first, second = first[first < second], second[first < second]
        similarity = np.einsum("ij,ij->i", vectors[first], vectors[second]).clip(-1, 1)
        alike = similarity >= threshold - 1e-6
        products.partition(count - nearest, axis=1)
        closest = products[:, count - nearest :].clip(-1, 1)
        distances = np.sqrt(2 - 2 * closest).mean(axis=1)
        yield (
            slice(start, start + len(products)),
            distances,
            (first[alike], second[alike], similarity[alike]),
        )


def _points(vectors: Float32) -> Float32:
    """``(Pa, r_a)`` of each vector: float32 ``(N, m + 1)``, no shorter than the vectors are."""
    moments = (vectors.T @ vectors).astype(np.float64)
    basis = np.linalg.eigh(moments)[1][:, -_COMPONENTS:].astype(np.float32)  # (784, m)
    inside = vectors @ basis
    squared = (vectors**2).sum(axis=1) - (inside**2).sum(axis=1)
    return np.concatenate([inside, np.sqrt(squared.clip(0))[:, None]], axis=1)
