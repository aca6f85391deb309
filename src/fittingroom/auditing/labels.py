"""Doubtful labels by confident learning, from out-of-fold probabilities."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fittingroom.errors import missing_extra
from fittingroom.metrics.checks import checked_probabilities, checked_rows
from fittingroom.predictions import Int64

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DoubtfulLabels:
    """Labels that models which never saw them think unlikely.

    Attributes:
        positions: int64 ``(D,)``, rows of the labels and probabilities; the most doubtful first.
        given: int64 ``(D,)``, the labels that are doubtful.
        suggested: int64 ``(D,)``, the most likely labels instead.
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


def doubtful_labels(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> DoubtfulLabels:
    """Of each class the least likely labels, as many as are estimated to be wrong.

    A label that is also the most likely class is never doubtful: the model agrees with it.

    Args:
        labels: whole numbers below ``K``, ``(N,)``, as they were given.
        probabilities: ``(N, K)``, each row from a model that was not trained on that image.

    Raises:
        PredictionsError: arrays that do not fit together.
        MissingExtraError: cleanlab is not installed.

    Source:
        Northcutt, Jiang and Chuang (2021), "Confident Learning: Estimating Uncertainty in Dataset
        Labels", Journal of Artificial Intelligence Research 70:1373, arXiv:1911.00068, section
        3.2, method 3 ("prune by class"), by the authors' library, cleanlab. Its other methods
        find fewer of planted errors: docs/LOG.md.
    """
    try:
        from cleanlab.filter import find_label_issues
    except ModuleNotFoundError as error:
        raise missing_extra(error, "audit") from error

    chances = checked_probabilities(probabilities)
    given = checked_rows(labels, chances)
    doubted = find_label_issues(given, chances, filter_by="prune_by_class", n_jobs=1)
    positions = np.flatnonzero(doubted).astype(np.int64)
    own = chances[positions, given[positions]]
    order = np.argsort(own, kind="stable")
    positions, own = positions[order], own[order]
    suggested = chances[positions].argmax(axis=1).astype(np.int64)
    return DoubtfulLabels(
        positions, given[positions], suggested, own, chances[positions, suggested]
    )
