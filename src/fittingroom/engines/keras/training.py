"""Training with Keras' own ``fit``, as one would write it in a notebook, without its output."""

import contextlib
import math
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from fittingroom.data import Split
from fittingroom.engines import Device, Fitted, check_threads
from fittingroom.engines.keras.backend import accelerators, load_keras, settings
from fittingroom.engines.keras.models import apply_network, set_weights, weights_of
from fittingroom.engines.keras.own import (
    OwnKeras,
    build_own,
    export_own,
    saved_files,
    scaled,
    try_out,
)
from fittingroom.engines.keras.watch import Backup, Watch
from fittingroom.errors import RecipeError, UsageError
from fittingroom.networks import Conv, Flatten, check_classifier
from fittingroom.predictions import Float32
from fittingroom.recipes import OwnModel, Recipe, own_code
from fittingroom.runs import Checkpoint, Epoch
from fittingroom.runs.environment import processor

keras = load_keras()

# Pixel values are divided by 255, as the predecessor's were: they lie between 0 and 1.
_NORMALISATION = {
    "pixels.mean": np.zeros((), np.float32),
    "pixels.deviation": np.array(255, np.float32),
}
_VALIDATION_BATCH = 500


class KerasEngine:
    """Trains described networks, and people's own Keras models, on the backend that Keras was
    loaded with.

    With the PyTorch backend on the processor, the same seed gives the same weights, byte for byte,
    unless the training is resumed. A run of it leaves ``model.keras`` and ``best_model.h5``, which
    take pixel values from 0 to 1.
    """

    def device(self, name: str | None, threads: int | None) -> Device:
        """The device of that name; without a name, the backend's accelerator or the processor.

        Raises:
            UsageError: this machine has no such device, or not so many threads.
        """
        backend = keras.backend.backend()
        present = (*accelerators(backend), "cpu")
        name = name or present[0]
        if name not in present:
            raise UsageError(
                f"Keras with {backend} has no device '{name}' on this machine. Choose: "
                f"{', '.join(present)}."
            )
        description = processor() if name == "cpu" else name
        return Device(name, description, check_threads(threads), backend)

    def rehearse(
        self, recipe: Recipe, own: OwnModel, split: Split, *, seed: int, device: Device
    ) -> None:
        """Try out a person's own Keras model; see :class:`fittingroom.engines.Engine`."""
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
        with (
            settings(device.backend, device.threads),
            keras.device(_scope(device)),
            tempfile.TemporaryDirectory() as folder,
        ):
            keras.utils.set_random_seed(seed)
            began = time.perf_counter()
            built: OwnKeras | None = None
            doing: AbstractContextManager[None] = contextlib.nullcontext()
            if recipe.own is None:
                model = build_classifier(recipe)
            else:
                built = build_own(recipe.own, split)
                doing = own_code(f"training {recipe.own.origin}")
                with own_code(f"compiling {recipe.own.origin}"):
                    model = _with_augmentation(built, recipe)
            shape = model.input_shape[1:] if built is None else built.shape
            watch = Watch(
                recipe,
                math.ceil(len(split.training) / recipe.batch_size) * recipe.epochs,
                lambda: _weights(model, recipe, built),
                on_epoch,
                on_checkpoint,
                start,
                Path(folder),
            )
            keeps = on_checkpoint is not None or start is not None
            callbacks = [Backup(Path(folder), recipe, start), watch] if keeps else [watch]
            if not watch.ended:
                with doing:
                    _run(model, recipe, split, shape, callbacks)
            if built is None:
                set_weights(model, recipe.layers, watch.best_weights)
                before_softmax = keras.Model(model.inputs, model.get_layer("probabilities").input)
                logits = before_softmax.predict(
                    scaled(split.validation.images, shape), batch_size=_VALIDATION_BATCH, verbose=0
                )
            else:
                built.model.set_weights(list(watch.best_weights.values()))
                logits = built.logits(split.validation.images, _VALIDATION_BATCH)
            seconds = time.perf_counter() - began
            files, notes = saved_files(model if built is None else built.model)
            return Fitted(
                weights=_NORMALISATION | watch.best_weights,
                logits=logits,
                best_epoch=watch.best.epoch,
                seconds=seconds,
                files=files,
                core=None if built is None else export_own(built, device.backend),
                notes=notes,
            )


def _scope(device: Device) -> str:
    """Keras' name of a device: without a number for PyTorch, with one for the others."""
    if device.backend == "torch":
        return device.name
    return {"cpu": "cpu:0", "cuda": "gpu:0"}[device.name]


def check_recipe(recipe: Recipe, backend: str) -> None:
    """Check that Keras can do all that a recipe asks for.

    Raises:
        RecipeError: it asks for something that only the PyTorch engine does.
    """
    network = () if recipe.own else recipe.layers[:1]
    whitened = any(isinstance(layer, Conv) and layer.whitened for layer in network)
    # JAX keeps the optimizer's state out of reach between two steps.
    constant = recipe.schedule == "constant" or backend != "jax"
    received: dict[str, tuple[object, bool, str]] = {
        "optimizer": (recipe.optimizer, recipe.optimizer != "muon", "adam or adamw"),
        "mirror": (recipe.mirror, not recipe.mirror, "false"),
        "label_smoothing": (recipe.label_smoothing, not recipe.label_smoothing, "0"),
        "augmentation.shift": (recipe.augmentation.shift, not recipe.augmentation.shift, "0"),
        "augmentation.erase": (recipe.augmentation.erase, not recipe.augmentation.erase, "0"),
        "schedule": (recipe.schedule, constant, "constant"),
        "network[0].whitened": (whitened, not whitened, "false"),
    }
    for name, (value, can, expected) in received.items():
        if not can:
            raise RecipeError(
                f"`{name}` is {value!r}, which the engine keras can't do. Use {expected}, or the "
                "engine pytorch."
            )


def build_classifier(recipe: Recipe) -> Any:
    """The recipe's network as a Keras model from pixel values 0–1 to probabilities, compiled.

    It takes ``(N, 28, 28)`` if the network begins with Flatten, otherwise ``(N, 28, 28, 1)``.
    Augmentation is part of it, and acts in training only.
    """
    flat = isinstance(recipe.layers[0], Flatten)
    images = keras.Input((28, 28) if flat else (28, 28, 1), name="pictures")
    value, variations = images, _variations(recipe)
    if variations and flat:
        variations.insert(0, keras.layers.Reshape((28, 28, 1), name="with_channel"))
    for layer in variations:
        value = layer(value)
    logits = apply_network(recipe.layers, value)
    probabilities = keras.layers.Softmax(name="probabilities")(logits)
    model = keras.Model(images, probabilities, name=recipe.name.replace("-", "_"))
    model.compile(
        optimizer=_optimizer(recipe),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def _with_augmentation(built: OwnKeras, recipe: Recipe) -> Any:
    """A person's own model as it is trained, compiled: itself, or with augmentation around it."""
    model, variations = built.model, _variations(recipe)
    if variations:
        images = keras.Input(built.shape, name="pictures")
        value = keras.layers.Reshape((28, 28, 1))(images)
        for layer in variations:
            value = layer(value)
        model = keras.Model(images, model(keras.layers.Reshape(built.shape)(value)))
    for each in {id(model): model, id(built.model): built.model}.values():
        each.compile(
            optimizer=_optimizer(recipe),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=built.gives == "logits"),
            metrics=["accuracy"],
        )
    return model


def _variations(recipe: Recipe) -> list[Any]:
    """Layers that vary images ``(28, 28, 1)`` as a recipe asks, in training only."""
    kinds, wanted, last = keras.layers, recipe.augmentation, "channels_last"
    layers = []
    if wanted.flip:
        layers.append(kinds.RandomFlip("horizontal", data_format=last, name="flip"))
    if wanted.rotation:
        layers.append(kinds.RandomRotation(wanted.rotation, data_format=last, name="rotation"))
    return layers


def _optimizer(recipe: Recipe) -> Any:
    rate, momentum = recipe.learning_rate, recipe.momentum
    if recipe.optimizer == "adam":
        return keras.optimizers.Adam(rate, beta_1=momentum)
    optimizer = keras.optimizers.AdamW(
        rate, beta_1=momentum, beta_2=0.99, weight_decay=recipe.weight_decay
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def _weights(model: Any, recipe: Recipe, built: OwnKeras | None) -> dict[str, Float32]:
    """A copy of the weights by name, in the order in which Keras has them."""
    if built is None:
        return weights_of(model, recipe.layers)
    names = [f"{place}.{each.name}" for place, each in enumerate(built.model.weights)]
    return dict(zip(names, built.model.get_weights(), strict=True))


def _run(
    model: Any, recipe: Recipe, split: Split, shape: tuple[int, ...], callbacks: list[Any]
) -> None:
    """Keras' own fit."""
    model.fit(
        scaled(split.training.images, shape),
        split.training.labels,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        validation_data=(scaled(split.validation.images, shape), split.validation.labels),
        validation_batch_size=_VALIDATION_BATCH,
        callbacks=callbacks,
        verbose=0,
    )
