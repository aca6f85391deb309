"""A trained network → files that others read."""

from fittingroom.export.onnx import build_onnx

__all__ = ["build_onnx"]
