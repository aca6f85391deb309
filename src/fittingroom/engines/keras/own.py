"""Your own Keras model as an ONNX graph."""

import importlib.util
import math
import tempfile
from pathlib import Path

import onnx

from fittingroom.engines import Core
from fittingroom.engines.keras.backend import load_keras
from fittingroom.engines.keras.building import Built
from fittingroom.engines.own import build_core, export_module, quietly, reason_of
from fittingroom.errors import ExportError, missing_extra
from fittingroom.recipes import OwnModel

keras = load_keras()

# The latest opset that tf2onnx knows; the model is converted from there.
_TENSORFLOW_OPSET = 18


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
