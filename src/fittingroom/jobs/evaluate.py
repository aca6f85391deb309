"""Evaluate: open the test set once for a run, and keep what its model predicts."""

import timeit
from pathlib import Path
from typing import Any

import numpy as np

from fittingroom.classes import in_short
from fittingroom.data import Dataset, ImageSet
from fittingroom.engines import check_threads
from fittingroom.errors import DataInvalidError, RunChangedError
from fittingroom.evaluation import ModelReport, evaluate_predictions
from fittingroom.jobs.progress import Progress
from fittingroom.jobs.session import Session, dataset_of
from fittingroom.numbers import Timing
from fittingroom.predict import Predictor
from fittingroom.runs import Run, log_opening, only_here, open_run

_SINGLES, _BATCHES, _BATCH = 200, 10, 500


def evaluate(
    run: Run | Path | str,
    *,
    purpose: str = "evaluate",
    session: Session | None = None,
) -> ModelReport:
    """A run's scores on the test set.

    The first call opens the test set, logs that in ``test-log.jsonl`` beside the run, and keeps
    every prediction in the run folder. Later calls read them.

    Args:
        run: a run, or its folder.
        purpose: what the test set was opened for, for the log.
        session: data (None for the data that the run was trained on), threads and listener.

    Raises:
        DataInvalidError: the data set has other classes than the model.
        RunError: the predictions cannot be kept, or were changed.
    """
    session = session or Session()
    threads = check_threads(session.threads)  # before the opening is logged
    run = run if isinstance(run, Run) else open_run(run)
    dataset = dataset_of(run) if session.data is None else session.dataset
    if run.classes != dataset.classes:
        raise DataInvalidError(
            f"{run.name} was trained for other classes ({in_short(run.classes)}) than "
            f"{dataset.name} has ({in_short(dataset.classes)}). Choose other data with --data."
        )
    predictions = run.read_predictions(dataset.name)
    if predictions is None:
        # Of two processes one opens the test set, and the other reads what it left.
        with only_here(run.folder.parent, f"{run.name}.scores", wait=True):
            predictions = run.read_predictions(dataset.name)
            if predictions is None:
                return _open_test(run, dataset, threads, purpose, session.progress)
    if predictions.classes != run.classes:
        raise RunChangedError(
            f"The stored predictions of {run.name} are for other classes. Remove "
            f"{run.name}/evaluations."
        )
    try:
        times = run.read_evaluation(dataset.name)["seconds_per_image"]
        single, batched = _timing(times["single"]), _timing(times["batched"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise RunChangedError(
            f"The stored scores of {run.name} have no seconds_per_image ({error!r}). Remove "
            f"{run.name}/evaluations."
        ) from error
    evaluation = evaluate_predictions(predictions)
    return ModelReport(
        run.recipe.name, dataset.name, evaluation, run, single, batched, dataset.description
    )


def _timing(stored: dict[str, Any]) -> Timing:
    return Timing(float(stored["median"]), float(stored["percentile_90"]), int(stored["batch"]))


def _open_test(
    run: Run, dataset: Dataset, threads: int, purpose: str, progress: Progress
) -> ModelReport:
    log_opening(
        run.folder.parent,
        run=run.name,
        recipe=run.recipe.name,
        data=dataset.name,
        purpose=purpose,
        key=run.recipe.key,
        seed=run.seed,
    )
    test = dataset.open_test()
    predictor = Predictor(run.model_path, threads)
    with progress.track(f"{run.name} on {dataset.name}", len(test)) as advance:
        predictions = predictor.predict(test, on_batch=lambda done: advance(done, ""))
    model = ModelReport(
        run.recipe.name,
        dataset.name,
        evaluate_predictions(predictions),
        run,
        single=_time(predictor, test, 1, _SINGLES),
        batched=_time(predictor, test, min(_BATCH, len(test)), _BATCHES),
        data_description=dataset.description,
    )
    run.write_evaluation(dataset.name, predictions, model.as_dict())
    return model


def _time(predictor: Predictor, test: ImageSet, size: int, repeats: int) -> Timing:
    """Seconds an image in batches of that size, after a warm-up."""
    images = test.images[:size]
    seconds = timeit.repeat(
        lambda: predictor.log_probabilities(images), number=1, repeat=repeats + 3
    )
    median, ninth = np.quantile(seconds[3:], (0.5, 0.9)) / size
    return Timing(float(median), float(ninth), size)
