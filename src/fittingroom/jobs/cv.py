"""Cross-validate: predict every training image by a model that was trained without it.

::

    runs/cv-5-cnn-s0-3f9c1d20/      of a number of folds, recipe, seed and data
      fold-0.npz, fold-1.npz, …     what the model of each fold predicts, at temperature 1
      fold-0.json, fold-1.json, …   its recipe, and where and how long it was trained
      manifest.json                 SHA-256 and size of these, written after each fold
"""

import hashlib
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np

from fittingroom.comparison import MARGIN, Comparison, Entrant, check_margin, compare_models
from fittingroom.data import Dataset, fold_numbers
from fittingroom.engines import Device, engine_named
from fittingroom.errors import UsageError
from fittingroom.jobs.folds import FOLDS, train_folds, unselected
from fittingroom.jobs.report import name_entrants
from fittingroom.jobs.session import Session, surroundings
from fittingroom.metrics import fit_temperature, log_loss
from fittingroom.numbers import Estimate
from fittingroom.predictions import Predictions, as_labels, log_softmax
from fittingroom.recipes import BaseRecipe
from fittingroom.runs import RunWriter, make_folder, only_here
from fittingroom.runs.files import as_json, remove_file
from fittingroom.runs.stored import MANIFEST, check_manifest, write_manifest


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Recipes, scored on all training images by models that were trained without them."""

    dataset: Dataset
    folds: int
    entrants: tuple[Entrant, ...]  # with the predictions of each seed
    comparison: Comparison
    log_losses: tuple[Estimate, ...]  # means over seeds; the intervals cover the images alone

    @property
    def method(self) -> str:
        """How it was found, in plain words."""
        single = max(len(each.seeds) for each in self.entrants) == 1
        one = " One seed: how much trainings vary is not covered." if single else ""
        return (
            f"Each image was held out of one of {self.folds} trainings, and classified by that "
            f"model. The test set was not opened.{one}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values: those of a comparison, and a log loss of each model."""
        values = {
            "data": self.dataset.name,
            "data_description": self.dataset.description,
            "folds": self.folds,
            **self.comparison.as_dict(),
            "sentence": f"{self.comparison.sentence} {self.method}",
        }
        for model, loss in zip(values["models"], self.log_losses, strict=True):
            model["log_loss"] = loss.as_dict()
        return values


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
    labels = dataset.training().labels
    fold_numbers(labels, folds)  # refuses a wrong number before anything is trained
    if seeds < 1:
        raise UsageError(f"There must be at least 1 seed, not {seeds}.")
    given = recipes if isinstance(recipes, list | tuple) else [recipes]
    chosen = [unselected(each, len(dataset.classes)) for each in given]
    names = name_entrants(chosen)
    places = [engine_named(each.engine).device(session.device, session.threads) for each in chosen]
    entrants, losses = [], []
    for name, recipe, place in zip(names, chosen, places, strict=True):
        said = tuple(
            _predictions(recipe, seed, folds, place, fresh, session) for seed in range(seeds)
        )
        entrants.append(Entrant(name, name, tuple(range(seeds)), said))
        each = [astuple(log_loss(labels, np.asarray(one.log_probabilities))) for one in said]
        losses.append(Estimate(*np.mean(each, axis=0).tolist()))
    comparison = compare_models(entrants, margin=margin, held_out=True)
    return CrossValidation(dataset, folds, tuple(entrants), comparison, tuple(losses))


def _predictions(
    recipe: BaseRecipe, seed: int, folds: int, place: Device, fresh: bool, session: Session
) -> Predictions:
    """What is predicted for the training images, in their order."""
    dataset, training = session.dataset, session.dataset.training()
    digest = hashlib.sha256(f"{recipe.key} {dataset.key}".encode()).hexdigest()
    name = f"cv-{folds}-{recipe.name}-s{seed}-{digest[:8]}"
    with only_here(session.folder, name):
        writer = RunWriter(make_folder(session.folder / name))
        paths = [writer.folder / f"fold-{fold}.npz" for fold in range(folds)]
        manifest = writer.folder / MANIFEST
        for path in (manifest, *paths) if fresh else ():
            remove_file(path)
        if manifest.exists():
            check_manifest(writer.folder, advice="Cross-validate again, with --fresh.")
        if done := [fold for fold, path in enumerate(paths) if path.exists()]:
            session.progress.say(f"{writer.folder}: using {len(done)} finished folds")
        listener, classes = session.progress, dataset.classes
        for model in train_folds(recipe, training, classes, folds, seed, place, listener, done):
            what = {"recipe": recipe.to_json(), "seconds": model.seconds, **surroundings(place)}
            writer.write(f"fold-{model.fold}.json", as_json(what))
            writer.write(f"fold-{model.fold}.npz", model.held_out.to_bytes())
            write_manifest(writer.folder)
        numbers = fold_numbers(training.labels, folds, seed)
        logs = np.zeros((len(training), len(classes)), np.float32)
        for fold, path in enumerate(paths):
            logs[numbers == fold] = Predictions.read(path).log_probabilities
    calibrated = np.empty_like(logs)
    for fold in range(folds):
        others = numbers != fold
        temperature = fit_temperature(logs[others], training.labels[others])
        calibrated[~others] = log_softmax(logs[~others] / temperature)
    predicted = as_labels(calibrated.argmax(axis=1), len(classes))
    return Predictions(training.labels, predicted, calibrated, training.indices, classes)
