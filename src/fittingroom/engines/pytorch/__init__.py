"""The PyTorch engine."""

from fittingroom.engines.pytorch.training import PyTorchEngine

engine = PyTorchEngine()

__all__ = ["PyTorchEngine", "engine"]
