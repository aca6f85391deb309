"""The training loop in PyTorch: plain, in whole batches, with no Python code per image."""

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
from fittingroom.engines import Device, Fitted, check_threads
from fittingroom.engines.pytorch.modules import build_module, weights_of, whiten
from fittingroom.engines.pytorch.optimizers import build_optimizers
from fittingroom.engines.pytorch.own import as_array, build_own, export_own, state_of, try_out
from fittingroom.engines.pytorch.pictures import Augmenter, Pictures, mean_and_deviation
from fittingroom.engines.random_states import random_arrays, same_random_state, set_random_arrays
from fittingroom.engines.schedule import learning_rate
from fittingroom.errors import RunChangedError, TrainingError, UsageError
from fittingroom.networks import check_classifier
from fittingroom.recipes import OwnModel, Recipe, own_code
from fittingroom.runs import Checkpoint, Epoch, best_epoch, ending
from fittingroom.runs.environment import processor

# Images at a time in validation: large enough to keep the cores busy, small enough for caches.
_VALIDATION_BATCH = 500

# Training images from which a whitened convolution is computed.
_WHITENED = 5000

_NOT_MEASURED = "Trained on CUDA, where neither speed nor accuracy of any recipe has been measured."


class PyTorchEngine:
    """Trains described networks, and people's own modules, with PyTorch on the processor, CUDA or
    Apple's MPS.

    On the processor, accuracy and seconds of the recipes are measured. CUDA and MPS are plain
    PyTorch, and have not been measured.
    """

    def device(self, name: str | None, threads: int | None) -> Device:
        """The device of that name; without a name, the first of CUDA, MPS and processor.

        Raises:
            UsageError: this machine has no such device, or not so many threads.
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
            raise UsageError(f"PyTorch has no device '{name}' on this machine. Choose: {there}.")
        description = torch.cuda.get_device_name() if name == "cuda" else processor()
        half_precision = _computes_in_half(name)
        return Device(name, description, check_threads(threads), half_precision=half_precision)

    def rehearse(
        self, recipe: Recipe, own: OwnModel, split: Split, *, seed: int, device: Device
    ) -> None:
        """Try out a person's own module; see :class:`fittingroom.engines.Engine`."""
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
        with same_random_state(), _settings(device, seed):
            training = _Training(recipe, split, seed, device)
            if start is not None:
                training.resume(start)
            return training.run(on_epoch, on_checkpoint)


class _Training:
    """One training: the state that its epochs share.

    If the device computes in bfloat16, so does a described network in training; its weights and
    the validation stay in float32. A person's own module is trained in its own precision.
    """

    def __init__(self, recipe: Recipe, split: Split, seed: int, place: Device) -> None:
        device = torch.device(place.name)
        self.recipe = recipe
        self.own = recipe.own
        self.classes = len(split.classes)
        self.device = device
        self.began = time.perf_counter()
        # A person's own model takes values from 0 to 1.
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
            self.copy_weights = weights_of
        else:
            # In the order that its code expects, which may take views of the values.
            self.module = build_own(self.own, seed).to(device)
            self.format = torch.contiguous_format
            self.copy_weights = state_of
        self.generator = torch.Generator().manual_seed(seed)
        self.augmenter = Augmenter(self.training, recipe.augmentation, self.generator)
        self.batch_size = min(recipe.batch_size, len(self.training))
        self.steps = len(self.training) // self.batch_size
        self.half_precision = place.half_precision and self.own is None
        self.optimizers = build_optimizers(self.module, recipe)
        self.loss_sum = torch.zeros((), device=device)
        self.correct = torch.zeros((), device=device, dtype=torch.long)
        self.step = 0
        self.history: list[Epoch] = []
        self.best_weights: dict[str, Tensor] = {}
        self.best_logits = torch.empty(0)

    def run(
        self,
        on_epoch: Callable[[Epoch], None],
        on_checkpoint: Callable[[Checkpoint], None] | None,
    ) -> Fitted:
        """Train all epochs until the recipe ends training; keep the weights of the best one."""
        history = self.history
        while not history or not ending(history, self.recipe):
            number = len(history) + 1
            with self._own_code():
                train_loss, train_accuracy = self._train(number)
                logits = self._predict()
            labels = self.validation.labels
            val_loss = functional.cross_entropy(logits, labels).item()
            val_accuracy = (logits.argmax(1) == labels).float().mean().item()
            if not math.isfinite(train_loss) or not math.isfinite(val_loss):
                raise TrainingError(
                    f"The loss is {train_loss} in training and {val_loss} in validation after "
                    f"epoch {number}, so training broke down. Try a lower learning rate: "
                    "`--set learning_rate=…`."
                )
            history.append(
                Epoch(
                    epoch=number,
                    seconds=time.perf_counter() - self.began,
                    train_loss=train_loss,
                    train_accuracy=train_accuracy,
                    val_loss=val_loss,
                    val_accuracy=val_accuracy,
                    learning_rate=self._learning_rate(),
                )
            )
            if best_epoch(history, self.recipe.keep).epoch == number:
                self.best_weights = self.copy_weights(self.module)
                self.best_logits = logits.float().cpu()
            on_epoch(history[-1])
            if on_checkpoint is not None:
                on_checkpoint(self._checkpoint())
        seconds = time.perf_counter() - self.began
        core = None
        if self.own is not None:
            self.module.load_state_dict(self.best_weights, strict=False)
            core = export_own(self.module.cpu(), self.recipe, self.own, self.classes)
        return Fitted(
            weights=_as_arrays(self.normalisation | self.best_weights),
            logits=self.best_logits.numpy(),
            best_epoch=best_epoch(history, self.recipe.keep).epoch,
            seconds=seconds,
            core=core,
            notes=(_NOT_MEASURED,) if self.device.type == "cuda" else (),
        )

    def _lasting(self) -> dict[str, Tensor]:
        """All tensors that last from epoch to epoch, except the best epoch's, by name."""
        tensors = {f"module.{name}": each for name, each in state_of(self.module).items()}
        for place, optimizer in enumerate(self.optimizers):
            for number, each in enumerate(optimizer.state):
                tensors[f"optimizer.{place}.{number}"] = each
        return tensors

    def _checkpoint(self) -> Checkpoint:
        """All that is needed to resume."""
        tensors = self._lasting()
        tensors |= {f"best.{name}": each for name, each in self.best_weights.items()}
        tensors |= {"best_logits": self.best_logits, "order": self.generator.get_state()}
        arrays = _as_arrays(tensors)
        arrays["step"] = np.array(self.step)
        return Checkpoint(tuple(self.history), arrays | random_arrays())

    def resume(self, start: Checkpoint) -> None:
        """Restore a checkpoint's state.

        Raises:
            RunChangedError: it is of another training.
        """
        try:
            best = {f"best.{name}": each for name, each in self.copy_weights(self.module).items()}
            logits = torch.zeros(len(self.validation), self.classes)
            mine = {**self._lasting(), **best, "best_logits": logits}
            for name, expected in _as_arrays(mine).items():
                received = start.arrays[name]
                if (received.shape, received.dtype) != (expected.shape, expected.dtype):
                    raise ValueError(f"{name} of shape {received.shape} and type {received.dtype}")
            self.step = self.steps * len(start.history)
            if start.arrays["step"] != self.step:
                raise ValueError(f"step {start.arrays['step']} instead of {self.step}")
            given = {name: torch.tensor(array) for name, array in start.arrays.items()}
            self.module.load_state_dict(_below("module.", given), strict=False)
            for name, each in self._lasting().items():
                if name.startswith("optimizer."):
                    each.copy_(given[name])
            self.best_weights = _below("best.", {name: given[name] for name in best})
            self.best_logits = given["best_logits"]
            self.generator.set_state(given["order"])
            set_random_arrays(start.arrays)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise RunChangedError(
                f"The checkpoint is not of {self.recipe.name}, but of another training: {error}. "
                "Train it from the start, without `--resume`."
            ) from error
        self.history = list(start.history)
        self.began -= self.history[-1].seconds

    def _own_code(self) -> AbstractContextManager[None]:
        """Report an error within as one of the person's own code, if there is such code."""
        if self.own is None:
            return contextlib.nullcontext()
        return own_code(f"training {self.own.origin}")

    def _train(self, epoch: int) -> tuple[float, float]:
        """One pass over the training set: mean loss and accuracy."""
        self.module.train()
        self.loss_sum.zero_()
        self.correct.zero_()
        for chosen, drawn in self.augmenter.epoch(epoch, self.batch_size):
            for optimizer in self.optimizers:
                optimizer.set_rate(self._learning_rate() / self.recipe.learning_rate)
            self._step(chosen, drawn)
            self.step += 1
        answers = self.steps * self.batch_size
        return self.loss_sum.item() / self.steps, self.correct.item() / answers

    def _step(self, chosen: Tensor, drawn: Tensor) -> None:
        """One batch. No value is read back, so an accelerator need not be waited for."""
        images = self.augmenter.vary(chosen, drawn)
        inputs = self.training.normalise(images).contiguous(memory_format=self.format)
        labels = self.training.labels[chosen]
        half = torch.autocast(
            self.device.type, torch.bfloat16, self.half_precision, cache_enabled=False
        )
        with half:
            logits = self.module(inputs)
        if self.half_precision:
            logits = logits.float()
        loss = functional.cross_entropy(logits, labels, label_smoothing=self.recipe.label_smoothing)
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
        # Without label smoothing, to be comparable with the validation loss.
        logits = logits.detach()
        self.loss_sum += functional.cross_entropy(logits, labels)
        self.correct += (logits.argmax(1) == labels).sum()

    def _learning_rate(self) -> float:
        """The learning rate of the next step."""
        return learning_rate(self.recipe, self.step, self.steps * self.recipe.epochs)

    def _predict(self) -> Tensor:
        """Logits of the validation set: float32 ``(N, K)``."""
        self.module.eval()
        # Tensors made in inference mode cannot take part in training later, and a person's own
        # code may keep some.
        with torch.inference_mode() if self.own is None else torch.no_grad():
            batches = self.validation.images.split(_VALIDATION_BATCH)
            return torch.cat([self._logits(images) for images in batches])

    def _logits(self, images: Tensor) -> Tensor:
        inputs = self.validation.normalise(images).contiguous(memory_format=self.format)
        logits: Tensor = self.module(inputs)
        if self.recipe.mirror:
            logits = (logits + self.module(inputs.flip(3))) / 2
        return logits


def _as_arrays(tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: as_array(each.detach().cpu().contiguous()) for name, each in tensors.items()}


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names have a prefix, without it."""
    return {
        name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)
    }


def _computes_in_half(device: str) -> bool:
    """Whether a device has instructions for bfloat16."""
    if device != "cpu":
        return device == "cuda"
    able = torch.cpu.get_capabilities()
    wide = torch.backends.cpu.get_cpu_capability() == "AVX512"  # or less, by ATEN_CPU_CAPABILITY
    return wide and bool(able.get("avx512_bf16") or able.get("amx_bf16"))


@contextlib.contextmanager
def _settings(device: Device, seed: int) -> Iterator[None]:
    """Seed PyTorch, and set its threads and kernels for training; afterwards as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(device.threads)
    # Values near 1e-40 are a hundred times slower than zero, and as good as zero.
    torch.set_flush_denormal(True)
    try:
        # On CUDA, kernels that give the same sums each time, in full precision: the exported
        # model is compared with these numbers.
        kernels = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
        with kernels if device.name == "cuda" else contextlib.nullcontext():
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(before)
