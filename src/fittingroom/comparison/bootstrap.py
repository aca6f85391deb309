"""The bootstrap over pictures and seeds: a check on the intervals that needs no model."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

# Draws, and pictures in them, handled at a time: bounds the memory to some tens of megabytes.
_MOST_DRAWS, _MOST_PICTURES = 250, 2_500_000


def bootstrap_accuracies(
    correct: Sequence[npt.NDArray[np.bool_]], *, draws: int, seed: int
) -> npt.NDArray[np.float64]:
    """Each recipe's mean accuracy with pictures and seeds drawn anew, with replacement.

    The pictures drawn are the same for all recipes; seeds are drawn within each. Its percentiles
    are mostly too wide, since they count chance more than once (97–98% cover where 95% should),
    and too narrow where a recipe has a single seed (91%): a check, not the interval to rely on.

    Args:
        correct: for each recipe which seed names which picture rightly, bool ``(S_r, N)``.
        draws: how many.
        seed: of the draws; the order of the pictures does not matter.

    Returns:
        float64 ``(draws, R)``.

    Source:
        Owen (2007), Annals of Applied Statistics 1:386 (the pigeonhole bootstrap).
    """
    generator = np.random.default_rng(seed)
    every = np.concatenate(correct).T  # (N, ΣS)
    every = every[np.lexsort(every.T)].astype(np.float32)
    pictures = len(every)
    means = np.empty((draws, every.shape[1]))
    chunk = max(1, min(_MOST_DRAWS, _MOST_PICTURES // pictures))
    for start in range(0, draws, chunk):
        rows = min(chunk, draws - start)
        drawn = generator.integers(0, pictures, (rows, pictures), dtype=np.int32)
        drawn += np.arange(rows, dtype=np.int32)[:, None] * pictures
        times = np.bincount(drawn.ravel(), minlength=rows * pictures).reshape(rows, pictures)
        means[start : start + rows] = times.astype(np.float32) @ every  # whole numbers, exactly
    columns = np.split(means / pictures, np.cumsum([len(each) for each in correct])[:-1], axis=1)
    result = np.empty((draws, len(correct)))
    for recipe, column in enumerate(columns):
        seeds = column.shape[1]
        chosen = generator.integers(0, seeds, (draws, seeds))
        result[:, recipe] = np.take_along_axis(column, chosen, axis=1).mean(axis=1)
    return result
