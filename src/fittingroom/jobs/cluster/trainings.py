"""Run trainings on a Ray cluster, and resume them elsewhere if a worker dies."""

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fittingroom.data import SplitRule
from fittingroom.engines import on_processor_only
from fittingroom.errors import FittingRoomError, RunBusyError, TrainingError, TrainingStopped
from fittingroom.jobs.cluster.connection import (
    LOOK,
    RETRIES,
    carry_own_code,
    check_seen,
    connected,
    first_line,
    places,
    share_folder,
)
from fittingroom.jobs.cluster.mailbox import Mailbox, PostedProgress, Reader
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.recipes import BaseRecipe
from fittingroom.runs import Run, available_processors, open_run

# Seconds for which a worker that died may hold the lock of its run.
_ORPHANED = 120.0


@contextlib.contextmanager
def train_on_cluster(session: Session, *, fresh: bool) -> Iterator["ClusterTrainer"]:
    """What trains on a Ray cluster, for as long as the context lasts; see :class:`ClusterTrainer`.

    Raises:
        ClusterError: the cluster isn't there, or a machine of it does not see the folder of runs.
        UsageError: more threads than any machine has, or a GPU that no machine has.
    """
    with connected() as ray:
        trainer = ClusterTrainer(ray, session, fresh=fresh)
        try:
            yield trainer
        finally:
            trainer.close()


class ClusterTrainer:
    """Hands trainings to a Ray cluster.

    The images are put into shared memory once. If a worker or its machine dies, Ray starts the
    task again, which resumes from the checkpoint in the folder of runs.

    Args:
        ray: what :func:`fittingroom.jobs.cluster.connection.connected` gives.
        session: data, folder of runs that all machines see, device, threads of each training (None
            for as many as this machine has processors), and listener.
        fresh: train again even if there is a finished run.
    """

    def __init__(self, ray: Any, session: Session, *, fresh: bool) -> None:
        threads = available_processors() if session.threads is None else session.threads
        self._ray = ray
        self._session = dataclasses.replace(
            session, data=session.dataset, runs=session.folder.resolve(), threads=threads
        )
        self._fresh = fresh
        self._places = places(ray, threads, int(session.device == "cuda"))
        self._marker = share_folder(ray, session.folder)
        # Tasks of one function with the same resources start in the order they were handed over.
        self._train = ray.remote(num_cpus=threads, max_retries=RETRIES)(_train)
        self._splits: dict[SplitRule, Any] = {}
        self._mailbox = Mailbox(ray)
        self._reader = Reader(self._mailbox, session.progress)
        self._waiting: list[Any] = []
        self._count = 0

    def close(self) -> None:
        """Cancel what nobody waits for any more."""
        for reference in self._waiting:
            with contextlib.suppress(self._ray.exceptions.RayError):
                self._ray.cancel(reference)

    def __call__(self, recipe: BaseRecipe, seed: int, device: str | None) -> Callable[[], Run]:
        """Hand over a training, which starts when the cluster has room for it.

        Args:
            recipe: what to train.
            seed: of the training.
            device: None for a GPU if the cluster has one, otherwise the processor.

        Returns:
            What waits for the run. It raises what :func:`fittingroom.train` raises, and
            ``TrainingError`` if every worker died.
        """
        carry_own_code()
        number, self._count = self._count, self._count + 1
        can = device in (None, "cuda") and not on_processor_only(recipe.engine)
        gpus = int(can and bool(self._ray.cluster_resources().get("GPU")))
        if gpus:
            places(self._ray, self._session.threads or 1, gpus)
        session = dataclasses.replace(
            self._session,
            data=None,
            device=device if gpus or device else "cpu",
            progress=PostedProgress(self._mailbox, number),
        )
        reference = self._train.options(num_gpus=gpus).remote(
            recipe, seed, self._fresh, self._marker, session, self._data(recipe.split)
        )
        self._waiting.append(reference)
        return lambda: self._wait(reference, number, f"{recipe.name}, seed {seed}")

    def _data(self, rule: SplitRule) -> Any:
        """The data set in shared memory, with one split."""
        if rule not in self._splits:
            dataset = self._session.dataset
            with_split = dataclasses.replace(dataset, splits={rule: dataset.split(rule)})
            self._splits[rule] = self._ray.put(with_split)
        return self._splits[rule]

    def _wait(self, reference: Any, number: int, name: str) -> Run:
        if self._count == len(self._waiting):  # the first one
            self._session.progress.say(
                f"On Ray: {self._count} {'training' if self._count == 1 else 'trainings'}, up to "
                f"{self._places} at a time; threads of each: {self._session.threads}"
            )
        while not self._ray.wait([reference], timeout=LOOK)[0]:
            for each in range(self._count):
                self._reader.read(each)
        self._waiting.remove(reference)
        try:
            run = open_run(self._session.folder / self._ray.get(reference))
        except self._ray.exceptions.RayTaskError as error:
            self._reader.end(number, error)
            if isinstance(error.cause, FittingRoomError):
                raise error.cause from None
            raise
        except self._ray.exceptions.RayError as error:
            self._reader.end(number, error)
            raise TrainingError(
                f"{name} was not trained: {RETRIES + 1} workers of the cluster died "
                f"({first_line(error)}). Run the same command again to resume it."
            ) from error
        self._reader.end(number)
        return run


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
