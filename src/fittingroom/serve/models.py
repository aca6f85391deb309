"""The models that a service answers with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fittingroom.errors import UsageError
from fittingroom.predict import Model
from fittingroom.predict.packaged import ON_PHOTOS, ON_TEST_IMAGES, packaged, packaged_numbers
from fittingroom.runs import open_run


@dataclass(frozen=True)
class ServedModel:
    """A model, and what its run knows about it; None for what is not known."""

    model: Model  # of one thread: the service splits batches itself
    accuracy: float | None  # a fraction
    parameters: int | None  # how many were trained
    measured_on: str | None = None  # what the accuracy was measured on, in words

    def as_dict(self) -> dict[str, object]:
        """As ``schemas.ModelDescription``."""
        return {
            "name": self.model.name,
            "classes": self.model.classes,
            "accuracy": self.accuracy,
            "measured_on": self.measured_on,
            "parameters": self.parameters,
        }


def load_models(sources: Sequence[Path]) -> list[ServedModel]:
    """Load run folders or ONNX files, of different names; none: those inside the package."""
    if not sources:
        numbers = packaged_numbers("photo")
        accuracy = numbers["correct"][0]
        return [ServedModel(packaged(threads=1), accuracy, numbers["parameters"], ON_PHOTOS)]
    loaded = [_load(source) for source in sources]
    names = [each.model.name for each in loaded]
    if len(set(names)) < len(names):
        raise UsageError(
            f"Two models have the same name: {', '.join(names)}. Name each run once, or rename a "
            "file; models need different names."
        )
    return loaded


def _load(source: Path) -> ServedModel:
    if not source.is_dir():
        return ServedModel(Model(source, threads=1), None, None)
    run = open_run(source)
    tested = run.read_predictions("fashion-mnist")
    model = Model(run.model_path, name=run.name, threads=1)
    if tested is None:
        return ServedModel(model, None, run.summary.parameters)
    accuracy = float(tested.correct.mean())
    return ServedModel(model, accuracy, run.summary.parameters, ON_TEST_IMAGES)
