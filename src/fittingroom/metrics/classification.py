"""Scores of the predicted labels alone: accuracy, confusion, precision, recall, F1."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fittingroom.errors import PredictionsError
from fittingroom.metrics.checks import Int64, checked_labels
from fittingroom.metrics.estimates import (
    normal_quantile,
    score_interval,
    wilson,
    wilson_interval,
)
from fittingroom.numbers import Estimate


@dataclass(frozen=True)
class Score:
    """One score for each class, and its macro average.

    Attributes:
        per_class: in label order. A class for which the score is 0/0 (precision of a class that
            is never predicted, recall of one without an image) has the value 0 and the interval
            (0, 1): nothing is known of it.
        macro: unweighted mean over the classes that occur, be it as a true or a predicted label
            (as scikit-learn averages by default).
    """

    per_class: tuple[Estimate, ...]
    macro: Estimate


def accuracy(labels: npt.ArrayLike, predicted: npt.ArrayLike) -> Estimate:
    """The share of images classified correctly, a fraction, with its Wilson interval."""
    most = np.iinfo(np.int64).max
    true = checked_labels(labels, most)
    called = checked_labels(predicted, most, "predicted", len(true))
    return wilson(int((true == called).sum()), len(true))


def top_accuracy(labels: npt.ArrayLike, probabilities: npt.ArrayLike, top: int = 2) -> Estimate:
    """The share of images whose class is among the `top` most likely, with its Wilson interval.

    Args:
        labels: whole numbers ``(N,)``.
        probabilities: of all classes, or their logarithms, ``(N, K)``. Of equals, the true class
            counts as the last.
    """
    values = np.asarray(probabilities)
    true = checked_labels(labels, values.shape[1])
    own = np.take_along_axis(values, true[:, None], axis=1)
    return wilson(int(((values >= own).sum(axis=1) <= top).sum()), len(true))


def confusion_matrix(
    labels: npt.ArrayLike, predicted: npt.ArrayLike, classes: int | Sequence[str]
) -> Int64:
    """How many images of each class were predicted as what: int64 ``(K, K)``, rows true.

    ``classes`` is ``K``, or the names of the ``K`` classes.
    """
    count = classes if isinstance(classes, int) else len(classes)
    true = checked_labels(labels, count)
    called = checked_labels(predicted, count, "predicted", len(true))
    cells = np.bincount(true * count + called, minlength=count * count)
    return cells.reshape(count, count).astype(np.int64)  # (K, K)


def precision(confusion: npt.ArrayLike) -> Score:
    """Of the images predicted as a class, the share that are of it, with Wilson's intervals.

    For ``confusion`` see :func:`confusion_matrix`, for the macro average :func:`f1`.
    """
    return _score(confusion, rows=0, columns=1)


def recall(confusion: npt.ArrayLike) -> Score:
    """Of a class' images, the share predicted so; otherwise as :func:`precision`."""
    return _score(confusion, rows=1, columns=0)


def f1(confusion: npt.ArrayLike) -> Score:
    """Harmonic mean of precision and recall, ``2 TP / (2 TP + FP + FN)``.

    Per class, ``F1 = 2J / (1 + J)`` with ``J = TP / (TP + FP + FN)``. Given how many images are
    of the class or predicted as it, TP is binomial with the chance ``J``, so Wilson's interval of
    ``J`` goes through the same formula. The macro average ``m`` has the variance of the multinomial
    delta method, which knows that a shirt called a coat lowers both classes' scores; its interval
    is Wilson's with the number of images ``m(1-m) / variance`` that would be as informative
    about a single share. So it stays within 0 and 1, and has a width even without a mistake.

    Args:
        confusion: whole numbers ``(K, K)``, rows true.

    Source:
        Hand, Christen and Kirielle (2021), Machine Learning 110:451 (F1 through ``J``);
        Takahashi, Yamamoto, Kuchiba and Koyama (2022), Applied Intelligence 52:4961 (variance);
        Dean and Pagano (2015), Journal of Survey Statistics and Methodology 3:484 (Wilson's
        interval with an effective sample size).
    """
    return _score(confusion, rows=1, columns=1)


def _score(confusion: npt.ArrayLike, *, rows: int, columns: int) -> Score:
    """``(rows + columns) TP / (rows · true + columns · called)`` for each class, and their mean.

    The mean is that of the classes that occur; its variance is the one under drawing the images
    anew.
    """
    matrix = np.asarray(confusion)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.dtype.kind not in "iu":
        raise PredictionsError(
            f"The confusion matrix is {matrix.dtype} of shape {matrix.shape}. Give whole numbers, "
            "(K, K)."
        )
    if matrix.min(initial=0) < 0 or matrix.sum() == 0:
        raise PredictionsError("The confusion matrix counts no image, or has negative counts.")
    matrix = matrix.astype(np.int64)
    right, true, called = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    size = rows * true + columns * called
    value = (rows + columns) * right / np.maximum(size, 1)
    both = rows * columns  # of F1: its interval is that of J
    low, high = (
        (1 + both) * end / (1 + both * end) for end in wilson_interval(right, size - both * right)
    )
    occurs = true + called > 0
    mean = float(value[occurs].mean())
    # What one more image in cell (i, j) does to the mean: it touches the scores of i and j alone.
    weight = occurs / np.maximum(size, 1) / occurs.sum()
    touched = rows * (value * weight)[:, None] + columns * value * weight
    of_mean = np.diag((rows + columns) * weight) - touched  # (K, K)
    variance = float((matrix * of_mean**2).sum())
    informative = mean * (1 - mean) / variance if variance > 0 else float(matrix.sum())
    ends = score_interval(mean, informative, normal_quantile())
    per_class = zip(value.tolist(), low.tolist(), high.tolist(), strict=True)
    return Score(
        per_class=tuple(Estimate(*each) for each in per_class),
        macro=Estimate(mean, float(ends[0]), float(ends[1])),
    )
