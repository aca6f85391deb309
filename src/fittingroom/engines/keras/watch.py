"""What happens at the end of an epoch of Keras' own ``fit``."""

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

# The files of Keras' BackupAndRestore, which a checkpoint holds byte by byte.
_FILES = ("latest.weights.h5", "training_metadata.json")


class Watch(keras.callbacks.BackupAndRestore):  # type: ignore[misc,name-defined]
    """Reports each epoch, keeps the best one's weights, and ends training when the recipe does.

    Keras' own early stopping knows one measure and nothing of the last epoch. Its backup restores
    weights, optimizer and epoch, but neither random states nor the order of images: a resumed
    training ends in other weights than one without an interruption.

    Args:
        built: what is trained.
        course: where epochs are added.
        steps: of the whole training.
        folder: an empty one, for Keras' backup.
        on_checkpoint: called after each epoch with a checkpoint.
        start: the checkpoint from which training resumes.

    Attributes:
        best_weights: weights of the best epoch so far, by name.

    Raises:
        RunChangedError: the checkpoint is of another training.
    """

    def __init__(
        self,
        built: Built,
        course: Course,
        steps: int,
        folder: Path,
        on_checkpoint: Callable[[Checkpoint], None] | None,
        start: Checkpoint | None,
    ) -> None:
        super().__init__(str(folder), delete_checkpoint=False)
        self._built, self._recipe = built, built.recipe
        self._course = course
        self._steps = steps
        self._step = steps // built.recipe.epochs * len(course.history)
        self._folder = folder
        self._on_checkpoint = on_checkpoint
        self.best_weights: dict[str, Float32] = {}
        if start is None:
            return
        try:
            for name in _FILES:
                (folder / name).write_bytes(start.arrays[name].tobytes())
            best = {f"best.{name}": array for name, array in built.weights().items()}
            check_arrays(start.arrays, best)
            self.best_weights = below("best.", {name: start.arrays[name] for name in best})
        except (KeyError, ValueError) as error:
            raise other_training(self._recipe, error) from error

    def on_train_begin(self, logs: Any = None) -> None:
        """Restore the checkpoint, and set the learning rate of the first step.

        Raises:
            RunChangedError: it is of another training.
        """
        try:
            super().on_train_begin(logs)
        except Exception as error:
            raise other_training(self._recipe, error) from error
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
        measured = {name: float(value) for name, value in (logs or {}).items()}
        missing = [name for name in names if name not in measured]
        if missing:
            raise RecipeError(
                f"The model reports no {', '.join(missing)} in training. Its train_step and "
                "test_step must report loss and accuracy, as Keras' own do."
            )
        loss, accuracy, val_loss, val_accuracy = (measured[name] for name in names)
        self._course.add(loss, accuracy, val_loss, val_accuracy, self._learning_rate())
        history = tuple(self._course.history)
        if self._course.best(self._recipe) == history[-1]:
            self.best_weights = self._built.weights()
        if self._on_checkpoint is not None:
            super().on_epoch_end(epoch, logs)  # writes the files
            arrays = {f"best.{name}": array for name, array in self.best_weights.items()}
            files = {
                name: np.frombuffer((self._folder / name).read_bytes(), np.uint8) for name in _FILES
            }
            self._on_checkpoint(Checkpoint(history, files | arrays))
        if self._course.ended(self._recipe):
            self.model.stop_training = True

    def _set_learning_rate(self) -> None:
        if self._recipe.schedule != "constant":
            self.model.optimizer.learning_rate = self._learning_rate()

    def _learning_rate(self) -> float:
        return learning_rate(self._recipe, self._step, self._steps)
