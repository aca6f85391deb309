"""What Keras computes with: chosen before Keras is imported, since it never changes afterwards."""

import contextlib
import importlib
import sys
from collections.abc import Iterator
from typing import Any

from fittingroom.engines import Device
from fittingroom.engines.random_states import same_random_state
from fittingroom.recipes.frameworks import check_keras_backend


def load_keras() -> Any:
    """The module ``keras``, on the backend that ``KERAS_BACKEND`` names, or else on PyTorch.

    If Keras is loaded already, it keeps its backend.

    Raises:
        UsageError: a backend that does not exist or cannot train.
        MissingExtraError: one that is not installed.
    """
    if "keras" not in sys.modules:
        check_keras_backend()
    import keras

    return keras


def set_threads(backend: str, threads: int) -> None:
    """Let the backend use that many processor threads, if it still can be told.

    TensorFlow takes the number only before its first computation, JAX not at all.
    """
    if backend == "torch":
        importlib.import_module("torch").set_num_threads(threads)
    elif backend == "tensorflow":
        threading = importlib.import_module("tensorflow").config.threading
        with contextlib.suppress(RuntimeError):
            threading.set_intra_op_parallelism_threads(threads)
            threading.set_inter_op_parallelism_threads(threads)


@contextlib.contextmanager
def training_on(device: Device, seed: int) -> Iterator[None]:
    """Compute on a device, with its threads and from a seed; afterwards all is as before."""
    keras = load_keras()
    torch = importlib.import_module("torch") if device.backend == "torch" else None
    before = torch.get_num_threads() if torch else device.threads
    set_threads(device.backend, device.threads)
    # Keras numbers devices, except those of PyTorch.
    names = {} if torch else {"cpu": "cpu:0", "cuda": "gpu:0"}
    try:
        with same_random_state(), keras.device(names.get(device.name, device.name)):
            keras.utils.set_random_seed(seed)
            yield
    finally:
        if torch:
            torch.set_num_threads(before)


def accelerators(backend: str) -> tuple[str, ...]:
    """The accelerators that a backend finds, of ``"cuda"`` and ``"mps"``."""
    framework = importlib.import_module(backend)
    present: dict[str, bool] = {}
    match backend:
        case "torch":
            present["cuda"] = framework.cuda.is_available()
            present["mps"] = framework.backends.mps.is_available()
        case "tensorflow":
            present["cuda"] = bool(framework.config.list_physical_devices("GPU"))
        case _:
            present["cuda"] = framework.default_backend() == "gpu"
    return tuple(name for name, there in present.items() if there)
