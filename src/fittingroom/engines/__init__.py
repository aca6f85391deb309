"""How to train: one package for each framework, all behind the same small protocol.

An engine is imported when a recipe asks for it, so that only those who use a framework need to
install it.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy.typing as npt

from fittingroom.data import Split
from fittingroom.errors import RecipeError, UsageError, did_you_mean, missing_extra
from fittingroom.predictions import Float32
from fittingroom.recipes import BaseRecipe
from fittingroom.recipes.frameworks import wait_briefly
from fittingroom.runs import Checkpoint, Epoch, available_processors
from fittingroom.runs.environment import processor

_ENGINES = ("keras", "pytorch", "sklearn")

# These compute on the processor, whatever device a comparison asks for.
PROCESSOR_ONLY = {"sklearn"}


@dataclass(frozen=True, eq=False)
class Core:
    """A trained model that is no described network, as an ONNX graph."""

    graph: bytes  # from ``images`` float32 ``(N, 28, 28)`` of 0–255 to ``logits`` ``(N, K)``
    parameters: int  # trained numbers
    operations: int  # multiply-adds and comparisons for one image


@dataclass(frozen=True, eq=False)
class Fitted:
    """The result of a training.

    ``weights`` are arrays by name. Those of a described network are float32 (see
    :mod:`fittingroom.networks`), with ``"pixels.mean"`` and ``"pixels.deviation"``, by which 0–255
    values are normalised.
    """

    weights: Mapping[str, npt.NDArray[Any]]
    logits: Float32  # (N, K), the engine's own for the validation set
    best_epoch: int  # whose weights these are; 1 for a model without epochs
    seconds: float  # of the whole training, with the validation after each epoch
    files: Mapping[str, bytes] = field(default_factory=dict)  # for the run folder, by name
    core: Core | None = None  # the exported model, unless the recipe describes a network
    notes: tuple[str, ...] = ()  # sentences for the person who trains


@dataclass(frozen=True)
class Device:
    """Where an engine computes."""

    name: str  # "cpu", "cuda" or "mps"
    description: str  # the model of the processor or accelerator
    threads: int  # of the processor
    backend: str = ""  # what Keras computes with; empty for other engines
    half_precision: bool = False  # whether described networks are trained in bfloat16


class Engine(Protocol):
    """What the module ``training`` of every framework's package offers."""

    def device(self, name: str | None, threads: int | None) -> Device:
        """The device of that name; without a name, the best of this machine.

        Raises:
            UsageError: this machine has no such device, or can't give so many threads.
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

        Args:
            recipe, split: what to train, on which images.
            seed: of the weights, the order of images, and augmentation.
            device: where to compute.
            on_epoch: called after each epoch; an error that it raises ends the training.
            on_checkpoint: called after that with all that is needed to resume, unless the engine
                has no epochs. Arrays change as training continues, so write or copy them at once.
            start: an earlier checkpoint of the same recipe, split and seed, to resume from. With
                PyTorch the result has the same bytes as without the interruption.

        Raises:
            RunChangedError: the checkpoint is of another training.
            RecipeError: this engine does not support the recipe, or one of its settings.
            TrainingError: the loss is no longer a number.
        """


def check_threads(threads: int | None) -> int:
    """The number of threads asked for, or one for each processor.

    Raises:
        UsageError: fewer than one, or so many that the system may not start them.
    """
    processors = available_processors()
    if threads is not None and not 1 <= threads <= 16 * processors:
        raise UsageError(
            f"{threads} threads can't be used. Choose from 1 to {16 * processors}, which is "
            "sixteen for each processor."
        )
    return threads or processors


def choose_device(
    framework: str, name: str | None, present: Sequence[str], threads: int | None
) -> Device:
    """The device of that name; without a name, the first that is present; see :class:`Engine`."""
    name = name or present[0]
    if name not in present:
        raise UsageError(
            f"{framework} has no device '{name}' on this machine. Choose: {', '.join(present)}."
        )
    description = processor() if name == "cpu" else name
    return Device(name, description, check_threads(threads))


def engine_named(name: str) -> Engine:
    """The engine of that name.

    Raises:
        RecipeError: there is none.
        MissingExtraError: its framework is not installed.
    """
    if name not in _ENGINES:
        raise RecipeError(
            f"There is no engine '{name}'. Choose one of {', '.join(_ENGINES)}."
            + did_you_mean(name, _ENGINES)
        )
    wait_briefly()
    try:
        engine: Any = importlib.import_module(f"fittingroom.engines.{name}.training")
    except ModuleNotFoundError as error:
        raise missing_extra(error, "train") from error
    named: Engine = engine
    return named
