"""Folds: train a model without each fold, and predict the images that it was not trained on."""

import dataclasses
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from fittingroom.data import ImageSet, make_folds
from fittingroom.engines import Device, engine_named
from fittingroom.errors import UsageError
from fittingroom.jobs.finish import checked, rehearse
from fittingroom.jobs.progress import Progress
from fittingroom.metrics import wilson
from fittingroom.predict import Predictor
from fittingroom.predictions import Predictions
from fittingroom.recipes import BaseRecipe, Recipe, recipe_of
from fittingroom.runs import Epoch

FOLDS = 5


class FoldModel(NamedTuple):
    """A model that was trained without a fold, as it is exported, at temperature 1."""

    fold: int
    held_out: Predictions  # of the fold's images, in their order in the training set
    predictor: Predictor
    epochs: int
    seconds: float


def train_folds(
    recipe: BaseRecipe,
    training: ImageSet,
    classes: tuple[str, ...],
    folds: int,
    seed: int,
    place: Device,
    progress: Progress,
    done: Collection[int] = (),
) -> Iterator[FoldModel]:
    """Train a model for each fold that is not done.

    The recipe is one of :func:`unselected`. Folds and trainings have the same seed.
    """
    engine, rehearsed = engine_named(recipe.engine), False
    with progress.track(f"{recipe.name}, seed {seed}, {folds} folds", folds) as advance:
        for fold, split in enumerate(make_folds(training, folds, classes, seed)):
            if fold in done:
                continue
            if not rehearsed:
                rehearse(engine, recipe, split, seed=seed, device=place)
                rehearsed = True
            course: list[Epoch] = []
            fitted = engine.fit(recipe, split, seed=seed, device=place, on_epoch=course.append)
            images = split.validation.images
            predictor, _, _ = checked(recipe, fitted, classes, images, place.threads)
            said = predictor.predict(split.validation)
            yield FoldModel(fold, said, predictor, len(course), fitted.seconds)
            accuracy = wilson(int(said.correct.sum()), len(said))
            advance(fold + 1, f"held back: {accuracy.percent}")


def unselected(recipe: Any, classes: int) -> BaseRecipe:
    """The recipe, for so many classes, with nothing in it chosen on the images held back."""
    chosen = recipe_of(recipe).for_classes(classes)
    if chosen.own is not None and chosen.own.fixed:
        raise UsageError(
            f"{chosen.name} starts from weights of its own and may have seen the images that it is "
            "to judge. Give a function or class that builds the model instead."
        )
    return dataclasses.replace(chosen, keep="last") if isinstance(chosen, Recipe) else chosen
