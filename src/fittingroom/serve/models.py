"""The models that a service answers with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fittingroom.errors import UsageError
from fittingroom.predict import Model
from fittingroom.predict.packaged import packaged, packaged_numbers
from fittingroom.runs import open_run


@dataclass(frozen=True)
class ServedModel:
    """A model, and what its run knows about it; None for what is not known."""

    model: Model  # of one thread: the service splits batches itself
    accuracy: float | None  # on what it was scored on, a fraction
    parameters: int | None  # how many were trained

    def as_dict(self) -> dict[str, object]:
        """As ``schemas.ModelDescription``."""
        known = {"accuracy": self.accuracy, "parameters": self.parameters}
        return {"name": self.model.name, "classes": self.model.classes, **known}


def load_models(sources: Sequence[Path]) -> list[ServedModel]:
    """Load run folders or ONNX files, of different names; none: those inside the package."""
    if not sources:
        numbers = packaged_numbers("photo")
        return [ServedModel(packaged(threads=1), numbers["correct"][0], numbers["parameters"])]
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
    accuracy = None if tested is None else float(tested.correct.mean())
    model = Model(run.model_path, name=run.name, threads=1)
    return ServedModel(model, accuracy, run.summary.parameters)
