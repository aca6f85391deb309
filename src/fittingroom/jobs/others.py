"""External predictions: read what other models predicted, and log that the test set was opened."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from fittingroom.data import Dataset, ImageSet
from fittingroom.errors import PredictionsError, UsageError
from fittingroom.evaluation import unlikely_predictions
from fittingroom.external_predictions import read_external
from fittingroom.jobs.progress import Progress
from fittingroom.predictions import Predictions
from fittingroom.runs import log_opening, make_folder, read_openings
from fittingroom.safe_io import Refusal, refuse_model_file

Others = Sequence[Path | str] | Mapping[str, Path | str | Predictions]


def read_others(
    others: Others, taken: Sequence[str], dataset: Dataset, runs: Path, progress: Progress
) -> dict[str, Predictions]:
    """External predictions of the test set, by name.

    The test set is opened for its labels, which is logged once for each file and content.

    Args:
        others: files, named without their extension; or names and files or predictions.
        taken: the names of the other models.
        dataset: whose test set was predicted.
        runs: the folder of runs that has the log.
        progress: is told what is left out if there are no probabilities.

    Raises:
        UsageError: a name is there twice.
        PredictionsError: a file does not hold predictions of this test set.
    """
    sources = _sources(others)
    names = [*taken, *(name for name, _ in sources)]
    for name, _ in sources:
        if names.count(name) > 1:
            raise UsageError(
                f"There are two models named '{name}'. Rename the file, or pass names: "
                "`compare(…, others={name: file})`."
            )
    if not sources:
        return {}
    marks = {name: _mark(name, source) for name, source in sources}
    make_folder(runs)
    logged = {(each.run, each.data) for each in read_openings(runs)}
    for name, mark in marks.items():
        if (mark, dataset.name) not in logged:
            log_opening(runs, run=mark, recipe=name, data=dataset.name, purpose="compare --with")
    test = dataset.open_test()
    found = {}
    for name, source in sources:
        if isinstance(source, Predictions):
            _check(name, source, dataset, test)
            predictions = source
        else:
            predictions = read_external(
                source, labels=test.labels, indices=test.indices, classes=dataset.classes
            )
        found[name] = predictions
        if predictions.log_probabilities is None:
            progress.say(
                f"{name} has no probabilities, so its log loss, Brier score, calibration and "
                "risk–coverage curve are left out."
            )
        elif unlikely := unlikely_predictions(predictions):
            progress.say(
                f"{name} predicts {unlikely:,} of {len(predictions):,} images as another class "
                "than the most likely one. If you don't mean that, check the order of its "
                "probabilities."
            )
    return found


def _sources(others: Others) -> list[tuple[str, Path | Predictions]]:
    if isinstance(others, Mapping):
        return [
            (name, each if isinstance(each, Predictions) else Path(each))
            for name, each in others.items()
        ]
    paths = [others] if isinstance(others, str | Path) else others
    return [(Path(path).stem, Path(path)) for path in paths]


def _mark(name: str, source: Path | Predictions) -> str:
    """What the log calls it: a name, and the first digits of a hash of the content.

    Raises:
        PredictionsError: it is a model, which is never opened.
    """
    if isinstance(source, Predictions):
        content = source.predicted.tobytes()
    else:
        name = source.name
        try:
            refuse_model_file(source)
            # Other things than files, and too large ones, are refused when they are read.
            small = source.is_file() and source.stat().st_size < 2**26
            content = source.read_bytes() if small else b""
        except Refusal as error:
            raise PredictionsError(str(error)) from error
        except (OSError, ValueError):
            content = b""
    return f"{name} ({hashlib.sha256(content).hexdigest()[:8]})"


def _check(name: str, predictions: Predictions, dataset: Dataset, test: ImageSet) -> None:
    if predictions.classes != dataset.classes:
        raise PredictionsError(
            f"{name} has other classes ({', '.join(predictions.classes)}) than {dataset.name} "
            f"({', '.join(dataset.classes)}). Give predictions for the classes of the data."
        )
    for what, theirs, ours in (
        ("labels", predictions.labels, test.labels),
        ("indices", predictions.indices, test.indices),
    ):
        if not np.array_equal(theirs, ours):
            raise PredictionsError(
                f"{name} has other {what} than the {len(test):,} test images of {dataset.name}. "
                "Give predictions for all test images, in the order of their file."
            )
