"""Export to the web: models → a static folder with a page on which they answer."""

import hashlib
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
from fittingroom.safe_io import utf8

_TO_TRY = 4  # images of a class to try
_MOST_MODELS = 2  # that the page shows side by side


def export_site(runs: Sequence[Run | Path | str], *, out: Path | str) -> dict[str, int]:
    """Write a static web page on which one or two models answer in the browser.

    Args:
        runs: runs, their folders, or ONNX files of this project, as ``teach`` writes them; two
            are shown side by side. Empty: the models inside the package, on a page that can be
            taught other classes.
        out: the folder; new, empty, or from an earlier export.

    Returns:
        The size in bytes of each file, by its name within the folder.

    Raises:
        UsageError: too many models, two of one name, or something else is in the folder.
        ExportError: a model has no abstention rule, or the browser's runtime cannot be downloaded.
        MissingExtraError: scikit-learn is not installed, and the page is to be taught.
    """
    opened = [_open(run) for run in runs]
    names = [name for _, name, *_ in opened]
    if len(names) > _MOST_MODELS or len(set(names)) < len(names):
        raise UsageError(
            f"A web page shows one model, or {_MOST_MODELS} of different names side by side, not "
            f"{', '.join(names)}."
        )
    folder = open_output(out, "a web page with models")
    sample = find_dataset("sample")
    known, test = sample.training(), sample.open_test()
    # To be tried by visitors, not scored.
    rows = [np.flatnonzero(test.labels == label)[:_TO_TRY] for label in range(len(GARMENTS))]
    to_try = test.take(np.concatenate(rows))
    if opened:
        models = [_web_model(known, *each) for each in opened]
        return write_site(folder, models, known, to_try)
    photo, small = packaged_numbers("photo"), packaged_numbers("cnn-tiny")
    path, accuracy = packaged_model("cnn-tiny"), small["test_accuracy"]
    beside = _web_model(known, path, "cnn-tiny", accuracy, small["parameters"])
    path, accuracy = packaged_model("photo"), photo["correct"][0]
    parameters, teaching = photo["parameters"], _teaching(path)
    model = _web_model(known, path, "photo", accuracy, parameters, None, beside, teaching)
    return write_site(folder, [model], known, to_try)


def _open(
    run: Run | Path | str,
) -> tuple[Path, str, float | None, int | None, dict[str, object] | None]:
    """A model's file, its name, its accuracy, how many parameters it has, and how it learned."""
    if not isinstance(run, Run) and Path(run).is_file():
        return Path(run), utf8(Path(run).stem), None, None, None
    run = run if isinstance(run, Run) else open_run(run)
    return run.model_path, run.name, _accuracy(run), run.summary.parameters, run.learning


def _web_model(
    known: ImageSet,
    path: Path,
    name: str,
    accuracy: float | None,
    parameters: int | None,
    learning: dict[str, object] | None = None,
    small: WebModel | None = None,
    teaching: dict[str, object] | None = None,
) -> WebModel:
    model = Model(path, name=name)
    facts = {
        "name": name,
        "classes": model.classes,
        "shape": model.shape,
        "accuracy": accuracy,
        "measured_on": ON_PHOTOS if model.takes_photos else ON_TEST_IMAGES,
        "parameters": parameters,
        "thresholds": plain(model.thresholds),  # null accepts everything
        "preparation": plain(model.preparation),
        "teaching": teaching,
    }
    compares = model.classes == GARMENTS and not model.takes_photos
    features = model.features(known.images) if compares else None
    return WebModel(facts, path.read_bytes(), features, learning, small)


def _teaching(model: Path) -> dict[str, object]:
    """What the page needs to teach the model of photos as ``fittingroom teach`` does."""
    from fittingroom.jobs.teach import ACCEPTED, FEWEST, RISK  # they bring scikit-learn
    from fittingroom.metrics.temperature import COLDEST, HOTTEST
    from fittingroom.teaching import FOLDS, STRENGTH

    return {
        "model": hashlib.sha256(model.read_bytes()).hexdigest(),
        "strength": STRENGTH,
        "folds": FOLDS,
        "temperatures": (COLDEST, HOTTEST),
        "risk": RISK,
        "accepted": ACCEPTED,
        "fewest": FEWEST,
    }


def _accuracy(run: Run) -> float | None:
    """On the test set of Fashion-MNIST, if the run was scored on it."""
    tested = run.read_predictions("fashion-mnist")
    return None if tested is None else float(tested.correct.mean())
