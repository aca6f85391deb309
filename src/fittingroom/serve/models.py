"""The models that a service answers with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fittingroom.errors import UsageError
from fittingroom.predict import Model, packaged
from fittingroom.runs import open_run


@dataclass(frozen=True)
class ServedModel:
    """A model, and what its run knows about it; None for what is not known."""

    model: Model  # of one thread: the service splits batches itself
    accuracy: float | None  # a fraction
    parameters: int | None  # how many were trained
    measured_on: str | None = None  # what the accuracy was measured on, in words
    learning: Mapping[str, Any] | None = None  # how it learned, as a run gives it

    def as_dict(self, learning: str) -> dict[str, object]:
        """As ``schemas.ModelDescription``, with the address of how it learned."""
        return {
            "name": self.model.name,
            "classes": self.model.classes,
            "accuracy": self.accuracy,
            "measured_on": self.measured_on,
            "parameters": self.parameters,
            "learning": learning if self.learning else None,
        }


def load_models(sources: Sequence[Path]) -> list[ServedModel]:
    """Load run folders, ONNX files or models of the package, all named differently; none: both."""
    if not sources:
        return [_served(packaged.packaged(threads=1))]
    loaded = [_load(source) for source in sources]
    names = [each.model.name for each in loaded]
    if len(set(names)) < len(names):
        raise UsageError(
            f"Two models have the same name: {', '.join(names)}. Name each run once, or rename a "
            "file; models need different names."
        )
    return loaded


def _served(model: Model) -> ServedModel:
    """A model inside the package, with what is known of it."""
    numbers = packaged.packaged_numbers(model.name)
    accuracy, measured_on = numbers.get("test_accuracy"), packaged.ON_TEST_IMAGES
    if model.name == "photo":
        accuracy, measured_on = numbers["correct"][0], packaged.ON_PHOTOS
    return ServedModel(model, accuracy, numbers["parameters"], measured_on)


def _load(source: Path) -> ServedModel:
    if str(source) in packaged.PACKAGED and not source.exists():
        return _served(Model(packaged.packaged_model(str(source)), name=str(source), threads=1))
    if not source.is_dir():
        return ServedModel(Model(source, threads=1), None, None)
    run = open_run(source)
    tested = run.read_predictions("fashion-mnist")
    model = Model(run.model_path, name=run.name, threads=1)
    accuracy = None if tested is None else float(tested.correct.mean())
    measured_on = None if tested is None else packaged.ON_TEST_IMAGES
    return ServedModel(model, accuracy, run.summary.parameters, measured_on, run.learning)
