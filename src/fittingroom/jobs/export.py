"""Export a finished run as one file, for people who work with Keras, ONNX or plain weights."""

import math
from pathlib import Path
from typing import Literal

import numpy as np

from fittingroom.comparison import paired_difference
from fittingroom.engines import engine_named
from fittingroom.errors import ExportError, UsageError
from fittingroom.jobs.load import new_model_file
from fittingroom.jobs.session import Session, dataset_of
from fittingroom.networks import parameter_count, summarise
from fittingroom.numbers import points_estimate
from fittingroom.predict import Predictor
from fittingroom.recipes import Recipe
from fittingroom.runs import Run, make_folder, open_run, write_file
from fittingroom.runs.stored import MOST_BYTES
from fittingroom.safe_io import Refusal, read_weights, read_whole

# The exported Keras model may differ from the run's own by this much in any probability.
_ALLOWED_DIFFERENCE = 1e-4
_IMAGES = 200
# The most numbers that a layer of a run's network may give for an image.
_WIDEST = 10_000_000
# Int8: how many training images its scales come from, and the loss of accuracy that refuses it.
_SCALED_BY, _ALLOWED_LOSS = 500, 0.0025

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


def export_run(
    run: Run | Path | str,
    *,
    to: str,
    out: Path | str,
    quantize: str | None = None,
    force: bool = False,
    session: Session | None = None,
) -> str:
    """Write a finished run's model as one file.

    A PyTorch run's network is built again in Keras with its weights copied; normalisation, the
    mirror image, shifts and the temperature are in it, so it takes pixel values 0–255 and gives the
    probabilities of the run's ONNX model. A Keras run gives the file that training left, which
    takes values from 0 to 1. An int8 model is compared with the run's on its validation images.

    Args:
        run: a run, or its folder.
        to: ``"keras"``, ``"h5"``, ``"onnx"`` or ``"safetensors"``.
        out: the file, with the extension of the format.
        quantize: ``"int8"`` for ONNX in whole numbers of eight bits; None for floats.
        force: overwrite a file that exists.
        session: the data, for int8; None for the data that the run was trained on.

    Returns:
        What the file takes and gives, in words; of int8, how its accuracy changes, too.

    Raises:
        UsageError: no such format, another extension, a folder in the file's place, or a file that
            exists.
        ExportError: the run cannot be exported to it, the built model differs from the run's, or
            int8 is shown to lose more than 0.25 points of accuracy.
        RunError: the file cannot be written.
        MissingExtraError: Keras or its backend is not installed.
    """
    if quantize is not None and (to, quantize) != ("onnx", "int8"):
        raise UsageError("Use --quantize int8 with --to onnx alone; --to web takes that file.")
    if to not in _FILES:
        raise UsageError(f"'{to}' is no format of one file. Use one of {', '.join(_FILES)}.")
    if not isinstance(run, Run) and Path(run).suffix == ".onnx":
        raise UsageError(
            f"Exporting to {to} takes the folder of a finished run, not {run}: the recipe, the "
            "weights and the name of the data are in there. `fittingroom runs` lists your runs."
        )
    path = new_model_file(out, force, f".{to}")
    run = run if isinstance(run, Run) else open_run(run)
    content, takes = _content(run, to)
    if quantize is not None:
        content, change = _quantized(run, content, session)
        takes = f"{takes}; {change}"
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


def _quantized(run: Run, content: bytes, session: Session | None) -> tuple[bytes, str]:
    """The run's model in int8, and how that changes its accuracy on validation images, in words."""
    from fittingroom.export.quantize import quantize_onnx

    dataset = dataset_of(run) if session is None or session.data is None else session.dataset
    split = dataset.split(run.recipe.split)
    chosen = np.linspace(0, len(split.training) - 1, _SCALED_BY).astype(np.int64)
    floats = Predictor(run.model_path)  # which checks it before anything else runs it
    small = quantize_onnx(content, split.training.images[chosen])
    was, now = (each.predict(split.validation).correct for each in (floats, Predictor(small)))
    difference = paired_difference(int((was & ~now).sum()), int((now & ~was).sum()), len(was))
    change = (
        f"int8 changes its accuracy on {len(was):,} validation images by "
        f"{points_estimate(difference, 2)} points"
    )
    if difference.high < -_ALLOWED_LOSS:
        raise ExportError(f"{run.name}: {change}, too large a loss. Export it without --quantize.")
    return small, change


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
