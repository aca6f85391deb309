"""A classifier of a person's own, of scikit-learn or built like its classifiers."""

import importlib.util
from collections.abc import Mapping
from typing import Any

import numpy as np

from fittingroom.data import Half, Split
from fittingroom.engines import Core
from fittingroom.engines.cores import Gives, build_core, check_core, quietly, reason_of, to_logits
from fittingroom.engines.operations import parameter_count
from fittingroom.engines.sklearn.trained import Trained
from fittingroom.errors import ExportError, RecipeError, missing_extra
from fittingroom.graphs import OPSET
from fittingroom.predictions import Float32, UInt8
from fittingroom.recipes import OwnModel, own_code

_PIXELS = 784
# Pictures of each class in the trial: more than a picture has pixels, all in all.
_TRIAL = 100
_CHECK = 20
_ML, _VERSION = "ai.onnx.ml", 3


def train_own(
    own: OwnModel, training: Half, validation: Half, *, classes: int, seed: int
) -> Trained:
    """Fit it on the training half.

    Raises:
        RecipeError: what it gives has another shape than one number a class.
        OwnCodeError: its code raises an error.
        ExportError: it cannot be exported.
    """
    estimator = build_own(own, seed)
    with own_code(f"fitting {own.origin}"):
        estimator.fit(_scaled(training.images), training.labels.astype(np.int64))
    gives, said = _answers(estimator, own, training.images, classes)
    _, of_validation = _answers(estimator, own, validation.images, classes)
    # Scores may be hundreds: at the size of logits, rounding in the exported model shows less.
    scale = max(float(said.std()), 1e-6) if gives == "scores" else 1.0
    return Trained(
        training=to_logits(said, gives, scale),
        validation=to_logits(of_validation, gives, scale),
        weights={},
        core=_core(estimator, own, classes, gives, scale),
    )


def try_out(own: OwnModel, split: Split, seed: int) -> None:
    """Fit and export it on some of the pictures, so that what cannot work is known at once.

    Raises:
        RecipeError: what it gives has another shape than one number a class.
        OwnCodeError: its code raises an error.
        ExportError: it cannot be exported.
    """
    labels = split.training.labels
    few = [np.flatnonzero(labels == label)[:_TRIAL] for label in range(len(split.classes))]
    some = split.training.take(np.sort(np.concatenate(few)))
    check = split.training.take(np.arange(min(_CHECK, len(labels))))
    with quietly():  # warnings about so few pictures would mislead
        trained = train_own(own, some, check, classes=len(split.classes), seed=seed)
    check_core(trained.core, check.images, trained.validation)


def build_own(own: OwnModel, seed: int) -> Any:
    """A fresh classifier, with the seed wherever a random state is left open.

    Raises:
        RecipeError: its code builds something else.
        OwnCodeError: its code raises an error.
    """
    np.random.seed(seed)
    estimator = own.fresh()
    if not hasattr(estimator, "fit") or not hasattr(estimator, "get_params"):
        raise RecipeError(
            f"Expected {own.origin} to give a scikit-learn classifier again, as it did at first. "
            f"Received a {type(estimator).__name__}."
        )
    open_states = {
        name: seed
        for name, value in estimator.get_params(deep=True).items()
        if (name == "random_state" or name.endswith("__random_state")) and value is None
    }
    return estimator.set_params(**open_states)


def _answers(estimator: Any, own: OwnModel, images: UInt8, classes: int) -> tuple[Gives, Float32]:
    """What it gives, and that for pictures: ``(N, K)``."""
    inputs = _scaled(images)
    gives: Gives = "probabilities" if hasattr(estimator, "predict_proba") else "scores"
    name = "predict_proba" if gives == "probabilities" else "decision_function"
    if not hasattr(estimator, name):
        raise RecipeError(
            f"Expected {own.origin} to have predict_proba or decision_function. Received a "
            f"{type(estimator).__name__} with neither."
        )
    with own_code(f"asking {own.origin} about pictures"):
        given = np.asarray(getattr(estimator, name)(inputs))
    if given.shape != (len(images), classes) or given.dtype.kind != "f":
        raise RecipeError(
            f"Expected {name} of {own.origin} to give numbers of shape {(len(images), classes)}, "
            f"one a class. Received {given.dtype} of shape {given.shape}."
        )
    return gives, given


def _core(estimator: Any, own: OwnModel, classes: int, gives: Gives, scale: float) -> Core:
    if importlib.util.find_spec("skl2onnx") is None:
        raise missing_extra(ModuleNotFoundError(name="skl2onnx"), "train")
    with quietly():
        import skl2onnx

        example = np.zeros((1, _PIXELS), np.float32)
        tries: list[Mapping[str, Any]] = [{"zipmap": False}]
        if gives == "scores":
            # Converters differ in which of the two options they know.
            tries = [{"zipmap": False, "raw_scores": True}, {"raw_scores": True}, *tries]
        reasons: list[Exception] = []
        for options in tries:
            try:
                model = skl2onnx.to_onnx(
                    estimator,
                    example,
                    target_opset={"": OPSET, _ML: _VERSION},
                    options={id(estimator): dict(options)},
                )
                break
            except Exception as error:  # noqa: BLE001 - told below, where none works
                reasons.append(error)
        else:
            raise ExportError(
                f"Expected a classifier that skl2onnx can turn into ONNX. Received {own.origin}, "
                f"for which it says: {reason_of(reasons[-1])}"
            ) from reasons[-1]
    return build_core(
        model,
        model.graph.output[1].name,
        shape=(_PIXELS,),
        classes=classes,
        gives=gives,
        parameters=parameter_count(model),
        scale=scale,
    )


def _scaled(images: UInt8) -> Float32:
    """uint8 ``(N, 28, 28)`` → float32 ``(N, 784)`` from 0 to 1, as the exported model divides."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
