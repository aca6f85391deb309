"""What happens at the end of an epoch of Keras' own ``fit``."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fittingroom.engines.course import (
    Course,
    below,
    check_arrays,
    learning_rate,
    other_training,
)
from fittingroom.engines.keras.backend import load_keras
from fittingroom.engines.keras.building import Built
from fittingroom.errors import RecipeError
from fittingroom.predictions import Float32
from fittingroom.runs import Checkpoint

keras = load_keras()

# Keras' file of weights and optimizer, which a checkpoint holds byte by byte.
_FILE = "latest.weights.h5"


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

        Raises:
            RunChangedError: it is of another training.
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
        """Report an epoch.

        Raises:
            RecipeError: the model does not report loss and accuracy.
            TrainingError: the loss is no longer a number.
        """
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
