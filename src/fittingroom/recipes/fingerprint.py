"""How a person's own model is recognised: by the source of its code, its layers and its numbers.

Other files that the code imports, values that it refers to, and files or variables that it reads
are seen only if they change the layers or settings of the model (see docs/own-model.md).
"""

import copy
import functools
import hashlib
import inspect
import marshal
import sys
from collections.abc import Callable
from typing import Any

from fittingroom.errors import UsageError
from fittingroom.recipes.frameworks import EngineName


def sha256(text: str) -> str:
    """The SHA-256 of a text, as hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def source_of(thing: Any) -> str:
    """The source of a function or class; of an object, that of its class.

    If there is no source, as for a class in a notebook, the compiled code stands for it.
    """
    if isinstance(thing, functools.partial):
        return f"{source_of(thing.func)}\n{thing.args!r} {sorted(thing.keywords.items())!r}"
    if not (inspect.isroutine(thing) or inspect.isclass(thing)):
        thing = type(thing)
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):
        members = vars(thing).values() if inspect.isclass(thing) else [thing]
        compiled = [marshal.dumps(each.__code__) for each in members if inspect.isfunction(each)]
        return f"{thing.__qualname__} {compiled}"


def layers_of(model: Any, engine: EngineName) -> str:
    """A model's layers and their shapes, or its settings; nothing that a seed draws."""
    match engine:
        case "pytorch":
            shapes = {name: getattr(each, "shape", None) for name, each in _tensors(model)}
            return f"{model}\n{shapes}"
        case "keras":
            # Names are left out: Keras counts them up as it creates layers.
            kinds = [type(layer).__name__ for layer in getattr(model, "layers", [])]
            return f"{kinds}\n{[tuple(weight.shape) for weight in model.weights]}"
        case "sklearn":
            return f"{model}\n{sys.modules['joblib'].hash(model)}"


def numbers_of(model: Any, engine: EngineName) -> str:
    """A hash of a model's weights; empty for scikit-learn, which is fitted anew."""
    digest = hashlib.sha256()
    match engine:
        case "pytorch":
            for name, tensor in _tensors(model):
                digest.update(name.encode() + tensor.detach().cpu().double().numpy().tobytes())
        case "keras":
            for array in model.get_weights():
                digest.update(f"{array.dtype} {array.shape}".encode() + array.tobytes())
        case "sklearn":
            return ""
    return digest.hexdigest()


def copier(model: Any, engine: EngineName, origin: str) -> Callable[[], Any]:
    """A function that gives copies of a model as it is now, whatever happens to it later.

    Raises:
        UsageError: it cannot be copied.
    """
    try:
        match engine:
            case "pytorch":
                return functools.partial(copy.deepcopy, copy.deepcopy(model))
            case "keras":
                clone = functools.partial(_clone_keras, model, model.get_weights())
                clone()
                return clone
            case "sklearn":
                clone_it = sys.modules["sklearn.base"].clone
                return functools.partial(clone_it, clone_it(model))
    except Exception as error:
        raise UsageError(
            f"{origin} can't be copied, and your own model is never changed: {error!r}. Give the "
            "function or class that builds it instead."
        ) from error


def _clone_keras(model: Any, weights: list[Any]) -> Any:
    clone = sys.modules["keras"].models.clone_model(model)
    if weights and not clone.weights:
        clone.build(model.input_shape)
    clone.set_weights(weights)
    return clone


def _tensors(module: Any) -> list[tuple[str, Any]]:
    """Names and tensors of a module's state, without those that lazy layers have not drawn yet."""
    lazy = sys.modules["torch"].nn.parameter.UninitializedTensorMixin
    return [
        (name, each)
        for name, each in module.state_dict().items()
        if hasattr(each, "detach") and not isinstance(each, lazy)
    ]
