"""What happens at the end of an epoch of Keras' own ``fit``."""

import math
import time
from collections.abc import Callable
from typing import Any

from fittingroom.engines.keras.backend import load_keras
from fittingroom.engines.schedule import learning_rate
from fittingroom.errors import RecipeError, TrainingError
from fittingroom.predictions import Float32
from fittingroom.recipes import Recipe
from fittingroom.runs import Epoch, best_epoch, ending

keras = load_keras()


class Watch:
    """Tells of each epoch, keeps the best one's weights, and ends training where the recipe does.

    Keras' own early stopping and checkpoint know one measure each, and nothing of the last epoch.

    Attributes:
        best_weights: these, by name.
        raised: what the listener raised, where it did.
    """

    def __init__(
        self,
        model: Any,
        recipe: Recipe,
        steps: int,
        began: float,
        on_epoch: Callable[[Epoch], None],
        copy_weights: Callable[[], dict[str, Float32]],
    ) -> None:
        self._model = model
        self._recipe = recipe
        self._steps = steps
        self._began = began
        self._on_epoch = on_epoch
        self._copy_weights = copy_weights
        self._history: list[Epoch] = []
        self._step = 0
        self.best_weights: dict[str, Float32] = {}
        self.raised: Exception | None = None

    @property
    def best(self) -> Epoch:
        """The epoch whose weights are kept, of those that there were."""
        return best_epoch(self._history, self._recipe.keep)

    def callback(self) -> Any:
        """What Keras calls as training goes on."""
        callbacks: dict[str, Callable[..., None]] = {"on_epoch_end": self._epoch_ended}
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
        except Exception as error:
            self.raised = error
            raise
        if ending(self._history, self._recipe):
            self._model.stop_training = True
