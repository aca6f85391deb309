"""Training with Keras' own ``fit``, as one would write it in a notebook, without its output."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fittingroom.data import Half, Split
from fittingroom.engines import Device, Fitted, check_threads
from fittingroom.engines.keras.backend import accelerators, load_keras, settings
from fittingroom.engines.keras.files import file_content
from fittingroom.engines.keras.models import apply_network, set_weights, weights_of
from fittingroom.engines.keras.own import OwnKeras, build_own, export_own, saved_files, try_out
from fittingroom.engines.keras.watch import Watch
from fittingroom.errors import OwnCodeError, RecipeError, RunChangedError, UsageError
from fittingroom.networks import Conv, Ensemble, Flatten, check_classifier
from fittingroom.predictions import Float32
from fittingroom.recipes import OwnModel, Recipe, own_code
from fittingroom.runs import Checkpoint, Epoch
from fittingroom.runs.environment import processor

keras = load_keras()

# Pictures enter divided by this, as the predecessor's did: between 0 and 1.
_WHITE = 255.0
_NORMALISATION = {
    "pixels.mean": np.zeros((), np.float32),
    "pixels.deviation": np.array(_WHITE, np.float32),
}
_VALIDATION_BATCH = 500


class KerasEngine:
    """Trains described networks, and Keras models of a person's own, on the backend that Keras was
    loaded with.

    With the PyTorch backend on the processor, the same seed gives the same weights, byte for byte.
    There it also writes checkpoints; with the others it trains in one go. A run of it leaves
    ``model.keras`` and ``best_model.h5``, which take pixel values from 0 to 1.
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
        keeps = backend == "torch"
        return Device(name, description, check_threads(threads), backend, checkpoints=keeps)

    def rehearse(
        self, recipe: Recipe, own: OwnModel, split: Split, *, seed: int, device: Device
    ) -> None:
        """Try out a Keras model of a person's own; see :class:`fittingroom.engines.Engine`."""
        check_recipe(recipe, device.backend)
        with settings(device.backend, device.threads), keras.device(_scope(device)):
            keras.utils.set_random_seed(seed)
            try_out(own, split, lambda built: _with_augmentation(built, recipe), device.backend)

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
        check_recipe(recipe, device.backend)
        with settings(device.backend, device.threads), keras.device(_scope(device)):
            keras.utils.set_random_seed(seed)
            listeners = _Listeners(on_epoch, on_checkpoint, start)
            if device.backend != "torch":
                listeners = _without_checkpoints(listeners, device.backend)
            if recipe.own is not None:
                return _fit_own(recipe, recipe.own, split, device.backend, listeners)
            return _fit(recipe, split, listeners)


@dataclass(frozen=True)
class _Listeners:
    """Who is told of a training's epochs, and where it goes on."""

    on_epoch: Callable[[Epoch], None]
    on_checkpoint: Callable[[Checkpoint], None] | None
    start: Checkpoint | None


def _without_checkpoints(listeners: _Listeners, backend: str) -> _Listeners:
    """TensorFlow and JAX keep the order of pictures where nobody reaches it: they train in one go.

    Raises:
        RunChangedError: the training is to go on from a checkpoint.
    """
    if listeners.start is not None:
        raise RunChangedError(
            "Expected PyTorch beneath Keras, which wrote the checkpoint. Received "
            f"{backend}. Set KERAS_BACKEND=torch, or train anew, without `--resume`."
        )
    return replace(listeners, on_checkpoint=None)


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
    received: dict[str, tuple[object, bool, str]] = {
        "optimizer": (recipe.optimizer, recipe.optimizer != "muon", "adam, adamw or sgd"),
        "mirror": (recipe.mirror, not recipe.mirror, "false"),
        "label_smoothing": (recipe.label_smoothing, not recipe.label_smoothing, "0"),
        "augmentation.shift": (recipe.augmentation.shift, not recipe.augmentation.shift, "0"),
        "augmentation.erase": (recipe.augmentation.erase, not recipe.augmentation.erase, "0"),
        # JAX keeps the optimizer's state where nobody reaches it between two steps.
        "schedule": (
            recipe.schedule,
            recipe.schedule == "constant" or backend != "jax",
            "constant",
        ),
    }
    if recipe.own is None:
        whitened = any(isinstance(layer, Conv) and layer.whitened for layer in recipe.layers[:1])
        received["network[0].whitened"] = (whitened, not whitened, "false")
        ensemble = any(isinstance(layer, Ensemble) for layer in recipe.layers)
        received["network"] = ("one", not ensemble, "a single network")
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


def _with_augmentation(built: OwnKeras, recipe: Recipe) -> Any:
    """A person's own model as it is trained: itself, or where pictures are varied a model around
    it, compiled."""
    model = built.model
    if _variations(recipe):
        pictures = keras.Input(built.shape, name="pictures")
        value = keras.layers.Reshape((28, 28, 1))(pictures)
        for layer in _variations(recipe):
            value = layer(value)
        model = keras.Model(pictures, model(keras.layers.Reshape(built.shape)(value)))
    for each in {id(model): model, id(built.model): built.model}.values():
        each.compile(
            optimizer=_optimizer(recipe),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=built.gives == "logits"),
            metrics=["accuracy"],
        )
    return model


def _augment(pictures: Any, recipe: Recipe, flat: bool) -> Any:
    layers = _variations(recipe)
    if layers and flat:
        layers.insert(0, keras.layers.Reshape((28, 28, 1), name="with_channel"))
    for layer in layers:
        pictures = layer(pictures)
    return pictures


def _variations(recipe: Recipe) -> list[Any]:
    """Layers that vary pictures ``(28, 28, 1)`` as a recipe asks, in training only."""
    kinds, wanted, last = keras.layers, recipe.augmentation, "channels_last"
    layers = []
    if wanted.flip:
        layers.append(kinds.RandomFlip("horizontal", data_format=last, name="flip"))
    if wanted.rotation:
        layers.append(kinds.RandomRotation(wanted.rotation, data_format=last, name="rotation"))
    return layers


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


def _fit(recipe: Recipe, split: Split, listeners: _Listeners) -> Fitted:
    began = time.perf_counter()
    model = build_classifier(recipe)
    shape = model.input_shape[1:]

    def pixels(half: Half) -> Float32:
        scaled: Float32 = (half.images / _WHITE).astype(np.float32).reshape(-1, *shape)
        return scaled

    watch = Watch(
        model,
        recipe,
        _steps(recipe, split),
        began,
        listeners.on_epoch,
        lambda: weights_of(model, recipe.layers),
        listeners.on_checkpoint,
        listeners.start,
    )
    validation = pixels(split.validation)
    _run(model, recipe, pixels(split.training), validation, split, watch)
    set_weights(model, recipe.layers, watch.best_weights)
    before_softmax = keras.Model(model.inputs, model.get_layer("probabilities").input)
    logits = before_softmax.predict(validation, batch_size=_VALIDATION_BATCH, verbose=0)
    seconds = time.perf_counter() - began
    return Fitted(
        weights=_NORMALISATION | watch.best_weights,
        logits=logits,
        best_epoch=watch.best.epoch,
        seconds=seconds,
        files={
            "model.keras": file_content(model, "keras"),
            "best_model.h5": file_content(model, "h5"),
        },
    )


def _fit_own(
    recipe: Recipe, own: OwnModel, split: Split, backend: str, listeners: _Listeners
) -> Fitted:
    """The same for a model of a person's own."""
    began = time.perf_counter()
    built = build_own(own, split)
    with own_code(f"compiling {own.origin}"):
        model = _with_augmentation(built, recipe)
    watch = Watch(
        model,
        recipe,
        _steps(recipe, split),
        began,
        listeners.on_epoch,
        lambda: {str(place): array for place, array in enumerate(built.model.get_weights())},
        listeners.on_checkpoint,
        listeners.start,
    )
    try:
        with own_code(f"training {own.origin}"):
            training, validation = (
                built.pixels(half.images) for half in (split.training, split.validation)
            )
            _run(model, recipe, training, validation, split, watch)
    except OwnCodeError as error:
        if error.__cause__ is not None and error.__cause__ is watch.raised:
            raise watch.raised from None  # the listener's, and none of the model's
        raise
    best = [watch.best_weights[str(place)] for place in range(len(watch.best_weights))]
    built.model.set_weights(best)
    logits = built.logits(split.validation.images, _VALIDATION_BATCH)
    seconds = time.perf_counter() - began
    files, notes = saved_files(built)
    names = [f"{place}.{each.name}" for place, each in enumerate(built.model.weights)]
    return Fitted(
        weights=_NORMALISATION | dict(zip(names, best, strict=True)),
        logits=logits,
        best_epoch=watch.best.epoch,
        seconds=seconds,
        files=files,
        core=export_own(built, backend),
        notes=notes,
    )


def _steps(recipe: Recipe, split: Split) -> int:
    """Steps of the whole training."""
    return math.ceil(len(split.training) / recipe.batch_size) * recipe.epochs


def _run(
    model: Any, recipe: Recipe, training: Float32, validation: Float32, split: Split, watch: Watch
) -> None:
    """Keras' own fit, on pictures as the model takes them, after the epochs that there were."""
    if watch.ended:
        return
    model.fit(
        training,
        split.training.labels,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        validation_data=(validation, split.validation.labels),
        validation_batch_size=_VALIDATION_BATCH,
        initial_epoch=watch.done,
        callbacks=[watch.callback()],
        verbose=0,
    )
