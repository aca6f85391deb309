"""The random states of Python, NumPy and PyTorch: stored in a checkpoint, and restored."""

import contextlib
import json
import random
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt


@contextlib.contextmanager
def same_random_state() -> Iterator[None]:
    """Leave the random states as they were before.

    TensorFlow is not covered: its global state cannot be read.
    """
    torch = sys.modules.get("torch")
    states = random.getstate(), np.random.get_state(), torch and torch.random.get_rng_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        if torch:
            torch.random.set_rng_state(states[2])


def random_arrays() -> dict[str, npt.NDArray[Any]]:
    """The random states of a training with PyTorch as arrays; Python's and NumPy's as JSON."""
    torch: Any = sys.modules["torch"]
    states = {"python": random.getstate(), "numpy": np.random.get_state(legacy=False)}
    text = json.dumps(states, default=np.ndarray.tolist)
    arrays: dict[str, npt.NDArray[Any]] = {
        "random.json": np.frombuffer(text.encode(), np.uint8),
        "random.torch": torch.random.get_rng_state().numpy(),
    }
    if torch.cuda.is_initialized():
        arrays["random.cuda"] = torch.cuda.get_rng_state().numpy()
    return arrays


def set_random_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Set the random states to what :func:`random_arrays` gave; errors of any type if not."""
    torch: Any = sys.modules["torch"]
    states = json.loads(arrays["random.json"].tobytes())
    version, numbers, normal = states["python"]
    random.setstate((version, tuple(numbers), normal))
    inner = states["numpy"]["state"]
    if not 0 <= inner["pos"] <= len(inner["key"]):  # NumPy would read beyond the end
        raise ValueError(f"the position {inner['pos']} in the random numbers")
    np.random.set_state(states["numpy"])
    torch.random.set_rng_state(torch.tensor(arrays["random.torch"]))
    # A training may resume on another device.
    if "random.cuda" in arrays and torch.cuda.is_available():
        torch.cuda.set_rng_state(torch.tensor(arrays["random.cuda"]))
