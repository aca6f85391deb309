"""Requests that arrive together go through the model together."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from fittingroom.predictions import UInt8

Arrays = Mapping[str, npt.NDArray[np.generic]]

_SMOOTHED = 8  # batches


class Pace:
    """How long the models take for a request among others, over the last batches.

    Attributes:
        seconds: from one answer to the next while there is always one to come; 0 at first.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def note(self, requests: int, seconds: float) -> None:
        """A batch of so many requests took so long."""
        self.seconds += (seconds / requests - self.seconds) / _SMOOTHED


class Batcher:
    """One model in a thread of its own, given all pictures that wait whenever it is free.

    No request is held back to wait for others: a batch is what came in while the one before was
    computed, so that batches grow with the load and a lone request goes straight through.

    Args:
        compute: uint8 ``(N, 28, 28)`` → arrays by name, each with N rows. Called in the thread.
        most: the most pictures of several requests together; a larger request goes alone.
        on_batch: told how many pictures each batch had.
        pace: told how many requests each batch had, and how long it took.
    """

    def __init__(
        self,
        compute: Callable[[UInt8], Arrays],
        most: int,
        on_batch: Callable[[int], None],
        pace: Pace,
    ) -> None:
        self._compute = compute
        self._most = most
        self._on_batch = on_batch
        self._pace = pace
        self._waiting: deque[tuple[UInt8, asyncio.Future[Arrays]]] = deque()
        self._busy = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")

    async def submit(self, images: UInt8) -> Arrays:
        """What the model says of some pictures.

        Args:
            images: uint8 ``(N, 28, 28)``, N from 1.

        Returns:
            Arrays by name, each with N rows.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Arrays] = loop.create_future()
        self._waiting.append((images, answer))
        if not self._busy:
            self._busy = True
            # After all that is ready to be read now: it may bring more for the same batch.
            loop.call_soon(self._start, loop)
        return await answer

    def close(self) -> None:
        """End the thread, after what it is computing."""
        self._thread.shutdown()

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give the model what waits, or let it rest."""
        batch: list[tuple[UInt8, asyncio.Future[Arrays]]] = []
        count = 0
        while self._waiting:
            images, answer = self._waiting[0]
            if batch and count + len(images) > self._most:
                break
            self._waiting.popleft()
            if not answer.done():  # given up by whoever waited: too late, or gone
                batch.append((images, answer))
                count += len(images)
        if not batch:
            self._busy = False
            return
        self._on_batch(count)
        began = time.perf_counter()
        together = batch[0][0] if len(batch) == 1 else np.concatenate([each for each, _ in batch])
        computed = self._thread.submit(self._compute, together)
        computed.add_done_callback(
            lambda future: loop.call_soon_threadsafe(self._finish, loop, batch, future, began)
        )

    def _finish(
        self,
        loop: asyncio.AbstractEventLoop,
        batch: list[tuple[UInt8, asyncio.Future[Arrays]]],
        computed: Future[Arrays],
        began: float,
    ) -> None:
        self._pace.note(len(batch), time.perf_counter() - began)
        # The next batch first, so that the model has work while answers are written.
        self._start(loop)
        error = computed.exception()
        arrays = {} if error else computed.result()
        row = 0
        for images, answer in batch:
            end = row + len(images)
            if not answer.done():
                if error:
                    answer.set_exception(error)
                else:
                    answer.set_result({name: each[row:end] for name, each in arrays.items()})
            row = end
