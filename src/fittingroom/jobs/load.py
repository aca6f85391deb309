"""Load: a model inside the package, a run's, or an ONNX file → a model that classifies images."""

from pathlib import Path
from typing import TYPE_CHECKING

from fittingroom.errors import ExportError, UsageError
from fittingroom.predict import Model
from fittingroom.predict.packaged import PACKAGED, packaged, packaged_model

if TYPE_CHECKING:
    from fittingroom.runs import Run


def load(model: "Path | str | Run | None" = None, threads: int | None = None) -> Model:
    """A model that classifies images: ``fittingroom.load().predict(["shirt.jpg"])``.

    Args:
        model: a run, its folder, an ONNX file of this project, or the name of a model inside the
            package: ``photo`` or ``cnn-tiny``. None: ``photo`` for photos, and ``cnn-tiny`` for
            images in Fashion-MNIST's own format.
        threads: processor threads; None leaves the choice to ONNX Runtime.

    Raises:
        UsageError: what was given is none of these.
        ExportError: it is no model of this project, or one of an earlier version.
        RunError: the run cannot be read, or was changed.
    """
    if model is None:
        return packaged(threads)
    path, name = model_file(model)
    return Model(path, name=name, threads=threads)


def model_file(model: "Path | str | Run") -> tuple[Path, str | None]:
    """The file of a model as :func:`load` takes it, and its name, or None to use the file's."""
    if isinstance(model, Path | str):
        path = Path(model).expanduser()
        if str(model) in PACKAGED and not path.exists():
            return packaged_model(str(model)), str(model)
        if path.is_file():
            return path, None
        if not path.exists():
            raise ExportError(
                f"There is no such file: {path}. Give a run's folder or a model.onnx; "
                "`fittingroom runs` lists your runs."
            )
    # Here, as it imports all recipes, which the model inside the package does not need.
    from fittingroom.runs import Run, open_run

    run = open_run(model) if isinstance(model, Path | str) else model
    if not isinstance(run, Run):
        raise UsageError(
            f"A model can't be loaded from {type(run).__name__}. Give a run, its folder, a "
            "model.onnx, or None for the model inside the package."
        )
    return run.model_path, run.name


def new_model_file(out: Path | str, force: bool, extension: str = ".onnx") -> Path:
    """Where a model's file is to be written.

    Raises:
        UsageError: `out` has another extension, or exists and is not to be overwritten.
    """
    from fittingroom.runs import resolved

    path = resolved(out)
    if path.suffix != extension or path.is_dir():
        what = "is a folder" if path.is_dir() else f"doesn't end in {extension}"
        raise UsageError(f"{path} {what}. Give a file name that ends in {extension}.")
    if path.exists() and not force:
        raise UsageError(f"{path} exists. Name another file, or overwrite it with --force.")
    return path
