"""The engine: one model after its kind, trained in one go, with one line of history."""

import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from fittingroom.data import Half, Split
from fittingroom.engines import Device, Fitted, check_threads
from fittingroom.engines.sklearn.forest import train_forest
from fittingroom.engines.sklearn.logistic import train_logistic
from fittingroom.engines.sklearn.own import train_own, try_out
from fittingroom.engines.sklearn.svm import train_svm
from fittingroom.engines.sklearn.trained import Trained
from fittingroom.errors import DataInvalidError, RecipeError, TrainingError, UsageError
from fittingroom.predictions import Float32
from fittingroom.recipes import (
    BaseRecipe,
    BoostedForest,
    ClassicalRecipe,
    HogSvm,
    LogisticRegression,
    OwnModel,
)
from fittingroom.recipes.frameworks import same_random_state
from fittingroom.runs import Checkpoint, Epoch
from fittingroom.runs.environment import processor


class SklearnEngine:
    """Trains classical models, and classifiers of a person's own, on the processor."""

    def device(self, name: str | None, threads: int | None) -> Device:
        """The processor, which is all that scikit-learn knows.

        Raises:
            UsageError: another device, or threads that are not there.
        """
        if name not in (None, "cpu"):
            raise UsageError(
                f"Expected the device cpu, the only one that scikit-learn knows. Received '{name}'."
            )
        return Device("cpu", processor(), check_threads(threads))

    def rehearse(
        self, recipe: BaseRecipe, own: OwnModel, split: Split, *, seed: int, device: Device
    ) -> None:
        """Try out a classifier of a person's own; see :class:`fittingroom.engines.Engine`."""
        _check_classes(split)
        with threadpool_limits(device.threads), same_random_state():
            try_out(own, split, seed)

    def fit(
        self,
        recipe: BaseRecipe,
        split: Split,
        *,
        seed: int,
        device: Device,
        on_epoch: Callable[[Epoch], None],
        on_checkpoint: Callable[[Checkpoint], None] | None = None,
        start: Checkpoint | None = None,
    ) -> Fitted:
        """Train as the recipe says; see :class:`fittingroom.engines.Engine`."""
        if not isinstance(recipe, ClassicalRecipe):
            raise RecipeError(
                "Expected a classical recipe for the engine 'sklearn'. Received "
                f"'{recipe.name}', which describes a network: give it the engine 'pytorch'."
            )
        _check_classes(split)
        began = time.perf_counter()
        # NumPy, SciPy and scikit-learn have threads of their own, each as many as processors.
        with threadpool_limits(device.threads), same_random_state():
            trained = _train(recipe, split, seed, device.threads)
        train_loss, train_accuracy = _scores(trained.training, split.training)
        val_loss, val_accuracy = _scores(trained.validation, split.validation)
        if not np.isfinite(train_loss) or not np.isfinite(val_loss):
            raise TrainingError(
                f"Expected a finite loss. Received {train_loss}: training broke down. Try other "
                "settings: `fittingroom summary` lists them."
            )
        seconds = time.perf_counter() - began
        on_epoch(
            Epoch(
                epoch=1,
                seconds=seconds,
                train_loss=train_loss,
                train_accuracy=train_accuracy,
                val_loss=val_loss,
                val_accuracy=val_accuracy,
                learning_rate=0.0,
            )
        )
        return Fitted(
            weights=trained.weights,
            logits=trained.validation,
            best_epoch=1,
            seconds=seconds,
            core=trained.core,
        )


def _train(recipe: ClassicalRecipe, split: Split, seed: int, threads: int) -> Trained:
    halves = (split.training, split.validation)
    classes = len(split.classes)
    match recipe.model:
        case LogisticRegression():
            return train_logistic(recipe.model, *halves, classes=classes)
        case BoostedForest():
            return train_forest(recipe.model, *halves, classes=classes, seed=seed)
        case HogSvm():
            return train_svm(recipe.model, *halves, classes=classes, seed=seed, threads=threads)
        case OwnModel():
            return train_own(recipe.model, *halves, classes=classes, seed=seed)


def _check_classes(split: Split) -> None:
    missing = set(range(len(split.classes))) - set(split.training.labels.tolist())
    if missing or len(split.classes) < 3:
        without = f", without training pictures of {len(missing)}" if missing else ""
        raise DataInvalidError(
            "Expected three classes or more for a classical model, with training pictures of "
            f"each. Received {len(split.classes)} classes{without}."
        )


def _scores(logits: Float32, half: Half) -> tuple[float, float]:
    """Mean log loss, before a temperature is fitted, and accuracy."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    of_true = shifted[np.arange(len(half)), half.labels]
    loss = np.log(np.exp(shifted).sum(axis=1)) - of_true
    return float(loss.mean()), float((logits.argmax(axis=1) == half.labels).mean())
