"""Frameworks, known without importing them: whose a model is, and what it is recognised by.

A model is recognised by the source of its code, its layers and its weights. Other files that the
code imports, values that it refers to, and files or variables that it reads are noticed only if
they change the layers or settings of the model (see docs/how-to/own-model.md).
"""

import copy
import functools
import hashlib
import inspect
import marshal
import os
import sys
from typing import Any, Literal

from fittingroom.errors import UsageError

EngineName = Literal["keras", "pytorch", "sklearn"]


def wait_briefly() -> None:
    """Let idle threads wait awake for a moment only; call this before a framework is loaded, since
    OpenMP reads it once.

    Threads that spin while they wait keep a core from other processes: training beside one busy
    process takes up to forty times as long. Threads that fall asleep at once run at half the speed
    where waking is slow, as on some virtual machines. So GNU's OpenMP spins for about as long as
    waking takes (``docs/LOG.md`` has the figures), others not at all.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")


def before_own_code() -> None:
    """Set what frameworks read once, before your code loads them."""
    wait_briefly()
    os.environ.setdefault("KERAS_BACKEND", "torch")
    # TensorFlow prints how it was built to standard error; its errors still come through.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def framework_of(model: object) -> EngineName | None:
    """The engine that trains an object, or None if it is no model of any framework.

    Only loaded frameworks are asked: an object of any other cannot exist.

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
                f"A {type(model).__name__} is no classifier. Put one at the end: "
                "`make_pipeline(…, classifier)`."
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


def layers_of(model: Any) -> str:
    """A model's layers and their shapes, or its settings; nothing that a seed draws."""
    match framework_of(model):
        case "pytorch":
            return f"{model}\n{ {name: each.shape for name, each in _arrays(model).items()} }"
        case "keras":
            # Names are left out: Keras counts them up as it creates layers.
            kinds = [type(layer).__name__ for layer in getattr(model, "layers", [])]
            return f"{kinds}\n{[each.shape for each in _arrays(model).values()]}"
        case _:
            return f"{model}\n{sys.modules['joblib'].hash(model)}"


def weights_hash(model: Any) -> str:
    """A hash of a model's weights; a scikit-learn classifier has none, as it is fitted anew."""
    digest = hashlib.sha256()
    for name, array in _arrays(model).items():
        digest.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def copy_of(model: Any) -> Any:
    """A copy of a model with the same weights; of a scikit-learn classifier, not fitted."""
    match framework_of(model):
        case "keras":
            clone = sys.modules["keras"].models.clone_model(model)
            if model.weights and not clone.weights:
                clone.build(model.input_shape)
            clone.set_weights(model.get_weights())
            return clone
        case "sklearn":
            return sys.modules["sklearn.base"].clone(model)
        case _:
            return copy.deepcopy(model)


def _arrays(model: Any) -> dict[str, Any]:
    """A model's weights by name."""
    match framework_of(model):
        case "pytorch":
            # Lazy layers have not drawn theirs yet.
            lazy = sys.modules["torch"].nn.parameter.UninitializedTensorMixin
            return {
                name: each.detach().cpu().double().numpy()
                for name, each in model.state_dict().items()
                if hasattr(each, "detach") and not isinstance(each, lazy)
            }
        case "keras":
            return {str(number): each for number, each in enumerate(model.get_weights())}
        case _:
            return {}


def _loaded(module: str, name: str) -> Any:
    """A class of a framework, or a tuple of no classes if that is not loaded."""
    return getattr(sys.modules.get(module), name, ())
