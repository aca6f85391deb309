"""The training loop in PyTorch: plain, whole batches at a time, nothing per picture in Python."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from fittingroom.data import Half, Split
from fittingroom.engines import Core, Device, Fitted, check_threads
from fittingroom.engines.pytorch.cuda import (
    Step,
    describe_gpu,
    in_full_precision,
    record,
    repeatably,
)
from fittingroom.engines.pytorch.modules import build_module, weights_of, whiten
from fittingroom.engines.pytorch.optimizers import build_optimizers
from fittingroom.engines.pytorch.own import as_array, build_own, export_own, state_of, try_out
from fittingroom.engines.pytorch.pictures import Augmenter, Pictures, mean_and_deviation
from fittingroom.engines.pytorch.team import Team, gather_team
from fittingroom.engines.schedule import learning_rate
from fittingroom.errors import RunChangedError, TrainingError, UsageError
from fittingroom.networks import Ensemble, check_classifier
from fittingroom.recipes import OwnModel, Recipe, own_code
from fittingroom.recipes.frameworks import random_arrays, same_random_state, set_random_arrays
from fittingroom.runs import Checkpoint, Epoch, best_epoch, ending
from fittingroom.runs.environment import processor

# Pictures at a time in validation: large enough to keep the cores busy, small enough for caches.
_VALIDATION_BATCH = 500

# Training pictures that a whitened convolution is computed from.
_WHITENED = 5000


class PyTorchEngine:
    """Trains described networks, and modules of a person's own, with PyTorch on the processor,
    CUDA or Apple's MPS."""

    def device(self, name: str | None, threads: int | None) -> Device:
        """The device named, or CUDA, MPS and the processor in that order of preference.

        Raises:
            UsageError: no such device, or threads that are not there.
        """
        present = {
            "cuda": torch.cuda.is_available(),
            "mps": torch.backends.mps.is_available(),
            "cpu": True,
        }
        if name is None:
            name = next(kind for kind, there in present.items() if there)
        if not present.get(name, False):
            there = ", ".join(kind for kind, is_there in present.items() if is_there)
            raise UsageError(f"Expected one of this machine's devices: {there}. Received '{name}'.")
        description = describe_gpu() if name == "cuda" else processor()
        return Device(
            name,
            description,
            check_threads(threads),
            half_precision=_computes_in_half(name),
            count=torch.cuda.device_count() if name == "cuda" else 1,
        )

    def rehearse(
        self, recipe: Recipe, own: OwnModel, split: Split, *, seed: int, device: Device
    ) -> None:
        """Try out a module of a person's own; see :class:`fittingroom.engines.Engine`."""
        with same_random_state(), _settings(device, seed):
            try_out(recipe, own, split, seed, torch.device(device.name))

    def fit(
        self,
        recipe: Recipe,
        split: Split,
        *,
        seed: int,
        device: Device,
        on_epoch: Callable[[Epoch], None],
        on_checkpoint: Callable[[Checkpoint], None] | None = None,
        start: Checkpoint | None = None,
    ) -> Fitted:
        """Train as the recipe says; see :class:`fittingroom.engines.Engine`."""
        if recipe.own is None:
            check_classifier(recipe.layers, len(split.classes))
        together = gather_team(recipe, split, seed, device, start)
        with same_random_state(), together as team, _settings(device, seed):
            training = _Training(recipe, split, seed, device, team)
            if start is not None:
                training.go_on_from(start)
            return training.run(on_epoch, on_checkpoint)


class _Training:
    """One training: the state that its epochs share.

    Where the device computes in bfloat16, the network does in training, and its weights and the
    validation stay float32. On CUDA the pictures lie on the GPU, and a step is recorded as a graph
    beforehand, apart from the training's seconds. A module of a person's own is trained as it is.
    """

    def __init__(self, recipe: Recipe, split: Split, seed: int, place: Device, team: Team) -> None:
        device = torch.device(place.name)
        self.team = team
        self.seed = seed
        self.recipe = recipe
        self.own = recipe.own
        self.classes = len(split.classes)
        self.device = device
        self.began = time.perf_counter()
        # A model of a person's own takes values from 0 to 1.
        of_pixels = (0.0, 255.0) if self.own else mean_and_deviation(split.training.images)
        mean, deviation = (torch.tensor(value, dtype=torch.float32) for value in of_pixels)
        deviation = deviation.clamp(min=1.0)
        self.normalisation = {"pixels.mean": mean, "pixels.deviation": deviation}

        def on_device(half: Half) -> Pictures:
            images, labels = torch.from_numpy(half.images), torch.from_numpy(half.labels)
            return Pictures(
                images.to(device), labels.to(device), mean.to(device), deviation.to(device)
            )

        self.training = on_device(split.training)
        self.validation = on_device(split.validation)
        self.module: nn.Module
        if self.own is None:
            self.module = build_module(recipe.layers)
            whiten(self.module, self.training.normalise(self.training.images[:_WHITENED]).cpu())
            self.module.to(device)
            self.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self.format = torch.channels_last
        else:
            # In the order that its code expects, which may take views of it.
            self.module = build_own(self.own, seed).to(device)
            self.format = torch.contiguous_format
        self.generator = torch.Generator().manual_seed(seed)
        self.augmenter = Augmenter(self.training, recipe.augmentation, self.generator)
        self.batch_size = min(recipe.batch_size, len(self.training))
        self.steps = len(self.training) // self.batch_size
        self.half_precision = place.half_precision and self.own is None
        # In training the members of an ensemble answer one after the other.
        last = None if self.own else recipe.layers[-1]
        self.members = len(last.members) if isinstance(last, Ensemble) else 1
        self.optimizers = build_optimizers(self.module, recipe)
        self.trained = team.wrap(self.module, partly_used=self.own is not None)
        self.loss_sum = torch.zeros((), device=device)
        self.correct = torch.zeros((), device=device, dtype=torch.long)
        self.step = 0
        self.history: list[Epoch] = []
        self.best_weights: dict[str, Tensor] = {}
        self.best_logits = torch.empty(0)
        self.one_step: Step = self._step
        self.notes: tuple[str, ...] = ()
        if device.type == "cuda" and self.own is None and team.size == 1:
            self._record()

    def _record(self) -> None:
        """From here on a step is a recorded one, and the clock begins anew."""
        began = time.perf_counter()
        self.module.train()
        trial = Augmenter(self.training, self.recipe.augmentation, torch.Generator())
        inputs = next(trial.epoch(1, self.batch_size))
        self.one_step = record(self._step, inputs, self.module, self.optimizers)
        self._predict()  # libraries choose their kernels for it as well
        torch.cuda.synchronize()
        seconds = time.perf_counter() - began
        self.notes = (f"{seconds:.1f} s of warm-up on the GPU are not in the training time.",)
        self.began += seconds

    def run(
        self,
        on_epoch: Callable[[Epoch], None],
        on_checkpoint: Callable[[Checkpoint], None] | None,
    ) -> Fitted:
        """All epochs until something ends training; the weights of the epoch that is kept."""
        history = self.history
        while not history or not ending(history, self.recipe):
            number = len(history) + 1
            with self._code_of_its_own():
                train_loss, train_accuracy = self._train(number)
                logits = self._predict()
            labels = self.validation.labels
            val_loss = functional.cross_entropy(logits, labels).item()
            val_accuracy = (logits.argmax(1) == labels).float().mean().item()
            if not math.isfinite(train_loss) or not math.isfinite(val_loss):
                raise TrainingError(
                    f"Expected finite losses. Received {train_loss} in training and {val_loss} in "
                    f"validation, in epoch {number}: training broke down. "
                    "Try a lower learning rate: `--set learning_rate=…`."
                )
            seconds = torch.tensor(time.perf_counter() - self.began, dtype=torch.float64)
            self.team.as_the_leader(seconds)  # so that all of them end after the same epoch
            history.append(
                Epoch(
                    epoch=number,
                    seconds=seconds.item(),
                    train_loss=train_loss,
                    train_accuracy=train_accuracy,
                    val_loss=val_loss,
                    val_accuracy=val_accuracy,
                    learning_rate=self._learning_rate(),
                )
            )
            if best_epoch(history, self.recipe.keep).epoch == number:
                copied = weights_of if self.own is None else state_of
                self.best_weights, self.best_logits = copied(self.module), logits.float().cpu()
            on_epoch(history[-1])
            if on_checkpoint is not None:
                on_checkpoint(self._checkpoint())
        return Fitted(
            weights={
                name: as_array(tensor)
                for name, tensor in (self.normalisation | self.best_weights).items()
            },
            logits=self.best_logits.numpy(),
            best_epoch=best_epoch(history, self.recipe.keep).epoch,
            seconds=time.perf_counter() - self.began,
            core=None if self.own is None else self._core(self.own, self.best_weights),
            notes=self.notes,
        )

    def _lasting(self) -> dict[str, Tensor]:
        """All tensors that last from epoch to epoch, but for the best epoch's, by name."""
        tensors = {f"module.{name}": each for name, each in state_of(self.module).items()}
        for place, optimizer in enumerate(self.optimizers):
            for number, each in enumerate(optimizer.state):
                tensors[f"optimizer.{place}.{number}"] = each
        return tensors

    def _checkpoint(self) -> Checkpoint:
        """All that going on takes."""
        tensors = self._lasting()
        tensors |= {f"best.{name}": each for name, each in self.best_weights.items()}
        tensors |= {"best_logits": self.best_logits, "order": self.generator.get_state()}
        if self.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state()
        arrays = {
            name: as_array(each.detach().cpu().contiguous()) for name, each in tensors.items()
        }
        arrays["step"] = np.array(self.step)
        return Checkpoint(tuple(self.history), arrays | random_arrays())

    def go_on_from(self, start: Checkpoint) -> None:
        """Take up a checkpoint's state.

        Raises:
            RunChangedError: it is of another training.
        """
        try:
            copied = weights_of if self.own is None else state_of
            best = {f"best.{name}": each for name, each in copied(self.module).items()}
            logits = torch.zeros(len(self.validation), self.classes)
            mine = {**self._lasting(), **best, "best_logits": logits}
            for name, each in mine.items():
                expected, received = as_array(each.detach().cpu()), start.arrays[name]
                if (received.shape, received.dtype) != (expected.shape, expected.dtype):
                    raise ValueError(f"{name} of shape {received.shape} and type {received.dtype}")
            self.step = self.steps * len(start.history)
            if start.arrays["step"] != self.step:
                raise ValueError(f"step {start.arrays['step']} in place of {self.step}")
            given = {name: torch.tensor(array) for name, array in start.arrays.items()}
            # In place, as a recorded step knows where these tensors lie.
            self.module.load_state_dict(_below("module.", given), strict=False)
            for name, each in self._lasting().items():
                if name.startswith("optimizer."):
                    each.copy_(given[name])
            self.best_weights = _below("best.", {name: given[name] for name in best})
            self.best_logits = given["best_logits"]
            self.generator.set_state(given["order"])
            # A training that began on another device has none.
            if self.device.type == "cuda" and "random.cuda" in given:
                torch.cuda.set_rng_state(given["random.cuda"])
            set_random_arrays(start.arrays)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise RunChangedError(
                f"Expected a checkpoint of {self.recipe.name}. Received one of another training: "
                f"{error}. Train it anew, without `--resume`."
            ) from error
        self.history = list(start.history)
        self.began -= self.history[-1].seconds

    def _core(self, own: OwnModel, weights: dict[str, Tensor]) -> Core:
        """A person's own module with these weights, exported."""
        self.module.load_state_dict(weights, strict=False)
        return export_own(self.module.cpu(), self.recipe, own, self.classes)

    def _code_of_its_own(self) -> AbstractContextManager[None]:
        """What an error within is told as: one of a person's code, where there is such code."""
        if self.own is None:
            return contextlib.nullcontext()
        return own_code(f"training {self.own.origin}")

    def _train(self, epoch: int) -> tuple[float, float]:
        """One pass over the training half: mean loss and accuracy."""
        self.trained.train()
        self.loss_sum.zero_()
        self.correct.zero_()
        if self.team.rank:
            # Each process drops other values; those of the leader are as if it were alone.
            torch.manual_seed(hash((self.seed, epoch, self.team.rank)))
        for batch in self.augmenter.epoch(epoch, self.batch_size):
            for optimizer in self.optimizers:
                optimizer.set_rate(self._learning_rate() / self.recipe.learning_rate)
            self.one_step(*self.team.share(batch))
            self.step += 1
        self.team.add_up(self.loss_sum, self.correct)
        self.team.as_the_leader(*self.module.buffers())
        answers = self.steps * self.batch_size * self.members
        return self.loss_sum.item() / (self.steps * self.team.size), self.correct.item() / answers

    def _step(self, chosen: Tensor, drawn: Tensor) -> None:
        """One batch: no value of it is read back, so that a GPU is not waited for."""
        images = self.augmenter.vary(chosen, drawn)
        inputs = self.training.normalise(images).contiguous(memory_format=self.format)
        labels = self.training.labels[chosen].repeat(self.members)
        half = torch.autocast(
            self.device.type, torch.bfloat16, self.half_precision, cache_enabled=False
        )
        with half:
            logits = self.trained(inputs)
        if self.half_precision:
            logits = logits.float()
        loss = functional.cross_entropy(logits, labels, label_smoothing=self.recipe.label_smoothing)
        # Times the members, so that each is trained as it would be alone.
        (loss * self.members).backward()
        for optimizer in self.optimizers:
            optimizer.step()
        # Without label smoothing, so that it can be held against the validation loss.
        said = logits.detach()
        self.loss_sum += functional.cross_entropy(said, labels)
        self.correct += (said.argmax(1) == labels).sum()

    def _learning_rate(self) -> float:
        """That of the step to come."""
        return learning_rate(self.recipe, self.step, self.steps * self.recipe.epochs)

    def _predict(self) -> Tensor:
        """Logits of the validation half: float32 ``(N, K)``."""
        self.module.eval()
        # What is made in inference mode can take no part in training later, and code of a person's
        # own may keep something.
        # On CUDA in full precision, which is what the exported graph is held against.
        with in_full_precision(), torch.inference_mode() if self.own is None else torch.no_grad():
            pictures = self.validation.images
            logits = torch.zeros(len(pictures), self.classes, device=self.device)
            step = _VALIDATION_BATCH * self.team.size
            for first in range(_VALIDATION_BATCH * self.team.rank, len(pictures), step):
                batch = slice(first, first + _VALIDATION_BATCH)
                logits[batch] = self._logits(pictures[batch])
            self.team.add_up(logits)  # the other processes' rows are zero here
            return logits

    def _logits(self, images: Tensor) -> Tensor:
        inputs = self.validation.normalise(images).contiguous(memory_format=self.format)
        logits: Tensor = self.module(inputs)
        if self.recipe.mirror:
            logits = (logits + self.module(inputs.flip(3))) / 2
        return logits


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those whose names begin so, without that."""
    return {
        name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)
    }


def _cuda_is_used() -> bool:
    """Whether something in this process computes on a GPU already."""
    return torch.cuda.is_available() and torch.cuda.is_initialized()


def _computes_in_half(device: str) -> bool:
    """Whether a device has instructions for bfloat16, and is not held to others."""
    if device != "cpu":
        return device == "cuda"
    able = torch.cpu.get_capabilities()
    wide = torch.backends.cpu.get_cpu_capability() == "AVX512"  # by ATEN_CPU_CAPABILITY, if set
    return wide and bool(able.get("avx512_bf16") or able.get("amx_bf16"))


@contextlib.contextmanager
def _settings(device: Device, seed: int) -> Iterator[None]:
    """Threads, denormals, random states and CUDA as training wants them; afterwards as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(device.threads)
    # Values near 1e-40 are a hundred times slower than zero, and as good as zero.
    torch.set_flush_denormal(True)
    try:
        # `manual_seed` seeds every GPU, so their states are put back after any training.
        gpus = torch.cuda.device_count() if device.name == "cuda" or _cuda_is_used() else 0
        alike = repeatably() if device.name == "cuda" else contextlib.nullcontext()
        with torch.random.fork_rng(range(gpus)), alike:
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(before)
