"""Audit: doubtful labels, near-duplicates and outliers of a data set, into a folder beside runs."""

import contextlib
import dataclasses
import io
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from fittingroom import networks
from fittingroom.auditing import (
    NEAR_DUPLICATE,
    NEIGHBOURS,
    Audit,
    Basis,
    StoredAudit,
    audit_name,
    doubtful_labels,
    find_audit,
    open_audit,
    outliers,
    search,
)
from fittingroom.auditing.folder import ENVIRONMENT, PAGE, RESULTS
from fittingroom.data import Dataset, Half, fold_numbers, make_folds
from fittingroom.engines import Device, Fitted, engine_named
from fittingroom.errors import FittingRoomError, UsageError
from fittingroom.jobs.finish import checked, model_of
from fittingroom.jobs.progress import Progress, Silence
from fittingroom.jobs.session import Session
from fittingroom.metrics import fit_temperature, wilson
from fittingroom.predict import Predictor
from fittingroom.predictions import Float32, Predictions, UInt8
from fittingroom.recipes import BaseRecipe, Recipe, recipe_of
from fittingroom.reporting.audit_page import audit_page
from fittingroom.runs import Epoch, RunWriter, describe_environment, log_opening
from fittingroom.runs.manifests import write_manifest

FOLDS = 5
# Half of what the recipe is trained for elsewhere: five models in the time of two and a half.
_EPOCHS = 3


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """What models say of pictures that they were not trained on.

    Attributes:
        training: of every training picture, by the model that was trained without its fold.
        test: of every test picture, by one of the models; none was trained on test pictures.
        epochs: how many each model was trained.
    """

    training: Predictions
    test: Predictions
    epochs: tuple[int, ...]


def audit(
    *,
    recipe: Any = None,
    folds: int = FOLDS,
    seed: int = 0,
    fresh: bool = False,
    session: Session | None = None,
) -> StoredAudit:
    """Look for what misleads in a data set, or read the finished audit that there is.

    Opens the test half, and logs that: its pictures and labels are looked at, and nothing is
    trained or chosen on them.

    Args:
        recipe: what gives the probabilities, as for :func:`fittingroom.train`; None for ``cnn``
            with half of its epochs. Of an epoch's weights the last are kept whatever it says, as
            the pictures held back are those to be judged.
        folds: how many models are trained, each on all training pictures but one fold.
        seed: of the folds, and of the trainings.
        fresh: audit again even if there is a finished audit of this recipe, folds, seed and data.
        session: data, folder of runs, device, threads and listener; None for the defaults.

    Raises:
        UsageError: fewer than two folds, or more than the smallest class has pictures; a model that
            starts from weights of its own.
        FittingRoomError: training broke down, or the folder cannot be written.
    """
    session = session or Session()
    dataset, progress, runs = session.dataset, session.progress, session.folder
    chosen = audit_recipe(recipe).for_classes(len(dataset.classes))
    if not fresh:
        found = find_audit(runs, dataset, key=chosen.key, folds=folds, seed=seed)
        if found is not None:
            progress.say(f"Using the finished audit {found.folder}")
            return found
    place = engine_named(chosen.engine).device(session.device, session.threads)
    training = dataset.training()
    fold_numbers(training.labels, folds, seed)  # refuses what cannot be, before anything is left
    hashes = dataset.key + " ".join(dataset.test_hashes.values())
    name = audit_name(chosen.name, chosen.key, folds, seed, hashes)
    writer = RunWriter.create(runs, name)
    log_opening(
        runs, run=writer.folder.name, recipe=chosen.name, data=dataset.name, purpose="audit"
    )
    try:
        return _fill(
            writer,
            chosen,
            dataset,
            training,
            folds=folds,
            seed=seed,
            place=place,
            progress=progress,
        )
    except FittingRoomError as error:
        with contextlib.suppress(FittingRoomError):  # the disk may be full
            writer.fail(error)
        raise


def _fill(
    writer: RunWriter,
    recipe: BaseRecipe,
    dataset: Dataset,
    training: Half,
    *,
    folds: int,
    seed: int,
    place: Device,
    progress: Progress,
) -> StoredAudit:
    """Everything after the opening is logged; the manifest comes last."""
    test = dataset.open_test()
    began = time.perf_counter()
    said = out_of_fold(
        recipe,
        training,
        test,
        dataset.classes,
        folds=folds,
        seed=seed,
        place=place,
        progress=progress,
    )
    trained = time.perf_counter()
    progress.say(f"Holding {len(training) + len(test):,} pictures against each other")
    basis = Basis(
        data=dataset.name,
        official=dataset.official,
        classes=dataset.classes,
        hashes=dataset.training_hashes | dataset.test_hashes,
        training=len(training),
        test=len(test),
        recipe=recipe.name,
        key=recipe.key,
        folds=folds,
        seed=seed,
        similarity=NEAR_DUPLICATE,
        neighbours=NEIGHBOURS,
    )
    images = np.concatenate([training.images, test.images])
    labels = np.concatenate([training.labels, test.labels])
    with threadpool_limits(place.threads):
        found = examine(basis, said, images)
    environment = {
        **describe_environment(),
        "device": place.name,
        "device_description": place.description,
        "threads": place.threads,
        "seconds": {
            "cross_validation": trained - began,
            "pictures": time.perf_counter() - trained,
        },
        "recipe": recipe.to_json(),
    }
    writer.write(ENVIRONMENT, _json(environment))
    writer.write(RESULTS, _json(found.as_dict()))
    writer.write("training.npz", _npz(said.training))
    writer.write("test.npz", _npz(said.test))
    writer.write(PAGE, audit_page(found, images, labels))
    write_manifest(writer.folder)
    return open_audit(writer.folder)


def examine(basis: Basis, said: OutOfFold, images: UInt8) -> Audit:
    """What out-of-fold predictions and the pictures themselves say of a data set.

    Args:
        basis: what all this rests on.
        said: of every picture.
        images: uint8 ``(N, 28, 28)``, the training half and then the test half.
    """
    halves = (said.training, said.test)
    chances = np.concatenate([_probabilities(half) for half in halves])
    labels = np.concatenate([half.labels for half in halves])
    near = search(images, threshold=basis.similarity, neighbours=basis.neighbours)
    accuracies = [wilson(int(half.correct.sum()), len(half)) for half in halves]
    return Audit(
        basis=basis,
        epochs=said.epochs,
        accuracy=accuracies[0],
        test_accuracy=accuracies[1],
        doubtful=doubtful_labels(labels, chances),
        pairs=near.pairs,
        outliers=outliers(near.distances),
    )


def out_of_fold(
    recipe: BaseRecipe,
    training: Half,
    test: Half,
    classes: tuple[str, ...],
    *,
    folds: int,
    seed: int,
    place: Device,
    progress: Progress | None = None,
) -> OutOfFold:
    """Train a model a fold, and ask each of the pictures that it was not trained on.

    Each picture is judged by one model alone, so that all probabilities are of one kind: a
    training picture by the model trained without its fold, a test picture by the model of the
    fold that its place in the file falls into. Probabilities are calibrated a model by the
    training pictures of its fold.

    Args:
        recipe: what to train.
        training: the training half.
        test: the test half; its labels are handed on and not looked at.
        classes: the class names in the order of their labels.
        folds: how many models.
        seed: of the folds, and of the trainings.
        place: where to compute.
        progress: who listens.

    Raises:
        UsageError: fewer than two folds, or more than the smallest class has pictures.
        FittingRoomError: training broke down, or a model cannot be exported.
    """
    progress = progress or Silence()
    engine = engine_named(recipe.engine)
    if isinstance(recipe, Recipe) and recipe.own is None:
        networks.check_classifier(recipe.layers, len(classes))
    logs = np.zeros((len(training), len(classes)), np.float32)
    test_logs = np.zeros((len(test), len(classes)), np.float32)
    epochs: list[int] = []
    where = {index: position for position, index in enumerate(training.indices.tolist())}
    with progress.track(f"{recipe.name}, {folds} folds", folds) as advance:
        for fold, split in enumerate(make_folds(training, folds, classes, seed)):
            if fold == 0 and recipe.own is not None:
                engine.rehearse(recipe, recipe.own, split, seed=seed, device=place)
            course: list[Epoch] = []
            fitted = engine.fit(recipe, split, seed=seed, device=place, on_epoch=course.append)
            predictor = _predictor(recipe, fitted, classes, split.validation, place.threads)
            held_back = [where[index] for index in split.validation.indices.tolist()]
            logs[held_back] = predictor.log_probabilities(split.validation.images)
            asked = slice(fold, None, folds)
            test_logs[asked] = predictor.log_probabilities(test.images[asked])
            epochs.append(len(course))
            right = (logs[held_back].argmax(axis=1) == split.validation.labels).sum()
            advance(fold + 1, f"held back: {wilson(int(right), len(held_back)).percent}")
    return OutOfFold(
        _predictions(training, logs, classes), _predictions(test, test_logs, classes), tuple(epochs)
    )


def _predictor(
    recipe: BaseRecipe, fitted: Fitted, classes: Sequence[str], held_back: Half, threads: int
) -> Predictor:
    """The exported model, checked against the engine's own output, and calibrated."""
    model, _, _ = model_of(recipe, fitted, classes)
    _, logits, _ = checked(recipe, fitted, model, held_back.images, threads)
    return Predictor(model(fit_temperature(logits, held_back.labels)), threads)


def audit_recipe(recipe: Any) -> BaseRecipe:
    """The recipe that is trained: nothing chosen on the pictures held back.

    Args:
        recipe: as for :func:`audit`.

    Raises:
        UsageError: see :func:`audit`.
    """
    if recipe is None:
        chosen = recipe_of("cnn").with_settings({"epochs": str(_EPOCHS)})
    else:
        chosen = recipe_of(recipe)
    if chosen.own is not None and chosen.own.fixed:
        raise UsageError(
            f"Expected a model that is trained from nothing. Received {chosen.name}, which starts "
            "from weights of its own: it may have seen the pictures that it is to judge. Give a "
            "function or class that builds the model instead."
        )
    if not isinstance(chosen, Recipe):
        return chosen
    return dataclasses.replace(chosen, keep="last")


def _probabilities(said: Predictions) -> Any:
    probabilities = said.probabilities
    assert probabilities is not None  # exported models give them
    return probabilities


def _predictions(half: Half, logs: Float32, classes: tuple[str, ...]) -> Predictions:
    predicted = logs.argmax(axis=1).astype(np.uint8)
    return Predictions(half.labels, predicted, logs, half.indices, classes)


def _npz(predictions: Predictions) -> bytes:
    stream = io.BytesIO()
    predictions.write(stream)
    return stream.getvalue()


def _json(values: Any) -> bytes:
    return (json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
