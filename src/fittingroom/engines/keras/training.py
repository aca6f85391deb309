"""Training with Keras' own ``fit``, as one would write it in a notebook, without its output."""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from fittingroom.data import Half, Split
from fittingroom.engines import Device, Fitted, check_threads
from fittingroom.engines.keras.backend import accelerators, load_keras, settings
from fittingroom.engines.keras.files import file_content
from fittingroom.engines.keras.models import apply_network, set_weights, weights_of
from fittingroom.engines.schedule import learning_rate
from fittingroom.errors import RecipeError, TrainingError, UsageError
from fittingroom.networks import Flatten, check_classifier
from fittingroom.predictions import Float32
from fittingroom.recipes import Recipe
from fittingroom.runs import Epoch, best_epoch
from fittingroom.runs.environment import processor

keras = load_keras()

# Pictures enter divided by this, as the predecessor's did: between 0 and 1.
_WHITE = 255.0
_VALIDATION_BATCH = 500


class KerasEngine:
    """Trains described networks with Keras, on the backend that Keras was loaded with.

    With the PyTorch backend on the processor, the same seed gives the same weights, byte for byte.
    A run of it leaves ``model.keras`` and ``best_model.h5``, which take pixel values from 0 to 1.
    """

    def device(self, name: str | None, threads: int | None) -> Device:
        """The device named, or else the backend's accelerator, or else the processor.

        Raises:
            UsageError: no such device, or threads that are not there.
        """
        backend = keras.backend.backend()
        present = (*accelerators(backend), "cpu")
        name = name or present[0]
        if name not in present:
            raise UsageError(
                f"Expected one of the devices that Keras finds here with {backend}: "
                f"{', '.join(present)}. Received '{name}'."
            )
        description = processor() if name == "cpu" else name
        return Device(name, description, check_threads(threads), backend)

    def fit(
        self,
        recipe: Recipe,
        split: Split,
        *,
        seed: int,
        device: Device,
        on_epoch: Callable[[Epoch], None],
    ) -> Fitted:
        """Train as the recipe says; see :class:`fittingroom.engines.Engine`."""
        check_classifier(recipe.layers, len(split.classes))
        check_recipe(recipe, device.backend)
        with settings(device.backend, device.threads), keras.device(_scope(device)):
            keras.utils.set_random_seed(seed)
            return _fit(recipe, split, on_epoch)


def _scope(device: Device) -> str:
    """What Keras calls a device: PyTorch wants it without a number, the others with one."""
    if device.backend == "torch":
        return device.name
    return {"cpu": "cpu:0", "cuda": "gpu:0"}[device.name]


def check_recipe(recipe: Recipe, backend: str) -> None:
    """Check that Keras can do all that a recipe asks for.

    Raises:
        RecipeError: it asks for what only the PyTorch engine does.
    """
    received = {
        "optimizer": (recipe.optimizer, recipe.optimizer != "muon", "adam, adamw or sgd"),
        "mirror": (recipe.mirror, not recipe.mirror, "false"),
        "label_smoothing": (recipe.label_smoothing, not recipe.label_smoothing, "0"),
        "augmentation.shift": (recipe.augmentation.shift, not recipe.augmentation.shift, "0"),
        # JAX keeps the optimizer's state where nobody reaches it between two steps.
        "schedule": (
            recipe.schedule,
            recipe.schedule == "constant" or backend != "jax",
            "constant",
        ),
    }
    for name, (value, can, expected) in received.items():
        if not can:
            raise RecipeError(
                f"Expected `{name}` as {expected} with the engine keras. Received {value!r}. "
                "The engine pytorch can do it."
            )


def build_classifier(recipe: Recipe) -> Any:
    """The recipe's network as a Keras model from pixel values 0–1 to probabilities, compiled.

    It takes ``(N, 28, 28)`` where the network flattens pictures at once, otherwise
    ``(N, 28, 28, 1)``. Augmentation is part of it, and acts in training only.
    """
    flat = isinstance(recipe.layers[0], Flatten)
    pictures = keras.Input((28, 28) if flat else (28, 28, 1), name="pictures")
    value = _augment(pictures, recipe, flat)
    logits = apply_network(recipe.layers, value)
    probabilities = keras.layers.Softmax(name="probabilities")(logits)
    model = keras.Model(pictures, probabilities, name=recipe.name.replace("-", "_"))
    model.compile(
        optimizer=_optimizer(recipe),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def _augment(pictures: Any, recipe: Recipe, flat: bool) -> Any:
    kinds, wanted, last = keras.layers, recipe.augmentation, "channels_last"
    layers = []
    if wanted.flip:
        layers.append(kinds.RandomFlip("horizontal", data_format=last, name="flip"))
    if wanted.rotation:
        layers.append(kinds.RandomRotation(wanted.rotation, data_format=last, name="rotation"))
    if layers and flat:
        layers.insert(0, kinds.Reshape((28, 28, 1), name="with_channel"))
    for layer in layers:
        pictures = layer(pictures)
    return pictures


def _optimizer(recipe: Recipe) -> Any:
    rate, momentum = recipe.learning_rate, recipe.momentum
    match recipe.optimizer:
        case "adam":
            return keras.optimizers.Adam(rate, beta_1=momentum)
        case "adamw":
            optimizer = keras.optimizers.AdamW(
                rate, beta_1=momentum, beta_2=0.99, weight_decay=recipe.weight_decay
            )
            optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
            return optimizer
        case _:
            return keras.optimizers.SGD(
                rate, momentum=momentum, nesterov=True, weight_decay=recipe.weight_decay or None
            )


def _fit(recipe: Recipe, split: Split, on_epoch: Callable[[Epoch], None]) -> Fitted:
    began = time.perf_counter()
    model = build_classifier(recipe)
    shape = model.input_shape[1:]

    def pixels(half: Half) -> Float32:
        scaled: Float32 = (half.images / _WHITE).astype(np.float32).reshape(-1, *shape)
        return scaled

    steps = math.ceil(len(split.training) / recipe.batch_size)
    watch = _Watch(model, recipe, steps * recipe.epochs, began, on_epoch)
    validation = pixels(split.validation)
    model.fit(
        pixels(split.training),
        split.training.labels,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        validation_data=(validation, split.validation.labels),
        validation_batch_size=_VALIDATION_BATCH,
        callbacks=[watch.callback()],
        verbose=0,
    )
    set_weights(model, recipe.layers, watch.best_weights)
    before_softmax = keras.Model(model.inputs, model.get_layer("probabilities").input)
    logits = before_softmax.predict(validation, batch_size=_VALIDATION_BATCH, verbose=0)
    seconds = time.perf_counter() - began
    normalisation = {
        "pixels.mean": np.zeros((), np.float32),
        "pixels.deviation": np.array(_WHITE, np.float32),
    }
    return Fitted(
        weights=normalisation | watch.best_weights,
        logits=logits,
        best_epoch=watch.best.epoch,
        seconds=seconds,
        files={
            "model.keras": file_content(model, "keras"),
            "best_model.h5": file_content(model, "h5"),
        },
    )


class _Watch:
    """Tells of each epoch, keeps the best one's weights, and ends training when patience does.

    Keras' own early stopping and checkpoint know one measure each, and nothing of the last epoch.

    Attributes:
        best: the epoch whose weights are kept.
        best_weights: these, under their common names.
    """

    def __init__(
        self,
        model: Any,
        recipe: Recipe,
        steps: int,
        began: float,
        on_epoch: Callable[[Epoch], None],
    ) -> None:
        self._model = model
        self._recipe = recipe
        self._steps = steps
        self._began = began
        self._on_epoch = on_epoch
        self._history: list[Epoch] = []
        self._step = 0
        self.best_weights: dict[str, Float32] = {}

    @property
    def best(self) -> Epoch:
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
        best = self.best
        if best.epoch == number:
            self.best_weights = weights_of(self._model, self._recipe.layers)
        self._on_epoch(self._history[-1])
        if number - best.epoch >= self._recipe.patience:
            self._model.stop_training = True
