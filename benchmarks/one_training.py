"""One training, as ``fittingroom train`` does it; imports little, since its process is measured."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.measure import peak_memory_mb
from fittingroom.jobs.progress import Silence


class Clock(Silence):
    """Listens to a training, and notes when it began."""

    began = 0.0

    @contextlib.contextmanager
    def track(self, description: str, total: int) -> Iterator[Callable[[int, str], None]]:
        """The training begins."""
        self.began = time.time()
        yield lambda done, words: None


def train(
    *,
    began: float,
    recipe: str,
    seed: int = 0,
    epochs: int | None = None,
    data: str | None = None,
    runs: str,
    threads: int,
    score: bool = False,
) -> dict[str, Any]:
    """Train a recipe and, if asked for, score it on the test set.

    Args:
        began: when the process was started, as ``time.time`` counts.
        recipe: its name.
        seed: of the training.
        epochs: at most so many.
        data: as for fittingroom.
        runs: the folder of runs.
        threads: processor threads.
        score: whether the test set is opened.
    """
    from fittingroom.data import find_dataset
    from fittingroom.errors import FittingRoomError
    from fittingroom.jobs.evaluate import evaluate
    from fittingroom.jobs.session import Session
    from fittingroom.jobs.train import train as train_job
    from fittingroom.recipes import Recipe, recipe_named

    chosen = recipe_named(recipe)
    if epochs is not None and isinstance(chosen, Recipe):
        chosen = chosen.with_settings({"epochs": str(min(epochs, chosen.epochs))})
    clock = Clock()
    dataset = find_dataset(data)
    session = Session(data=dataset, runs=runs, device="cpu", threads=threads, progress=clock)
    try:
        run = train_job(chosen, seed=seed, session=session)
    except FittingRoomError as error:
        return {"failure": str(error), "backend": ""}
    measured = {
        "run": run.name,
        "backend": str(run.environment["backend"]),
        "versions": run.environment["versions"],
        "training_images": run.environment["data"]["training"],
        "validation_images": run.environment["data"]["validation"],
        "before_training_seconds": clock.began - began,
        "seconds": run.summary.seconds,
        "peak_memory_mb": peak_memory_mb(),
        "best_epoch": run.summary.best_epoch,
        "validation_accuracy": run.summary.validation_accuracy,
        "parameters": run.summary.parameters,
        "operations": run.summary.operations,
        "model_bytes": run.summary.model_bytes,
        "history": [vars(epoch) for epoch in run.history],
    }
    if score:
        evaluated = evaluate(run, purpose="benchmark", session=session)
        measured |= scores(evaluated.evaluation.predictions.correct)
    return measured


def scores(correct: Any) -> dict[str, Any]:
    """Accuracy, and the positions of the misclassified images, as text."""
    import numpy as np

    return {
        "test_accuracy": float(correct.mean()),
        "test_images": len(correct),
        "mistakes": " ".join(str(place) for place in np.flatnonzero(~correct)),
    }
