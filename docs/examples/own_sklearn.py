"""Principal components and a small neural network in scikit-learn: 784 values from 0 to 1."""

from sklearn.base import ClassifierMixin
from sklearn.decomposition import PCA
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline


def build() -> ClassifierMixin:
    """A new pipeline; its steps get the seed for their `random_state`."""
    network = MLPClassifier((128,), early_stopping=True, max_iter=60)
    return make_pipeline(PCA(64, whiten=True), network)
