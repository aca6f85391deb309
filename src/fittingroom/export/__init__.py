"""A trained model → files that others read."""

from fittingroom.export.core import wrap_core
from fittingroom.export.onnx import build_onnx
from fittingroom.export.ood import OodScore, fit_ood
