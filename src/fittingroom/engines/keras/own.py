"""A Keras model of a person's own: built, tried out before it is trained, exported, and saved."""

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
from fittingroom.engines.cores import Gives, build_core, check_core, quietly, reason_of, to_logits
from fittingroom.engines.keras.backend import load_keras
from fittingroom.engines.keras.files import file_content
from fittingroom.errors import ExportError, FittingRoomError, RecipeError, missing_extra
from fittingroom.predictions import Float32, UInt8
from fittingroom.recipes import OwnModel, own_code

keras = load_keras()

_WHITE = np.float32(255)
_PIXELS = 784
_UNBUILT = (28, 28, 1)
# Pictures of the trial, and others of the exported model's, so that another size is tried too.
_TRIAL, _CHECK = 2, 3
# Rows of probabilities add up to one within this.
_ONE = 1e-3
# The latest opset that tf2onnx knows; the core's is reached from there.
_TENSORFLOW_OPSET = 18


@dataclass(frozen=True, eq=False)
class OwnKeras:
    """A built model, and what it takes and gives.

    Attributes:
        own: where it comes from.
        model: the model.
        shape: of a picture as it takes it.
        classes: numbers that it gives for a picture.
        gives: whether these are probabilities or logits.
    """

    own: OwnModel
    model: Any
    shape: tuple[int, ...]
    classes: int
    gives: Gives

    def pixels(self, images: UInt8) -> Float32:
        """uint8 ``(N, 28, 28)`` → float32 ``(N, *shape)`` from 0 to 1."""
        return (images.astype(np.float32) / _WHITE).reshape(-1, *self.shape)

    def logits(self, images: UInt8, batch_size: int) -> Float32:
        """What it says of pictures: float32 ``(N, K)``."""
        with own_code(f"asking {self.own.origin} about pictures"):
            given = self.model.predict(self.pixels(images), batch_size=batch_size, verbose=0)
        return to_logits(given, self.gives)


def build_own(own: OwnModel, split: Split) -> OwnKeras:
    """A fresh model, shown a few pictures; the seed has been set.

    Raises:
        RecipeError: its code builds something else, or it takes or gives another shape.
        OwnCodeError: its code raises an error.
    """
    model = own.fresh()
    if not isinstance(model, keras.Model):
        raise RecipeError(
            f"Expected {own.origin} to give a Keras model again, as it did at first. Received a "
            f"{type(model).__name__}."
        )
    shape, classes = _taken(model, own.origin), len(split.classes)
    few = (split.training.images[:_TRIAL].astype(np.float32) / _WHITE).reshape(_TRIAL, *shape)
    with own_code(f"showing {own.origin} {_TRIAL} pictures"):
        given = model(few, training=False)
    if not hasattr(given, "shape"):
        raise RecipeError(
            f"Expected {own.origin} to give one tensor. Received a {type(given).__name__}."
        )
    values = np.asarray(keras.ops.convert_to_numpy(given))
    if values.shape != (_TRIAL, classes) or values.dtype != np.float32:
        raise RecipeError(
            f"Expected probabilities or logits of shape {(_TRIAL, classes)}, float32, from "
            f"{own.origin} for {_TRIAL} pictures of shape {(_TRIAL, *shape)}: one a class. "
            f"Received {values.dtype} of shape {values.shape}."
        )
    return OwnKeras(own, model, shape, classes, _given(values))


def try_out(own: OwnModel, split: Split, compiled: Callable[[OwnKeras], Any], backend: str) -> None:
    """One step of training and an export, so that what cannot work is known at once.

    Args:
        own: the model.
        split: whose pictures it is tried on.
        compiled: makes of it the model that is trained.
        backend: what Keras computes with.

    Raises:
        RecipeError: it takes or gives another shape, or has nothing to train.
        OwnCodeError: its code raises an error.
        ExportError: it cannot be exported.
    """
    built = build_own(own, split)
    if not built.model.trainable_weights:
        raise RecipeError(
            f"Expected {own.origin} to have weights to train. Received a model without any."
        )
    images, labels = split.training.images[:_CHECK], split.training.labels[:_CHECK]
    check_core(export_own(built, backend), images, built.logits(images, _CHECK))
    with own_code(f"training {own.origin} on {_TRIAL} pictures"):
        compiled(built).train_on_batch(built.pixels(images[:_TRIAL]), labels[:_TRIAL])


def export_own(built: OwnKeras, backend: str) -> Core:
    """The model as a core: by PyTorch's own exporter where Keras computes with PyTorch, and by
    Keras' export elsewhere.

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


def saved_files(built: OwnKeras) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """The model as ``model.keras`` and ``best_model.h5``, and a sentence on each that cannot be.

    A file that Keras does not load again, for code that is in no file of Keras, is none to leave.
    """
    files: dict[str, bytes] = {}
    notes: list[str] = []
    kinds: dict[str, Literal["keras", "h5"]] = {"model.keras": "keras", "best_model.h5": "h5"}
    for name, kind in kinds.items():
        try:
            with quietly(), tempfile.TemporaryDirectory() as folder:
                content = file_content(built.model, kind)
                path = Path(folder) / name
                path.write_bytes(content)
                keras.models.load_model(path)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run has its other files
            notes.append(f"{name} is left out, as Keras could not load it: {reason_of(error)}")
        else:
            files[name] = content
    return files, tuple(notes)


def _taken(model: Any, origin: str) -> tuple[int, ...]:
    """The shape of a picture as a model takes it."""
    try:
        shape = model.input_shape if model.built else (None, *_UNBUILT)
    except AttributeError:  # a model of one's own class, which takes what it is called with
        shape = (None, *_UNBUILT)
    sides = shape[1:] if isinstance(shape, tuple) else ()
    if sides in ((None, None), (None, None, 1)):
        return _UNBUILT[: len(sides)]
    if not sides or None in sides or math.prod(sides) != _PIXELS:
        raise RecipeError(
            f"Expected {origin} to take pictures of {_PIXELS} values, such as (28, 28, 1), "
            f"(28, 28) or ({_PIXELS},). Received a model whose input_shape is {shape}."
        )
    return tuple(sides)


def _given(values: np.ndarray) -> Gives:
    """Probabilities are no less than 0, and add up to 1 for each picture."""
    sums = values.astype(np.float64).sum(axis=1)
    are = bool((values >= 0).all() and (abs(sums - 1) < _ONE).all())
    return "probabilities" if are else "logits"


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
            f"Expected a model that Keras can export to ONNX with {backend}. Received "
            f"{built.own.origin}, for which it says: {reason_of(error)} Train it with "
            "KERAS_BACKEND=torch, whose exporter knows more."
        ) from error
    return model, model.graph.output[0].name
