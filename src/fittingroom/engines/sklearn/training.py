"""The engine: one classical model, trained without epochs, with one line of history."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import log_softmax
from sklearn import ensemble, linear_model
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from fittingroom.data import Split
from fittingroom.engines import Device, Fitted, choose_device
from fittingroom.engines.course import Course
from fittingroom.engines.random_states import same_random_state
from fittingroom.engines.sklearn.own import Trained, build_own, train_estimator
from fittingroom.errors import DataInvalidError, RecipeError
from fittingroom.predictions import Float32, Labels
from fittingroom.recipes import (
    BaseRecipe,
    BoostedForest,
    ClassicalRecipe,
    LogisticRegression,
    OwnModel,
)
from fittingroom.runs import Epoch


def device(name: str | None, threads: int | None) -> Device:
    """The processor, the only device of scikit-learn."""
    return choose_device("scikit-learn", name, ["cpu"], threads)


def fit(
    recipe: BaseRecipe,
    split: Split,
    *,
    seed: int,
    device: Device,
    on_epoch: Callable[[Epoch], None],
    **_: object,
) -> Fitted:
    """Train a classical model or your own classifier; see :class:`fittingroom.engines.Engine`.

    It has one epoch, so there is neither a checkpoint to give nor one to resume from.
    """
    if not isinstance(recipe, ClassicalRecipe):
        raise RecipeError(
            f"'{recipe.name}' describes a network, which the engine 'sklearn' can't train. Use "
            "the engine 'pytorch'."
        )
    _check_classes(split)
    course = Course(on_epoch)
    # NumPy, SciPy and scikit-learn have threads of their own, each as many as processors.
    with threadpool_limits(device.threads), same_random_state():
        trained = _train(recipe, split, seed)
    seconds = course.seconds
    course.add(
        *_scores(trained.training, split.training.labels),
        *_scores(trained.validation, split.validation.labels),
        learning_rate=0.0,
    )
    # scikit-learn itself holds the weights.
    return Fitted({}, trained.validation, 1, seconds, core=trained.core)


def _train(recipe: ClassicalRecipe, split: Split, seed: int) -> Trained:
    model = recipe.model
    if isinstance(model, OwnModel):
        return train_estimator(build_own(model, seed), model.origin, split)
    with warnings.catch_warnings():
        # The iterations are a setting: the recipe wants training to stop there.
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator = _estimator(model, seed, len(split.training))
        return train_estimator(estimator, recipe.name, split, "logits")


def _estimator(model: LogisticRegression | BoostedForest, seed: int, images: int) -> Any:
    """scikit-learn's classifier with the settings of a recipe."""
    if isinstance(model, LogisticRegression):
        return linear_model.LogisticRegression(C=model.strength, max_iter=model.iterations)
    return ensemble.HistGradientBoostingClassifier(
        max_iter=model.rounds,
        max_leaf_nodes=model.leaves,
        learning_rate=model.learning_rate,
        max_features=model.pixels,
        l2_regularization=model.penalty,
        # scikit-learn's own 20 would leave fewer than 40 images undivided.
        min_samples_leaf=20 if images >= 40 else max(1, images // 4),
        early_stopping=False,
        random_state=seed,
    )


def _check_classes(split: Split) -> None:
    missing = set(range(len(split.classes))) - set(split.training.labels.tolist())
    if missing:
        raise DataInvalidError(
            f"{len(missing)} of the data's {len(split.classes)} classes have no training images. A "
            "classical model needs training images of each."
        )


def _scores(logits: Float32, labels: Labels) -> tuple[float, float]:
    """Mean log loss, before a temperature is fitted, and accuracy."""
    of_true = log_softmax(logits.astype(np.float64), axis=1)[np.arange(len(labels)), labels]
    return -float(of_true.mean()), float((logits.argmax(axis=1) == labels).mean())
