"""How to train: one package a framework, each behind the same small protocol.

An engine is imported when a recipe asks for it and not before, so that a framework that is not
installed is missed only by those who use it.
"""

import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy.typing as npt

from fittingroom.data import Split
from fittingroom.errors import RecipeError, UsageError, did_you_mean, missing_extra
from fittingroom.predictions import Float32
from fittingroom.recipes import BaseRecipe, OwnModel
from fittingroom.recipes.frameworks import wait_briefly
from fittingroom.runs import Checkpoint, Epoch, available_processors

_ENGINES = {
    "keras": "fittingroom.engines.keras",
    "pytorch": "fittingroom.engines.pytorch",
    "sklearn": "fittingroom.engines.sklearn",
}

# Those that compute on the processor alone, for whatever device a comparison asks.
_PROCESSOR_ONLY = {"sklearn"}


@dataclass(frozen=True, eq=False)
class Core:
    """A trained model that is no described network, as the graph of it.

    Attributes:
        graph: ONNX, from ``pictures`` float32 ``(N, 28, 28)`` of 0–255 to ``logits`` float32
            ``(N, K)``.
        parameters: trained numbers.
        operations: multiply-adds and comparisons for one picture.
    """

    graph: bytes
    parameters: int
    operations: int


@dataclass(frozen=True, eq=False)
class Fitted:
    """What training gives.

    Attributes:
        weights: arrays by name. Those of a described network are float32 (see
            :mod:`fittingroom.networks`), with ``"pixels.mean"`` and ``"pixels.deviation"``, by
            which 0–255 values are normalised.
        logits: float32 ``(N, K)``, what the engine's own model says of the validation half.
        best_epoch: the epoch whose weights these are; 1 for a model that is trained in one go.
        seconds: the whole training, validation of each epoch included.
        files: contents by name, what the engine leaves in the run folder beside the files that
            every run has.
        core: the model itself, where the recipe describes no network.
        notes: what a person should know of it, in sentences.
    """

    weights: Mapping[str, npt.NDArray[Any]]
    logits: Float32
    best_epoch: int
    seconds: float
    files: Mapping[str, bytes] = field(default_factory=dict)
    core: Core | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Device:
    """Where an engine computes.

    Attributes:
        name: ``"cpu"``, ``"cuda"`` or ``"mps"``.
        description: the processor's or accelerator's model.
        threads: processor threads used.
        backend: what an engine with several of them computes with, such as ``"torch"``;
            otherwise empty.
        half_precision: whether described networks are trained in bfloat16.
        count: accelerators of that kind, or 1.
        workers: processes that train together, each with so many threads and, where there are
            accelerators, one of them.
        rank: which of them this is, from 0.
        meeting: where they meet, as PyTorch's ``init_method`` says it; empty for one alone.
        checkpoints: whether a training there hands out any, so that it can go on.
    """

    name: str
    description: str
    threads: int
    backend: str = ""
    half_precision: bool = False
    count: int = 1
    workers: int = 1
    rank: int = 0
    meeting: str = ""
    checkpoints: bool = True


class Engine(Protocol):
    """What every framework's package offers as ``engine``."""

    def device(self, name: str | None, threads: int | None) -> Device:
        """The device that training would use: the one named, otherwise the best there is.

        Raises:
            UsageError: there is no such device here.
        """

    def rehearse(
        self, recipe: Any, own: OwnModel, split: Split, *, seed: int, device: Device
    ) -> None:
        """Try out a model of a person's own: build it, show it pictures, export it.

        So that what cannot be trained or exported is known at once and not after the training.

        Raises:
            RecipeError: what it gives has another shape or type than expected, or a setting is
                one that this engine does not know.
            OwnCodeError: its code raises an error.
            ExportError: it cannot be exported.
        """

    def fit(
        self,
        recipe: BaseRecipe,
        split: Split,
        *,
        seed: int,
        device: Device,
        on_epoch: Callable[[Epoch], None],
        on_checkpoint: Callable[[Checkpoint], None] | None = None,
        start: Checkpoint | None = None,
    ) -> Fitted:
        """Train; the same seed, device and threads give the same weights, byte for byte.

        Where the recipe's minutes end training, they do so after as many epochs only.

        Args:
            recipe: what to train.
            split: training and validation halves; there are no test labels in it.
            seed: of the weights, the order of pictures, and augmentation.
            device: where to compute.
            on_epoch: called after each epoch; what it raises ends the training.
            on_checkpoint: called after that with all that going on takes, in arrays that change as
                training does: to be written or copied at once. An engine that trains in one go
                does not call it.
            start: go on from here, an earlier training's checkpoint of the same recipe, split and
                seed. On the same device, threads and versions what comes of it is the same, byte
                for byte, as without the break.

        Raises:
            RunChangedError: the checkpoint is of another training.
            RecipeError: a setting that another engine knows, and this one does not.
            TrainingError: the loss is no longer a number.
            RecipeError: the recipe is of a kind that this engine does not train.
        """


def check_threads(threads: int | None) -> int:
    """The number of threads asked for, or one a processor.

    Raises:
        UsageError: fewer than one, or so many that the system may not give them.
    """
    processors = available_processors()
    if threads is not None and not 1 <= threads <= 16 * processors:
        raise UsageError(
            f"Expected from 1 to {16 * processors} threads, sixteen a processor. "
            f"Received {threads}."
        )
    return threads or processors


def with_workers(place: Device, engine: str, workers: int, threads: int | None) -> Device:
    """The device of one of several processes that train together.

    Args:
        place: the device of one alone.
        engine: the name of the recipe's engine.
        workers: how many train together.
        threads: those asked for, for each; None divides the processors among them.

    Raises:
        UsageError: fewer than one, more than there are processors or accelerators, or an engine
            that trains in one process only.
    """
    if workers == 1:
        return place
    # By torchrun, on several machines it may be; others set such variables too.
    by_torchrun = "TORCHELASTIC_RUN_ID" in os.environ
    started = os.environ.get("WORLD_SIZE") if by_torchrun else None
    if started is not None:
        most, there = int(started), "those that torchrun started"
    elif place.name == "cuda":
        most, there = place.count, "one a GPU"
    else:
        most, there = available_processors(), "one a processor"
    if engine != "pytorch" or not 1 <= workers <= most or (started and workers != most):
        raise UsageError(
            f"Expected 1 worker, or with the engine pytorch at most {most}, {there}. Received "
            f"{workers}, with the engine {engine}."
        )
    if threads is None:
        here = int(os.environ.get("LOCAL_WORLD_SIZE", workers)) if started else workers
        threads = max(1, place.threads // here)
    rank = int(os.environ.get("RANK", 0)) if started else 0
    return replace(place, threads=threads, workers=workers, rank=rank)


def on_processor_only(name: str) -> bool:
    """Whether the engine of that name computes on the processor alone."""
    return name in _PROCESSOR_ONLY


def engine_named(name: str) -> Engine:
    """The engine of that name.

    Raises:
        RecipeError: there is none.
        MissingExtraError: its framework is not installed.
    """
    if name not in _ENGINES:
        raise RecipeError(
            f"Expected one of the engines {', '.join(_ENGINES)}. Received '{name}'."
            + did_you_mean(name, _ENGINES)
        )
    wait_briefly()
    try:
        engine: Engine = importlib.import_module(_ENGINES[name]).engine
    except ModuleNotFoundError as error:
        raise missing_extra(error, "train") from error
    return engine
