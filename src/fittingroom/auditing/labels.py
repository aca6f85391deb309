"""Doubtful labels by confident learning, from out-of-fold probabilities."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from fittingroom.errors import missing_extra
from fittingroom.metrics.checks import checked_probabilities, checked_rows


def doubtful_labels(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> pd.DataFrame:
    """Of each class the least likely labels, as many as are estimated to be wrong.

    A label that is also the most likely class is never doubtful: the model agrees with it.

    Args:
        labels: whole numbers below ``K``, ``(N,)``, as they were given.
        probabilities: ``(N, K)``, each row from a model that was not trained on that image.

    Returns:
        The most doubtful label first: its ``position`` among the labels, the ``given`` label, the
        most likely label instead (``suggested``), ``given_probability`` and
        ``suggested_probability``.

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
    positions = find_label_issues(
        given,
        chances,
        filter_by="prune_by_class",
        return_indices_ranked_by="self_confidence",
        n_jobs=1,
    ).astype(np.int64)
    suggested = chances.argmax(axis=1)[positions]
    return pd.DataFrame(
        {
            "position": positions,
            "given": given[positions],
            "suggested": suggested,
            "given_probability": chances[positions, given[positions]],
            "suggested_probability": chances[positions, suggested],
        }
    )
