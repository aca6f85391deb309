"""Train the trials of a search on a Ray cluster, one for each thread that asks."""

from collections.abc import Callable
from typing import Any

from fittingroom.data import Split
from fittingroom.engines import engine_named
from fittingroom.errors import TrainingError
from fittingroom.jobs.cluster.connection import (
    RETRIES,
    carry_own_code,
    follow,
    new_queue,
    places,
    result_of,
)
from fittingroom.jobs.train import Heard, train_trial
from fittingroom.recipes import BaseRecipe
from fittingroom.runs import Epoch


def trials_on(
    ray: Any, split: Split, device: str, threads: int
) -> tuple[Callable[[BaseRecipe, int, Heard], tuple[float, float]], int]:
    """What trains a trial on a cluster, and how many trials the cluster has room for.

    Several threads may call it at a time. It works as
    :func:`fittingroom.jobs.train.train_trial`, with `heard` called in this process. The images are
    put into shared memory once; the device is ``"cpu"`` or ``"cuda"``.
    """
    gpus = int(device == "cuda")
    room = places(ray, threads, gpus)
    images = ray.put(split)
    task = ray.remote(num_cpus=threads, num_gpus=gpus, max_retries=RETRIES)(_train)

    def train_one(recipe: BaseRecipe, seed: int, heard: Heard) -> tuple[float, float]:
        carry_own_code()
        queue, last = new_queue(ray), 0
        reference = task.remote(recipe, seed, images, device, threads, queue)

        def hear(epoch: Epoch) -> None:
            nonlocal last
            if epoch.epoch > last:  # a worker that starts again tells what was told
                last = epoch.epoch
                heard(epoch)

        try:
            follow(ray, reference, queue, hear)
            return result_of(
                ray, reference, lambda reason: TrainingError(f"Its workers died: {reason}.")
            )
        finally:
            ray.cancel(reference)  # if it was pruned or stopped

    return train_one, room


def _train(
    recipe: BaseRecipe, seed: int, split: Split, device: str, threads: int, queue: Any
) -> tuple[float, float]:
    """What a worker does."""
    place = engine_named(recipe.engine).device(device, threads)
    return train_trial(recipe, seed, split, place, queue.put)
