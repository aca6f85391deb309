"""Trainings on a Ray cluster: handed out, and taken up again elsewhere where a worker is lost."""

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from fittingroom.data import Split, SplitRule
from fittingroom.engines import on_processor_only
from fittingroom.errors import FittingRoomError, RunBusyError, TrainingError, TrainingStopped
from fittingroom.jobs.cluster.board import Board
from fittingroom.jobs.cluster.connection import carry_own_code, check_seen, first_line, slots
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.recipes import BaseRecipe
from fittingroom.runs import Run, available_processors, open_run

# How often a training is begun anew after its worker or machine was lost, before it has failed.
_RETRIES = 5
# Seconds between two looks at what the workers tell.
_LOOK = 0.2
# Seconds that a run which is being trained already is waited for.
_ORPHANED = 120.0


class ClusterTrainer:
    """Trains on a Ray cluster what is handed to it, and tells a listener of all at once.

    The pictures are put into shared memory once. A training whose worker or machine is lost goes on
    from its checkpoint elsewhere, which is why all machines must see the folder of runs.

    Args:
        ray: what :func:`connected` gives.
        session: data, folder of runs (seen by all machines), device, threads of each training
            (None for as many as this machine has processors), and listener.
        marker: what :func:`seen_by_all` gives.
        fresh: train anew even where there is a finished run.

    Raises:
        UsageError: a device that the cluster has not, or more threads than any of its machines.
    """

    def __init__(
        self,
        ray: Any,
        session: Session,
        *,
        marker: Path,
        fresh: bool,
    ) -> None:
        self._ray = ray
        self._session = session
        self._marker = marker
        self._fresh = fresh
        threads = session.threads
        self._threads = available_processors() if threads is None else threads
        self.progress = session.progress
        self._splits: dict[SplitRule, Any] = {}
        self._tasks: dict[int, Any] = {}
        self._slots = slots(ray, self._threads, session.device)
        self._board = Board(ray, session.progress)
        self._waiting: list[Any] = []
        self._announced = False

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *raised: object) -> None:
        """Nothing goes on that nobody waits for."""
        for reference in self._waiting:
            with contextlib.suppress(self._ray.exceptions.RayError):
                self._ray.cancel(reference, force=False)
        self._board.close()

    def __call__(self, recipe: BaseRecipe, seed: int, device: str | None) -> Callable[[], Run]:
        """Hand a training over; it begins where and when the cluster has room for it.

        Args:
            recipe: what to train.
            seed: with which seed.
            device: where its engine computes; None for the best there is.

        Returns:
            What waits for the run. It raises what :func:`fittingroom.train` raises, and
            ``TrainingError`` where its workers were lost again and again.
        """
        carry_own_code()
        graphics = self._graphics(recipe, device)
        number = self._board.enter()
        reference = self._task(graphics).remote(
            recipe,
            seed,
            self._fresh,
            self._marker,
            Session(
                data=dataclasses.replace(self._session.dataset, splits={}),
                runs=self._session.folder.resolve(),
                device=device if graphics or device else "cpu",
                threads=self._threads,
                progress=self._board.teller(number),
            ),
            self._split(recipe.split),
        )
        self._waiting.append(reference)

        def wait() -> Run:
            self._announce()
            while not self._ray.wait([reference], timeout=_LOOK)[0]:
                self._board.look()
            self._board.look()
            self._waiting.remove(reference)
            return self._outcome(reference, number, f"{recipe.name}, seed {seed}")

        return wait

    def _announce(self) -> None:
        if not self._announced:
            self._announced = True
            count = len(self._waiting)
            self.progress.say(
                f"On Ray: {count} {'training' if count == 1 else 'trainings'}, "
                f"{min(count, self._slots)} at a time; threads of each: {self._threads}"
            )

    def _outcome(self, reference: Any, number: int, name: str) -> Run:
        lost = self._ray.exceptions
        outcome: Any = None
        try:
            outcome = self._ray.get(reference)
        except lost.RayTaskError:
            raise
        except lost.RayError as error:
            raise TrainingError(
                f"Expected {name} to be trained on the cluster. Received no worker that lived "
                f"through it, in {_RETRIES + 1} attempts: {first_line(error)}. The same command "
                "goes on from its checkpoint."
            ) from error
        finally:
            self._board.leave(number, done=isinstance(outcome, str))
        if isinstance(outcome, FittingRoomError):
            raise outcome
        return open_run(self._session.folder / outcome)

    def _task(self, graphics: int) -> Any:
        """What a worker does, as Ray knows it: the same for all trainings that take as many GPUs.

        Tasks of one kind begin in the order in which they were handed over. Were each of a kind of
        its own, Ray would mix them, and a long training may be the last, with no other beside it.
        """
        if graphics not in self._tasks:
            kind = self._ray.remote(num_cpus=self._threads, num_gpus=graphics, max_retries=_RETRIES)
            self._tasks[graphics] = kind(_train)
        return self._tasks[graphics]

    def _split(self, rule: SplitRule) -> Any:
        """Where the pictures are in shared memory, which they are put into once."""
        if rule not in self._splits:
            self._splits[rule] = self._ray.put(self._session.dataset.split(rule))
        return self._splits[rule]

    def _graphics(self, recipe: BaseRecipe, device: str | None) -> int:
        """How many GPUs a training takes."""
        if device not in (None, "cuda") or on_processor_only(recipe.engine):
            return 0
        rooms = (node["Resources"] for node in self._ray.nodes() if node["Alive"])
        return int(
            any(room.get("GPU", 0) >= 1 and room.get("CPU", 0) >= self._threads for room in rooms)
        )


def _train(
    recipe: BaseRecipe,
    seed: int,
    fresh: bool,
    marker: Path,
    session: Session,
    split: Split,
) -> str | FittingRoomError:
    """What a worker does: the name of the finished run, or why there is none.

    An error is handed back and not raised, which Ray would wrap in a traceback.
    """
    given_up = time.monotonic() + _ORPHANED
    shared = dataclasses.replace(session.dataset, splits={recipe.split: split})
    session = dataclasses.replace(session, data=shared)
    while True:
        try:
            check_seen([marker])
            return train(recipe, seed=seed, resume=not fresh, session=session).name
        except RunBusyError as error:
            # The worker of a machine that was lost may not have heard of it yet.
            if time.monotonic() > given_up:
                return error
            time.sleep(_LOOK)
        except FittingRoomError as error:
            return error
        except TrainingStopped:
            # Somebody stops this machine: its checkpoint is written, and Ray begins anew elsewhere.
            os._exit(1)
