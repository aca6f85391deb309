"""One training in several processes, by PyTorch's DistributedDataParallel.

Each process takes its share of every batch, and all of them step along the mean of their gradients,
so that their weights are the same at every step. The first leads: it alone tells of epochs.
"""

import multiprocessing
import multiprocessing.resource_tracker
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import torch
from torch import Tensor, distributed, nn

from fittingroom.data import Split
from fittingroom.engines import Device
from fittingroom.errors import TrainingError, UsageError, WorkerLostError
from fittingroom.recipes import Recipe
from fittingroom.runs import Checkpoint

# For one exchange: a process may be slow, but one that never comes is to be told of.
_PATIENCE = timedelta(minutes=5)
# Seconds between two looks at who is there.
_LOOK = 0.05
# Seconds that a process has to end by itself after the last exchange.
_LEAVE = 30
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"
_INTERFACES = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")


class Team:
    """The processes that train together; a single one has nothing to exchange.

    Attributes:
        rank: this process's place, from 0, which leads.
        size: how many there are.
    """

    def __init__(self, rank: int, size: int) -> None:
        self.rank = rank
        self.size = size

    def share(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """This process's share of a batch: of ``(B,)`` and ``(6, B)`` each so many columns."""
        chosen, drawn = batch
        return chosen[self.rank :: self.size], drawn[:, self.rank :: self.size]

    def wrap(self, module: nn.Module, *, partly_used: bool) -> nn.Module:
        """The module as it is trained: with the gradients of all processes averaged.

        Args:
            module: on its device.
            partly_used: whether some of its weights may have no gradient.
        """
        if self.size == 1:
            return module
        return nn.parallel.DistributedDataParallel(module, find_unused_parameters=partly_used)

    def add_up(self, *tensors: Tensor) -> None:
        """Put the sum over all processes in each tensor's place."""
        if self.size > 1:
            for tensor in tensors:
                distributed.all_reduce(tensor)

    def as_the_leader(self, *tensors: Tensor) -> None:
        """Put the first process's values in each tensor's place."""
        if self.size > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, src=0)


ALONE = Team(0, 1)


@contextmanager
def gather_team(
    recipe: Recipe, split: Split, seed: int, place: Device, start: Checkpoint | None
) -> Iterator[Team]:
    """The team that trains this, for as long as the context lasts.

    Where torchrun started this process, the team is the processes that it started, on one machine
    or many. Otherwise the leader starts the others here, and they end with it.

    Raises:
        UsageError: a batch cannot be shared out evenly, the model is one of a person's own that
            other processes cannot be given, or the processes would begin from other checkpoints.
        WorkerLostError: a process was lost, or cannot be reached.
    """
    if place.workers == 1:
        yield ALONE
        return
    if min(recipe.batch_size, len(split.training)) % place.workers:
        raise UsageError(
            f"Expected a batch that {place.workers} workers can share out evenly. Received "
            f"{min(recipe.batch_size, len(split.training))} pictures: `--set batch_size=…`."
        )
    by_torchrun = distributed.is_torchelastic_launched()
    if recipe.own is not None and not by_torchrun:
        raise UsageError(
            "Expected one worker for a model of your own. Received "
            f"{place.workers}. Start them by torchrun instead, so that each builds the model."
        )
    followers: list[Any] = []
    # Nobody else on the network is let in; a caller's later teams are the caller's own matter.
    named = () if by_torchrun or sys.platform == "win32" else _INTERFACES
    loopback = [name for name in named if name not in os.environ]
    gpu = torch.cuda.current_device() if place.name == "cuda" else None
    done = False
    with tempfile.TemporaryDirectory() as folder:
        meeting = "env://" if by_torchrun else (Path(folder) / "meeting").as_uri()
        os.environ.update(dict.fromkeys(loopback, _LOOPBACK))
        if not by_torchrun:
            place = replace(place, meeting=place.meeting or meeting)
        if place.name == "cuda":
            torch.cuda.set_device(place.rank % torch.cuda.device_count())
        try:
            if not by_torchrun and place.rank == 0:
                for rank in range(1, place.workers):
                    given = (recipe, split, seed, replace(place, rank=rank), start)
                    _start(given, followers)
                _wait_for(followers, Path(folder))
            elif not by_torchrun:
                there = Path(url2pathname(urlsplit(place.meeting).path)).parent
                _arrival(there, place.rank).touch()
            distributed.init_process_group(
                "cpu:gloo,cuda:nccl" if place.name == "cuda" else "gloo",
                init_method=place.meeting or meeting,
                rank=place.rank,
                world_size=place.workers,
                timeout=_PATIENCE,
            )
            _check_start(start, place.workers)
            yield Team(place.rank, place.workers)
            done = True
        except RuntimeError as error:
            lost = isinstance(error, distributed.DistError) or "gloo" in str(error)
            # Where they have not met yet, there are other words for it.
            if not lost and (distributed.is_initialized() or "timeout" not in str(error).lower()):
                raise
            raise WorkerLostError(
                f"Expected {place.workers} processes to train together. Received word that one of "
                f"them is lost: {error} `--resume` goes on from the last checkpoint."
            ) from error
        finally:
            try:
                if done:
                    # Together with the others: NCCL would wait for one that is gone.
                    distributed.destroy_process_group()
                    for each in followers:
                        each.join(_LEAVE)
            finally:
                for each in followers:
                    each.kill()
            if distributed.is_initialized():
                distributed.destroy_process_group()
            for name in loopback:
                del os.environ[name]
            if gpu is not None:
                torch.cuda.set_device(gpu)
            for each in followers:
                each.join()


def _check_start(start: Checkpoint | None, workers: int) -> None:
    """Check that all processes begin from the same checkpoint, or none.

    Raises:
        UsageError: they do not, in each of them.
    """
    epochs = len(start.history) if start else 0
    # Two folders may hold checkpoints of the same epoch that are not the same.
    mark = int.from_bytes(start.digest()[:7]) if start else 0
    mine = torch.tensor([epochs, mark])
    everywhere = [torch.empty_like(mine) for _ in range(workers)]
    distributed.all_gather(everywhere, mine)
    if any((each != mine).any() for each in everywhere):
        received = ", ".join(str(int(each[0])) for each in everywhere)
        raise UsageError(
            f"Expected all processes to go on from the same checkpoint. Received {workers}, after "
            f"{received} epochs. Give all processes the same folder of runs: `--runs`."
        )


@contextmanager
def _signals_wait() -> Iterator[None]:
    """While it lasts, signals that stop a process wait; one that is started meanwhile gets none.

    A terminal sends Ctrl-C to all processes. The leader alone is to hear it, and ends the others:
    while one of them still imports, it has no handler yet.
    """
    if sys.platform == "win32":
        yield
        return
    # It would be started with the first process, and lets signals through as it is.
    multiprocessing.resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(given: tuple[Any, ...], followers: list[Any]) -> None:
    """One of the other processes, started here and put with the others."""
    # A fresh interpreter: a copy of this one would have lost the threads that PyTorch counts on.
    context = multiprocessing.get_context("spawn")
    follower = context.Process(target=_follow, args=given, daemon=True)
    with _signals_wait():
        follower.start()
        followers.append(follower)


def _wait_for(followers: list[Any], folder: Path) -> None:
    """Wait until all other processes are where they meet, or one of them has ended on its way.

    The meeting itself would be waited for to the end of patience.

    Raises:
        WorkerLostError: one has.
    """
    for rank, follower in enumerate(followers, start=1):
        while not _arrival(folder, rank).exists():
            if not follower.is_alive():
                raise WorkerLostError(
                    f"Expected {len(followers) + 1} processes to train together. Received one "
                    f"that ended before they met, with exit code {follower.exitcode}. In a script "
                    'of your own, train below `if __name__ == "__main__":`, as each process begins '
                    "by importing it. `--resume` goes on from the last checkpoint."
                )
            time.sleep(_LOOK)


def _arrival(folder: Path, rank: int) -> Path:
    """The file by which a process tells that it is about to meet the others."""
    return folder / f"arrived-{rank}"


def _follow(
    recipe: Recipe, split: Split, seed: int, place: Device, start: Checkpoint | None
) -> None:
    """What another process of the team does: the same training, of which it tells nobody."""
    from fittingroom.engines.pytorch import engine

    # The leader is asked to stop, and ends the others.
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    try:
        engine.fit(recipe, split, seed=seed, device=place, on_epoch=lambda epoch: None, start=start)
    except TrainingError:
        sys.exit(1)  # the leader tells of it, or is gone
