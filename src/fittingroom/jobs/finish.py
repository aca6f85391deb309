"""Finish a training: export, check on validation, fit the temperature and thresholds, write.

A rehearsal does the first two on a few images, so that problems of your own model show at once.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import safetensors.numpy

from fittingroom import networks
from fittingroom.data import Split
from fittingroom.engines import Device, Engine, Fitted
from fittingroom.engines.own import quietly, reason_of
from fittingroom.errors import ExportError, FittingRoomError
from fittingroom.export import OodScore, build_onnx, fit_ood, wrap_core
from fittingroom.jobs.progress import Progress
from fittingroom.metrics import fit_temperature
from fittingroom.metrics.thresholds import choose_thresholds, too_few
from fittingroom.photos import Preparation
from fittingroom.predict import Predictor
from fittingroom.predictions import Float32, UInt8, softmax
from fittingroom.recipes import BaseRecipe, Recipe
from fittingroom.runs import Run, RunWriter, Summary
from fittingroom.safe_io import Refusal
from fittingroom.safe_io.models import check_model, trust_model

# The exported model may differ from the engine's own output by this much in any probability …
_ALLOWED_DIFFERENCE = 1e-4
# … and predict another class only if the engine's own two probabilities are this close.
_TIE = 1e-6

# Training images that the out-of-distribution score is fitted on; more change nothing.
_OOD_IMAGES = 10_000
# An export and its check are announced if the model takes more multiply-adds than this an image.
_LONG = 200_000_000
# Images of a rehearsal. The exporters' example is of two images, so the check is of another number.
_REHEARSED = 3


def finish(
    writer: RunWriter,
    recipe: BaseRecipe,
    split: Split,
    fitted: Fitted,
    threads: int,
    progress: Progress,
    preparation: Preparation,
) -> Run:
    """Write a fitted model's weights, its exported, checked and calibrated form, and the manifest.

    The exported model's metadata has `preparation`: how the images of its data were made 28×28.
    """
    if fitted.weights:
        writer.write("model.safetensors", safetensors.numpy.save(dict(fitted.weights)))
    for name, content in fitted.files.items():
        writer.write(name, content)
    if fitted.core is not None:
        parameters, operations = fitted.core.parameters, fitted.core.operations
    else:
        assert isinstance(recipe, Recipe)
        parameters = networks.parameter_count(recipe.layers)
        operations = networks.operation_count(recipe.layers) * recipe.views
    if operations > _LONG:
        progress.say(f"{recipe.name}: exporting and checking, which may take minutes")
    images, labels = split.validation.images, split.validation.labels
    model, logits, difference = checked(recipe, fitted, split.classes, images, threads)
    temperature = fit_temperature(logits, labels)
    chosen = np.linspace(0, len(split.training) - 1, min(len(split.training), _OOD_IMAGES))
    seen = split.training.images[chosen.astype(np.int64)]
    ood = fit_ood(*model.run(("ood_features", "logits"), seen))
    scores = ood.scores(*model.run(("ood_features", "logits"), images))
    thresholds = choose_thresholds(softmax(logits / temperature), scores, labels)
    if too_few(len(labels)):
        progress.say(
            f"{recipe.name}: {len(labels)} validation images can't show that at most 3% of its "
            "answers are wrong, so nothing is promised of when it abstains."
        )
    final = exported(
        recipe,
        fitted,
        split.classes,
        temperature=temperature,
        ood=ood,
        metadata=thresholds.to_metadata() | preparation.to_metadata(),
    )
    path = writer.write("model.onnx", final)
    trust_model(final)
    validation = Predictor(path, threads).predict(split.validation)
    summary = Summary(
        best_epoch=fitted.best_epoch,
        validation_accuracy=float(validation.correct.mean()),
        seconds=fitted.seconds,
        parameters=parameters,
        operations=operations,
        temperature=temperature,
        export_difference=difference,
        model_bytes=len(final),
    )
    return writer.finish(summary, validation)


def exported(
    recipe: BaseRecipe,
    fitted: Fitted,
    classes: Sequence[str],
    *,
    temperature: float = 1.0,
    ood: OodScore | None = None,
    metadata: Mapping[str, str] | None = None,
    shifts: bool = True,
) -> bytes:
    """The ONNX model of a trained one, from the engine's graph or the described network.

    ``shifts=False`` leaves out the shifts that the recipe averages over. For `temperature`, `ood`
    and `metadata` see :func:`fittingroom.export.build_onnx`.
    """
    if fitted.core is not None:
        return wrap_core(
            fitted.core.graph, classes=classes, temperature=temperature, ood=ood, metadata=metadata
        )
    assert isinstance(recipe, Recipe)  # an engine gives a graph of everything else
    return build_onnx(
        recipe.layers,
        fitted.weights,
        classes=classes,
        mirror=recipe.mirror,
        shifts=recipe.shifts and shifts,
        temperature=temperature,
        ood=ood,
        metadata=metadata,
    )


def checked(
    recipe: BaseRecipe, fitted: Fitted, classes: Sequence[str], images: UInt8, threads: int
) -> tuple[Predictor, Float32, float]:
    """The exported model at temperature 1, compared with the engine's own output.

    The images are those that the engine gave logits for: the validation set.

    Returns:
        The model; its logits for these images, float32 ``(N, K)``; and the result of
        :func:`check_export` for the model without shifts, which the engine does not know.
    """
    plain = Predictor(exported(recipe, fitted, classes, shifts=False), threads)
    difference = check_export(fitted.logits, plain.log_probabilities(images))
    if not (isinstance(recipe, Recipe) and recipe.shifts):
        return plain, fitted.logits, difference
    shifted = Predictor(exported(recipe, fitted, classes), threads)
    return shifted, shifted.log_probabilities(images), difference


def check_export(logits: Float32, log_probabilities: Float32) -> float:
    """Compare the exported model's output at temperature 1 with the engine's own, both ``(N, K)``.

    Returns:
        The largest difference of probabilities.

    Raises:
        ExportError: it is above 1e-4, or a class changed.
    """
    expected = softmax(logits)
    received = np.exp(log_probabilities.astype(np.float64))
    difference = float(np.abs(expected - received).max())
    chosen = np.take_along_axis(expected, received.argmax(axis=1)[:, None], axis=1)[:, 0]
    changed = int((expected.max(axis=1) - chosen > _TIE).sum())
    if not difference <= _ALLOWED_DIFFERENCE or changed:
        raise ExportError(
            f"The exported model's probabilities differ from the engine's by {difference:.3g} "
            f"(allowed: {_ALLOWED_DIFFERENCE:g}), and {changed} validation images get another "
            "class. If the model is your own, its exporter may not support something in it, or it "
            "gives other answers each time, as with dropout that is left on. Otherwise, please "
            "report this."
        )
    return difference


def rehearse(
    engine: Engine, recipe: BaseRecipe, split: Split, *, seed: int, device: Device
) -> None:
    """Check a recipe's network, or train and export your own model on a few images."""
    if recipe.own is None:
        if isinstance(recipe, Recipe):
            networks.check_classifier(recipe.layers, len(split.classes))
        return
    if isinstance(recipe, Recipe):
        recipe = dataclasses.replace(recipe, epochs=1)
    # A classical model needs more images than an image has pixels.
    labels, count = split.training.labels, 100 if recipe.in_one_go else 2
    few = [np.flatnonzero(labels == label)[:count] for label in range(len(split.classes))]
    images = split.training.take(np.arange(min(_REHEARSED, len(labels))))
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
