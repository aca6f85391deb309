"""Fit, compare and use image classifiers for Fashion-MNIST and data like it.

::

    import fittingroom

    run = fittingroom.train("cnn", seed=0)          # → a run folder
    scores = fittingroom.evaluate(run)              # opens the test set, once
    outcome = fittingroom.compare(["ann", "cnn"])   # trains what is missing, writes a report
    fittingroom.load().predict(["shirt.jpg"])       # asks the model inside the package

Names are loaded when they are first used: ``import fittingroom`` costs next to nothing.
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

from fittingroom.project import VERSION

if TYPE_CHECKING:
    from fittingroom.classes import GARMENTS as GARMENTS
    from fittingroom.data import find_dataset as find_dataset
    from fittingroom.errors import FittingRoomError as FittingRoomError
    from fittingroom.jobs.audit import audit as audit
    from fittingroom.jobs.calibrate import calibrate as calibrate
    from fittingroom.jobs.compare import compare as compare
    from fittingroom.jobs.cv import cross_validate as cross_validate
    from fittingroom.jobs.evaluate import evaluate as evaluate
    from fittingroom.jobs.export import export_run as export_run
    from fittingroom.jobs.load import load as load
    from fittingroom.jobs.report import report as report
    from fittingroom.jobs.reproduce import reproduce as reproduce
    from fittingroom.jobs.session import Session as Session
    from fittingroom.jobs.site import export_site as export_site
    from fittingroom.jobs.teach import teach as teach
    from fittingroom.jobs.train import train as train
    from fittingroom.jobs.tune import tune as tune
    from fittingroom.jobs.verify import verify as verify
    from fittingroom.predictions import Predictions as Predictions
    from fittingroom.recipes import RECIPES as RECIPES
    from fittingroom.recipes import Recipe as Recipe
    from fittingroom.recipes import recipe_of as recipe_of
    from fittingroom.runs import list_runs as list_runs
    from fittingroom.runs import open_run as open_run

__version__ = VERSION

# ONNX Runtime's official builds report their use to its makers, and keep a number for the machine
# in the cache folder. They read this when they are loaded, so it stands before all else of ours.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

_HOMES = {
    "GARMENTS": "fittingroom.classes",
    "RECIPES": "fittingroom.recipes",
    "FittingRoomError": "fittingroom.errors",
    "Predictions": "fittingroom.predictions",
    "Recipe": "fittingroom.recipes",
    "Session": "fittingroom.jobs.session",
    "audit": "fittingroom.jobs.audit",
    "calibrate": "fittingroom.jobs.calibrate",
    "compare": "fittingroom.jobs.compare",
    "cross_validate": "fittingroom.jobs.cv",
    "evaluate": "fittingroom.jobs.evaluate",
    "export_run": "fittingroom.jobs.export",
    "export_site": "fittingroom.jobs.site",
    "find_dataset": "fittingroom.data",
    "load": "fittingroom.jobs.load",
    "list_runs": "fittingroom.runs",
    "open_run": "fittingroom.runs",
    "recipe_of": "fittingroom.recipes",
    "report": "fittingroom.jobs.report",
    "reproduce": "fittingroom.jobs.reproduce",
    "teach": "fittingroom.jobs.teach",
    "train": "fittingroom.jobs.train",
    "tune": "fittingroom.jobs.tune",
    "verify": "fittingroom.jobs.verify",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    """Load a public name from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module 'fittingroom' has no attribute '{name}'")
    try:
        return getattr(importlib.import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("fittingroom"):
            raise
        from fittingroom.errors import missing_extra

        raise missing_extra(error, "train") from error


def __dir__() -> list[str]:
    return sorted(__all__)
