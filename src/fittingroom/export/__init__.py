"""A trained model → files that others read."""

from fittingroom.export.core import wrap_core
from fittingroom.export.onnx import build_onnx

__all__ = ["build_onnx", "wrap_core"]
