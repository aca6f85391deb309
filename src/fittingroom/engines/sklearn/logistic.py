"""Multinomial logistic regression on the pixels, by scikit-learn."""

import warnings

import numpy as np
from sklearn import linear_model
from sklearn.exceptions import ConvergenceWarning

from fittingroom.data import Half
from fittingroom.engines import Core
from fittingroom.engines.sklearn.trained import Trained, serialise
from fittingroom.graphs import Graph
from fittingroom.predictions import Float32, UInt8
from fittingroom.recipes import LogisticRegression


def train_logistic(
    model: LogisticRegression, training: Half, validation: Half, *, classes: int
) -> Trained:
    """Train it by L-BFGS, which draws nothing at random."""
    inputs = _scaled(training.images)
    estimator = linear_model.LogisticRegression(C=model.strength, max_iter=model.iterations)
    with warnings.catch_warnings():
        # The iterations are a setting: stopping there is what the recipe asks for.
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(inputs, training.labels)
    weight, bias = (array.astype(np.float32) for array in (estimator.coef_, estimator.intercept_))
    graph = Graph()
    scaled = graph.add("Div", "pictures", graph.floats(255))
    flat = graph.add("Flatten", scaled, axis=1)
    constants = [graph.constant(array) for array in (weight, bias)]
    graph.add("Gemm", flat, *constants, transB=1, output="logits")
    return Trained(
        training=inputs @ weight.T + bias,
        validation=_scaled(validation.images) @ weight.T + bias,
        weights={"weight": weight, "bias": bias},
        core=Core(serialise(graph, classes), weight.size + bias.size, weight.size),
    )


def _scaled(images: UInt8) -> Float32:
    """uint8 ``(N, 28, 28)`` → float32 ``(N, 784)`` from 0 to 1."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
