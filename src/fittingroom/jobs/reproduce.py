"""Reproduce: train a run again, and say whether the results are the same, or what differs."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fittingroom.data import Dataset
from fittingroom.errors import (
    DataInvalidError,
    RecipeError,
    RunChangedError,
    TrainingStopped,
    UsageError,
)
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.numbers import plain
from fittingroom.predictions import Predictions
from fittingroom.recipes import BaseRecipe, recipe_of
from fittingroom.runs import EnvironmentDifference, Run, dataset_of, differences, open_run
from fittingroom.safe_io import Refusal, read_weights


@dataclass(frozen=True)
class WeightAgreement:
    """How close the weights of two trainings are.

    Attributes:
        identical: whether all are the same, byte for byte.
        largest_difference: between two numbers in the same place; None if the weights have other
            names, shapes or types, or are not finite.
    """

    identical: bool
    largest_difference: float | None


@dataclass(frozen=True)
class PredictionAgreement:
    """How close two models' predictions for the same images are.

    Attributes:
        identical: whether all classes and probabilities are the same, byte for byte.
        largest_difference: between two probabilities.
        same_class: how many images get the same class from both.
        images: how many images there are.
    """

    identical: bool
    largest_difference: float
    same_class: int
    images: int


@dataclass(frozen=True, eq=False)
class Reproduction:
    """A run compared with the same training done again.

    Attributes:
        run: the original run.
        weights: None if the run keeps no weights as arrays, as with your own scikit-learn model.
        history: the first epoch that differs in more than its seconds, counted from 1; None if
            the history is the same.
        epochs: how many the run took, and how many the new training.
        predictions: of the exported models, on the validation set.
        differences: what differs between the two environments.
        environment: the new training's, as ``environment.json`` holds it.
    """

    run: Run
    weights: WeightAgreement | None
    history: int | None
    epochs: tuple[int, int]
    predictions: PredictionAgreement
    differences: tuple[EnvironmentDifference, ...]
    environment: Mapping[str, Any]

    @property
    def verdict(self) -> Literal["identical", "explained", "unexplained"]:
        """``"identical"``, or else ``"explained"`` if the environments differ too, and
        ``"unexplained"`` if they don't."""
        same = self.predictions.identical and self.history is None
        if same and (self.weights is None or self.weights.identical):
            return "identical"
        return "explained" if self.differences else "unexplained"

    @property
    def sentence(self) -> str:
        """The outcome in a few plain sentences."""
        differing = "; ".join(each.sentence for each in self.differences)
        if self.verdict == "identical":
            what = "history and validation predictions"
            what = f"weights, {what}" if self.weights else what
            although = f" This holds although the environment differs: {differing}."
            return (
                f"{self.run.name} is reproduced: trained again, it gave the same {what}, byte for "
                f"byte.{although if differing else ''}"
            )
        parts = [f"{self.run.name} is not reproduced byte for byte."]
        weights, said = self.weights, self.predictions
        if weights is not None and weights.largest_difference is None:
            parts.append("Weights have other names or shapes, or are not finite.")
        elif weights is not None and not weights.identical:
            parts.append(f"Weights differ by at most {weights.largest_difference:.2g}.")
        if not said.identical:
            parts.append(
                f"Probabilities differ by at most {said.largest_difference:.2g}; "
                f"{said.same_class:,} of {said.images:,} validation images get the same class."
            )
        if self.history is not None:
            then, now = self.epochs
            length = "" if then == now else f" ({then} epochs then, {now} now)"
            parts.append(f"The history differs from epoch {self.history} on{length}.")
        parts.append(
            f"The environment differs, which can explain it: {differing}."
            if differing
            else "Nothing in environment.json explains it. Reproduce it once more: if that differs "
            "again, something in this training does not depend on its seed, such as random numbers "
            "in your own code."
        )
        return " ".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "run": str(self.run.folder),
            "recipe": self.run.recipe.name,
            "seed": self.run.seed,
            "data": self.run.environment["data"]["name"],
            "verdict": self.verdict,
            "sentence": self.sentence,
            "weights": plain(self.weights),
            "history": {
                "identical": self.history is None,
                "first_difference": self.history,
                "epochs": list(self.epochs),
            },
            "predictions": plain(self.predictions),
            "differences": plain(self.differences),
            "environment": dict(self.environment),
        }


def reproduce(
    run: Run | Path | str, *, model: Any = None, session: Session | None = None
) -> Reproduction:
    """Train a run's recipe and seed again, and compare the results with the run.

    The new training happens in a temporary folder, of which nothing is kept. The test set stays
    closed.

    Args:
        run: a finished run, or its folder.
        model: the code of your own model, as for :func:`fittingroom.train`, if the run trained
            one: the code in a run folder is never executed.
        session: data (None for the run's own, wherever it is), device and threads (None for those
            of the run), and listener.

    Raises:
        RunError: the run cannot be read.
        DataError: its data is nowhere, or other data was given.
        UsageError: no such device or threads here, or a model that is missing or not needed.
        RecipeError: the code of your own model is not the code that was trained.
        TrainingError: training failed.
        TrainingStopped: Ctrl-C or SIGTERM came, and the epoch was finished.
    """
    run = run if isinstance(run, Run) else open_run(Path(run))
    session = session or Session()
    recipe = _recipe(run, model)
    dataset = _dataset(run, session)
    with tempfile.TemporaryDirectory(prefix="fittingroom-") as folder:
        there = replace(
            session,
            data=dataset,
            runs=folder,
            device=session.device or run.environment["device"],
            threads=session.threads or run.environment["threads"],
        )
        try:
            return compare_runs(run, train(recipe, seed=run.seed, session=there))
        except TrainingStopped as stopped:  # its own message names the temporary folder
            raise TrainingStopped(
                stopped.signal,
                f"Stopped. {run.name} is unchanged, and nothing of the new training is kept.",
            ) from None


def compare_runs(run: Run, again: Run) -> Reproduction:
    """Compare two runs of the same recipe, seed and data.

    Raises:
        RunChangedError: the files of one are not those that training writes.
    """
    # Seconds differ from training to training.
    then, now = ([replace(each, seconds=0.0) for each in one.history] for one in (run, again))
    differing = (n for n in range(max(len(then), len(now))) if then[n : n + 1] != now[n : n + 1])
    first = next(differing, None)
    return Reproduction(
        run=run,
        weights=_compare_weights(run, again),
        history=None if first is None else first + 1,
        epochs=(len(then), len(now)),
        predictions=compare_predictions(run.validation, again.validation),
        differences=differences(run.environment, again.environment),
        environment=again.environment,
    )


def compare_predictions(then: Predictions, now: Predictions) -> PredictionAgreement:
    """Compare what two models predict for the same images.

    Raises:
        RunChangedError: they are for other images, or have no probabilities.
    """
    before, after = then.log_probabilities, now.log_probabilities
    same_images = all(
        np.array_equal(getattr(then, name), getattr(now, name)) for name in ("indices", "labels")
    )
    if before is None or after is None or not same_images or before.shape != after.shape:
        raise RunChangedError(
            f"The run's predictions are not for the same {len(now):,} validation images. Restore "
            "its folder as it was written, or train again."
        )
    # Into float64 first, where small logarithms give no warning.
    moved = np.abs(np.exp(before.astype(np.float64)) - np.exp(after.astype(np.float64)))
    same = then.predicted == now.predicted
    return PredictionAgreement(
        identical=before.tobytes() == after.tobytes() and bool(same.all()),
        largest_difference=float(moved.max()),
        same_class=int(same.sum()),
        images=len(same),
    )


def _compare_weights(run: Run, again: Run) -> WeightAgreement | None:
    before, after = _weights(run), _weights(again)
    if not before and not after:
        return None
    forms = [
        {name: (each.shape, each.dtype) for name, each in weights.items()}
        for weights in (before, after)
    ]
    if forms[0] != forms[1]:
        return WeightAgreement(identical=False, largest_difference=None)
    pairs = [(before[name], after[name]) for name in after if after[name].size]
    identical = all(one.tobytes() == other.tobytes() for one, other in pairs)
    with np.errstate(invalid="ignore"):  # infinite weights, in an untrusted file
        apart = [
            float(np.abs(one.astype(float) - other.astype(float)).max()) for one, other in pairs
        ]
    finite = bool(np.isfinite(apart).all())
    return WeightAgreement(identical, max(apart, default=0.0) if finite else None)


def _weights(run: Run) -> dict[str, npt.NDArray[Any]]:
    """The arrays in a run's file of weights; none if it has no such file."""
    path = run.folder / "model.safetensors"
    try:
        return read_weights(path)
    except FileNotFoundError:
        return {}
    except (OSError, Refusal) as error:
        raise RunChangedError(f"{path} holds no weights that can be read. {error}") from error


def _recipe(run: Run, model: Any) -> BaseRecipe:
    """The run's recipe, with the code of your own model if it trained one."""
    own = run.recipe.own
    if (own is None) != (model is None):
        raise UsageError(
            f"{run.name} needs no --model: its recipe describes everything. Leave it out."
            if own is None
            else f"{run.name} trained your own model, {own.origin}, and the code in a run folder "
            f"is never executed. Name it: `fittingroom reproduce {run.folder} --model "
            "my_file.py:build`."
        )
    if own is None:
        return run.recipe
    given = recipe_of(model).own
    recipe = None if given is None else run.recipe.with_own(replace(given, origin=own.origin))
    if recipe is None or recipe.key != run.recipe.key:
        raise RecipeError(
            f"{run.name} trained {own.origin}; '{model}' is other code: its hash or its layers "
            "differ. Restore the code, or train it as a new run."
        )
    return recipe


def _dataset(run: Run, session: Session) -> Dataset:
    """The data that the run was trained on.

    Raises:
        DataError: it is nowhere, or other data was given.
    """
    if session.data is None:
        return dataset_of(run)
    dataset, recorded = session.dataset, run.environment["data"]
    if dataset.training_hashes != recorded["hashes"] or dataset.classes != run.classes:
        raise DataInvalidError(
            f"{run.name} was trained on {recorded['name']}; {dataset.name} has other training "
            "files or class names. Name the folder of that data, or leave out --data."
        )
    return dataset
