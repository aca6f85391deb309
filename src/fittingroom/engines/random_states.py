"""The random states of Python, NumPy and PyTorch: seeded, stored in a checkpoint, and restored."""

import contextlib
import math
import random
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from fittingroom.engines.course import check_arrays

# Numbers in the state of a Mersenne Twister, which Python and NumPy draw from; the position in
# them comes next.
_TWISTER = 624


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
    """The random states as arrays; those of PyTorch only if it is loaded."""
    _, numbers, normal = random.getstate()
    _, keys, position, has_normal, other_normal = np.random.get_state(legacy=True)
    arrays: dict[str, npt.NDArray[Any]] = {
        "random.python": np.array(numbers, np.uint32),
        "random.python_normal": np.array(math.nan if normal is None else normal),
        "random.numpy": np.array([*keys, position, has_normal], np.uint32),
        "random.numpy_normal": np.array(other_normal, np.float64),
    }
    torch = sys.modules.get("torch")
    if torch:
        arrays["random.torch"] = torch.random.get_rng_state().numpy()
        if torch.cuda.is_initialized():
            arrays["random.cuda"] = torch.cuda.get_rng_state().numpy()
    return arrays


def set_random_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Set the random states to what :func:`random_arrays` gave.

    Raises:
        KeyError, ValueError, RuntimeError: these are no such arrays.
    """
    expected = random_arrays()
    expected.pop("random.cuda", None)  # a training may resume on another device
    check_arrays(arrays, expected)
    for name in ("random.python", "random.numpy"):
        # NumPy would read beyond the end.
        if arrays[name][_TWISTER] > _TWISTER:
            raise ValueError(f"{name} at number {arrays[name][_TWISTER]} of {_TWISTER}")
    normal = arrays["random.python_normal"].item()
    numbers = tuple(arrays["random.python"].tolist())
    random.setstate((3, numbers, None if math.isnan(normal) else normal))
    *keys, position, has_normal = arrays["random.numpy"].tolist()
    other_normal = float(arrays["random.numpy_normal"])
    np.random.set_state(("MT19937", np.array(keys, np.uint32), position, has_normal, other_normal))
    torch = sys.modules.get("torch")
    if torch:
        torch.random.set_rng_state(torch.tensor(arrays["random.torch"]))
        if "random.cuda" in arrays and torch.cuda.is_available():
            torch.cuda.set_rng_state(torch.tensor(arrays["random.cuda"]))
