"""Others: predictions that somebody else made, read and logged as what they are."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from fittingroom.data import Dataset
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
    """Each one's predictions of the test half, under a name.

    The test half is opened for its labels, which is logged once for each file and content.

    Args:
        others: files, which go by their names without the ending; or names and files or
            predictions.
        taken: the names of the other entrants.
        dataset: whose test half was predicted.
        runs: the folder of runs that has the log.
        progress: hears what is left out where there are no probabilities.

    Raises:
        UsageError: a name is there twice.
        PredictionsError: what was predicted is not this test half, or no such predictions.
    """
    named = _named(others)
    names = [*taken, *(name for name, _ in named)]
    for name, _ in named:
        if names.count(name) > 1:
            raise UsageError(
                f"Expected predictions under a name that nothing else here has. Received '{name}' "
                "twice. Rename the file, or name them: `compare(…, others={name: file})`."
            )
    if not named:
        return {}
    for _, source in named:
        if isinstance(source, Path):
            _refuse_model(source)
    make_folder(runs)
    for name, source in named:
        _log(runs, _mark(name, source), name, dataset.name)
    test = dataset.open_test()
    found = {}
    for name, source in named:
        if isinstance(source, Predictions):
            _check(name, source, dataset, test.labels, test.indices)
            found[name] = source
        else:
            found[name] = read_external(
                source, labels=test.labels, indices=test.indices, classes=dataset.classes
            )
        if found[name].log_probabilities is None:
            progress.say(
                f"{name} gives no probabilities: its log loss, Brier score, calibration and "
                "risk–coverage curve are left out."
            )
        otherwise = unlikely_predictions(found[name])
        if otherwise:
            progress.say(
                f"{name} calls {otherwise:,} of {len(found[name]):,} pictures another class than "
                "its likeliest. If that is not meant, are its probabilities in another order?"
            )
    return found


def _refuse_model(path: Path) -> None:
    """A model in the place of its predictions is not opened, not even for the log."""
    try:
        refuse_model_file(path)
    except Refusal as error:
        raise PredictionsError(str(error)) from error


def _log(runs: Path, run: str, name: str, data: str) -> None:
    if all((each.run, each.data) != (run, data) for each in read_openings(runs)):
        log_opening(runs, run=run, recipe=name, data=data, purpose="compare --with")


def _named(others: Others) -> list[tuple[str, Path | Predictions]]:
    if isinstance(others, Mapping):
        return [
            (name, each if isinstance(each, Predictions) else Path(each))
            for name, each in others.items()
        ]
    paths = [others] if isinstance(others, str | Path) else others
    return [(Path(path).stem, Path(path)) for path in paths]


def _mark(name: str, source: Path | Predictions) -> str:
    """What the log calls it: a name, and the first digits of a hash of what it says."""
    if isinstance(source, Predictions):
        content = source.predicted.tobytes()
    else:
        try:
            # What is no file, or too large a one, is refused when it is read.
            whole = source.is_file() and source.stat().st_size < 2**26
            content = source.read_bytes() if whole else b""
        except (OSError, ValueError):
            content = b""
        name = source.name
    return f"{name} ({hashlib.sha256(content).hexdigest()[:8]})"


def _check(
    name: str,
    predictions: Predictions,
    dataset: Dataset,
    labels: np.ndarray,
    indices: np.ndarray,
) -> None:
    if predictions.classes != dataset.classes:
        raise PredictionsError(
            f"Expected {name} to know the classes of {dataset.name}: {', '.join(dataset.classes)}. "
            f"Received {', '.join(predictions.classes)}."
        )
    same = np.array_equal(predictions.labels, labels)
    if not same or not np.array_equal(predictions.indices, indices):
        what = "places in the file" if same else "labels"
        raise PredictionsError(
            f"Expected {name} to be of the {len(labels):,} test pictures of {dataset.name}, in the "
            f"order of their file. Received {len(predictions):,} with other {what}."
        )
