"""Model files as a stranger's Keras loads them: in another process, with nothing of ours."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

BACKENDS = [name for name in ("torch", "tensorflow") if importlib.util.find_spec(name)]

_SCRIPT = """
import sys
import keras
import numpy as np
images, answers, *paths = sys.argv[1:]
images = np.load(images)
models = [keras.models.load_model(path) for path in paths]
np.save(answers, [model.predict(images, verbose=0) for model in models])
assert not [name for name in sys.modules if name.startswith("fittingroom")]
"""


def probabilities(
    paths: Sequence[Path], images: np.ndarray, backend: str, folder: Path
) -> np.ndarray:
    """What plain Keras on a backend says of images with each file's model: ``(files, N, K)``."""
    inputs, answers = folder / "images.npy", folder / "answers.npy"
    np.save(inputs, images)
    subprocess.run(
        [sys.executable, "-c", _SCRIPT, *map(str, (inputs, answers, *paths))],
        env={**os.environ, "KERAS_BACKEND": backend},
        check=True,
        timeout=600,
    )
    received: np.ndarray = np.load(answers)
    return received
