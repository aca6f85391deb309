"""External predictions: read what other models predicted, and log that the test set was opened."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from fittingroom.errors import PredictionsError
from fittingroom.external_predictions import MOST_BYTES, read_external, unusable
from fittingroom.jobs.session import Session
from fittingroom.predictions import Predictions
from fittingroom.runs import log_opening, make_folder, read_openings
from fittingroom.safe_io import read_whole, refuse_model_file, utf8

Others = Sequence[Path | str] | Mapping[str, Path | str | Predictions]


def named_others(others: Others) -> list[tuple[str, Path | Predictions]]:
    """External predictions with their names: files are named without their extension."""
    if isinstance(others, Mapping):
        return [
            (name, each if isinstance(each, Predictions) else Path(each))
            for name, each in others.items()
        ]
    paths = [others] if isinstance(others, str | Path) else others
    return [(utf8(Path(path).stem), Path(path)) for path in paths]


def read_others(
    sources: Sequence[tuple[str, Path | Predictions]], session: Session
) -> dict[str, Predictions]:
    """External predictions of the session's test set, by name.

    The test set is opened for its labels, which is logged once for each file and content.
    """
    if not sources:
        return {}
    dataset, runs = session.dataset, session.folder
    marks = {name: _mark(name, source) for name, source in sources}
    make_folder(runs)
    logged = {(each.run, each.data) for each in read_openings(runs)}
    for name, mark in marks.items():
        if (mark, dataset.name) not in logged:
            log_opening(runs, run=mark, recipe=name, data=dataset.name, purpose="compare --with")
    test = dataset.open_test()
    found = {}
    for name, source in sources:
        if isinstance(source, Path):
            predictions = read_external(
                source, labels=test.labels, indices=test.indices, classes=dataset.classes
            )
        else:
            predictions = source
            same = np.array_equal(source.labels, test.labels)
            same &= np.array_equal(source.indices, test.indices)
            if not same or source.classes != dataset.classes:
                raise PredictionsError(
                    f"{name} has other classes, labels or indices than the {len(test):,} test "
                    f"images of {dataset.name}. Give predictions for all test images, in the order "
                    "of their file."
                )
        found[name] = predictions
        if predictions.log_probabilities is None:
            session.progress.say(
                f"{name} has no probabilities, so its log loss, Brier score, calibration and "
                "risk–coverage curve are left out."
            )
        elif unlikely := predictions.unlikely:
            session.progress.say(
                f"{name} predicts {unlikely:,} of {len(predictions):,} images as another class "
                "than the most likely one. If you don't mean that, check the order of its "
                "probabilities."
            )
    return found


def _mark(name: str, source: Path | Predictions) -> str:
    """What the log calls it: a name, and the first digits of a hash of the content."""
    if isinstance(source, Predictions):
        content = source.predicted.tobytes()
    else:
        try:
            refuse_model_file(source)
            name, content = utf8(source.name), read_whole(source, MOST_BYTES)
        except (OSError, ValueError) as error:
            raise unusable(source, error) from error
    return f"{name} ({hashlib.sha256(content).hexdigest()[:8]})"
