"""How well ten photos of a class teach it: photos of some senders taught, of others classified.

``python -m benchmarks.photos`` states the result.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from fittingroom.predictions import Float32
from fittingroom.teaching import Kept, cross_validate, fit_head

CLASSES = ("Hat", "Shorts", "Skirt", "Blazer", "Hoodie")  # none is a class of the photo model


def draws(
    features: Float32,
    originals: Sequence[str],
    senders: Sequence[int],
    kept: Kept,
    *,
    each: int = 10,
    fewest: int = 10,
    count: int = 20,
    seed: int = 0,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """In each draw, the taught label and the predicted one of each photo of other senders.

    Args:
        features: ``(N, D)``, by a model that saw neither these photos nor their senders.
        originals: each photo's kind; only those of ``CLASSES`` count.
        senders: who sent each photo.
        kept: of the same model, of photos that it was trained on.
        each: photos of a class that are taught, where the senders drawn sent so many …
        fewest: … and at least so many. The others sent one or more of each class.
    """
    random = np.random.default_rng(seed)
    labels = np.array([CLASSES.index(name) if name in CLASSES else -1 for name in originals])
    rows = np.flatnonzero(labels >= 0)
    scaled, labels, by = kept.scaled(features[rows]), labels[rows], np.asarray(senders)[rows]
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
        nobody = np.zeros((0, scaled.shape[1]), np.float32), np.zeros(0, labels.dtype)
        strength = cross_validate(scaled[few], labels[few], *nobody).strength
        head = fit_head(scaled[few], labels[few], strength)
        yield labels[~seen], head.logits(scaled[~seen]).argmax(axis=1)
