"""Export to the web: models → a static folder with a page on which they answer."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fittingroom.classes import GARMENTS
from fittingroom.data import find_dataset
from fittingroom.data.split import ImageSet
from fittingroom.errors import UsageError
from fittingroom.export.web import WebModel, write_site
from fittingroom.numbers import plain
from fittingroom.predict import Model
from fittingroom.predict.packaged import (
    ON_PHOTOS,
    ON_TEST_IMAGES,
    packaged_model,
    packaged_numbers,
)
from fittingroom.runs import Run, open_output, open_run

_TO_TRY = 4  # images of a class to try
_MOST_MODELS = 2  # that the page shows side by side


def export_site(runs: Sequence[Run | Path | str], *, out: Path | str) -> dict[str, int]:
    """Write a static web page on which one or two models answer in the browser.

    Args:
        runs: the runs, or their folders; two are shown side by side. Empty: the models inside
            the package.
        out: the folder; new, empty, or from an earlier export.

    Returns:
        The size in bytes of each file, by its name within the folder.

    Raises:
        UsageError: too many runs, one run twice, or something else is in the folder.
        ExportError: a run has no abstention rule, or the browser's runtime cannot be downloaded.
    """
    opened = [run if isinstance(run, Run) else open_run(run) for run in runs]
    names = [run.name for run in opened]
    if len(names) > _MOST_MODELS or len(set(names)) < len(names):
        raise UsageError(
            f"A web page shows one run, or {_MOST_MODELS} different runs side by side, not "
            f"{', '.join(names)}."
        )
    folder = open_output(out, "a web page with models")
    sample = find_dataset("sample")
    known, test = sample.training(), sample.open_test()
    # To be tried by visitors, not scored.
    rows = [np.flatnonzero(test.labels == label)[:_TO_TRY] for label in range(len(GARMENTS))]
    to_try = test.take(np.concatenate(rows))
    if opened:
        models = [
            _web_model(run.model_path, run.name, _accuracy(run), run.summary.parameters, known)
            for run in opened
        ]
    else:
        photo, small = packaged_numbers("photo"), packaged_numbers("cnn-tiny")
        path = packaged_model("cnn-tiny")
        beside = _web_model(path, "cnn-tiny", small["test_accuracy"], small["parameters"], known)
        path, accuracy = packaged_model("photo"), photo["correct"][0]
        models = [_web_model(path, "photo", accuracy, photo["parameters"], known, beside)]
    return write_site(folder, models, known, to_try)


def _web_model(
    path: Path,
    name: str,
    accuracy: float | None,
    parameters: int,
    known: ImageSet,
    small: WebModel | None = None,
) -> WebModel:
    model = Model(path, name=name)
    of_garments = model.classes == GARMENTS
    facts = {
        "name": name,
        "classes": model.classes,
        "of_garments": of_garments,
        "shape": model.shape,
        "accuracy": accuracy,
        "measured_on": ON_PHOTOS if model.takes_photos else ON_TEST_IMAGES,
        "parameters": parameters,
        "thresholds": plain(model.thresholds),  # null accepts everything
        "preparation": plain(model.preparation),
    }
    compares = of_garments and not model.takes_photos
    features = model.features(known.images) if compares else None
    return WebModel(facts, path.read_bytes(), features, small)


def _accuracy(run: Run) -> float | None:
    """On the test set of Fashion-MNIST, if the run was scored on it."""
    tested = run.read_predictions("fashion-mnist")
    return None if tested is None else float(tested.correct.mean())
