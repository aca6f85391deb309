"""The training loop in PyTorch: plain, in whole batches, with no Python code per image.

On the processor, accuracy and seconds of the recipes are measured. CUDA and MPS are plain PyTorch,
and have not been measured.
"""

import base64
import contextlib
import dataclasses
import json
import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from fittingroom.data import ImageSet, Split
from fittingroom.engines import Device, Fitted, choose_device
from fittingroom.engines.course import Course, below, check_arrays, learning_rate, other_training
from fittingroom.engines.pytorch.images import Augmenter, TrainingImages, mean_and_deviation
from fittingroom.engines.pytorch.modules import (
    BothSides,
    as_arrays,
    build_module,
    build_own,
    export_own,
    first_kernels,
    weights_of,
    whiten,
)
from fittingroom.engines.pytorch.optimizers import build_optimizers
from fittingroom.engines.random_states import random_arrays, same_random_state, set_random_arrays
from fittingroom.networks import check_classifier
from fittingroom.recipes import Recipe, own_code
from fittingroom.runs import LEARNING, Checkpoint, Epoch

# Classes of which a confusion matrix is kept after each epoch; more are not seen on a page.
_MOST_CLASSES = 30

# Images at a time in validation: large enough to keep the cores busy, small enough for caches.
_VALIDATION_BATCH = 500

# Images trained on before losses tell what is hard from what nobody has learned yet. With fewer
# (a few epochs of 2,000 images), leaving some out cost 2 to 4 points.
_ENOUGH = 40_000

# Training images from which a whitened convolution is computed.
_WHITENED = 5000

_NOT_MEASURED = "Trained on CUDA, where neither speed nor accuracy of any recipe has been measured."


def device(name: str | None, threads: int | None) -> Device:
    """The device of that name; without a name, the first of CUDA, MPS and processor."""
    present = ["cuda"] if torch.cuda.is_available() else []
    present += ["mps", "cpu"] if torch.backends.mps.is_available() else ["cpu"]
    chosen = choose_device("PyTorch", name, present, threads)
    half_precision = _computes_in_half(chosen.name)
    if chosen.name == "cuda":
        chosen = dataclasses.replace(chosen, description=torch.cuda.get_device_name())
    return dataclasses.replace(chosen, half_precision=half_precision)


def fit(
    recipe: Recipe,
    split: Split,
    *,
    seed: int,
    device: Device,
    on_epoch: Callable[[Epoch], None],
    on_checkpoint: Callable[[Checkpoint], None] | None = None,
    start: Checkpoint | None = None,
) -> Fitted:
    """Train a described network or your own module; see :class:`fittingroom.engines.Engine`."""
    if recipe.own is None:
        check_classifier(recipe.layers, len(split.classes))
    with _training_on(device, seed):
        training = _Training(recipe, split, seed, device, Course(on_epoch, start))
        if start is not None:
            training.resume(start)
        return training.run(on_checkpoint)


class _Training:
    """One training: the state that its epochs share.

    If the device computes in bfloat16, so does a described network in training; its weights and
    the validation stay in float32. Your own module is trained in its own precision.
    """

    def __init__(
        self, recipe: Recipe, split: Split, seed: int, place: Device, course: Course
    ) -> None:
        device = torch.device(place.name)
        self.recipe = recipe
        self.own = recipe.own
        self.classes = len(split.classes)
        self.device = device
        self.course = course
        # Your own model takes values from 0 to 1.
        of_pixels = (0.0, 255.0) if self.own else mean_and_deviation(split.training.images)
        mean, deviation = (torch.tensor(value, dtype=torch.float32) for value in of_pixels)
        deviation = deviation.clamp(min=1.0)
        self.normalisation = {"pixels.mean": mean, "pixels.deviation": deviation}

        def on_device(image_set: ImageSet) -> TrainingImages:
            images = torch.from_numpy(image_set.images)
            labels = torch.from_numpy(image_set.labels).long()
            return TrainingImages(
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
            shown = split.training.images[:2]
            self.module = build_own(self.own, seed, shown, self.classes).to(device)
            # In the order that its code expects, which may take views of the values.
            self.format = torch.contiguous_format
        self.evaluated = BothSides(self.module) if recipe.mirror else self.module
        self.generator = torch.Generator().manual_seed(seed)
        self.augmenter = Augmenter(self.training, recipe.augmentation, self.generator)
        self.batch_size = min(recipe.batch_size, len(self.training))
        count = len(self.training)
        fewer = max(int(recipe.hardest * count), self.batch_size)
        self.images: list[int] = []  # of each epoch
        for _ in range(recipe.epochs):
            self.images.append(count if sum(self.images) < _ENOUGH else fewer)
        self.half_precision = place.half_precision and self.own is None
        self.optimizers = build_optimizers(self.module, recipe)
        # Of each image when it was last trained on, without label smoothing, to be comparable with
        # the validation loss. An image that was left over is NaN, which sorts as the hardest.
        self.losses = torch.full((len(self.training),), math.nan, device=device)
        self.correct = torch.full((len(self.training),), math.nan, device=device)
        self.step = 0
        self.best_weights: dict[str, Tensor] = {}
        self.best_logits = torch.empty(0)
        # Of each epoch, for those who watch it learn; see `LEARNING`.
        self.learning: dict[str, Tensor] = {}
        if self.own is None and self.classes <= _MOST_CLASSES:
            shape = recipe.epochs, self.classes, self.classes
            self.learning["confusion"] = torch.zeros(shape, dtype=torch.int32)
            for kind, each in first_kernels(self.module).items():
                self.learning[kind] = each.new_zeros(recipe.epochs, *each.shape)

    def run(self, on_checkpoint: Callable[[Checkpoint], None] | None) -> Fitted:
        """Train all epochs until the recipe ends training; keep the weights of the best one."""
        course, recipe, own, labels = self.course, self.recipe, self.own, self.validation.labels
        while not course.ended(recipe):
            with own_code(f"training {own.origin}") if own else contextlib.nullcontext():
                train_loss, train_accuracy = self._train(len(course.history) + 1)
                logits = self._predict()
            val_loss = functional.cross_entropy(logits, labels).item()
            predicted = logits.argmax(1)
            val_accuracy = (predicted == labels).float().mean().item()
            if self.learning:
                self._keep_for_watchers(predicted)
            course.add(train_loss, train_accuracy, val_loss, val_accuracy, self._learning_rate())
            if course.best(recipe) == course.history[-1]:
                self.best_weights = weights_of(self.module)
                self.best_logits = logits.float().cpu()
            if on_checkpoint is not None:
                arrays = as_arrays(self._state()) | random_arrays()
                on_checkpoint(Checkpoint(tuple(course.history), arrays))
        seconds = course.seconds
        core = None
        if own is not None:
            self.module.load_state_dict(self.best_weights, strict=False)
            core = export_own(self.evaluated.cpu(), own, self.classes)
        return Fitted(
            weights=as_arrays(self.normalisation | self.best_weights),
            logits=self.best_logits.numpy(),
            best_epoch=course.best(recipe).epoch,
            seconds=seconds,
            files={LEARNING: self._learned()} if self.learning else {},
            core=core,
            notes=(_NOT_MEASURED,) if self.device.type == "cuda" else (),
        )

    def _state(self) -> dict[str, Tensor]:
        """All tensors that last from epoch to epoch, by name."""
        tensors = {f"module.{name}": each for name, each in weights_of(self.module).items()}
        for place, optimizer in enumerate(self.optimizers):
            for number, each in enumerate(optimizer.state):
                tensors[f"optimizer.{place}.{number}"] = each
        tensors |= {f"best.{name}": each for name, each in self.best_weights.items()}
        tensors |= {f"learning.{name}": each for name, each in self.learning.items()}
        tensors |= {"losses": self.losses, "correct": self.correct}
        return tensors | {"best_logits": self.best_logits, "order": self.generator.get_state()}

    def resume(self, start: Checkpoint) -> None:
        """Restore a checkpoint's state."""
        self.best_weights = weights_of(self.module)
        self.best_logits = torch.zeros(len(self.validation), self.classes)
        mine = self._state()
        try:
            check_arrays(start.arrays, as_arrays(mine))
            given = {name: torch.tensor(start.arrays[name]) for name in mine}
            self.generator.set_state(given["order"])
            set_random_arrays(start.arrays)
        except (LookupError, TypeError, ValueError, RuntimeError) as error:
            raise other_training(self.recipe, error) from error
        self.module.load_state_dict(below("module.", given), strict=False)
        for name in mine:
            if name.startswith("optimizer."):
                mine[name].copy_(given[name])
        self.best_weights = below("best.", given)
        self.best_logits = given["best_logits"]
        self.learning = below("learning.", given)
        self.losses.copy_(given["losses"])
        self.correct.copy_(given["correct"])
        self.step = self._steps(len(start.history))

    def _keep_for_watchers(self, predicted: Tensor) -> None:
        """Keep the confusion matrix of an epoch's predictions, and the first kernels."""
        cells = (self.classes * self.validation.labels + predicted).cpu()
        matrix = torch.bincount(cells, minlength=self.classes**2).view(self.classes, -1)
        for name, each in {"confusion": matrix, **first_kernels(self.module)}.items():
            self.learning[name][len(self.course.history)] = each

    def _learned(self) -> bytes:
        """What was kept for those who watch, of the epochs that there were."""
        kept = {name: each[: len(self.course.history)] for name, each in self.learning.items()}
        shown: dict[str, object] = {"confusion": kept.pop("confusion").tolist()}
        for kind, each in kept.items():
            data = base64.b64encode(each.numpy().tobytes()).decode()
            shown[kind] = {"side": each.shape[-1], "kernels": data}
        return json.dumps(shown).encode()

    def _train(self, epoch: int) -> tuple[float, float]:
        """Train an epoch; mean loss and accuracy of all images, each when last trained on."""
        self.module.train()
        hardest = self.losses.argsort(descending=True, stable=True)[: self.images[epoch - 1]]
        among = hardest.sort().values.cpu()
        for chosen, drawn in self.augmenter.epoch(epoch, self.batch_size, among):
            for optimizer in self.optimizers:
                optimizer.set_rate(self._learning_rate() / self.recipe.learning_rate)
            self._step(chosen, drawn)
            self.step += 1
        return self.losses.nanmean().item(), self.correct.nanmean().item()

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
        logits = logits.detach()
        self.losses[chosen] = functional.cross_entropy(logits, labels, reduction="none")
        self.correct[chosen] = (logits.argmax(1) == labels).float()

    def _learning_rate(self) -> float:
        """The learning rate of the next step."""
        return learning_rate(self.recipe, self.step, self._steps(self.recipe.epochs))

    def _steps(self, epochs: int) -> int:
        """How many steps the first epochs take."""
        return sum(count // self.batch_size for count in self.images[:epochs])

    def _predict(self) -> Tensor:
        """Logits of the validation set: float32 ``(N, K)``."""
        self.module.eval()
        # Tensors made in inference mode cannot take part in training later, and your own
        # code may keep some.
        with torch.inference_mode() if self.own is None else torch.no_grad():
            batches = self.validation.images.split(_VALIDATION_BATCH)
            inputs = map(self.validation.normalise, batches)
            return torch.cat(
                [self.evaluated(each.contiguous(memory_format=self.format)) for each in inputs]
            )


def _computes_in_half(device: str) -> bool:
    """Whether a device has instructions for bfloat16."""
    if device != "cpu":
        return device == "cuda"
    able = torch.cpu.get_capabilities()
    wide = torch.backends.cpu.get_cpu_capability() == "AVX512"  # or less, by ATEN_CPU_CAPABILITY
    return wide and bool(able.get("avx512_bf16") or able.get("amx_bf16"))


@contextlib.contextmanager
def _training_on(device: Device, seed: int) -> Iterator[None]:
    """Seed PyTorch, and set its threads and kernels for training; afterwards as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(device.threads)
    # Values near 1e-40 are a hundred times slower than zero, and as good as zero.
    torch.set_flush_denormal(True)
    try:
        # On CUDA, kernels that give the same sums each time, in full precision: the exported
        # model is compared with these numbers.
        kernels = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
        with (
            same_random_state(),
            kernels if device.name == "cuda" else contextlib.nullcontext(),
        ):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(before)
