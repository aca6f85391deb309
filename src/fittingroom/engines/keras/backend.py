"""What Keras computes with: chosen before Keras is imported, since it never changes afterwards."""

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from typing import Any

from fittingroom.engines import Device
from fittingroom.engines.random_states import same_random_state
from fittingroom.errors import UsageError, missing_extra
from fittingroom.recipes.frameworks import before_own_code


def load_keras() -> Any:
    """The module ``keras``, on the backend that ``KERAS_BACKEND`` names, or else on PyTorch.

    If Keras is loaded already, it keeps its backend.

    Raises:
        UsageError: a backend that does not exist or cannot train.
        MissingExtraError: TensorFlow is not installed.
    """
    if "keras" not in sys.modules:
        check_backend()
    import keras

    return keras


def check_backend() -> None:
    """Check the backend that Keras would be loaded with; see :func:`load_keras`."""
    before_own_code()
    name = os.environ["KERAS_BACKEND"]
    if name not in ("torch", "tensorflow"):
        raise UsageError(
            f"KERAS_BACKEND is '{name}', which can't train. Set it to torch or tensorflow, or "
            "unset it for PyTorch."
        )
    if name == "tensorflow" and importlib.util.find_spec(name) is None:
        raise missing_extra(ModuleNotFoundError(name=name), "tensorflow")


def set_threads(backend: str, threads: int) -> None:
    """Let the backend use that many processor threads, if it still can change.

    TensorFlow takes the number only before its first computation.
    """
    if backend == "torch":
        importlib.import_module("torch").set_num_threads(threads)
        return
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
    if backend == "tensorflow":
        return ("cuda",) if framework.config.list_physical_devices("GPU") else ()
    present = {"cuda": framework.cuda, "mps": framework.backends.mps}
    return tuple(name for name, part in present.items() if part.is_available())
