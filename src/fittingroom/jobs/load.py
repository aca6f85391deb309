"""Load: the model inside the package, a run's, or a file's → a model that answers."""

from pathlib import Path
from typing import TYPE_CHECKING

from fittingroom.errors import ExportError, UsageError
from fittingroom.predict import Model
from fittingroom.predict.packaged import packaged_model, packaged_numbers

if TYPE_CHECKING:
    from fittingroom.runs import Run


def load(model: "Path | str | Run | None" = None, threads: int | None = None) -> Model:
    """A model that answers: ``fittingroom.load().predict(["shirt.jpg"])``.

    Args:
        model: a run, its folder, an ONNX file of this project, or None for the model inside the
            package.
        threads: processor threads; None leaves the choice to ONNX Runtime.

    Raises:
        UsageError: what was given is none of these.
        ExportError: it is no model of this project, or one of an earlier version.
        RunError: the run cannot be read, or its files are not those that training wrote.
    """
    path, name = _named(model)
    return Model(path, name=name, threads=threads)


def file_of(model: "Path | str | Run | None" = None) -> Path:
    """The ONNX file of a model.

    Args:
        model: as for :func:`load`.

    Raises:
        ExportError: it is no model of this project, or one of an earlier version.
        RunError: the run cannot be read, or its files are not those that training wrote.
    """
    path, _ = _named(model)
    Model(path)  # which refuses what is none
    return path


def _named(model: "Path | str | Run | None") -> tuple[Path, str | None]:
    """The file of a model, and what it is called, None for the file's own name."""
    if model is None:
        return packaged_model(), packaged_numbers()["name"]
    if isinstance(model, Path | str):
        path = Path(model)
        if path.is_file():
            return path, None
        if not path.exists():
            raise ExportError(
                f"Expected a run's folder or a model.onnx at {path}. Received nothing: there is "
                "no such file. `fittingroom runs` lists the runs that there are."
            )
    # Here, since it brings all recipes, which the model inside the package does without.
    from fittingroom.runs import Run, open_run

    if isinstance(model, Path | str):
        model = open_run(Path(model))
    if not isinstance(model, Run):
        raise UsageError(
            "Expected a run, its folder, a model.onnx, or None for the model inside the package. "
            f"Received {type(model).__name__}."
        )
    return model.model_path, model.name
