"""Dynamic batching: requests that arrive together go through the model together."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from fittingroom.predict import Answers, Model
from fittingroom.predictions import UInt8

# Fewer images are not worth waking a thread for.
_LEAST_A_THREAD = 4
_ARRAYS = ("label", "probabilities", "ood_score", "abstain")

Waiting = tuple[UInt8, "asyncio.Future[Answers]"]


class Batcher:
    """A model in a thread of its own, which takes all waiting images whenever it is free.

    No request is held back to wait for others. A batch is what arrived while the previous one was
    computed, so batches grow with the load, and a lone request goes straight through. Several
    requests together have at most ``most`` images; a larger one goes alone.
    """

    def __init__(
        self, model: Model, *, most: int, threads: int, on_batch: Callable[[int], None]
    ) -> None:
        self._model = model
        self._most = most
        self._threads = threads
        self._on_batch = on_batch
        self._waiting: deque[Waiting] = deque()
        self._busy = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._parts = ThreadPoolExecutor(threads, thread_name_prefix="part")

    def submit(self, images: UInt8) -> "asyncio.Future[Answers]":
        """Classify images as the model takes them, N from 1, together with others."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answers] = loop.create_future()
        self._waiting.append((images, answer))
        if not self._busy:
            self._busy = True
            # After whatever else is ready to be read now: it may add to the same batch.
            loop.call_soon(self._start, loop)
        return answer

    def close(self) -> None:
        """End the threads after their current batch."""
        self._thread.shutdown()
        self._parts.shutdown()

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand the model the next batch, if anything waits."""
        batch: list[Waiting] = []
        count = 0
        while self._waiting:
            images, answer = self._waiting[0]
            if batch and count + len(images) > self._most:
                break
            self._waiting.popleft()
            if not answer.done():  # cancelled: the request took too long, or the client left
                batch.append((images, answer))
                count += len(images)
        if not batch:
            self._busy = False
            return
        self._on_batch(count)
        computed = self._thread.submit(self._compute, np.concatenate([each for each, _ in batch]))
        computed.add_done_callback(
            lambda future: loop.call_soon_threadsafe(self._finish, loop, batch, future)
        )

    def _finish(
        self, loop: asyncio.AbstractEventLoop, batch: list[Waiting], computed: Future[Answers]
    ) -> None:
        """Give each request its rows of the batch's answers, or the error."""
        # The next batch first, so that the model has work while answers are written.
        self._start(loop)
        error = computed.exception()
        row = 0
        for images, answer in batch:
            rows = slice(row, row + len(images))
            row = rows.stop
            if answer.done():
                continue
            if error:
                answer.set_exception(error)
            else:
                arrays = {name: getattr(computed.result(), name)[rows] for name in _ARRAYS}
                answer.set_result(self._answers(arrays))

    def _compute(self, images: UInt8) -> Answers:
        """Split a batch among the threads.

        ONNX Runtime's own threads split every single layer: a thread that loses its core delays the
        others in each layer, and they spin while they wait. Here threads meet once, and sleep.
        """
        count = min(self._threads, max(1, len(images) // _LEAST_A_THREAD))
        if count == 1:
            return self._model.answers(images)
        parts = list(self._parts.map(self._model.answers, np.array_split(images, count)))
        arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _ARRAYS}
        return self._answers(arrays)

    def _answers(self, arrays: dict[str, Any]) -> Answers:
        return Answers(**arrays, classes=self._model.classes, model=self._model.name)
