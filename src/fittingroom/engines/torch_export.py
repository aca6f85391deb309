"""PyTorch's own exporter, for all engines whose models are PyTorch modules underneath."""

import importlib.util
from collections.abc import Sequence

import onnx
import torch
from torch import nn

from fittingroom.engines.cores import quietly, reason_of
from fittingroom.errors import ExportError, missing_extra
from fittingroom.graphs import OPSET

OUTPUT = "given"


def export_module(module: nn.Module, shape: Sequence[int], origin: str) -> onnx.ModelProto:
    """A module as ONNX, from float32 ``(N, *shape)`` to :data:`OUTPUT`, for any ``N``.

    Args:
        module: as it is to be used, with nothing of training in it; it is put into evaluation.
        shape: of one image as it takes it.
        origin: its name in errors.

    Raises:
        ExportError: the exporter fails; the message holds its own reason.
        MissingExtraError: a package that it needs is not installed.
    """
    if importlib.util.find_spec("onnxscript") is None:
        raise missing_extra(ModuleNotFoundError(name="onnxscript"), "train")
    module.eval()
    first = next(module.parameters(), None)
    example = torch.rand(2, *shape, device=None if first is None else first.device)
    with quietly(), torch.no_grad():
        try:
            program = torch.onnx.export(
                module,
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=["taken"],
                output_names=[OUTPUT],
                dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
                external_data=False,
                verbose=False,
            )
        except Exception as error:
            raise ExportError(
                f"PyTorch can't export {origin} to ONNX, for batches of any size: "
                f"{reason_of(error)}"
            ) from error
    assert program is not None
    return program.model_proto
