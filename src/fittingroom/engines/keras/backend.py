"""What Keras computes with: chosen before Keras is imported, since it never changes afterwards."""

import contextlib
import importlib
import importlib.util
import random
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from fittingroom.recipes.frameworks import check_keras_backend


def load_keras() -> Any:
    """The module ``keras``, on the backend that ``KERAS_BACKEND`` names, or else on PyTorch.

    Where Keras is loaded already, its backend stays what it is.

    Raises:
        UsageError: a backend that cannot train, or that nobody knows.
        MissingExtraError: one that is not installed.
    """
    if "keras" not in sys.modules:
        check_keras_backend()
    import keras

    return keras


def set_threads(backend: str, threads: int) -> None:
    """Have the backend use that many processor threads, where it can still be told.

    TensorFlow takes it only before its first computation, JAX not at all.
    """
    if backend == "torch":
        importlib.import_module("torch").set_num_threads(threads)
    elif backend == "tensorflow":
        threading = importlib.import_module("tensorflow").config.threading
        with contextlib.suppress(RuntimeError):
            threading.set_intra_op_parallelism_threads(threads)
            threading.set_inter_op_parallelism_threads(threads)


@contextlib.contextmanager
def settings(backend: str, threads: int) -> Iterator[None]:
    """Threads as training wants them; afterwards these and the random states as before.

    Those of Python, NumPy and PyTorch are given back; TensorFlow and JAX have none to give.
    """
    python, numpy_state = random.getstate(), np.random.get_state()
    torch = importlib.import_module("torch") if backend == "torch" else None
    before = torch.get_num_threads() if torch else threads
    torch_state = torch.random.get_rng_state() if torch else None
    set_threads(backend, threads)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy_state)
        if torch:
            torch.random.set_rng_state(torch_state)
            torch.set_num_threads(before)


def accelerators(backend: str) -> tuple[str, ...]:
    """The accelerators that a backend finds, of ``"cuda"`` and ``"mps"``."""
    framework = importlib.import_module(backend)
    match backend:
        case "torch":
            present = {
                "cuda": framework.cuda.is_available(),
                "mps": framework.backends.mps.is_available(),
            }
            return tuple(name for name, there in present.items() if there)
        case "tensorflow":
            return ("cuda",) if framework.config.list_physical_devices("GPU") else ()
        case _:
            return ("cuda",) if framework.default_backend() == "gpu" else ()
