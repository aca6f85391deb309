"""Run trainings and trials of a search on a Ray cluster; if a worker dies, another goes on."""

import contextlib
import dataclasses
import functools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fittingroom.data import Split
from fittingroom.engines import PROCESSOR_ONLY, engine_named
from fittingroom.errors import RunBusyError, TrainingError, TrainingStopped
from fittingroom.jobs.cluster.connection import (
    LOOK,
    RETRIES,
    carry_own_code,
    check_seen,
    connected,
    follow,
    new_queue,
    places,
    result_of,
    share_folder,
)
from fittingroom.jobs.progress import Advance
from fittingroom.jobs.seeds import Trainer
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import Heard, train, train_trial
from fittingroom.numbers import some
from fittingroom.recipes import BaseRecipe
from fittingroom.runs import Epoch, Run, available_processors, open_run

# Seconds for which a worker that died may hold the lock of its run.
_ORPHANED = 120.0


@contextlib.contextmanager
def train_on_cluster(session: Session, *, fresh: bool) -> Iterator[Trainer]:
    """What hands trainings to a Ray cluster, for as long as the context lasts.

    A training starts when the cluster has room for it, on a GPU if there is one and the device is
    None or ``"cuda"``. If a worker or its machine dies, Ray starts the task again, which resumes
    from the checkpoint in the folder of runs. The training set is put into shared memory once.

    All machines see the session's folder of runs. Its threads are those of each training; None is
    as many as this machine has processors.
    """
    threads = available_processors() if session.threads is None else session.threads
    runs, progress = session.folder.resolve(), session.progress
    with connected() as ray, contextlib.ExitStack() as ending:
        room = places(ray, threads, int(session.device == "cuda"))
        marker = share_folder(ray, runs)
        # Tasks of one function with the same resources start in the order they were handed over.
        task = ray.remote(num_cpus=threads, max_retries=RETRIES)(_train)
        data = ray.put(session.dataset.without_test())
        queue = new_queue(ray)
        tracked: dict[str, tuple[contextlib.ExitStack, Advance]] = {}
        at_a_time = some(room, "training")
        progress.say(f"On Ray: up to {at_a_time} at a time; threads of each: {threads}")

        def tell(posted: Any) -> None:
            """Tell the listener what a worker posted."""
            if isinstance(posted, str):
                progress.say(posted)
                return
            name, total, done, words = posted
            if name not in tracked:
                stack = contextlib.ExitStack()
                tracked[name] = stack, stack.enter_context(progress.track(name, total))
            tracked[name][1](done, words)

        def begin(recipe: BaseRecipe, seed: int, device: str | None) -> Callable[[], Run]:
            carry_own_code()
            can = device in (None, "cuda") and recipe.engine not in PROCESSOR_ONLY
            gpus = int(can and bool(ray.cluster_resources().get("GPU")))
            if gpus:
                places(ray, threads, gpus)
            there = Session(
                runs=runs,
                device=device if gpus or device else "cpu",
                threads=threads,
                progress=_Posted(queue),
            )
            reference = task.options(num_gpus=gpus).remote(recipe, seed, fresh, marker, there, data)
            ending.callback(ray.cancel, reference)  # if nobody waits for it any more
            return functools.partial(wait, reference, f"{recipe.name}, seed {seed}")

        def wait(reference: Any, name: str) -> Run:
            follow(ray, reference, queue, tell)
            stack, _ = tracked.pop(name, (contextlib.ExitStack(), None))
            with stack:  # after an error, it is not told as done
                folder = result_of(
                    ray,
                    reference,
                    lambda reason: TrainingError(
                        f"{name} was not trained: {RETRIES + 1} workers of the cluster died "
                        f"({reason}). Run the same command again to resume it."
                    ),
                )
            return open_run(runs / folder)

        yield begin


class _Posted:
    """A worker's listener, which posts what it hears."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue

    def say(self, sentence: str) -> None:
        """Post a sentence."""
        self._queue.put(sentence)

    @contextlib.contextmanager
    def track(self, description: str, total: int) -> Iterator[Advance]:
        """Post each step of a task."""
        yield lambda done, words: self._queue.put((description, total, done, words))


def _train(
    recipe: BaseRecipe, seed: int, fresh: bool, marker: Path, session: Session, data: Any
) -> str:
    """What a worker does; the name of the finished run."""
    check_seen([marker])
    session = dataclasses.replace(session, data=data)
    given_up = time.monotonic() + _ORPHANED
    while True:
        try:
            return train(recipe, seed=seed, resume=not fresh, session=session).name
        except RunBusyError:
            if time.monotonic() > given_up:
                raise
            time.sleep(LOOK)
        except TrainingStopped:
            os._exit(1)  # this machine is being stopped, so Ray starts again on another one


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
    task = ray.remote(num_cpus=threads, num_gpus=gpus, max_retries=RETRIES)(_train_trial)

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


def _train_trial(
    recipe: BaseRecipe, seed: int, split: Split, device: str, threads: int, queue: Any
) -> tuple[float, float]:
    """What a worker does."""
    place = engine_named(recipe.engine).device(device, threads)
    return train_trial(recipe, seed, split, place, queue.put)
