"""What happens at the end of an epoch of Keras' own ``fit``."""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from fittingroom.engines.keras.backend import load_keras
from fittingroom.engines.schedule import learning_rate
from fittingroom.errors import RecipeError, RunChangedError, TrainingError
from fittingroom.predictions import Float32
from fittingroom.recipes import Recipe
from fittingroom.recipes.frameworks import random_arrays, set_random_arrays
from fittingroom.runs import Checkpoint, Epoch, best_epoch, ending

keras = load_keras()


class Watch:
    """Tells of each epoch, keeps the best one's weights, and ends training where the recipe does.

    Keras' own early stopping and checkpoint know one measure each, and nothing of the last epoch.
    Its BackupAndRestore knows nothing of random states and of the order of pictures.

    Attributes:
        best_weights: these, by name.
        raised: what the listener raised, where it did.

    Raises:
        RunChangedError: the start is the checkpoint of another training.
    """

    def __init__(
        self,
        model: Any,
        recipe: Recipe,
        steps: int,
        began: float,
        on_epoch: Callable[[Epoch], None],
        copy_weights: Callable[[], dict[str, Float32]],
        on_checkpoint: Callable[[Checkpoint], None] | None = None,
        start: Checkpoint | None = None,
    ) -> None:
        self._model = model
        self._recipe = recipe
        self._steps = steps
        self._began = began
        self._on_epoch = on_epoch
        self._copy_weights = copy_weights
        self._on_checkpoint = on_checkpoint
        self._start = start
        self._history = list(start.history) if start else []
        self._step = steps // recipe.epochs * len(self._history)
        self.best_weights: dict[str, Float32] = {}
        self.raised: Exception | None = None
        if start is not None:
            self._began -= self._history[-1].seconds
            self.best_weights = {
                name.removeprefix("best."): np.array(array)
                for name, array in start.arrays.items()
                if name.startswith("best.")
            }
            if _shapes(self.best_weights) != _shapes(copy_weights()):
                raise self._of_another("the best epoch's weights have other names or shapes")

    @property
    def best(self) -> Epoch:
        """The epoch whose weights are kept, of those that there were."""
        return best_epoch(self._history, self._recipe.keep)

    @property
    def done(self) -> int:
        """How many epochs there were."""
        return len(self._history)

    @property
    def ended(self) -> bool:
        """Whether what came before a break was all."""
        return bool(self._history) and ending(self._history, self._recipe) is not None

    def callback(self) -> Any:
        """What Keras calls as training goes on."""
        callbacks: dict[str, Callable[..., None]] = {"on_epoch_end": self._epoch_ended}
        if self._start is not None:
            callbacks["on_epoch_begin"] = self._take_up
        if self._recipe.schedule != "constant":
            self._set_learning_rate()
            callbacks["on_train_batch_end"] = self._step_ended
        return keras.callbacks.LambdaCallback(**callbacks)

    def _step_ended(self, batch: int, logs: Any) -> None:
        self._step += 1
        self._set_learning_rate()

    def _set_learning_rate(self) -> None:
        self._model.optimizer.learning_rate = self._learning_rate()

    def _learning_rate(self) -> float:
        return learning_rate(self._recipe, self._step, self._steps)

    def _epoch_ended(self, epoch: int, logs: Any) -> None:
        measured = {name: float(value) for name, value in logs.items()}
        missing = {"loss", "accuracy", "val_loss", "val_accuracy"} - measured.keys()
        if missing:
            raise RecipeError(
                "Expected a model whose training tells loss and accuracy, as Keras' own does. "
                f"Received one that tells no {', '.join(sorted(missing))}: its train_step or "
                "test_step leaves them out."
            )
        number = epoch + 1  # Keras counts from 0
        if not math.isfinite(measured["loss"]) or not math.isfinite(measured["val_loss"]):
            raise TrainingError(
                f"Expected a finite loss. Received {measured['loss']} in epoch {number}: training "
                "broke down. Try a lower learning rate: `--set learning_rate=…`."
            )
        self._history.append(
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
        try:
            self._on_epoch(self._history[-1])
            if self._on_checkpoint is not None:
                self._on_checkpoint(self._checkpoint())
        except Exception as error:
            self.raised = error
            raise
        if ending(self._history, self._recipe):
            self._model.stop_training = True

    def _checkpoint(self) -> Checkpoint:
        """All that going on takes: with PyTorch beneath, the order of pictures is drawn from its
        random state as an epoch begins."""
        best = {f"best.{name}": array for name, array in self.best_weights.items()}
        state = {name: _array(each) for name, each in self._lasting().items()}
        return Checkpoint(tuple(self._history), state | best | random_arrays())

    def _take_up(self, epoch: int, logs: Any) -> None:
        """Take up the state of the checkpoint, as the first epoch after the break begins.

        Not before: as it starts, Keras' fit tries the model on a batch, and draws random numbers.

        Raises:
            RunChangedError: it is of another training.
        """
        start, self._start = self._start, None
        if start is None:
            return
        try:
            for name, mine in self._lasting().items():
                given = start.arrays[name]
                if given.shape != tuple(mine.shape):
                    raise ValueError(f"{name} of shape {given.shape}")
                mine.assign(np.array(given))
            set_random_arrays(start.arrays)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise self._of_another(error) from error

    def _of_another(self, why: object) -> RunChangedError:
        return RunChangedError(
            f"Expected a checkpoint of {self._recipe.name}. Received one of another training: "
            f"{why}. Train it anew, without `--resume`."
        )

    def _lasting(self) -> dict[str, Any]:
        """The variables that go from one epoch to the next: weights, states of random layers, and
        the optimizer's."""
        measured = {id(each) for each in self._model.metrics_variables}
        own = [each for each in self._model.variables if id(each) not in measured]
        named = {"model": own, "optimizer": self._model.optimizer.variables}
        return {
            f"{kind}.{place}": each
            for kind, variables in named.items()
            for place, each in enumerate(variables)
        }


def _shapes(weights: dict[str, Float32]) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in weights.items()}


def _array(variable: Any) -> npt.NDArray[Any]:
    return np.array(keras.ops.convert_to_numpy(variable))
