"""What happens at the end of an epoch of Keras' own ``fit``."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fittingroom.engines.keras.backend import load_keras
from fittingroom.engines.schedule import learning_rate
from fittingroom.errors import RecipeError, RunChangedError, TrainingError
from fittingroom.predictions import Float32
from fittingroom.recipes import Recipe
from fittingroom.runs import Checkpoint, Epoch, best_epoch, ending

keras = load_keras()

# The files of Keras' BackupAndRestore, which a checkpoint holds byte by byte.
_FILES = ("latest.weights.h5", "training_metadata.json")


class Watch(keras.callbacks.Callback):  # type: ignore[misc,name-defined]
    """Reports each epoch, keeps the best one's weights, and ends training when the recipe does.

    Keras' own early stopping knows one measure and nothing of the last epoch.

    Args:
        recipe: what is trained.
        steps: of the whole training.
        copy_weights: gives a copy of the weights by name.
        on_epoch: called after each epoch.
        on_checkpoint: called after that with a checkpoint.
        start: the checkpoint from which training resumes.
        backup: the folder of a :class:`Backup`, which must be called before this callback.

    Attributes:
        history: the epochs so far.
        best_weights: weights of the best of them, by name.
    """

    def __init__(
        self,
        recipe: Recipe,
        steps: int,
        copy_weights: Callable[[], dict[str, Float32]],
        on_epoch: Callable[[Epoch], None],
        on_checkpoint: Callable[[Checkpoint], None] | None,
        start: Checkpoint | None,
        backup: Path,
    ) -> None:
        super().__init__()
        self._recipe = recipe
        self._steps = steps
        self._copy_weights = copy_weights
        self._on_epoch = on_epoch
        self._on_checkpoint = on_checkpoint
        self._backup = backup
        self._began = time.perf_counter()
        self.history = list(start.history) if start else []
        self._step = steps // recipe.epochs * len(self.history)
        self.best_weights: dict[str, Float32] = {}
        if start is not None:
            self._began -= self.history[-1].seconds
            self.best_weights = {
                name.removeprefix("best."): np.array(array)
                for name, array in start.arrays.items()
                if name.startswith("best.")
            }
            shapes = [
                {name: array.shape for name, array in weights.items()}
                for weights in (self.best_weights, copy_weights())
            ]
            if shapes[0] != shapes[1]:
                raise of_another(recipe, "its best weights have other names or shapes")

    @property
    def best(self) -> Epoch:
        """The epoch so far whose weights are kept."""
        return best_epoch(self.history, self._recipe.keep)

    @property
    def ended(self) -> bool:
        """Whether the epochs so far are all."""
        return bool(self.history) and ending(self.history, self._recipe) is not None

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
        measured = {name: float(value) for name, value in (logs or {}).items()}
        missing = {"loss", "accuracy", "val_loss", "val_accuracy"} - measured.keys()
        if missing:
            raise RecipeError(
                f"The model reports no {', '.join(sorted(missing))} in training. Its train_step "
                "and test_step must report loss and accuracy, as Keras' own do."
            )
        number = epoch + 1  # Keras counts from 0
        if not math.isfinite(measured["loss"]) or not math.isfinite(measured["val_loss"]):
            raise TrainingError(
                f"The loss is {measured['loss']} after epoch {number}, so training broke down. Try "
                "a lower learning rate: `--set learning_rate=…`."
            )
        self.history.append(
            Epoch(
                epoch=number,
                seconds=time.perf_counter() - self._began,
                train_loss=measured["loss"],
                train_accuracy=measured["accuracy"],
                val_loss=measured["val_loss"],
                val_accuracy=measured["val_accuracy"],
                learning_rate=self._learning_rate(),
            )
        )
        if self.best.epoch == number:
            self.best_weights = self._copy_weights()
        self._on_epoch(self.history[-1])
        if self._on_checkpoint is not None:
            arrays = {f"best.{name}": array for name, array in self.best_weights.items()}
            files = {
                name: np.frombuffer((self._backup / name).read_bytes(), np.uint8) for name in _FILES
            }
            self._on_checkpoint(Checkpoint(tuple(self.history), files | arrays))
        if self.ended:
            self.model.stop_training = True

    def _set_learning_rate(self) -> None:
        if self._recipe.schedule != "constant":
            self.model.optimizer.learning_rate = self._learning_rate()

    def _learning_rate(self) -> float:
        return learning_rate(self._recipe, self._step, self._steps)


class Backup(keras.callbacks.BackupAndRestore):  # type: ignore[misc,name-defined]
    """Keras' BackupAndRestore, which starts from a checkpoint.

    It restores weights, optimizer and epoch, but neither random states nor the order of images: a
    resumed training ends in other weights than one without an interruption.
    """

    def __init__(self, folder: Path, recipe: Recipe, start: Checkpoint | None) -> None:
        super().__init__(str(folder), delete_checkpoint=False)
        self._recipe = recipe
        if start is not None:
            for name in _FILES:
                if name not in start.arrays:
                    raise of_another(recipe, f"it holds no {name}")
                (folder / name).write_bytes(start.arrays[name].tobytes())

    def on_train_begin(self, logs: Any = None) -> None:
        """Restore the checkpoint.

        Raises:
            RunChangedError: it is of another training.
        """
        try:
            super().on_train_begin(logs)
        except Exception as error:
            raise of_another(self._recipe, error) from error


def of_another(recipe: Recipe, why: object) -> RunChangedError:
    """The error for a checkpoint of another training."""
    return RunChangedError(
        f"The checkpoint is not of {recipe.name}, but of another training: {why}. Train it from "
        "the start, without `--resume`."
    )
