"""Audit: find doubtful labels, near-duplicates and outliers in a data set."""

import contextlib
import time
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from fittingroom.auditing import (
    NEAR_DUPLICATE,
    NEIGHBOURS,
    Audit,
    audit_values,
    doubtful_labels,
    find_audit,
    open_audit,
    outliers,
    search,
)
from fittingroom.auditing.results import ENVIRONMENT, PAGE, RESULTS
from fittingroom.data import ImageSet, fold_numbers
from fittingroom.engines import Device, engine_named
from fittingroom.errors import FittingRoomError
from fittingroom.jobs.folds import FOLDS, train_folds, unselected
from fittingroom.jobs.progress import Progress, Silence
from fittingroom.jobs.session import Session, surroundings
from fittingroom.metrics import fit_temperature, wilson
from fittingroom.predictions import Predictions, as_labels, log_softmax
from fittingroom.recipes import BaseRecipe, recipe_of
from fittingroom.reporting.audit_page import audit_page
from fittingroom.runs import RunWriter, log_opening, run_name
from fittingroom.runs.files import as_json
from fittingroom.runs.stored import write_manifest

# Half of cnn's epochs: five models in the time of two and a half.
_EPOCHS = 3


class OutOfFold(NamedTuple):
    """What models predict for images that they were not trained on."""

    training: Predictions  # of every image, by the model that was trained without its fold
    test: Predictions  # of every image, by one of the models
    epochs: tuple[int, ...]  # how many each model was trained


def audit(
    *,
    recipe: Any = None,
    folds: int = FOLDS,
    seed: int = 0,
    fresh: bool = False,
    session: Session | None = None,
) -> Audit:
    """Find misleading images in a data set, or read the finished audit if there is one.

    It opens the test set, and logs that: test images and labels are examined, but nothing is
    trained or chosen on them.

    Args:
        recipe: the models that judge the labels, as for :func:`fittingroom.train`; None for
            ``cnn`` in three epochs on all images. The last epoch's weights are always kept, as
            choosing an epoch would use the images that are to be judged.
        folds: how many models are trained, each on all training images but one fold.
        seed: of the folds, and of the trainings.
        fresh: audit again even if there is a finished audit of this recipe, folds, seed and data.
        session: data, folder of runs, device, threads and listener; None for the defaults.

    Raises:
        UsageError: fewer than two folds, or more than the smallest class has images; a model that
            starts from weights of its own.
        FittingRoomError: training failed, or the folder cannot be written.
    """
    session = session or Session()
    dataset, progress, runs = session.dataset, session.progress, session.folder
    if recipe is None:
        # Images with wrong labels are among the hardest, and are not to be learned by heart.
        recipe = recipe_of("cnn").with_settings({"epochs": str(_EPOCHS), "hardest": "1"})
    chosen = unselected(recipe, len(dataset.classes))
    if not fresh:
        found = find_audit(runs, dataset, key=chosen.key, folds=folds, seed=seed)
        if found is not None:
            progress.say(f"Using the finished audit {found.folder}")
            return found
    place = engine_named(chosen.engine).device(session.device, session.threads)
    training = dataset.training()
    fold_numbers(training.labels, folds, seed)  # refuses too many folds before anything is written
    name = run_name(chosen, seed, f"{folds} {dataset.key} {dataset.test_hashes}")
    writer = RunWriter.create(runs, f"audit-{name}")
    log_opening(
        runs, run=writer.folder.name, recipe=chosen.name, data=dataset.name, purpose="audit"
    )
    try:
        began = time.perf_counter()
        test = dataset.open_test()
        said = out_of_fold(
            chosen,
            training,
            test,
            dataset.classes,
            folds=folds,
            seed=seed,
            place=place,
            progress=progress,
        )
        trained = time.perf_counter()
        progress.say(f"Comparing {len(training) + len(test):,} images with each other")
        images = np.concatenate([training.images, test.images])
        labels = np.concatenate([training.labels, test.labels])
        judged = (said.training, said.test)
        chances = np.concatenate([part.probabilities for part in judged])
        basis = {
            "data": dataset.name,
            "official": dataset.official,
            "description": dataset.description,
            "classes": dataset.classes,
            "hashes": {**dataset.training_hashes, **dataset.test_hashes},
            "training": len(training),
            "test": len(test),
            "recipe": chosen.name,
            "key": chosen.key,
            "folds": folds,
            "seed": seed,
            "similarity": NEAR_DUPLICATE,
            "neighbours": NEIGHBOURS,
        }
        with threadpool_limits(place.threads):
            pairs, distances = search(images)
        accuracy, test_accuracy = (wilson(int(part.correct.sum()), len(part)) for part in judged)
        far, fence = outliers(distances)
        values = audit_values(
            basis,
            epochs=said.epochs,
            accuracy=accuracy,
            test_accuracy=test_accuracy,
            doubtful=doubtful_labels(labels, chances),
            pairs=pairs,
            outliers=far,
            fence=fence,
        )
        environment = {
            **surroundings(place),
            "seconds": {
                "cross_validation": trained - began,
                "images": time.perf_counter() - trained,
            },
            "recipe": chosen.to_json(),
        }
        writer.write(ENVIRONMENT, as_json(environment))
        writer.write(RESULTS, as_json(values))
        writer.write("training.npz", said.training.to_bytes())
        writer.write("test.npz", said.test.to_bytes())
        writer.write(PAGE, audit_page(Audit(writer.folder, values), images, labels))
        write_manifest(writer.folder)
        return open_audit(writer.folder)
    except FittingRoomError as error:
        with contextlib.suppress(FittingRoomError):  # the disk may be full
            writer.fail(error)
        raise


def out_of_fold(
    recipe: BaseRecipe,
    training: ImageSet,
    test: ImageSet,
    classes: tuple[str, ...],
    *,
    folds: int,
    seed: int,
    place: Device,
    progress: Progress | None = None,
) -> OutOfFold:
    """Train a model for each fold, and predict the images that it was not trained on.

    Each image is judged by one model alone, so that all probabilities are comparable: a training
    image by the model trained without its fold, a test image by the model whose turn it is. Each
    model's probabilities are calibrated on the training images of its fold. The test labels are
    passed on, but not used.
    """
    logs = np.zeros((len(training), len(classes)), np.float32)
    test_logs = np.zeros((len(test), len(classes)), np.float32)
    epochs: list[int] = []
    numbers = fold_numbers(training.labels, folds, seed)
    folded = train_folds(recipe, training, classes, folds, seed, place, progress or Silence())
    for model in folded:
        held_out, asked = (
            np.asarray(model.held_out.log_probabilities),
            slice(model.fold, None, folds),
        )
        temperature = fit_temperature(held_out, model.held_out.labels)
        logs[numbers == model.fold] = log_softmax(held_out / temperature)
        of_test = model.predictor.log_probabilities(test.images[asked])
        test_logs[asked] = log_softmax(of_test / temperature)
        epochs.append(model.epochs)
    said = [
        Predictions(
            judged.labels,
            as_labels(given.argmax(axis=1), len(classes)),
            given,
            judged.indices,
            classes,
        )
        for judged, given in ((training, logs), (test, test_logs))
    ]
    return OutOfFold(said[0], said[1], tuple(epochs))
