"""Recipes as compiled Keras models: described networks and your own models."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fittingroom.data import Split
from fittingroom.engines.keras.backend import load_keras
from fittingroom.engines.keras.models import apply_network, set_weights, weights_of
from fittingroom.engines.own import Gives, output_kind, to_logits
from fittingroom.errors import RecipeError
from fittingroom.networks import Flatten
from fittingroom.predictions import Float32, UInt8
from fittingroom.recipes import Recipe, own_code

keras = load_keras()

VALIDATION_BATCH = 500
_UNBUILT = (28, 28, 1)
_SHOWN = 2  # images, to your own model, before it is compiled


@dataclass(frozen=True, eq=False)
class Built:
    """A compiled model, with its input and output."""

    recipe: Recipe  # what it was built for
    model: Any  # the model that is saved
    trained: Any  # the same model, or your own with augmentation around it
    shape: tuple[int, ...]  # of an image as it takes it
    classes: int  # numbers that it gives for an image
    gives: Gives  # whether these are probabilities or logits

    def scaled(self, images: UInt8) -> Float32:
        """uint8 ``(N, 28, 28)`` → float32 ``(N, *shape)`` from 0 to 1."""
        return (images.astype(np.float32) / np.float32(255)).reshape(-1, *self.shape)

    def logits(self, images: UInt8) -> Float32:
        """Its logits for images: float32 ``(N, K)``."""
        model, gives = self.model, self.gives
        if self.recipe.own is None:  # small probabilities would lose digits
            model, gives = keras.Model(model.inputs, model.layers[-1].input), "logits"
        given = model.predict(self.scaled(images), batch_size=VALIDATION_BATCH, verbose=0)
        return to_logits(given, gives)

    def weights(self) -> dict[str, Float32]:
        """A copy of its weights by name; of your own, in the order that Keras has."""
        if self.recipe.own is None:
            return weights_of(self.model, self.recipe.layers)
        names = [f"{place}.{each.name}" for place, each in enumerate(self.model.weights)]
        return dict(zip(names, self.model.get_weights(), strict=True))

    def set_weights(self, weights: dict[str, Float32]) -> None:
        """Give it weights that :meth:`weights` gave."""
        if self.recipe.own is None:
            set_weights(self.model, self.recipe.layers, weights)
        else:
            self.model.set_weights(list(weights.values()))


def build_classifier(recipe: Recipe) -> Any:
    """The recipe's network as a Keras model from pixel values 0–1 to probabilities, compiled.

    It takes ``(N, 28, 28)`` if the network begins with Flatten, otherwise ``(N, 28, 28, 1)``.
    Augmentation is part of it, and acts in training only.
    """
    flat = isinstance(recipe.layers[0], Flatten)
    images = keras.Input((28, 28) if flat else (28, 28, 1), name="images")
    value, variations = images, _variations(recipe)
    if variations and flat:
        variations.insert(0, keras.layers.Reshape((28, 28, 1), name="with_channel"))
    for layer in variations:
        value = layer(value)
    logits = apply_network(recipe.layers, value)
    probabilities = keras.layers.Softmax(name="probabilities")(logits)
    model = keras.Model(images, probabilities, name=recipe.name.replace("-", "_"))
    return _compiled(model, recipe, "probabilities")


def build(recipe: Recipe, split: Split) -> Built:
    """The recipe's model; your own is shown a few images. The seed has been set.

    Raises:
        RecipeError: your own model takes or gives another shape, or has nothing to train.
        OwnCodeError: its code raises an error.
    """
    classes = len(split.classes)
    if recipe.own is None:
        model = build_classifier(recipe)
        return Built(recipe, model, model, model.input_shape[1:], classes, "probabilities")
    origin = recipe.own.origin
    model = recipe.own.fresh()
    shape = _taken(model, origin)
    shown = Built(recipe, model, model, shape, classes, "logits").scaled(
        split.training.images[:_SHOWN]
    )
    with own_code(f"showing {origin} {_SHOWN} images"):
        given = model(shown, training=False)
    if hasattr(given, "shape"):
        given = np.asarray(keras.ops.convert_to_numpy(given))
    gives = output_kind(given, origin, shape, _SHOWN, classes)
    if not model.trainable_weights:
        raise RecipeError(f"{origin} has nothing to train: none of its weights is trainable.")
    with own_code(f"compiling {origin}"):
        trained = _compiled(_with_augmentation(model, recipe, shape), recipe, gives)
        if trained is not model:
            _compiled(model, recipe, gives)
    return Built(recipe, model, trained, shape, classes, gives)


def _taken(model: Any, origin: str) -> tuple[int, ...]:
    """The shape of an image as your own model takes it."""
    try:
        shape = model.input_shape if model.built else (None, *_UNBUILT)
    except AttributeError:  # a class of your own, which takes what it is called with
        shape = (None, *_UNBUILT)
    sides = shape[1:] if isinstance(shape, tuple) else ()
    if sides in ((None, None), (None, None, 1)):
        return _UNBUILT[: len(sides)]
    if not sides or None in sides or math.prod(sides) != 784:
        raise RecipeError(
            f"{origin} has the input_shape {shape}. It must take images of 784 values, such as "
            "(28, 28, 1), (28, 28) or (784,)."
        )
    return tuple(sides)


def _with_augmentation(model: Any, recipe: Recipe, shape: tuple[int, ...]) -> Any:
    """Your own model with augmentation around it; the model itself if there is none."""
    variations = _variations(recipe)
    if not variations:
        return model
    images = keras.Input(shape, name="images")
    value = keras.layers.Reshape((28, 28, 1))(images)
    for layer in variations:
        value = layer(value)
    return keras.Model(images, model(keras.layers.Reshape(shape)(value)))


def _variations(recipe: Recipe) -> list[Any]:
    """Layers that vary images ``(28, 28, 1)`` as a recipe asks, in training only."""
    kinds, wanted, last = keras.layers, recipe.augmentation, "channels_last"
    layers = []
    if wanted.flip:
        layers.append(kinds.RandomFlip("horizontal", data_format=last, name="flip"))
    if wanted.rotation:
        layers.append(kinds.RandomRotation(wanted.rotation, data_format=last, name="rotation"))
    return layers


def _compiled(model: Any, recipe: Recipe, gives: Gives) -> Any:
    """The model, compiled as a recipe asks."""
    rate, momentum = recipe.learning_rate, recipe.momentum
    if recipe.optimizer == "adam":
        optimizer = keras.optimizers.Adam(rate, beta_1=momentum)
    else:
        optimizer = keras.optimizers.AdamW(
            rate, beta_1=momentum, beta_2=0.99, weight_decay=recipe.weight_decay
        )
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=gives == "logits")
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return model
