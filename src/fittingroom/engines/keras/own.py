"""A person's own Keras model: built, tried out before it is trained, exported, and saved."""

import contextlib
import importlib.util
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx

from fittingroom.data import Split
from fittingroom.engines import Core
from fittingroom.engines.cores import (
    Gives,
    are_probabilities,
    build_core,
    check_core,
    quietly,
    reason_of,
    to_logits,
)
from fittingroom.engines.keras.backend import load_keras
from fittingroom.engines.keras.files import file_content
from fittingroom.errors import ExportError, FittingRoomError, RecipeError, missing_extra
from fittingroom.predictions import Float32, UInt8
from fittingroom.recipes import OwnModel, own_code

keras = load_keras()

_WHITE = np.float32(255)
_PIXELS = 784
_UNBUILT = (28, 28, 1)
# Images in the trial, and in the check of the exported model, which so meets another batch size.
_TRIAL, _CHECK = 2, 3
# The latest opset that tf2onnx knows; the model is converted from there.
_TENSORFLOW_OPSET = 18


@dataclass(frozen=True, eq=False)
class OwnKeras:
    """A built model, with its input and output.

    Attributes:
        own: where it comes from.
        model: the model.
        shape: of an image as it takes it.
        classes: numbers that it gives for an image.
        gives: whether these are probabilities or logits.
    """

    own: OwnModel
    model: Any
    shape: tuple[int, ...]
    classes: int
    gives: Gives

    def logits(self, images: UInt8, batch_size: int) -> Float32:
        """Its logits for images: float32 ``(N, K)``."""
        with own_code(f"asking {self.own.origin} about images"):
            given = self.model.predict(scaled(images, self.shape), batch_size=batch_size, verbose=0)
        return to_logits(given, self.gives)


def scaled(images: UInt8, shape: tuple[int, ...]) -> Float32:
    """uint8 ``(N, 28, 28)`` → float32 ``(N, *shape)`` from 0 to 1."""
    return (images.astype(np.float32) / _WHITE).reshape(-1, *shape)


def build_own(own: OwnModel, split: Split) -> OwnKeras:
    """A new model, shown a few images; the seed has been set.

    Raises:
        RecipeError: it takes or gives another shape.
        OwnCodeError: its code raises an error.
    """
    model = own.fresh()
    shape, classes = _taken(model, own.origin), len(split.classes)
    few = scaled(split.training.images[:_TRIAL], shape)
    with own_code(f"showing {own.origin} {_TRIAL} images"):
        given = model(few, training=False)
    if not hasattr(given, "shape"):
        raise RecipeError(f"{own.origin} gives a {type(given).__name__}. It must give one tensor.")
    values = np.asarray(keras.ops.convert_to_numpy(given))
    if values.shape != (_TRIAL, classes) or values.dtype != np.float32:
        raise RecipeError(
            f"{own.origin} gives {values.dtype} of shape {values.shape} for {_TRIAL} images of "
            f"shape {shape}. It must give float32 probabilities or logits of shape "
            f"{(_TRIAL, classes)}: one for each class."
        )
    gives: Gives = "probabilities" if are_probabilities(values) else "logits"
    return OwnKeras(own, model, shape, classes, gives)


def try_out(own: OwnModel, split: Split, compiled: Callable[[OwnKeras], Any], backend: str) -> None:
    """Take one step of training and export the model, so that problems show at once.

    Args:
        own: the model.
        split: gives the images.
        compiled: gives the model that is trained, compiled.
        backend: what Keras computes with.

    Raises:
        RecipeError: it takes or gives another shape, or has nothing to train.
        OwnCodeError: its code raises an error.
        ExportError: it cannot be exported.
    """
    built = build_own(own, split)
    if not built.model.trainable_weights:
        raise RecipeError(f"{own.origin} has nothing to train: none of its weights is trainable.")
    images, labels = split.training.images[:_CHECK], split.training.labels[:_CHECK]
    check_core(export_own(built, backend), images, built.logits(images, _CHECK))
    with own_code(f"training {own.origin} on {_TRIAL} images"):
        compiled(built).train_on_batch(scaled(images[:_TRIAL], built.shape), labels[:_TRIAL])


def export_own(built: OwnKeras, backend: str) -> Core:
    """The model as a core, by PyTorch's own exporter if Keras computes with PyTorch, and otherwise
    by Keras'.

    Raises:
        ExportError: it cannot be exported.
    """
    if backend == "torch":
        inner, output = _by_torch(built)
    else:
        inner, output = _by_keras(built, backend)
    return build_core(
        inner,
        output,
        shape=built.shape,
        classes=built.classes,
        gives=built.gives,
        parameters=sum(math.prod(each.shape) for each in built.model.trainable_weights),
    )


def saved_files(model: Any) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """The model as ``model.keras`` and ``best_model.h5``, and a sentence on each that is left out.

    A file is left out if Keras cannot load it, as with layers of the person's own.
    """
    files: dict[str, bytes] = {}
    notes: list[str] = []
    kinds: dict[str, Literal["keras", "h5"]] = {"model.keras": "keras", "best_model.h5": "h5"}
    for name, kind in kinds.items():
        try:
            with quietly(), tempfile.TemporaryDirectory() as folder:
                content = file_content(model, kind)
                path = Path(folder) / name
                path.write_bytes(content)
                keras.models.load_model(path)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run has its other files
            notes.append(f"{name} is left out, since Keras could not load it: {reason_of(error)}")
        else:
            files[name] = content
    return files, tuple(notes)


def _taken(model: Any, origin: str) -> tuple[int, ...]:
    """The shape of an image as a model takes it."""
    try:
        shape = model.input_shape if model.built else (None, *_UNBUILT)
    except AttributeError:  # a class of one's own, which takes what it is called with
        shape = (None, *_UNBUILT)
    sides = shape[1:] if isinstance(shape, tuple) else ()
    if sides in ((None, None), (None, None, 1)):
        return _UNBUILT[: len(sides)]
    if not sides or None in sides or math.prod(sides) != _PIXELS:
        raise RecipeError(
            f"{origin} has the input_shape {shape}. It must take images of {_PIXELS} values, such "
            f"as (28, 28, 1), (28, 28) or ({_PIXELS},)."
        )
    return tuple(sides)


def _by_torch(built: OwnKeras) -> tuple[onnx.ModelProto, str]:
    import torch

    from fittingroom.engines.torch_export import OUTPUT, export_module

    class InUse(torch.nn.Module):
        """The model as it is after training."""

        def __init__(self) -> None:
            super().__init__()
            self.model = built.model

        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            given: torch.Tensor = self.model(pictures, training=False)
            return given

    with _whole_errors():
        return export_module(InUse(), built.shape, built.own.origin), OUTPUT


@contextlib.contextmanager
def _whole_errors() -> Iterator[None]:
    """Errors as they were raised: Keras replaces them, and the exporter's reason gets lost."""
    filtered = keras.config.is_traceback_filtering_enabled()
    keras.config.disable_traceback_filtering()
    try:
        yield
    finally:
        if filtered:
            keras.config.enable_traceback_filtering()


def _by_keras(built: OwnKeras, backend: str) -> tuple[onnx.ModelProto, str]:
    if backend == "tensorflow" and importlib.util.find_spec("tf2onnx") is None:
        raise missing_extra(ModuleNotFoundError(name="tf2onnx"), "tensorflow")
    try:
        with quietly(), tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            built.model.export(path, format="onnx", verbose=False, opset_version=_TENSORFLOW_OPSET)
            model = onnx.load(path)
        onnx.checker.check_model(model)
    except FittingRoomError:
        raise
    except Exception as error:
        raise ExportError(
            f"Keras can't export {built.own.origin} to ONNX with {backend}: {reason_of(error)} "
            "Train it with KERAS_BACKEND=torch, whose exporter supports more."
        ) from error
    return model, model.graph.output[0].name
