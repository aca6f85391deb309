"""Trials of a search on a Ray cluster: as many at a time as there is room for, watched here."""

import asyncio
from collections.abc import Iterator
from typing import Any

from fittingroom.data import Split
from fittingroom.engines import Device, engine_named
from fittingroom.jobs.cluster.connection import carry_own_code, first_line, here, slots
from fittingroom.jobs.trials import Assignment, Outcome, Trainings, Watch, train_trial
from fittingroom.runs import Epoch

# How often a trial is begun anew after its worker was lost, before it counts as failed.
_RETRIES = 5
# Seconds between two looks at what the workers ask.
_LOOK = 0.1


def on_cluster(ray: Any, split: Split, device: str | None, threads: int) -> Trainings:
    """Trials trained on a cluster, whose pictures are put into shared memory once.

    Args:
        ray: what :func:`fittingroom.jobs.cluster.connection.connected` gives.
        split: training and validation halves.
        device: ``"cpu"`` or ``"cuda"``.
        threads: of each trial.

    Raises:
        UsageError: a device that the cluster has not, or more threads than any of its machines.
    """
    room = slots(ray, threads, device)
    shared = ray.put(split)
    train_there = ray.remote(
        num_cpus=threads, num_gpus=int(device == "cuda"), max_retries=_RETRIES
    )(_train)

    def trainings(
        assignments: Iterator[Assignment], watch: Watch
    ) -> Iterator[tuple[Assignment, Outcome]]:
        desk = ray.remote(num_cpus=0, scheduling_strategy=here(ray))(_Desk).remote()
        under_way: dict[Any, Assignment] = {}
        told: dict[int, int] = {}
        answers: dict[int, bool] = {}
        open_ended = True
        try:
            while True:
                while open_ended and len(under_way) < room:
                    assignment = next(assignments, None)
                    if assignment is None:
                        open_ended = False
                        break
                    carry_own_code()
                    under_way[train_there.remote(assignment, shared, device, threads, desk)] = (
                        assignment
                    )
                if not under_way:
                    return
                done, _ = ray.wait(list(under_way), timeout=_LOOK)
                for number, epoch in ray.get(desk.questions.remote()):
                    # A trial that is begun anew tells what was told, and is told the same.
                    if epoch.epoch > told.get(number, 0):
                        told[number] = epoch.epoch
                        answers[number] = watch(number, epoch)
                    desk.answer.remote(number, epoch.epoch < told[number] or answers[number])
                for reference in done:
                    yield under_way.pop(reference), _outcome(ray, reference)
        finally:
            for reference in under_way:
                ray.cancel(reference, force=True)
            ray.kill(desk)

    return trainings


def _outcome(ray: Any, reference: Any) -> Outcome:
    try:
        outcome: Outcome = ray.get(reference)
        return outcome
    except ray.exceptions.RayTaskError:
        raise
    except ray.exceptions.RayError as error:
        return Outcome("failed", (), error=f"Its workers were lost: {first_line(error)}.")


def _train(
    assignment: Assignment, split: Split, device: str | None, threads: int, desk: Any
) -> Outcome:
    """What a worker does."""
    import ray

    place: Device = engine_named(assignment.recipe.engine).device(device, threads)

    def ask(number: int, epoch: Epoch) -> bool:
        goes_on: bool = ray.get(desk.ask.remote(number, epoch))
        return goes_on

    return train_trial(assignment, split, place, ask)


class _Desk:
    """Where workers ask whether to go on, and wait for the answer: an actor."""

    def __init__(self) -> None:
        self._questions: list[tuple[int, Epoch]] = []
        self._answers: dict[int, asyncio.Future[bool]] = {}

    async def ask(self, number: int, epoch: Epoch) -> bool:
        """Ask after an epoch; it takes as long as the answer does."""
        self._questions.append((number, epoch))
        self._answers[number] = asyncio.get_running_loop().create_future()
        return await self._answers[number]

    async def questions(self) -> list[tuple[int, Epoch]]:
        """All questions since the last time."""
        asked, self._questions = self._questions, []
        return asked

    async def answer(self, number: int, goes_on: bool) -> None:
        """Answer a trial's last question."""
        waiting = self._answers.pop(number, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(goes_on)
