"""A trained model → files that others read."""

from fittingroom.export.onnx import build_onnx, wrap_core
from fittingroom.export.ood import OodScore, fit_ood
