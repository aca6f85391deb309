"""One peer's training, in its own environment; imports little, since its process is measured."""

import os
import runpy
import tempfile
import time
from typing import Any

import numpy as np

from benchmarks.measure import peak_memory_mb


def train(*, script: str, data: str, seed: int, budget: int) -> dict[str, Any]:
    """Fit a peer on the training images, and predict the test images.

    Args:
        script: defines `fit` and `predict`.
        data: a file of the arrays `x_train`, `y_train` and `x_test`; no test labels.
        seed: of the training.
        budget: seconds that it may take, for those that ask.
    """
    peer = runpy.run_path(script)
    arrays = np.load(data)
    os.chdir(tempfile.mkdtemp())  # for what it leaves
    clock = time.perf_counter()
    model = peer["fit"](arrays["x_train"], arrays["y_train"], seed, budget)
    fit_seconds = time.perf_counter() - clock
    found = np.asarray(peer["predict"](model, arrays["x_test"]))
    predicted = found if found.ndim == 1 else found.argmax(1)
    return {
        "fit_seconds": fit_seconds,
        "peak_memory_mb": peak_memory_mb(),
        "predicted": "".join(map(str, predicted.astype(int).tolist())),
    }
