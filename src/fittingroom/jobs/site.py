"""Export to the web: models → a static folder with a page in which they answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fittingroom.classes import GARMENTS
from fittingroom.data import find_dataset
from fittingroom.data.split import Half
from fittingroom.errors import ExportError, UsageError
from fittingroom.export.web import WebModel, write_site
from fittingroom.predict import Model
from fittingroom.predict.packaged import packaged_model, packaged_numbers
from fittingroom.runs import Run, open_run

_TO_TRY = 4  # pictures of a class to try on
_MOST_MODELS = 2  # that the page shows side by side


@dataclass(frozen=True)
class Site:
    """A static folder that an export left.

    Attributes:
        folder: where it is.
        sizes: bytes of each file, by its name within the folder.
    """

    folder: Path
    sizes: Mapping[str, int]


def export_site(runs: Sequence[Run | Path | str], *, out: Path | str) -> Site:
    """Write a page as a static folder, in which one or two models answer in the browser.

    Args:
        runs: the runs, or their folders; two are shown side by side. None: the model inside the
            package.
        out: the folder; new, empty, or one that an export left before.

    Raises:
        UsageError: too many runs, one twice, or something else is in the folder.
        ExportError: a run of other classes or without an abstention rule, or the browser's runtime
            cannot be had.
        RunError: a run cannot be read, or the folder not be written.
    """
    opened = [run if isinstance(run, Run) else open_run(Path(run)) for run in runs]
    names = [run.name for run in opened]
    if len(names) > _MOST_MODELS or len(set(names)) < len(names):
        raise UsageError(
            f"Expected one run or {_MOST_MODELS} different ones to show side by side. Received "
            f"{', '.join(names)}."
        )
    sample = find_dataset("sample")
    known = sample.training()  # as `Model.nearest` has it
    # Shown to be tried on, not scored: no number comes of it.
    to_try = _first_of_each(sample.open_test(), _TO_TRY)
    models = [_web_model(run, known) for run in opened] or [_packaged(known)]
    return Site(Path(out), write_site(Path(out), models, known, to_try))


def _packaged(known: Half) -> WebModel:
    path, numbers = packaged_model(), packaged_numbers()
    model = Model(path, name=numbers["name"])
    return _shown(model, path, known, numbers["test_accuracy"], numbers["parameters"])


def _web_model(run: Run, known: Half) -> WebModel:
    if tuple(run.classes) != GARMENTS:
        raise ExportError(
            f"Expected a run of the ten garments that the page shows. Received {run.name}, which "
            f"knows {', '.join(run.classes)}. Export it to onnx."
        )
    model = Model(run.model_path, name=run.name)
    tested = run.read_predictions("fashion-mnist")
    accuracy = None if tested is None else float(tested.correct.mean())
    return _shown(model, run.model_path, known, accuracy, run.summary.parameters)


def _shown(
    model: Model, path: Path, known: Half, accuracy: float | None, parameters: int | None
) -> WebModel:
    return WebModel(
        name=model.name,
        onnx=path.read_bytes(),
        classes=model.classes,
        accuracy=accuracy,
        parameters=parameters,
        features=model.features(known.images),
        unsure=model.thresholds.unsure,
        unknown=model.thresholds.unknown,
    )


def _first_of_each(half: Half, count: int) -> Half:
    """The first pictures of each class, in the order of the file."""
    rows = np.concatenate(
        [np.flatnonzero(half.labels == label)[:count] for label in range(len(GARMENTS))]
    )
    return Half(half.images[rows], half.labels[rows], half.indices[rows])
