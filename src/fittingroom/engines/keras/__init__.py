"""The Keras engine, on whichever backend ``KERAS_BACKEND`` names; PyTorch where it names none."""

from fittingroom.engines.keras.training import KerasEngine

engine = KerasEngine()

__all__ = ["KerasEngine", "engine"]
