"""Training with Keras' own ``fit``, as one would write it in a notebook, without its output."""

import contextlib
import dataclasses
import math
from collections.abc import Callable

import numpy as np

from fittingroom.data import Split
from fittingroom.engines import Device, Fitted, choose_device
from fittingroom.engines.course import Course
from fittingroom.engines.keras.backend import accelerators, load_keras, training_on
from fittingroom.engines.keras.building import VALIDATION_BATCH, build
from fittingroom.engines.keras.files import export_own, saved_files
from fittingroom.engines.keras.watch import Watch
from fittingroom.errors import RecipeError
from fittingroom.networks import Conv, check_classifier
from fittingroom.recipes import Recipe, own_code
from fittingroom.runs import Checkpoint, Epoch

keras = load_keras()

# Pixel values are divided by 255, as the predecessor's were: they lie between 0 and 1.
_NORMALISATION = {
    "pixels.mean": np.zeros((), np.float32),
    "pixels.deviation": np.array(255, np.float32),
}


class KerasEngine:
    """Trains described networks, and your own Keras models, on the backend that Keras was
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
        chosen = choose_device(f"Keras with {backend}", name, present, threads)
        return dataclasses.replace(chosen, backend=backend)

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
    """Check that Keras can do all that a recipe asks for.

    Raises:
        RecipeError: it asks for something that only the PyTorch engine does.
    """
    first = None if recipe.own else recipe.layers[0]
    received: dict[str, tuple[object, str]] = {
        "optimizer": ("muon" if recipe.optimizer == "muon" else "", "adam or adamw"),
        "mirror": (recipe.mirror, "false"),
        "label_smoothing": (recipe.label_smoothing, "0"),
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


engine = KerasEngine()
