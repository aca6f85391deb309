"""Doubtful labels by confident learning, from out-of-fold probabilities.

Source:
    Northcutt, Jiang and Chuang (2021), "Confident Learning: Estimating Uncertainty in Dataset
    Labels", Journal of Artificial Intelligence Research 70:1373, arXiv:1911.00068.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fittingroom.metrics.checks import checked_labels, checked_probabilities
from fittingroom.predictions import Int64

Float64 = npt.NDArray[np.float64]

# A probability of an exported model is a float32: equal to a threshold within this, it counts.
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class DoubtfulLabels:
    """Labels that models which never saw them would give otherwise, and hold for unlikely.

    Attributes:
        positions: int64 ``(D,)``, rows of the labels and probabilities; the most doubtful first.
        given: int64 ``(D,)``, the labels that are doubtful.
        suggested: int64 ``(D,)``, the likeliest labels instead.
        given_probability: float64 ``(D,)``, of the given label.
        suggested_probability: float64 ``(D,)``, of the suggested one.
    """

    positions: Int64
    given: Int64
    suggested: Int64
    given_probability: Float64
    suggested_probability: Float64

    def __len__(self) -> int:
        return len(self.positions)


def class_thresholds(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> Float64:
    """How sure the model is of a class, on average, where the label says that class.

    ``t_j = mean of p_j(x) over all x that are labelled j`` (equation 2 of the source).

    Args:
        labels: whole numbers below ``K``, ``(N,)``, as they were given.
        probabilities: ``(N, K)``, each row from a model that was not trained on that picture.

    Returns:
        float64 ``(K,)``; infinite for a class that no label names, which then is suggested of none.

    Raises:
        PredictionsError: arrays that do not fit together.
    """
    chances, given = _checked(labels, probabilities)
    kinds = chances.shape[1]
    count = np.bincount(given, minlength=kinds)
    own = np.bincount(given, chances[np.arange(len(given)), given], minlength=kinds)
    return np.where(count > 0, own / np.maximum(count, 1), np.inf)


def confident_classes(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> Int64:
    """The class that each picture confidently is of: int64 ``(N,)``, -1 where it is of none.

    Of the classes whose probability reaches their :func:`class_thresholds`, the likeliest
    (equation 1 of the source).

    Raises:
        PredictionsError: arrays that do not fit together.
    """
    chances, given = _checked(labels, probabilities)
    reached = chances >= class_thresholds(given, chances) - _ROUNDING
    likeliest = np.where(reached, chances, -1.0).argmax(axis=1)
    return np.where(reached.any(axis=1), likeliest, -1).astype(np.int64)


def confident_joint(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> Int64:
    """How many pictures with each label confidently are of each class.

    Returns:
        int64 ``(K, K)``, rows the given labels, columns the confident classes. Pictures that are
        confidently of no class are not counted.

    Raises:
        PredictionsError: arrays that do not fit together.
    """
    chances, given = _checked(labels, probabilities)
    classes, kinds = confident_classes(given, chances), chances.shape[1]
    sure = classes >= 0
    joint = np.bincount(given[sure] * kinds + classes[sure], minlength=kinds**2)
    return joint.reshape(kinds, kinds).astype(np.int64)


def mislabelled_counts(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> Int64:
    """How many labels of each class are wrong, as estimated: int64 ``(K,)``, by given label.

    The share of a label's confident pictures that are confidently of another class, times all
    pictures with that label (equation 3 of the source, its off-diagonal summed over a row).

    Raises:
        PredictionsError: arrays that do not fit together.
    """
    chances, given = _checked(labels, probabilities)
    joint = confident_joint(given, chances)
    # As in cleanlab: at least one picture of each class is held to be labelled rightly.
    right = np.maximum(np.diag(joint), 1)
    confident = joint.sum(axis=1) - np.diag(joint) + right
    count = np.bincount(given, minlength=len(joint))
    return np.rint(count * (1 - right / confident)).astype(np.int64)


def doubtful_labels(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> DoubtfulLabels:
    """Of each class as many labels as are estimated to be wrong, the least likely ones.

    A label that is also the likeliest class is never doubtful: the model agrees with it.

    Args:
        labels: whole numbers below ``K``, ``(N,)``, as they were given.
        probabilities: ``(N, K)``, each row from a model that was not trained on that picture.

    Raises:
        PredictionsError: arrays that do not fit together.

    Source:
        Northcutt, Jiang and Chuang (2021), arXiv:1911.00068, section 3.2, method 3 ("prune by
        class"); leaving out labels that the model agrees with is what the authors' library,
        cleanlab, does. Its other methods find fewer of planted errors: docs/LOG.md.
    """
    chances, given = _checked(labels, probabilities)
    own = chances[np.arange(len(given)), given]
    likeliest = chances.argmax(axis=1)
    doubted = []
    for label, count in enumerate(mislabelled_counts(given, chances)):
        members = np.flatnonzero(given == label)
        doubted.append(members[np.argsort(own[members], kind="stable")[:count]])
    positions = np.sort(np.concatenate(doubted))
    positions = positions[likeliest[positions] != given[positions]]
    positions = positions[np.argsort(own[positions], kind="stable")].astype(np.int64)
    suggested = likeliest[positions].astype(np.int64)
    return DoubtfulLabels(
        positions, given[positions], suggested, own[positions], chances[positions, suggested]
    )


def _checked(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> tuple[Float64, Int64]:
    given = np.asarray(labels)
    chances = checked_probabilities(probabilities, len(given) if given.ndim else None)
    return chances, checked_labels(given, chances.shape[1])
