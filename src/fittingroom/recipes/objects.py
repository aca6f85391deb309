"""A model that is an object already: copies of it as it is now, and what it is known by."""

import copy
import functools
import hashlib
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from fittingroom.errors import UsageError
from fittingroom.recipes.frameworks import EngineName, printed_form
from fittingroom.recipes.sources import source_of


def copier(model: Any, engine: EngineName, origin: str) -> Callable[[], Any]:
    """What gives copies of a model as it is now; later changes to it do not show in them.

    Raises:
        UsageError: it cannot be copied.
    """
    try:
        match engine:
            case "pytorch":
                return functools.partial(copy.deepcopy, copy.deepcopy(model))
            case "keras":
                weights = model.get_weights()
                clone = functools.partial(_clone_keras, model, weights)
                clone()
                return clone
            case "sklearn":
                clone_it = sys.modules["sklearn.base"].clone
                return functools.partial(clone_it, clone_it(model))
    except Exception as error:
        raise UsageError(
            f"Expected a model that can be copied, since one's own is never changed. Received "
            f"{origin}, which cannot: {str(error).splitlines()[0] if str(error) else error!r}. "
            "Give the function or class that builds it instead."
        ) from error


def _clone_keras(model: Any, weights: list[Any]) -> Any:
    clone = sys.modules["keras"].models.clone_model(model)
    if weights and not clone.weights:
        clone.build(model.input_shape)
    clone.set_weights(weights)
    return clone


def state_of(model: Any, engine: EngineName) -> str:
    """What a model prints, and a hash of its numbers."""
    match engine:
        case "pytorch":
            return f"{model}\n{_plain_attributes(model)}\n{_module_hash(model)}"
        case "keras":
            digest = hashlib.sha256()
            for array in model.get_weights():
                digest.update(f"{array.dtype} {array.shape}".encode() + array.tobytes())
            return f"{printed_form(model)}\n{_keras_config(model)}\n{digest.hexdigest()}"
        case "sklearn":
            settings = model.get_params(deep=True)
            lines = [f"{name} = {_setting(settings[name])}" for name in sorted(settings)]
            return "\n".join([type(model).__qualname__, *lines])


def layers_of(model: Any, engine: EngineName) -> str:
    """A fresh model's layers and shapes, or settings; nothing that a seed draws.

    Keras counts the names of layers up as it goes, so they are left out.
    """
    match engine:
        case "pytorch":
            shapes = {name: _shape(each) for name, each in model.state_dict().items()}
            return f"{model}\n{shapes}"
        case "keras":
            kinds = [type(layer).__name__ for layer in getattr(model, "layers", [])]
            return f"{kinds}\n{[tuple(weight.shape) for weight in model.weights]}"
        case "sklearn":
            return state_of(model, engine)


def _shape(value: Any) -> tuple[int, ...] | str:
    """A tensor's shape; the type of what has none yet, or is none."""
    if hasattr(value, "materialize") or getattr(value, "shape", None) is None:
        return type(value).__name__
    return tuple(value.shape)


def _module_hash(module: Any) -> str:
    digest = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        shape = getattr(tensor, "shape", None)
        if shape is None or hasattr(tensor, "materialize"):  # not drawn yet
            digest.update(f"{name} {type(tensor).__name__}".encode())
            continue
        numbers = tensor.detach().cpu().double().contiguous().numpy()
        digest.update(f"{name} {tensor.dtype} {tuple(shape)}".encode() + numbers.tobytes())
    return digest.hexdigest()


def _plain_attributes(module: Any) -> list[tuple[str, str, str]]:
    """Numbers and words that a module and its parts hold beside their weights."""
    return [
        (name, attribute, repr(value))
        for name, part in module.named_modules()
        for attribute, value in sorted(vars(part).items())
        if not attribute.startswith("_")
        and attribute != "training"
        and isinstance(value, bool | int | float | str | tuple | list)
    ]


def _keras_config(model: Any) -> str:
    try:
        return str(model.to_json())
    except (NotImplementedError, TypeError, ValueError):
        return "without a configuration"


def _setting(value: Any) -> str:
    if hasattr(value, "get_params"):
        return type(value).__qualname__  # its own settings are listed by name beside it
    if isinstance(value, list | tuple):
        return f"[{', '.join(_setting(each) for each in value)}]"
    if isinstance(value, types.FunctionType | type):
        return source_of(value) or f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, np.ndarray):
        return hashlib.sha256(value.tobytes()).hexdigest()
    return repr(value)
