"""Your own Keras model: tried out before it is trained, and exported afterwards."""

import importlib.util
import math
import tempfile
from pathlib import Path

import onnx

from fittingroom.data import Split
from fittingroom.engines import Core
from fittingroom.engines.cores import build_core, check_core, quietly, reason_of
from fittingroom.engines.keras.backend import load_keras
from fittingroom.engines.keras.building import Built, build
from fittingroom.errors import ExportError, RecipeError, missing_extra
from fittingroom.recipes import OwnModel, Recipe, own_code

keras = load_keras()

# Images in the trial, and in the check of the exported model, which so meets another batch size.
_TRIAL, _CHECK = 2, 3
# The latest opset that tf2onnx knows; the model is converted from there.
_TENSORFLOW_OPSET = 18


def try_out(recipe: Recipe, own: OwnModel, split: Split, backend: str) -> None:
    """Take one step of training and export the model, so that problems show at once.

    Raises:
        RecipeError: it takes or gives another shape, or has nothing to train.
        OwnCodeError: its code raises an error.
        ExportError: it cannot be exported.
    """
    built = build(recipe, split)
    if not built.model.trainable_weights:
        raise RecipeError(f"{own.origin} has nothing to train: none of its weights is trainable.")
    images, labels = split.training.images[:_CHECK], split.training.labels[:_CHECK]
    check_core(export_own(built, own, backend), images, built.logits(images))
    with own_code(f"training {own.origin} on {_TRIAL} images"):
        built.trained.train_on_batch(built.scaled(images[:_TRIAL]), labels[:_TRIAL])


def export_own(built: Built, own: OwnModel, backend: str) -> Core:
    """The model as a core, by PyTorch's own exporter if Keras computes with PyTorch, and otherwise
    by Keras'.

    Raises:
        ExportError: it cannot be exported.
    """
    try:
        inner = _by_torch(built, own) if backend == "torch" else _by_keras(built, own, backend)
        return build_core(
            inner,
            inner.graph.output[0].name,
            shape=built.shape,
            classes=built.classes,
            gives=built.gives,
            parameters=sum(math.prod(each.shape) for each in built.model.trainable_weights),
        )
    except ExportError as error:
        if backend == "torch":
            raise
        raise ExportError(
            f"{error} Train it with KERAS_BACKEND=torch, whose exporter supports more."
        ) from error


def _by_torch(built: Built, own: OwnModel) -> onnx.ModelProto:
    import torch

    from fittingroom.engines.torch_export import export_module

    class InUse(torch.nn.Module):
        """The model as it is after training."""

        def __init__(self) -> None:
            super().__init__()
            self.model = built.model

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            given: torch.Tensor = self.model(images, training=False)
            return given

    # Keras replaces errors as they pass, and the exporter's reason gets lost.
    filtered = keras.config.is_traceback_filtering_enabled()
    keras.config.disable_traceback_filtering()
    try:
        return export_module(InUse(), built.shape, own.origin)
    finally:
        if filtered:
            keras.config.enable_traceback_filtering()


def _by_keras(built: Built, own: OwnModel, backend: str) -> onnx.ModelProto:
    if backend == "tensorflow" and importlib.util.find_spec("tf2onnx") is None:
        raise missing_extra(ModuleNotFoundError(name="tf2onnx"), "tensorflow")
    try:
        with quietly(), tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            built.model.export(path, format="onnx", verbose=False, opset_version=_TENSORFLOW_OPSET)
            return onnx.load(path)
    except Exception as error:
        raise ExportError(
            f"Keras can't export {own.origin} to ONNX with {backend}: {reason_of(error)}"
        ) from error
