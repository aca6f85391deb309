"""Export a finished run as one file, for people who work with Keras, ONNX or plain weights."""

import math
from pathlib import Path
from typing import Literal

import numpy as np

from fittingroom.engines import engine_named
from fittingroom.errors import ExportError, UsageError
from fittingroom.networks import parameter_count, summarise
from fittingroom.predict import Predictor
from fittingroom.recipes import Recipe
from fittingroom.runs import Run, make_folder, open_run, resolved, write_file
from fittingroom.runs.stored import MOST_BYTES
from fittingroom.safe_io import Refusal, read_weights, read_whole

# The exported Keras model may differ from the run's own by this much in any probability.
_ALLOWED_DIFFERENCE = 1e-4
_IMAGES = 200
# The most numbers that a layer of a run's network may give for an image.
_WIDEST = 10_000_000

# The file of a run, by format, and what it takes.
_FILES = {
    "keras": "model.keras",
    "h5": "best_model.h5",
    "onnx": "model.onnx",
    "safetensors": "model.safetensors",
}
_SCALED = (
    "takes pixel values divided by 255 (0–1), (N, 28, 28) or (N, 28, 28, 1), and gives "
    "uncalibrated probabilities"
)
_TAKES = {
    "keras": _SCALED,
    "h5": _SCALED,
    "onnx": "takes pixel values 0–255, uint8 (N, 28, 28), and gives calibrated probabilities",
    "safetensors": "holds the weights alone; the first layer takes pixel values 0–255 less "
    "`pixels.mean`, divided by `pixels.deviation`",
}
_OWN = (
    "is your own model as it was trained: it takes pixel values divided by 255 (0–1) in the shape "
    "that it was built for, and gives what it was built to give"
)
_REBUILT = (
    "takes pixel values 0–255, (N, 28, 28) or (N, 28, 28, 1), and gives calibrated probabilities"
)


def export_run(run: Run | Path | str, *, to: str, out: Path | str, force: bool = False) -> str:
    """Write a finished run's model as one file.

    A PyTorch run's network is built again in Keras with its weights copied; normalisation, the
    mirror image, shifts and the temperature are in it, so it takes pixel values 0–255 and gives the
    probabilities of the run's ONNX model. A Keras run gives the file that training left, which
    takes values from 0 to 1.

    Args:
        run: a run, or its folder.
        to: ``"keras"``, ``"h5"``, ``"onnx"`` or ``"safetensors"``.
        out: the file, with the extension of the format.
        force: overwrite a file that exists.

    Returns:
        What the file takes and gives, in words.

    Raises:
        UsageError: no such format, another extension, a folder in the file's place, or a file that
            exists.
        ExportError: the run cannot be exported to it, or the built model differs from the run's.
        RunError: the file cannot be written.
        MissingExtraError: Keras or its backend is not installed.
    """
    if to not in _FILES:
        raise UsageError(f"'{to}' is no format of one file. Use one of {', '.join(_FILES)}.")
    path = resolved(out)
    if path.is_dir() or path.suffix != f".{to}":
        what = "is a folder" if path.is_dir() else f"doesn't end in .{to}"
        raise UsageError(f"{path} {what}. Give a file name that ends in .{to}.")
    if path.exists() and not force:
        raise UsageError(f"{path} exists. Name another file, or overwrite it with --force.")
    run = run if isinstance(run, Run) else open_run(run)
    content, takes = _content(run, to)
    make_folder(path.parent)
    write_file(path, content)
    return takes


def _content(run: Run, to: str) -> tuple[bytes, str]:
    """The file's content, and what it takes."""
    keras, own = to in ("keras", "h5"), run.recipe.own
    file = run.folder / _FILES[to]
    if file.is_file():
        try:
            content = read_whole(file, MOST_BYTES)
        except Refusal as error:
            raise ExportError(str(error)) from error
        return content, _OWN if keras and own is not None else _TAKES[to]
    if keras and own is None and isinstance(run.recipe, Recipe):
        return _rebuilt(run, run.recipe, "keras" if to == "keras" else "h5"), _REBUILT
    files = ", ".join(sorted(path.name for path in run.folder.glob("*model.*")))
    raise ExportError(
        f"{run.name} can't be exported to {to}: the {run.recipe.engine} engine gave it no such "
        f"file, and it can't be rebuilt. Export one of the files that it has: {files}."
    )


def _rebuilt(run: Run, recipe: Recipe, kind: Literal["keras", "h5"]) -> bytes:
    """The run's network as a Keras file, compared with the run's own model."""
    engine_named("keras")  # says what is not installed
    from fittingroom.engines.keras.files import file_content
    from fittingroom.export.keras import build_keras

    try:
        weights = read_weights(run.folder / "model.safetensors")
    except (OSError, Refusal) as error:
        raise ExportError(str(error)) from error
    # An untrusted recipe may describe a huge network; it is built only if its weights are there.
    described, held = parameter_count(recipe.layers), sum(each.size for each in weights.values())
    widest = max((math.prod(row.output) for row in summarise(recipe.layers)), default=0)
    if described > held or widest > _WIDEST:
        raise ExportError(
            f"{run.name} has {held:,} weights, too few for the {described:,} parameters of its "
            f"recipe, or a layer that is wider than {_WIDEST:,}. Train the recipe again."
        )
    model = build_keras(
        recipe.layers,
        weights,
        name=recipe.name,
        mirror=recipe.mirror,
        shifts=recipe.shifts,
        temperature=run.summary.temperature,
    )
    images = np.random.default_rng(0).integers(0, 256, (_IMAGES, 28, 28), dtype=np.uint8)
    expected = np.exp(Predictor(run.model_path).log_probabilities(images))
    difference = float(np.abs(expected - model.predict(images, verbose=0)).max())
    if not difference <= _ALLOWED_DIFFERENCE:
        raise ExportError(
            f"The Keras model's probabilities differ from those of {run.model_path} by "
            f"{difference:.3g} (allowed: {_ALLOWED_DIFFERENCE:g}). Please report this."
        )
    return file_content(model, kind)
