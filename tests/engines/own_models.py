"""What the tests of your own models share: training one, and comparing its graph with it."""

from typing import Any

import numpy as np

from fittingroom.engines import Engine, Fitted
from fittingroom.export import wrap_core
from fittingroom.jobs import finish
from fittingroom.predict import Predictor
from fittingroom.predictions import softmax
from fittingroom.runs import Epoch


def rehearse(engine: Engine, recipe, split, seed=0):
    """Try the recipe's own model out."""
    finish.rehearse(engine, recipe, split, seed=seed, device=engine.device("cpu", 1))


def fit(engine: Engine, recipe, split, seed=0) -> tuple[Any, list[Epoch]]:
    """Train on one thread."""
    history: list[Epoch] = []
    device = engine.device("cpu", 1)
    fitted = engine.fit(recipe, split, seed=seed, device=device, on_epoch=history.append)
    return fitted, history


def assert_the_graph_gives_the_same(fitted: Fitted, split, batches=(1, 2, 7)):
    """The core, wrapped as in a run, against the engine's own logits, for batches of any size."""
    assert fitted.core is not None
    model = wrap_core(fitted.core.graph, classes=split.classes, temperature=1.0)
    predictor = Predictor(model, threads=1)
    images, expected = split.validation.images, softmax(fitted.logits)
    received = np.exp(predictor.log_probabilities(images))
    np.testing.assert_allclose(received, expected, atol=1e-5)
    for size in batches:
        received = np.exp(predictor.log_probabilities(images[:size]))
        np.testing.assert_allclose(received, expected[:size], atol=1e-5)
