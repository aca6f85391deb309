"""Export: a finished run → one file, for those who work with Keras, ONNX or plain weights."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from fittingroom.engines import engine_named
from fittingroom.errors import ExportError, UsageError, did_you_mean
from fittingroom.networks import parameter_count, summarise
from fittingroom.predict import Predictor
from fittingroom.recipes import Recipe
from fittingroom.runs import Run, make_folder, open_run, write_file
from fittingroom.runs.manifests import MOST_BYTES
from fittingroom.safe_io import Refusal, read_weights, read_whole

FORMATS = ("keras", "h5", "onnx", "safetensors")

# The exported Keras model may differ from the run's own by this much in any probability.
_ALLOWED_DIFFERENCE = 1e-4
_PICTURES = 200
# Numbers that a layer of a run's network gives for a picture, at most.
_WIDEST = 10_000_000

# Files that a run holds itself, by engine and format, and what they take.
_FROM_0_TO_1 = (
    "takes pixel values divided by 255 (0–1), (N, 28, 28) or (N, 28, 28, 1), and gives "
    "probabilities as training left them"
)
_AS_IT_WAS_GIVEN = (
    "is one's own model as training left it: it takes pixel values divided by 255 (0–1) in the "
    "shape that it was built for, and gives what it was built to give"
)
_WITHOUT_KERAS = {
    "keras": "Keras could not save it as a file that it loads again, or it was too large",
    "pytorch": "Keras cannot rebuild an nn.Module, which has no description in layers",
    "sklearn": "Keras has no such models",
}
_OWN_FILES = {
    ("keras", "keras"): ("model.keras", _FROM_0_TO_1),
    ("keras", "h5"): ("best_model.h5", _FROM_0_TO_1),
}
_COMMON_FILES = {
    "onnx": (
        "model.onnx",
        "takes pixel values 0–255, uint8 (N, 28, 28), and gives calibrated probabilities",
    ),
    "safetensors": (
        "model.safetensors",
        "the weights alone; pixel values 0–255 less `pixels.mean`, divided by "
        "`pixels.deviation`, are what the first layer takes",
    ),
}
_REBUILT = (
    "takes pixel values 0–255, (N, 28, 28) or (N, 28, 28, 1), and gives calibrated probabilities"
)


@dataclass(frozen=True)
class Exported:
    """A file that an export left.

    Attributes:
        path: where it is.
        takes: what it takes and gives, in words.
    """

    path: Path
    takes: str


def export_run(run: Run | Path | str, *, to: str, out: Path | str) -> Exported:
    """Write a finished run's model as one file.

    A PyTorch run's network is built again in Keras with its weights copied; normalisation, the
    mirror image, shifts and the temperature are in it, so that it takes pixel values 0–255 and
    gives the probabilities of the run's ONNX model. A Keras run gives the file that training left,
    which takes values from 0 to 1.

    Args:
        run: a run, or its folder.
        to: ``"keras"``, ``"h5"``, ``"onnx"`` or ``"safetensors"``.
        out: the file, whose name ends in the format's; a file there is replaced, whole.

    Raises:
        UsageError: no such format, a name with another ending, or a folder in the file's place.
        ExportError: the run cannot give that, or the built model disagrees with the run's own.
        RunError: the file cannot be written.
        MissingExtraError: Keras is not installed, or not its backend.
    """
    path = Path(out)
    if to == "web":
        raise UsageError(
            "Expected a format of one file. Received 'web', which is a folder. Use `export_site`."
        )
    if to not in FORMATS:
        raise UsageError(
            f"Expected one of the formats {', '.join(FORMATS)}. Received '{to}'."
            + did_you_mean(to, FORMATS)
        )
    if path.is_dir() or path.suffix != f".{to}":
        received = "a folder" if path.is_dir() else f"'{path}'"
        raise UsageError(
            f"Expected a file whose name ends in .{to} to write to. Received {received}."
        )
    run = run if isinstance(run, Run) else open_run(Path(run))
    content, takes = _content(run, to)
    make_folder(path.parent)
    write_file(path, content)
    return Exported(path, takes)


def _content(run: Run, to: str) -> tuple[bytes, str]:
    """The file's content, and what it takes."""
    name, takes = _OWN_FILES.get((run.recipe.engine, to)) or _COMMON_FILES.get(to, ("", ""))
    if run.recipe.own is not None and takes == _FROM_0_TO_1:
        takes = _AS_IT_WAS_GIVEN
    if name and (run.folder / name).is_file():
        try:
            return read_whole(run.folder / name, MOST_BYTES), takes
        except Refusal as error:
            raise ExportError(str(error)) from error
    own = run.recipe.own
    if own is not None and to in ("keras", "h5"):
        raise ExportError(
            f"Expected a run whose model has a form in Keras to export to {to}. Received "
            f"{run.name}, which holds none: {own.origin} is a model of one's own for the engine "
            f"{run.recipe.engine}, and {_WITHOUT_KERAS[run.recipe.engine]}. Export to onnx."
        )
    if isinstance(run.recipe, Recipe) and to in ("keras", "h5"):
        return _rebuilt(run, run.recipe, "keras" if to == "keras" else "h5"), _REBUILT
    there = sorted(path.name for path in run.folder.glob("*model.*"))
    raise ExportError(
        f"Expected a run that can be exported to {to}. Received {run.name}, trained by the engine "
        f"{run.recipe.engine}, which holds {', '.join(there)}. Export to one of these formats."
    )


def _rebuilt(run: Run, recipe: Recipe, kind: Literal["keras", "h5"]) -> bytes:
    """The run's network as a Keras file, held against the run's own model."""
    engine_named("keras")  # says in words what is not installed
    from fittingroom.engines.keras.files import file_content
    from fittingroom.export.keras import build_keras

    try:
        weights = read_weights(run.folder / "model.safetensors")
    except (OSError, Refusal) as error:
        raise ExportError(str(error)) from error
    # What a stranger's recipe describes is built only where the weights for it are there.
    described, held = parameter_count(recipe.layers), sum(each.size for each in weights.values())
    widest = max((math.prod(row.output) for row in summarise(recipe.layers)), default=0)
    if described > held or widest > _WIDEST:
        raise ExportError(
            f"Expected in {run.name} weights for the {described:,} parameters of its recipe, in "
            f"layers of at most {_WIDEST:,} numbers. Received {held:,}, in layers of {widest:,}."
        )
    model = build_keras(
        recipe.layers,
        weights,
        name=recipe.name,
        mirror=recipe.mirror,
        shifts=recipe.shifts,
        temperature=run.summary.temperature,
    )
    shape = (_PICTURES, 28, 28)
    pictures = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    expected = np.exp(Predictor(run.model_path).log_probabilities(pictures))
    difference = float(np.abs(expected - model.predict(pictures, verbose=0)).max())
    if not difference <= _ALLOWED_DIFFERENCE:
        raise ExportError(
            f"Expected the Keras model to give the probabilities of {run.model_path} within "
            f"{_ALLOWED_DIFFERENCE:g}. Received a difference of {difference:.3g}."
        )
    return file_content(model, kind)
