"""A classifier of scikit-learn, your own or a recipe's: fitted, and exported by skl2onnx."""

import contextlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from fittingroom.data import Split
from fittingroom.engines import Core
from fittingroom.engines.operations import parameter_count
from fittingroom.engines.own import Gives, build_core, quietly, reason_of, to_logits
from fittingroom.errors import ExportError, RecipeError, missing_extra
from fittingroom.graphs import OPSET
from fittingroom.predictions import Float32, UInt8
from fittingroom.recipes import OwnModel, own_code

_PIXELS = 784
_ML, _VERSION = "ai.onnx.ml", 3


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained model, with its logits for the training and the validation set."""

    training: Float32  # (N, K)
    validation: Float32  # (M, K)
    core: Core


def train_estimator(
    estimator: Any, origin: str, split: Split, gives: Gives | None = None
) -> Trained:
    """Fit a classifier on the training set.

    Its decision function counts as it is if ``gives`` is ``"logits"``. Without ``gives``, its
    probabilities count if it has them, or else that function, scaled to the size of logits.

    Raises:
        RecipeError: its output has another shape than one number for each class.
    """
    training, classes, scaled = split.training, len(split.classes), gives is None
    gives = gives or ("probabilities" if hasattr(estimator, "predict_proba") else "logits")
    with own_code(f"fitting {origin}"):
        estimator.fit(_scaled(training.images), training.labels.astype(np.int64))
    answers, given = (
        _answers(estimator, origin, image_set.images, classes, gives)
        for image_set in (training, split.validation)
    )
    # Of two classes, the decision function is the difference of their logits.
    scale = 2.0 if classes == 2 else 1.0
    if scaled and gives == "logits":
        # Values may be hundreds: at the size of logits, rounding in the exported model matters
        # less.
        scale = max(float(answers.std()), 1e-6)
    model = _to_onnx(estimator, origin, gives)
    core = build_core(
        model,
        shape=(_PIXELS,),
        classes=classes,
        gives=gives,
        parameters=parameter_count(model),
        scale=scale,
    )
    return Trained(to_logits(answers, gives, scale), to_logits(given, gives, scale), core)


def build_own(own: OwnModel, seed: int) -> Any:
    """A new classifier, with the seed for every random state that is None."""
    np.random.seed(seed)
    estimator = own.fresh()
    open_states = {
        name: seed
        for name, value in estimator.get_params(deep=True).items()
        if (name == "random_state" or name.endswith("__random_state")) and value is None
    }
    return estimator.set_params(**open_states)


def _answers(estimator: Any, origin: str, images: UInt8, classes: int, gives: Gives) -> Float32:
    """Its probabilities or decision function for images: ``(N, K)``."""
    name = "predict_proba" if gives == "probabilities" else "decision_function"
    if not hasattr(estimator, name):
        raise RecipeError(
            f"{origin} is a {type(estimator).__name__} with neither predict_proba nor "
            "decision_function. Use a classifier that has one of them."
        )
    with own_code(f"asking {origin} about images"):
        given = np.asarray(getattr(estimator, name)(_scaled(images)))
    if given.ndim == 1 and classes == 2:  # a decision function: above 0 for the second class
        given = np.stack([-given, given], axis=1)  # as skl2onnx gives it
    if given.shape != (len(images), classes) or given.dtype.kind != "f":
        raise RecipeError(
            f"{name} of {origin} gives {given.dtype} of shape {given.shape}. It must give numbers "
            f"of shape {(len(images), classes)}, one for each class."
        )
    return given


def _to_onnx(estimator: Any, origin: str, gives: Gives) -> onnx.ModelProto:
    if importlib.util.find_spec("skl2onnx") is None:
        raise missing_extra(ModuleNotFoundError(name="skl2onnx"), "train")
    options: list[dict[str, bool]] = [{"zipmap": False}]
    if gives != "probabilities":
        # Converters differ in which of the two options they know.
        options = [{"zipmap": False, "raw_scores": True}, {"raw_scores": True}, *options]
    with quietly(), _mended_trees():
        import skl2onnx

        for each in options:
            try:
                model: onnx.ModelProto = skl2onnx.to_onnx(
                    estimator,
                    np.zeros((1, _PIXELS), np.float32),
                    target_opset={"": OPSET, _ML: _VERSION},
                    options={id(estimator): each},
                )
                # Without the label, which is the first output.
                ends = [model.graph.input[0].name], [model.graph.output[1].name]
                extracted: onnx.ModelProto = onnx.utils.Extractor(model).extract_model(*ends)
                return extracted
            except Exception as error:  # noqa: BLE001 - reported below, if no options work
                reason = error
    why = reason_of(reason)
    if type(reason).__name__ == "MissingShapeCalculator":  # its text is about skl2onnx itself
        why = (
            f"it knows no {type(estimator).__name__}, or no step of it. Compare its predictions: "
            "`fittingroom compare … --with predictions.csv`."
        )
    raise ExportError(f"skl2onnx can't turn {origin} into ONNX: {why}") from reason


@contextlib.contextmanager
def _mended_trees() -> Iterator[None]:
    """Let skl2onnx 1.20 write histogram-based trees as scikit-learn computes them.

    It hands truth values to protobuf, which takes whole numbers only, and rounds thresholds to
    the nearest float32, so that a pixel just above one may go the other way.
    """
    from skl2onnx.common import tree_ensemble

    add_node = tree_ensemble.add_node

    def add(*args: Any, nodes_missing_value_tracks_true: Any = 0, **settings: Any) -> None:
        if "dtype" in settings:
            settings |= {"adjust_threshold_for_sklearn": True, "dtype": np.float32}
        tracks = int(nodes_missing_value_tracks_true)
        add_node(*args, nodes_missing_value_tracks_true=tracks, **settings)

    tree_ensemble.add_node = add
    try:
        yield
    finally:
        tree_ensemble.add_node = add_node


def _scaled(images: UInt8) -> Float32:
    """uint8 ``(N, 28, 28)`` → float32 ``(N, 784)`` from 0 to 1, as the exported model divides."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
