"""Divide images into folds for cross-validation: each image is held back once."""

from collections.abc import Iterator

import numpy as np

from fittingroom.data.split import ImageSet, Split, SplitRule, hash_indices
from fittingroom.errors import UsageError
from fittingroom.predictions import Int64, Labels


def fold_numbers(labels: Labels, folds: int, seed: int = 0) -> Int64:
    """The fold, from 0 to ``folds - 1``, that each image is held back in: int64 ``(N,)``.

    Folds have the same share of each class, within one image, and of all images.

    Raises:
        UsageError: fewer than two folds, or more than some class has images.
    """
    counts = np.bincount(labels)
    smallest = int(counts[counts > 0].min(initial=len(labels)))
    if not 2 <= folds <= smallest:
        raise UsageError(
            f"{folds} folds are not possible. Use 2 to {smallest:,}, as many as the smallest class "
            "has images."
        )
    # Raw bits, sorted, are the same in every version of NumPy: see split_positions.
    keys = np.random.PCG64(seed).random_raw(len(labels))
    order = np.lexsort((keys, labels))  # class by class, at random within each
    numbers = np.empty(len(labels), dtype=np.int64)
    numbers[order] = np.arange(len(labels)) % folds
    return numbers


def make_folds(
    image_set: ImageSet, folds: int, classes: tuple[str, ...], seed: int = 0
) -> Iterator[Split]:
    """A split for each fold: the fold's images for validation, all others for training.

    Args:
        image_set: the images.
        folds: how many.
        classes: the class names in the order of their labels.
        seed: of which image is in which fold.

    Raises:
        UsageError: see :func:`fold_numbers`.
    """
    numbers = fold_numbers(image_set.labels, folds, seed)
    # The rule is the share that is held back; it can't tell which fold this is.
    rule = SplitRule("stratified", f"1/{folds}", seed)
    for fold in range(folds):
        kept = image_set.take(np.flatnonzero(numbers != fold))
        held_back = image_set.take(np.flatnonzero(numbers == fold))
        yield Split(kept, held_back, rule, classes, hash_indices(kept.indices, held_back.indices))
