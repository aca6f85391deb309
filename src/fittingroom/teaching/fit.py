"""Fit a new last layer on features, and judge it by cross-validation.

Multinomial logistic regression (scikit-learn). Features come scaled (``Kept.scaled``).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, train_test_split

from fittingroom.metrics import log_loss
from fittingroom.predictions import Float32, Labels, log_softmax

Bool = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

# Strengths to choose from: the inverse of the penalty, `C` in scikit-learn.
STRENGTHS = (1.0, 3.0, 10.0)
FOLDS = 5


@dataclass(frozen=True, eq=False)
class Head:
    """A linear layer, and where each class lies.

    Attributes:
        weights, bias: ``(K, D)`` and ``(K,)``: scaled features → logits.
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


@dataclass(frozen=True, eq=False)
class CrossValidated:
    """What heads that did not see a photo say of it; rows are the photos that were taught.

    Attributes:
        strength: the one whose log loss is least.
        logits: ``(N, K)``, before the temperature.
        distances: ``(N,)``, of :meth:`Head.distances`.
        right_by_half: ``(N,)``, whether a head of half as many photos is right.
    """

    strength: float
    logits: Float32
    distances: Float32
    right_by_half: Bool


def fit_head(scaled: Float32, labels: Labels, strength: float) -> Head:
    """Fit a head; labels are 0 to K - 1, each of them there."""
    # The penalty keeps the weights within the span of the photos: few numbers, the same result.
    span = np.linalg.svd(scaled, full_matrices=False)[2]  # (R, D)
    # Balanced, as more photos of the ten classes are kept than are taught of another.
    model = LogisticRegression(C=strength, max_iter=1000, class_weight="balanced")
    fitted = model.fit(scaled @ span.T, labels)
    weights, bias = fitted.coef_ @ span, fitted.intercept_
    if len(bias) == 1:  # of two classes, it has the difference
        weights, bias = np.concatenate([-weights, weights]) / 2, np.append(-bias, bias) / 2
    means = np.stack([scaled[labels == each].mean(axis=0) for each in range(len(bias))])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    return Head(weights.astype(np.float32), bias.astype(np.float32), means)


def cross_validate(
    scaled: Float32, labels: Labels, kept: Float32, kept_labels: Labels
) -> CrossValidated:
    """Judge heads on photos that they did not see; all of them see those that are kept.

    Source: M. Stone (1974), JRSS B 36:111.
    """
    fewest = min(FOLDS, np.unique(labels, return_counts=True)[1].min())
    folds = StratifiedKFold(fewest, shuffle=True, random_state=0)
    parts = list(folds.split(scaled, labels))

    def judged(parts: list[tuple[Rows, Rows]], strength: float) -> tuple[Float32, Float32]:
        logits, distances = [], []
        for seen, new in parts:
            photos = np.concatenate([scaled[seen], kept])
            head = fit_head(photos, np.concatenate([labels[seen], kept_labels]), strength)
            logits.append(head.logits(scaled[new]))
            distances.append(head.distances(scaled[new]))
        order = np.argsort(np.concatenate([new for _, new in parts]))
        return np.concatenate(logits)[order], np.concatenate(distances)[order]

    tried = {strength: judged(parts, strength) for strength in STRENGTHS}
    best = min(tried, key=lambda each: log_loss(labels, log_softmax(tried[each][0])).value)
    halves = [
        (train_test_split(seen, train_size=0.5, stratify=labels[seen], random_state=0)[0], new)
        for seen, new in parts
    ]
    half, _ = judged(halves, best)
    return CrossValidated(best, *tried[best], right_by_half=half.argmax(axis=1) == labels)


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
