"""Fit a new last layer on features, and judge it by cross-validation.

Multinomial logistic regression (scikit-learn) on features of length one.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, train_test_split

from fittingroom.predictions import Float32, Labels

Bool = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

STRENGTH = 10.0  # the inverse of the penalty, `C` in scikit-learn; docs/LOG.md has others
FOLDS = 5


@dataclass(frozen=True, eq=False)
class Head:
    """A linear layer, and where each class lies.

    Attributes:
        weights, bias: ``(K, D)`` and ``(K,)``: features of length one → logits.
        means: ``(K, D)``, the mean direction of each class, of length one.
    """

    weights: Float32
    bias: Float32
    means: Float32

    def logits(self, scaled: Float32) -> Float32:
        """The logits of features, ``(N, K)``, before the temperature."""
        return scaled @ self.weights.T + self.bias

    def distances(self, scaled: Float32) -> Float32:
        """How far features lie from the nearest class, ``(N,)``: 1 less the cosine."""
        return 1 - (scaled @ self.means.T).max(axis=1)


def unit(features: Float32) -> Float32:
    """Features, ``(N, D)``, of length one, as heads take them."""
    scaled: Float32 = features / np.linalg.norm(features, axis=1, keepdims=True)
    return scaled


def fit_head(scaled: Float32, labels: Labels) -> Head:
    """Fit a head; labels are 0 to K - 1, each of them there."""
    # Balanced, as more photos of the ten classes are kept than are taught of another.
    model = LogisticRegression(C=STRENGTH, max_iter=1000, class_weight="balanced")
    fitted = model.fit(scaled.astype(np.float64), labels)
    weights, bias = fitted.coef_, fitted.intercept_
    if len(bias) == 1:  # of two classes, it has the difference
        weights, bias = np.concatenate([-weights, weights]) / 2, np.append(-bias, bias) / 2
    means = unit(np.stack([scaled[labels == each].mean(axis=0) for each in range(len(bias))]))
    return Head(weights.astype(np.float32), bias.astype(np.float32), means)


def cross_validate(
    scaled: Float32, labels: Labels, kept: Float32, kept_labels: Labels
) -> tuple[Float32, Float32, Bool]:
    """Judge heads on photos that they did not see; all of them see those that are kept.

    Returns:
        Of each photo its logits, ``(N, K)``, its distance from the nearest class, ``(N,)``, and
        whether a head of half as many photos is right, ``(N,)``.

    Source: M. Stone (1974), JRSS B 36:111.
    """
    fewest = min(FOLDS, np.unique(labels, return_counts=True)[1].min())
    folds = StratifiedKFold(fewest, shuffle=True, random_state=0)
    logits = np.zeros((len(labels), max(labels.max(), kept_labels.max(initial=0)) + 1), np.float32)
    distances, right = np.zeros(len(labels), np.float32), np.zeros(len(labels), bool)
    for seen, new in folds.split(scaled, labels):
        half = train_test_split(seen, train_size=0.5, stratify=labels[seen], random_state=0)[0]
        whole, less = (
            fit_head(np.concatenate([scaled[rows], kept]), np.append(labels[rows], kept_labels))
            for rows in (seen, half)
        )
        logits[new], distances[new] = whole.logits(scaled[new]), whole.distances(scaled[new])
        right[new] = less.logits(scaled[new]).argmax(axis=1) == labels[new]
    return logits, distances, right


def doubtful(labels: Labels, probabilities: Float32) -> Rows:
    """Rows of photos that may be in the wrong folder, the most doubtful first.

    Another class is likelier, and no less likely than it is for the photos of its own folder, on
    average. Probabilities, ``(N, K)``, are cross-validated.

    Source: Northcutt, Jiang and Chuang (2021), JAIR 70:1373, arXiv:1911.00068, equation 2.
    """
    usual = [probabilities[labels == each, each].mean() for each in np.unique(labels)]
    of_class = np.full(probabilities.shape[1], np.inf)  # no photo was given of the others
    of_class[np.unique(labels)] = usual
    likely = probabilities.argmax(axis=1)
    (rows,) = np.nonzero((likely != labels) & (probabilities.max(axis=1) >= of_class[likely]))
    return rows[np.argsort(probabilities[rows, labels[rows]])]
