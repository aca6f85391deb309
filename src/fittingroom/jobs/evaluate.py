"""Evaluate: open the test half once for a run, and keep what its model says of it."""

import math
import time
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np

from fittingroom.data import Dataset, Half, find_dataset
from fittingroom.engines import check_threads
from fittingroom.errors import (
    DataError,
    DataInvalidError,
    DataNotFoundError,
    RunChangedError,
)
from fittingroom.evaluation import ModelReport, evaluate_predictions
from fittingroom.jobs.progress import Progress
from fittingroom.jobs.session import Session
from fittingroom.predict import Predictor
from fittingroom.runs import Run, Timing, log_opening, only_here, open_run

_SINGLES, _BATCHES, _BATCH = 200, 10, 500


def evaluate(
    run: Run | Path | str,
    *,
    purpose: str = "evaluate",
    session: Session | None = None,
) -> ModelReport:
    """The run's scores on the test half, from the first time that it was opened for this run.

    The first call opens the test half, logs that in ``test-log.jsonl`` beside the run, and keeps
    every answer in the run folder; later calls read those.

    Args:
        run: a run, or its folder.
        purpose: what the log says that the test half was opened for.
        session: data (None for the data that the run was trained on), threads and listener.

    Raises:
        DataInvalidError: the data set has other classes than the model.
        RunError: the answers cannot be kept.
        UsageError: threads that are not there.
    """
    session = session or Session()
    threads = check_threads(session.threads)  # before the opening is logged
    if not isinstance(run, Run):
        run = open_run(Path(run))
    dataset = dataset_of(run) if session.data is None else session.dataset
    if run.classes != dataset.classes:
        raise DataInvalidError(
            f"Expected data with the classes that {run.name} was trained for: "
            f"{', '.join(run.classes)}. Received {', '.join(dataset.classes)}."
        )
    runs = run.folder.parent
    predictions = run.read_predictions(dataset.name)
    if predictions is None:
        # Of two processes that would open it one does, and the other reads what came of that.
        with only_here(runs, f"{run.name}.scores", wait=True):
            predictions = run.read_predictions(dataset.name)
            if predictions is None:
                names = {"run": run.name, "recipe": run.recipe.name, "data": dataset.name}
                log_opening(runs, **names, purpose=purpose)
                return _open_test(run, dataset, threads, session.progress)
    if predictions.classes != run.classes:
        raise RunChangedError(
            f"Expected the answers of {run.name} for its classes, {', '.join(run.classes)}. "
            f"Received some for {', '.join(predictions.classes)}. Remove {run.name}/evaluations."
        )
    single, batched = _stored_times(run, dataset.name)
    evaluation = evaluate_predictions(predictions)
    return ModelReport(run.recipe.name, dataset.name, evaluation, run, single, batched)


def _stored_times(run: Run, data: str) -> tuple[Timing, Timing]:
    """The times that an evaluation wrote.

    Raises:
        RunChangedError: there are none.
    """
    try:
        times = run.read_evaluation(data)["seconds_per_image"]
        found = Timing(**times["single"]), Timing(**times["batched"])
        if not all(
            type(number) in (int, float) and math.isfinite(number)
            for each in found
            for number in astuple(each)
        ):
            raise ValueError("something else than numbers")
    except (KeyError, TypeError, ValueError) as error:
        raise RunChangedError(
            f"Expected seconds_per_image in the scores of {run.name}. Received: {error!r}."
        ) from error
    return found


def dataset_of(run: Run) -> Dataset:
    """The data set that a run was trained on: where it was then, or else wherever it is now.

    Where a run that was only read says its data is, is the word of whoever made it: it is not
    followed, and data that this project does not know has to be named.

    Raises:
        DataError: it is nowhere, or no longer what it was, or has to be named.
    """
    data = run.environment["data"]
    if data["name"] == "sample":
        return find_dataset("sample")
    if data["official"] and not run.made_here:
        found = find_dataset()
    elif data["official"]:
        try:
            found = find_dataset(data["folder"])
        except DataError:
            found = find_dataset()
    elif not run.made_here:
        raise DataNotFoundError(
            f"Expected --data with the folder of the data that {run.name} was trained on, "
            f"{data['name']}. Received none, and where a run says that its data is, is not "
            "followed: it may be a stranger's. Name it by --data DIR --allow-unknown-data, with "
            "--classes as it was trained."
        )
    else:
        found = find_dataset(data["folder"], allow_unknown=True)
        # The names that were given when it was trained, and with them the name of the whole.
        found = replace(found, classes=run.classes, name=data["name"])
    if found.training_hashes != data["hashes"] or found.test_hashes != data["test_hashes"]:
        raise DataInvalidError(
            f"Expected in {data['folder']} the data that {run.name} was trained on. Received other "
            "files. Put back the ones that were there, or name the data to score it on by --data."
        )
    return found


def _open_test(run: Run, dataset: Dataset, threads: int, progress: Progress) -> ModelReport:
    test = dataset.open_test()
    predictor = Predictor(run.model_path, threads)
    with progress.track(f"{run.name} on {dataset.name}", len(test)) as advance:
        predictions = predictor.predict(
            test.images, test.labels, test.indices, on_batch=lambda done: advance(done, "")
        )
    evaluation = evaluate_predictions(predictions)
    times = _time(predictor, test)
    model = ModelReport(run.recipe.name, dataset.name, evaluation, run, *times)
    run.write_evaluation(dataset.name, predictions, model.as_dict())
    return model


def _time(predictor: Predictor, test: Half) -> tuple[Timing, Timing]:
    """Seconds a picture, one at a time and in batches, after a warm-up."""

    def measure(size: int, repeats: int) -> Timing:
        seconds = []
        for number in range(repeats + 3):
            start = number * size % max(len(test) - size, 1)
            images = test.images[start : start + size]
            began = time.perf_counter()
            predictor.log_probabilities(images)
            seconds.append((time.perf_counter() - began) / len(images))
        low, median, high = np.quantile(seconds[3:], (0, 0.5, 1))
        return Timing(float(low), float(median), float(high), size)

    return measure(1, _SINGLES), measure(min(_BATCH, len(test)), _BATCHES)
