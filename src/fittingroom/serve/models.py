"""The models that a service answers with, each behind a queue of its own."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fittingroom.errors import ExportError, UsageError
from fittingroom.predict import Answers, Model
from fittingroom.predict.packaged import packaged_model, packaged_numbers
from fittingroom.predictions import UInt8
from fittingroom.runs import Run, open_run
from fittingroom.serve.batching import Arrays, Batcher, Pace
from fittingroom.serve.monitoring import Monitor
from fittingroom.serve.settings import Settings
from fittingroom.serve.tensors import Output

# Fewer pictures are not worth waking a thread for.
_LEAST_A_THREAD = 4


@dataclass(frozen=True)
class Loaded:
    """A model, and what its run knows of it.

    Attributes:
        name: as requests and answers call it, unlike all others.
        model: what answers.
        accuracy: on the test half of Fashion-MNIST, a fraction; None where it is not known.
        parameters: how many numbers were trained; None where it is not known.
    """

    name: str
    model: Model
    accuracy: float | None
    parameters: int | None


def load_models(sources: Sequence[Path]) -> list[Loaded]:
    """Load the models that a person named.

    Args:
        sources: run folders or ONNX files; none for the model inside the package.

    Raises:
        UsageError: one that is neither, or one twice.
        RunError: a run folder that is not whole.
        ExportError: a file that is not a model of this project.
    """
    if not sources:
        numbers = packaged_numbers()
        model = Model(packaged_model(), name=numbers["name"], threads=1)
        return [Loaded(model.name, model, numbers["test_accuracy"], numbers["parameters"])]
    loaded = [_load(source) for source in sources]
    names = [each.name for each in loaded]
    if len(set(names)) < len(names):
        raise UsageError(
            f"Expected models of different names. Received {', '.join(names)}. Rename a file, or "
            "name each run once."
        )
    return loaded


def _load(source: Path) -> Loaded:
    if not source.exists():
        raise ExportError(
            f"Expected a run's folder or an ONNX file at {source}. Received nothing. "
            "`fittingroom runs` lists the runs that there are."
        )
    if not source.is_dir():
        model = Model(source, threads=1)
        return Loaded(model.name, model, None, None)
    run = open_run(source)
    model = Model(run.model_path, name=run.name, threads=1)
    return Loaded(run.name, model, _test_accuracy(run), run.summary.parameters)


def _test_accuracy(run: Run) -> float | None:
    predictions = run.read_predictions("fashion-mnist")
    return None if predictions is None else float(predictions.correct.mean())


class ServedModel:
    """A loaded model in service: its batches, and what the protocol says of its outputs.

    Args:
        loaded: the model.
        settings: how large a batch may be, and how many threads share it.
        monitor: told of each batch.
        pace: told how long each batch took.

    Attributes:
        ready: whether it made a first prediction.
        outputs: as the Open Inference Protocol describes them. ``abstain`` is 0 for an answer, 1
            for unsure, 2 for unknown.
        output_names: their names.
    """

    def __init__(self, loaded: Loaded, settings: Settings, monitor: Monitor, pace: Pace) -> None:
        self.name = loaded.name
        self.model = loaded.model
        self.classes = loaded.model.classes
        self.accuracy = loaded.accuracy
        self.parameters = loaded.parameters
        self.ready = False
        self.outputs = (
            Output("probabilities", "FP32", (len(self.classes),)),
            Output("label", "UINT8", ()),
            Output("abstain", "UINT8", ()),
            Output("ood_score", "FP32", ()),
        )
        self.output_names = tuple(each.name for each in self.outputs)
        self._threads = settings.threads
        self._pool = ThreadPoolExecutor(settings.threads, thread_name_prefix="part")
        told = monitor.batches_of(self.name)
        self._batcher = Batcher(self._compute, settings.batch, told, pace)

    async def warm_up(self) -> None:
        """Make a first prediction, after which the model is ready."""
        await self.arrays(np.zeros((1, 28, 28), np.uint8))
        self.ready = True

    async def arrays(self, images: UInt8) -> Arrays:
        """All outputs, for uint8 ``(N, 28, 28)``, together with whatever else waits."""
        return await self._batcher.submit(images)

    async def answers(self, images: UInt8) -> Answers:
        """The same for people."""
        return Answers(**await self.arrays(images), classes=self.classes)  # type: ignore[arg-type]

    def close(self) -> None:
        """End its thread."""
        self._batcher.close()
        self._pool.shutdown()

    def _compute(self, images: UInt8) -> Arrays:
        """A batch's outputs, a part of it by each thread.

        ONNX Runtime's own threads share every single layer: one that is kept from its core holds
        up the other each time, and they spin while they wait. Parts meet once, asleep.
        """
        count = min(self._threads, max(1, len(images) // _LEAST_A_THREAD))
        if count == 1:
            return self._part(images)
        said = list(self._pool.map(self._part, np.array_split(images, count)))
        return {name: np.concatenate([each[name] for each in said]) for name in self.output_names}

    def _part(self, images: UInt8) -> Arrays:
        answers = self.model.arrays(images)
        return {name: getattr(answers, name) for name in self.output_names}
