"""Keras models as files that plain Keras loads, and your own model as an ONNX graph."""

import importlib.util
import json
import math
import tempfile
import zipfile
from pathlib import Path
from typing import Any, Literal

import h5py
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
# Settings that Keras 3.7 doesn't know, with the values by which they change nothing.
_NEWER = {
    **dict.fromkeys(("quantization_config", "input_axes", "output_axes", "renorm_clipping")),
    "renorm": False,
    "renorm_momentum": 0.99,
}


def file_content(model: Any, kind: Literal["keras", "h5"], *, check: bool = False) -> bytes:
    """The model as Keras' own archive, or as the older HDF5 file, for Keras 3.7 and later.

    A compiled model's loss, metrics and optimizer go with it. With ``check`` the file is loaded
    once, and whatever error Keras then raises passes through.
    """
    with quietly(), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model.{kind}"  # Keras goes by the ending
        model.save(path)
        _write_for_older(path)
        if check:
            keras.models.load_model(path)
        return path.read_bytes()


def _write_for_older(path: Path) -> None:
    """Take settings out of a model's file that older versions of Keras 3 don't know."""
    if path.suffix == ".h5":
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"], object_hook=_in_old_terms)
            file.attrs["model_config"] = json.dumps(config)
        return
    with zipfile.ZipFile(path) as archive:
        content = {info: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for info, data in content.items():
            if info.filename == "config.json":
                data = json.dumps(json.loads(data, object_hook=_in_old_terms)).encode()
            archive.writestr(info, data)


def _in_old_terms(values: dict[str, Any]) -> dict[str, Any]:
    # Random layers have no say in what a model answers, and this is how images come everywhere.
    varies = str(values.get("name", "")) in ("flip", "rotation")
    newer = _NEWER | ({"data_format": "channels_last"} if varies else {})
    return {k: value for k, value in values.items() if k not in newer or value != newer[k]}


def saved_files(model: Any) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """The model as ``model.keras`` and ``best_model.h5``, and a sentence on each that is left out.

    A file is left out if Keras cannot load it, as with layers of your own.
    """
    files: dict[str, bytes] = {}
    notes: list[str] = []
    kinds: dict[str, Literal["keras", "h5"]] = {"model.keras": "keras", "best_model.h5": "h5"}
    for name, kind in kinds.items():
        try:
            files[name] = file_content(model, kind, check=True)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run has its other files
            notes.append(f"{name} is left out, since Keras could not load it: {reason_of(error)}")
    return files, tuple(notes)


def export_own(built: Built, own: OwnModel, backend: str) -> Core:
    """The model as a core, by PyTorch's own exporter if Keras computes with PyTorch, and otherwise
    by Keras'; see :func:`build_core`.
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
