"""Train the trials of a search on a Ray cluster, one for each thread that asks."""

import itertools
from typing import Any

from fittingroom.data import Split
from fittingroom.engines import engine_named
from fittingroom.errors import FittingRoomError, TrainingError
from fittingroom.jobs.cluster.connection import (
    LOOK,
    RETRIES,
    carry_own_code,
    first_line,
    places,
)
from fittingroom.jobs.cluster.mailbox import Mailbox
from fittingroom.jobs.trials import Heard, train_trial
from fittingroom.recipes import BaseRecipe


class ClusterTrials:
    """Trains trials on a cluster; it is called by several threads at a time.

    Args:
        ray: what :func:`fittingroom.jobs.cluster.connection.connected` gives.
        split: the images, which are put into shared memory once.
        device: ``"cpu"`` or ``"cuda"``.
        threads: processor threads of each trial.

    Attributes:
        at_a_time: how many trials the cluster has room for.

    Raises:
        UsageError: no machine has so many threads, or a GPU.
    """

    def __init__(self, ray: Any, split: Split, device: str, threads: int) -> None:
        gpus = int(device == "cuda")
        self.at_a_time = places(ray, threads, gpus)
        self._ray = ray
        self._mailbox = Mailbox(ray)
        self._work = ray.put(split), device, threads, self._mailbox
        self._task = ray.remote(num_cpus=threads, num_gpus=gpus, max_retries=RETRIES)(_train)
        self._numbers = itertools.count()

    def __call__(self, recipe: BaseRecipe, seed: int, heard: Heard) -> tuple[float, float]:
        """As :func:`fittingroom.jobs.trials.train_trial`, with `heard` called in this process."""
        carry_own_code()
        number, last = next(self._numbers), 0
        reference = self._task.remote(recipe, seed, number, *self._work)
        lost = self._ray.exceptions
        try:
            done = False
            while not done:
                done = bool(self._ray.wait([reference], timeout=LOOK)[0])
                for epoch in self._mailbox.take(number):
                    if epoch.epoch > last:  # a worker that starts again tells what was told
                        last = epoch.epoch
                        heard(epoch)
            result: tuple[float, float] = self._ray.get(reference)
            return result
        except lost.RayTaskError as error:
            if isinstance(error.cause, FittingRoomError | MemoryError | RuntimeError):
                raise error.cause from None
            raise
        except lost.RayError as error:
            raise TrainingError(f"Its workers died: {first_line(error)}.") from error
        finally:
            self._ray.cancel(reference)  # if it was pruned or stopped


def _train(
    recipe: BaseRecipe,
    seed: int,
    number: int,
    split: Split,
    device: str,
    threads: int,
    mailbox: Mailbox,
) -> tuple[float, float]:
    """What a worker does."""
    place = engine_named(recipe.engine).device(device, threads)
    return train_trial(recipe, seed, split, place, lambda epoch: mailbox.post(number, epoch))
