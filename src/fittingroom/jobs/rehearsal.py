"""Rehearse: train and export your own model on a few images, so that problems show at once."""

import dataclasses

import numpy as np

from fittingroom.data import Split
from fittingroom.engines import Device, Engine
from fittingroom.engines.own import quietly, reason_of
from fittingroom.errors import ExportError, FittingRoomError
from fittingroom.jobs.finish import checked, exported
from fittingroom.networks import check_classifier
from fittingroom.recipes import BaseRecipe, Recipe
from fittingroom.safe_io import Refusal
from fittingroom.safe_io.models import check_model

# The exporters' example is of two images, so the check is of another number.
_CHECKED = 3


def rehearse(
    engine: Engine, recipe: BaseRecipe, split: Split, *, seed: int, device: Device
) -> None:
    """Check a recipe's network, or train and export your own model on a few images."""
    if recipe.own is None:
        if isinstance(recipe, Recipe):
            check_classifier(recipe.layers, len(split.classes))
        return
    if isinstance(recipe, Recipe):
        recipe = dataclasses.replace(recipe, epochs=1)
    # A classical model needs more images than an image has pixels.
    labels, count = split.training.labels, 100 if recipe.in_one_go else 2
    few = [np.flatnonzero(labels == label)[:count] for label in range(len(split.classes))]
    images = split.training.take(np.arange(min(_CHECKED, len(labels))))
    training = split.training.take(np.sort(np.concatenate(few)))
    split = dataclasses.replace(split, training=training, validation=images)
    with quietly():  # warnings about so few images would mislead
        fitted = engine.fit(recipe, split, seed=seed, device=device, on_epoch=lambda epoch: None)
    try:
        check_model(exported(recipe, fitted, split.classes))
        checked(recipe, fitted, split.classes, images.images, device.threads)
    except Refusal as error:
        raise ExportError(f"The exported model could not be opened again. {error}") from error
    except FittingRoomError:
        raise
    except Exception as error:
        raise ExportError(
            f"The exported model can't be run on {len(images)} images at once: {reason_of(error)}"
        ) from error
