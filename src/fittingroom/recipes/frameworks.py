"""Frameworks, known without being imported: whose a model is, and what is set before they load."""

import contextlib
import importlib.util
import os
import random
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fittingroom.errors import MissingExtraError, UsageError

EngineName = Literal["keras", "pytorch", "sklearn"]

# Numbers in the state of a Mersenne twister, which Python and NumPy draw from; the place in them
# comes next.
_TWISTER = 624

# What Keras can compute with, and how one gets it; the first where KERAS_BACKEND names nothing.
_KERAS_BACKENDS = {
    "torch": "pip install 'fittingroom[train]'",
    "tensorflow": "pip install 'fittingroom[tensorflow]'",
    "jax": "pip install jax",
}


def wait_briefly() -> None:
    """Have threads wait awake for a moment only, before a framework is loaded: OpenMP reads this
    once, then.

    Threads that wait by spinning take a core from whoever else runs, and then wait for each
    other: training beside one busy process takes up to forty times as long. To fall asleep at
    once costs half the speed where waking is slow, as on some virtual machines. So GNU's OpenMP
    spins about as long as waking takes (``docs/LOG.md`` has the figures), others not at all.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")


def before_own_code() -> None:
    """What must be set before a person's code loads frameworks, which read it once."""
    wait_briefly()
    os.environ.setdefault("KERAS_BACKEND", next(iter(_KERAS_BACKENDS)))
    # TensorFlow tells on standard error what it was built with; errors still come through.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def check_keras_backend() -> None:
    """Check what Keras is to compute with, before it is imported: it never changes afterwards.

    Raises:
        UsageError: a backend that cannot train, or that nobody knows.
        MissingExtraError: one that is not installed.
    """
    before_own_code()
    name = os.environ["KERAS_BACKEND"]
    if name not in _KERAS_BACKENDS:
        raise UsageError(
            f"Expected KERAS_BACKEND as one of {', '.join(_KERAS_BACKENDS)}. Received '{name}'. "
            "Unset it for PyTorch."
        )
    if importlib.util.find_spec(name) is None:
        raise MissingExtraError(
            f"Expected the package '{name}', which KERAS_BACKEND names. Received none: it is not "
            f"installed. Install it with `{_KERAS_BACKENDS[name]}`, or unset KERAS_BACKEND for "
            "PyTorch."
        )


def framework_of(model: object) -> EngineName | None:
    """The engine that trains an object, or None where it is no model of any framework.

    An object's framework is loaded already, or there would be no such object.

    Raises:
        UsageError: a scikit-learn object that is no classifier.
    """
    # Keras comes first: on the PyTorch backend, its models are modules of PyTorch too.
    if isinstance(model, _loaded("keras", "Model")):
        return "keras"
    if isinstance(model, _loaded("torch.nn", "Module")):
        return "pytorch"
    if isinstance(model, _loaded("sklearn.base", "BaseEstimator")):
        if not sys.modules["sklearn.base"].is_classifier(model):
            raise UsageError(
                f"Expected a classifier of scikit-learn. Received a {type(model).__name__}, which "
                "is none: put one at the end, by `make_pipeline(…, classifier)`."
            )
        return "sklearn"
    return None


def printed_form(model: Any) -> str:
    """A model as its framework prints it: layers or settings."""
    if framework_of(model) != "keras":
        return str(model)
    lines: list[str] = []
    model.summary(print_fn=lambda line, **_: lines.append(line), line_length=100)
    return "\n".join(lines)


@contextlib.contextmanager
def same_random_state() -> Iterator[None]:
    """The random states of Python, NumPy and PyTorch afterwards as before."""
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
    """The random states of Python, NumPy and, where it is loaded, PyTorch on the processor."""
    _, numbers, normal = random.getstate()
    _, keys, position, has_normal, other_normal = np.random.get_state(legacy=True)
    arrays: dict[str, npt.NDArray[Any]] = {
        "random.python": np.array(numbers, np.uint32),
        "random.python_normal": np.array([] if normal is None else [normal], np.float64),
        "random.numpy": np.array([*keys, position, has_normal], np.uint32),
        "random.numpy_normal": np.array(other_normal, np.float64),
    }
    torch = sys.modules.get("torch")
    if torch:
        arrays["random.torch"] = torch.random.get_rng_state().numpy()
    return arrays


def set_random_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Set the random states to what :func:`random_arrays` gave.

    Raises:
        KeyError, TypeError, ValueError: something else.
        RuntimeError: likewise, by PyTorch.
    """
    for name, more in (("random.python", 1), ("random.numpy", 2)):
        given = arrays[name]
        if given.dtype != np.uint32 or given.shape != (_TWISTER + more,):
            raise ValueError(f"{name} of shape {given.shape} and type {given.dtype}")
        # NumPy believes a place beyond them, and reads there.
        if given[_TWISTER] > _TWISTER:
            raise ValueError(f"{name} at number {given[_TWISTER]} of {_TWISTER}")
    normal = arrays["random.python_normal"].tolist()
    numbers = tuple(arrays["random.python"].tolist())
    random.setstate((3, numbers, normal[0] if normal else None))
    *keys, position, has_normal = arrays["random.numpy"].tolist()
    other_normal = float(arrays["random.numpy_normal"])
    np.random.set_state(("MT19937", np.array(keys, np.uint32), position, has_normal, other_normal))
    torch = sys.modules.get("torch")
    if torch:
        torch.random.set_rng_state(torch.tensor(arrays["random.torch"]))


def _loaded(module: str, name: str) -> Any:
    """A class of a framework, or, where that is not loaded, a tuple of no classes."""
    return getattr(sys.modules.get(module), name, ())
