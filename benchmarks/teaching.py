"""How well ten photos of a class teach it: photos of some senders taught, of others classified.

``python -m benchmarks.photos`` states the result.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from benchmarks.measure import Measured
from benchmarks.photo_folds import Photos
from fittingroom.predictions import Float32
from fittingroom.teaching import fit_head, unit

CLASSES = ("Hat", "Shorts", "Skirt", "Blazer", "Hoodie")  # none is a class of the photo model
# Ten photos of a class are taught where the senders drawn sent so many, and in these folds, whose
# photos are few, at least so many.
FEWEST = {1: 6, 2: 8, 3: 6}


def draws(
    features: Float32, photos: Photos, *, each: int = 10, fewest: int = 10, count: int = 20
) -> Iterator[float]:
    """In each draw, the share of the photos of other senders that is classified correctly.

    Args:
        features: ``(N, D)``, by a model that saw neither these photos nor their senders.
        photos: only those of ``CLASSES`` count.
        each: photos of a class that are taught, where the senders drawn sent so many …
        fewest: … and at least so many. The others sent one or more of each class.
    """
    random = np.random.default_rng(0)
    rows = np.flatnonzero(np.isin(photos.original, CLASSES))
    labels = np.array([CLASSES.index(name) for name in photos.original[rows]])
    scaled, by = unit(features[rows]), photos.sender[rows]
    while count:
        order = random.permutation(np.unique(by))
        seen = np.isin(by, order[: random.integers(1, len(order))])
        taught, left = (np.bincount(labels[part], minlength=len(CLASSES)) for part in (seen, ~seen))
        if taught.min() < fewest or left.min() < 1:
            continue
        count -= 1
        few = np.concatenate(
            [
                random.permutation(np.flatnonzero(seen & (labels == k)))[:each]
                for k in range(len(CLASSES))
            ]
        )
        head = fit_head(scaled[few], labels[few])
        yield float((head.logits(scaled[~seen]).argmax(axis=1) == labels[~seen]).mean())


def measure_teaching(features: Mapping[int, Float32], photos: Photos) -> Measured:
    """Of each fold, and of all: the mean share over draws, and its spread. Features are by fold."""
    shares = {
        fold: list(draws(each, photos.take(photos.fold == fold), fewest=FEWEST.get(fold, 10)))
        for fold, each in features.items()
    }
    found = {
        str(fold): {
            "mean": float(np.mean(each)),
            "spread": float(np.std(each, ddof=1)),
            "fewest": FEWEST.get(fold, 10),
        }
        for fold, each in shares.items()
    }
    return {"folds": found, "mean": float(np.mean([each["mean"] for each in found.values()]))}
