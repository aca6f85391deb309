"""Finish a training: export → check on validation → temperature → thresholds → final model."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import safetensors.numpy

from fittingroom import networks
from fittingroom.data import Split
from fittingroom.engines import Fitted
from fittingroom.errors import ExportError
from fittingroom.export import OodScore, build_onnx, fit_ood, wrap_core
from fittingroom.jobs.progress import Progress
from fittingroom.metrics import fit_temperature, risk_coverage
from fittingroom.predict import Predictor, Thresholds
from fittingroom.predictions import Float32, Int64, UInt8
from fittingroom.recipes import BaseRecipe, Recipe
from fittingroom.runs import Run, RunWriter, Summary
from fittingroom.safe_io import MEBIBYTE
from fittingroom.safe_io.models import trust_model

# The exported model may differ from the engine's own output by this much in any probability …
_ALLOWED_DIFFERENCE = 1e-4
# … and may name another class only where the engine itself held two for equal within rounding.
_TIE = 1e-6

# What the abstention rule keeps to: the share of wrong answers, and of garments that are known.
_ALLOWED_RISK = 0.03
_ACCEPTED = 0.97
# Training pictures that the out-of-distribution score is fitted on; more change nothing.
_OOD_PICTURES = 10_000
# Bytes of a run but for weights, ONNX model and an engine's own files, and more.
_THE_REST = 8 * MEBIBYTE
# Multiply-adds a picture of a model whose export is worth a word.
_LONG = 200_000_000


def finish(
    writer: RunWriter,
    recipe: BaseRecipe,
    split: Split,
    fitted: Fitted,
    threads: int,
    progress: Progress,
) -> Run:
    """Write a fitted model's weights, its exported, checked and calibrated form, and the manifest.

    Args:
        writer: of the run's folder.
        recipe: what was trained.
        split: its training and validation halves.
        fitted: what the engine gave.
        threads: of the exported model's answers.
        progress: who listens.

    Returns:
        The finished run.

    Raises:
        ExportError: the exported model says something else than the engine.
        RunError: the folder cannot be written.
    """
    weights = safetensors.numpy.save(dict(fitted.weights)) if fitted.weights else b""
    if weights:
        writer.write("model.safetensors", weights)
    for name, content in fitted.files.items():
        # The ONNX model, which is still to come, is about as large as the weights.
        if writer.has_room(name, len(content) + len(weights) + _THE_REST):
            writer.write(name, content)
        else:
            progress.say(
                f"{recipe.name}: {name} is left out, as the run would be too large with it to be "
                "opened again"
            )
    model, parameters, operations = model_of(recipe, fitted, split.classes)
    if operations > _LONG:
        progress.say(f"{recipe.name}: exporting and checking, which may take minutes")
    images, labels = split.validation.images, split.validation.labels
    plain, logits, difference = checked(recipe, fitted, model, images, threads)
    temperature = fit_temperature(logits, labels)
    seen = split.training.take(_spread(len(split.training), _OOD_PICTURES))
    ood = fit_ood(*plain.run(("ood_features", "logits"), seen.images))
    thresholds = choose_thresholds(Predictor(model(temperature, ood), threads), images, labels)
    final = model(temperature, ood, thresholds.to_metadata())
    path = writer.write("model.onnx", final)
    trust_model(final)
    validation = Predictor(path, threads).predict(images, labels, split.validation.indices)
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


def choose_thresholds(model: Predictor, images: UInt8, labels: UInt8) -> Thresholds:
    """Where a model abstains, chosen on the validation half alone.

    `unknown` is the score that 97% of the pictures do not exceed. `unsure` is the lowest
    probability for which, of the pictures answered, at most 3% are answered wrong, by the upper
    end of Wilson's 95% interval; where no probability gives that, the model is never sure.

    Args:
        model: gives ``ood_score`` beside calibrated probabilities.
        images, labels: uint8 ``(N, 28, 28)`` and ``(N,)``.
    """
    probabilities, scores = model.run(("probabilities", "ood_score"), images)
    unknown = float(np.quantile(scores, _ACCEPTED))
    known = scores <= unknown
    sure, true = probabilities[known], labels[known]
    curve = risk_coverage(true, sure.argmax(axis=1), sure)
    allowed = np.flatnonzero(curve.high <= _ALLOWED_RISK)
    unsure = float(curve.threshold[allowed[-1]]) if len(allowed) else 1.0
    return Thresholds(unsure, unknown)


def _spread(count: int, most: int) -> Int64:
    """At most so many positions, evenly over all ``count``."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


class Build(Protocol):
    """Builds the ONNX model of a trained one."""

    def __call__(
        self,
        temperature: float,
        ood: OodScore | None = None,
        metadata: Mapping[str, str] | None = None,
        *,
        shifts: bool | None = None,
    ) -> bytes:
        """The serialised model; see :func:`fittingroom.export.build_onnx`.

        ``shifts``: as the recipe has it where left out.
        """


def model_of(recipe: BaseRecipe, fitted: Fitted, classes: Sequence[str]) -> tuple[Build, int, int]:
    """What builds the ONNX model at a temperature; trained numbers; operations for a picture.

    Raises:
        ExportError: there is neither a graph nor a described network to build it from.
    """
    core = fitted.core
    if core is not None:

        def wrapped(
            temperature: float,
            ood: OodScore | None = None,
            metadata: Mapping[str, str] | None = None,
            *,
            shifts: bool | None = None,
        ) -> bytes:
            return wrap_core(
                core.graph, classes=classes, temperature=temperature, ood=ood, metadata=metadata
            )

        return wrapped, core.parameters, core.operations
    if not isinstance(recipe, Recipe):
        raise ExportError(
            f"Expected a graph from the engine '{recipe.engine}', as the recipe describes no "
            "network. Received none."
        )

    def built(
        temperature: float,
        ood: OodScore | None = None,
        metadata: Mapping[str, str] | None = None,
        *,
        shifts: bool | None = None,
    ) -> bytes:
        return build_onnx(
            recipe.layers,
            fitted.weights,
            classes=classes,
            mirror=recipe.mirror,
            shifts=recipe.shifts if shifts is None else shifts,
            temperature=temperature,
            ood=ood,
            metadata=metadata,
        )

    operations = networks.operation_count(recipe.layers) * recipe.views
    return built, networks.parameter_count(recipe.layers), operations


def checked(
    recipe: BaseRecipe, fitted: Fitted, model: Build, images: UInt8, threads: int
) -> tuple[Predictor, Float32, float]:
    """The exported model at temperature 1, held against the engine's own output.

    Args:
        recipe: what was trained.
        fitted: what the engine gave.
        model: builds the ONNX model.
        images: uint8 ``(N, 28, 28)``, of the validation half.
        threads: of the model's answers.

    Returns:
        The model; what it says of these, float32 ``(N, K)`` to be divided by a temperature; and
        what :func:`check_export` returns, of the model without shifts, of which the engine knows
        nothing.

    Raises:
        ExportError: the exported model says something else than the engine.
    """
    plain = Predictor(model(1.0, shifts=False), threads)
    difference = check_export(fitted.logits, plain.log_probabilities(images))
    if not (isinstance(recipe, Recipe) and recipe.shifts):
        return plain, fitted.logits, difference
    shifted = Predictor(model(1.0), threads)
    return shifted, shifted.log_probabilities(images), difference


def check_export(logits: Float32, log_probabilities: Float32) -> float:
    """Hold the exported model's output against the engine's own.

    Args:
        logits: float32 ``(N, K)``, the engine's.
        log_probabilities: float32 ``(N, K)``, the exported model's at temperature 1.

    Returns:
        The largest difference of probabilities.

    Raises:
        ExportError: it is above 1e-4, or a class changed.
    """
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    expected = shifted / shifted.sum(axis=1, keepdims=True)
    received = np.exp(log_probabilities.astype(np.float64))
    difference = float(np.abs(expected - received).max())
    chosen = np.take_along_axis(expected, received.argmax(axis=1)[:, None], axis=1)[:, 0]
    changed = int((expected.max(axis=1) - chosen > _TIE).sum())
    if not difference <= _ALLOWED_DIFFERENCE or changed:
        raise ExportError(
            f"Expected the exported model to give the engine's probabilities within "
            f"{_ALLOWED_DIFFERENCE:g} and the same classes on the validation half. Received a "
            f"difference of {difference:.3g} and {changed} changed classes."
        )
    return difference
