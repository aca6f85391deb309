"""The scikit-learn engine: classical models, to show what a network buys."""

from fittingroom.engines.sklearn.training import SklearnEngine

engine = SklearnEngine()

__all__ = ["SklearnEngine", "engine"]
