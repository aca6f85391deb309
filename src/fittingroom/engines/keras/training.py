"""Training with Keras' own ``fit``, as one would write it in a notebook, without its output.

With the PyTorch backend on the processor, the same seed gives the same weights, byte for byte,
unless the training is resumed. A run leaves ``model.keras`` and ``best_model.h5``, which take pixel
values from 0 to 1.
"""

import contextlib
import dataclasses
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fittingroom.data import Split
from fittingroom.engines import Device, Fitted, choose_device
from fittingroom.engines.course import Course, below, check_arrays, learning_rate, other_training
from fittingroom.engines.keras.backend import accelerators, load_keras, training_on
from fittingroom.engines.keras.building import VALIDATION_BATCH, Built, build
from fittingroom.engines.keras.files import export_own, saved_files
from fittingroom.errors import RecipeError
from fittingroom.networks import Conv, check_classifier
from fittingroom.predictions import Float32
from fittingroom.recipes import Recipe, own_code
from fittingroom.runs import Checkpoint, Epoch

keras = load_keras()

# Pixel values are divided by 255, as the predecessor's were: they lie between 0 and 1.
_NORMALISATION = {
    "pixels.mean": np.zeros((), np.float32),
    "pixels.deviation": np.array(255, np.float32),
}
# Keras' file of weights and optimizer, which a checkpoint holds byte by byte.
_FILE = "latest.weights.h5"


def device(name: str | None, threads: int | None) -> Device:
    """The device of that name; without a name, the backend's accelerator or the processor."""
    backend = keras.backend.backend()
    present = (*accelerators(backend), "cpu")
    chosen = choose_device(f"Keras with {backend}", name, present, threads)
    return dataclasses.replace(chosen, backend=backend)


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
    """Train a described network or your own model; see :class:`fittingroom.engines.Engine`."""
    own = recipe.own
    if own is None:
        check_classifier(recipe.layers, len(split.classes))
    check_recipe(recipe)
    training, validation = split.training, split.validation
    steps = math.ceil(len(training) / recipe.batch_size) * recipe.epochs
    with training_on(device, seed):
        course = Course(on_epoch, start)
        built = build(recipe, split)
        watch = Watch(built, course, steps, on_checkpoint)
        if start is not None:
            watch.restore(start)
        if not course.ended(recipe):
            with own_code(f"training {own.origin}") if own else contextlib.nullcontext():
                built.trained.fit(
                    built.scaled(training.images),
                    training.labels,
                    batch_size=recipe.batch_size,
                    initial_epoch=len(course.history),
                    epochs=recipe.epochs,
                    validation_data=(built.scaled(validation.images), validation.labels),
                    validation_batch_size=VALIDATION_BATCH,
                    callbacks=[watch],
                    verbose=0,
                )
        built.set_weights(watch.best_weights)
        logits = built.logits(validation.images)
        seconds = course.seconds
        files, notes = saved_files(built.model)
        return Fitted(
            weights=_NORMALISATION | watch.best_weights,
            logits=logits,
            best_epoch=course.best(recipe).epoch,
            seconds=seconds,
            files=files,
            core=export_own(built, own, device.backend) if own else None,
            notes=notes,
        )


def check_recipe(recipe: Recipe) -> None:
    """Raise a RecipeError if a recipe asks for something that only the PyTorch engine does."""
    first = None if recipe.own else recipe.layers[0]
    received: dict[str, tuple[object, str]] = {
        "optimizer": ("muon" if recipe.optimizer == "muon" else "", "adam or adamw"),
        "mirror": (recipe.mirror, "false"),
        "label_smoothing": (recipe.label_smoothing, "0"),
        "hardest": (recipe.hardest if recipe.hardest < 1 else 0, "1"),
        "augmentation.shift": (recipe.augmentation.shift, "0"),
        "augmentation.erase": (recipe.augmentation.erase, "0"),
        "network[0].whitened": (isinstance(first, Conv) and first.whitened, "false"),
    }
    for name, (value, expected) in received.items():
        if value:
            raise RecipeError(
                f"`{name}` is {value!r}, which the engine keras can't do. Use {expected}, or the "
                "engine pytorch."
            )


class Watch(keras.callbacks.Callback):  # type: ignore[misc,name-defined]
    """Reports each epoch, keeps the best one's weights, and ends training when the recipe does.

    Keras' own early stopping knows one measure and nothing of the last epoch. ``best_weights`` are
    those of the best epoch so far, by name; ``steps`` are those of the whole training.
    """

    def __init__(
        self,
        built: Built,
        course: Course,
        steps: int,
        on_checkpoint: Callable[[Checkpoint], None] | None,
    ) -> None:
        super().__init__()
        self._built, self._recipe = built, built.recipe
        self._course = course
        self._steps = steps
        self._step = steps // built.recipe.epochs * len(course.history)
        self._on_checkpoint = on_checkpoint
        self.best_weights: dict[str, Float32] = {}

    def restore(self, start: Checkpoint) -> None:
        """Restore weights and optimizer of a checkpoint.

        Neither random states nor the order of images are restored, so a resumed training ends in
        other weights than one without an interruption.
        """
        trained = self._built.trained
        best = {f"best.{name}": array for name, array in self._built.weights().items()}
        try:
            check_arrays(start.arrays, best)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / _FILE
                path.write_bytes(start.arrays[_FILE].tobytes())
                trained.optimizer.build(trained.trainable_variables)
                trained.load_weights(path)
        except Exception as error:
            raise other_training(self._recipe, error) from error
        self.best_weights = below("best.", {name: start.arrays[name] for name in best})

    def on_train_begin(self, logs: Any = None) -> None:
        """Set the learning rate of the first step."""
        self._set_learning_rate()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Set the learning rate of the next step."""
        self._step += 1
        self._set_learning_rate()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Report an epoch, and keep its weights if it is the best."""
        names = ("loss", "accuracy", "val_loss", "val_accuracy")
        missing = [name for name in names if name not in (logs or {})]
        if missing:
            raise RecipeError(
                f"The model reports no {', '.join(missing)} in training. Its train_step and "
                "test_step must report loss and accuracy, as Keras' own do."
            )
        loss, accuracy, val_loss, val_accuracy = (float(logs[name]) for name in names)
        self._course.add(loss, accuracy, val_loss, val_accuracy, self._learning_rate())
        history = tuple(self._course.history)
        if self._course.best(self._recipe) == history[-1]:
            self.best_weights = self._built.weights()
        if self._on_checkpoint is not None:
            arrays = {f"best.{name}": array for name, array in self.best_weights.items()}
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / _FILE
                self._built.trained.save_weights(path)
                latest = np.frombuffer(path.read_bytes(), np.uint8)
            self._on_checkpoint(Checkpoint(history, {_FILE: latest} | arrays))
        if self._course.ended(self._recipe):
            self.model.stop_training = True

    def _set_learning_rate(self) -> None:
        if self._recipe.schedule != "constant":
            self.model.optimizer.learning_rate = self._learning_rate()

    def _learning_rate(self) -> float:
        return learning_rate(self._recipe, self._step, self._steps)
