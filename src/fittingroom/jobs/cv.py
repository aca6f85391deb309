"""Cross-validate: predict every training image by a model that was trained without it.

::

    runs/cv-5-cnn-s0-3f9c1d20/  of a recipe, seed, number of folds and data
      cv.json                   these, in words
      fold-0.npz, fold-0.json   what the model of each fold predicts; where and how long it trained
      manifest.json             SHA-256 and size of every file above, written after each fold
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fittingroom.comparison import (
    MARGIN,
    Comparison,
    Entrant,
    ModelResult,
    check_margin,
    compare_models,
    model_result,
)
from fittingroom.data import Dataset, fold_numbers
from fittingroom.engines import Device, engine_named
from fittingroom.errors import RunChangedError, UsageError
from fittingroom.jobs.folds import FOLDS, FoldModel, train_folds, unselected
from fittingroom.jobs.report import name_entrants
from fittingroom.jobs.session import Session, surroundings
from fittingroom.metrics import fit_temperature, mean_estimate
from fittingroom.numbers import Estimate, percent, percent_range, plain
from fittingroom.predictions import Int64, Predictions, as_labels, log_softmax
from fittingroom.recipes import BaseRecipe
from fittingroom.runs import RunWriter, make_folder, only_here
from fittingroom.runs.files import as_json, remove_file
from fittingroom.runs.stored import MANIFEST, check_manifest, stored_json, write_manifest


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Recipes, each scored on all training images by models that were trained without them."""

    dataset: Dataset
    folds: int
    entrants: tuple[Entrant, ...]  # with the predictions of each seed
    seconds: tuple[float, ...]  # of training, all seeds and folds of each
    comparison: Comparison | None  # of two recipes or more

    @property
    def models(self) -> tuple[ModelResult, ...]:
        """Each recipe's accuracy."""
        return tuple(map(model_result, self.entrants))

    @property
    def log_losses(self) -> tuple[Estimate, ...]:
        """Each recipe's log loss, mean of its seeds; the interval covers the images alone."""
        true = self.dataset.training().labels[:, None]
        return tuple(
            mean_estimate(
                -np.mean(
                    [
                        np.take_along_axis(np.float64(each.log_probabilities), true, 1)[:, 0]
                        for each in entrant.predictions
                    ],
                    axis=0,
                ),
                minimum=0.0,
            )
            for entrant in self.entrants
        )

    @property
    def sentence(self) -> str:
        """The outcome in plain words."""
        how = (
            f"Each of the {len(self.dataset.training()):,} training images was held out of one of "
            f"{self.folds} trainings and classified by that model. The test set was not opened."
        )
        if self.comparison is not None:
            return f"{self.comparison.sentence} {how}"
        (model,) = self.models
        return (
            f"{model.name} classifies {percent(model.accuracy.value, 2)} of the held-out images "
            f"correctly (95% interval {percent_range(model.accuracy, 2)}). {how}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values: those of a comparison, and more of each model."""
        pairs = [] if self.comparison is None else self.comparison.as_dict()["pairs"]
        more = zip(self.models, self.log_losses, self.seconds, strict=True)
        return {
            "data": self.dataset.name,
            "data_description": self.dataset.description,
            "images": len(self.dataset.training()),
            "folds": self.folds,
            "models": [
                {**plain(model), "log_loss": loss.as_dict(), "seconds": seconds}
                for model, loss, seconds in more
            ],
            "pairs": pairs,
            "sentence": self.sentence,
        }


def cross_validate(
    recipes: Any,
    *,
    folds: int = FOLDS,
    seeds: int = 1,
    margin: float = MARGIN,
    fresh: bool = False,
    session: Session | None = None,
) -> CrossValidation:
    """Score recipes on all training images, each held out once; the test set stays closed.

    All recipes have the same folds. The last epoch's weights are kept, as choosing an epoch would
    use the images held out, and a fold's temperature is fitted on the other folds. Finished folds
    are kept in the folder of runs, and used again.

    Args:
        recipes: one as for :func:`fittingroom.train`, or a list of them.
        folds: how many models are trained for a seed, each on all training images but one fold.
        seeds: how many seeds, from 0; each has its own folds.
        margin: as for :func:`fittingroom.compare`.
        fresh: train again what is finished.
        session: data, folder of runs, device, threads and listener; None for the defaults.

    Raises:
        UsageError: fewer than two folds, or more than the smallest class has images; fewer than one
            seed; one name twice; a model that starts from weights of its own.
        RunChangedError: a finished fold is not what was written.
    """
    check_margin(margin)
    session = session or Session()
    dataset = session.dataset
    fold_numbers(dataset.training().labels, folds)
    if seeds < 1:
        raise UsageError(f"There must be at least 1 seed, not {seeds}.")
    given = recipes if isinstance(recipes, list | tuple) else [recipes]
    chosen = [unselected(each, len(dataset.classes)) for each in given]
    names = name_entrants(chosen)
    places = [engine_named(each.engine).device(session.device, session.threads) for each in chosen]
    entrants, seconds = [], []
    for name, recipe, place in zip(names, chosen, places, strict=True):
        found = [
            _cross_validated(recipe, seed, folds, place, fresh, session) for seed in range(seeds)
        ]
        entrants.append(Entrant(name, name, tuple(range(seeds)), tuple(said for said, _ in found)))
        seconds.append(sum(each for _, each in found))
    comparison = None
    if len(entrants) > 1:
        comparison = compare_models(entrants, margin=margin, held_out=True)
    return CrossValidation(dataset, folds, tuple(entrants), tuple(seconds), comparison)


def _cross_validated(
    recipe: BaseRecipe, seed: int, folds: int, place: Device, fresh: bool, session: Session
) -> tuple[Predictions, float]:
    """What is predicted for all training images, and the seconds that the trainings took."""
    dataset, runs = session.dataset, session.folder
    training = dataset.training()
    digest = hashlib.sha256(f"{recipe.key} {dataset.key}".encode()).hexdigest()
    name = f"cv-{folds}-{recipe.name}-s{seed}-{digest[:8]}"
    folder, paths = runs / name, [runs / name / f"fold-{fold}.npz" for fold in range(folds)]
    with only_here(runs, name):
        writer = RunWriter(make_folder(folder))
        if fresh:
            for path in (*paths, folder / MANIFEST):
                remove_file(path)
        if (folder / MANIFEST).exists():
            check_manifest(folder, advice="Cross-validate again, with --fresh.")
        done = [fold for fold, path in enumerate(paths) if path.exists()]
        if done:
            session.progress.say(f"{folder}: using {len(done)} finished folds")
        what = {"recipe": recipe.to_json(), "seed": seed, "folds": folds, "data": dataset.name}

        def keep(model: FoldModel) -> None:
            cost = {"epochs": model.epochs, "seconds": model.seconds, **surroundings(place)}
            writer.write("cv.json", as_json({**what, "hashes": dict(dataset.training_hashes)}))
            writer.write(f"fold-{model.fold}.json", as_json(cost))
            writer.write(f"fold-{model.fold}.npz", model.held_out.to_bytes())
            write_manifest(folder)

        train_folds(
            recipe,
            training,
            dataset.classes,
            folds=folds,
            seed=seed,
            place=place,
            progress=session.progress,
            on_fold=keep,
            done=done,
        )
        costs = [stored_json(path.with_suffix(".json"))["seconds"] for path in paths]
        return _joined(dataset, fold_numbers(training.labels, folds, seed), paths), sum(costs)


def _joined(dataset: Dataset, numbers: Int64, paths: Sequence[Path]) -> Predictions:
    """The folds' predictions in the order of the training set.

    The temperature of each fold's model is fitted on the other folds.
    """
    training, classes = dataset.training(), dataset.classes
    logs = np.zeros((len(training), len(classes)), np.float32)
    for fold, path in enumerate(paths):
        said, held_out = Predictions.read(path), training.take(np.flatnonzero(numbers == fold))
        if said.log_probabilities is None or not np.array_equal(said.indices, held_out.indices):
            raise RunChangedError(f"{path} is of other images. Cross-validate again, with --fresh.")
        logs[numbers == fold] = said.log_probabilities
    calibrated = np.empty_like(logs)
    for fold in range(len(paths)):
        others = numbers != fold
        temperature = fit_temperature(logs[others], training.labels[others])
        calibrated[~others] = log_softmax(logs[~others] / temperature)
    predicted = as_labels(calibrated.argmax(axis=1), len(classes))
    return Predictions(training.labels, predicted, calibrated, training.indices, classes)
