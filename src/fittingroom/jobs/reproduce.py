"""Reproduce: train a run again, and say whether the results are the same, or what differs."""

import itertools
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
from fittingroom.jobs.session import Session, dataset_of
from fittingroom.jobs.train import train
from fittingroom.numbers import plain
from fittingroom.predictions import Predictions
from fittingroom.recipes import BaseRecipe, recipe_of
from fittingroom.runs import Run, differences, open_run
from fittingroom.safe_io import Refusal, read_weights

_Weights = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Reproduction:
    """A run compared with the same training done again."""

    run: Run  # the original
    values: Mapping[str, Any]  # docs/how-to/scripts.md describes them

    @property
    def verdict(self) -> Literal["identical", "explained", "unexplained"]:
        """``"identical"``, or else ``"explained"`` if the environments differ too, and
        ``"unexplained"`` if they don't."""
        parts = (self.values[name] for name in ("weights", "history", "predictions"))
        if all(part is None or part["identical"] for part in parts):
            return "identical"
        return "explained" if self.values["differences"] else "unexplained"

    @property
    def sentence(self) -> str:
        """The outcome in a few plain sentences."""
        weights, history = self.values["weights"], self.values["history"]
        predictions = self.values["predictions"]
        differing = "; ".join(
            f"{each['what']} ({each['then']} then, {each['now']} now)"
            for each in self.values["differences"]
        )
        if self.verdict == "identical":
            same = "weights, history" if weights else "history"
            although = f" This holds although the environment differs: {differing}."
            return (
                f"{self.run.name} is reproduced: trained again, it gave the same {same} and "
                f"validation predictions, byte for byte.{although if differing else ''}"
            )
        parts = [f"{self.run.name} is not reproduced byte for byte."]
        if weights is not None and weights["largest_difference"] is None:
            parts.append("Weights have other names or shapes, or are not finite.")
        elif weights is not None and not weights["identical"]:
            parts.append(f"Weights differ by at most {weights['largest_difference']:.2g}.")
        if not predictions["identical"]:
            parts.append(
                f"Probabilities differ by at most {predictions['largest_difference']:.2g}; "
                f"{predictions['same_class']:,} of {predictions['images']:,} validation images get "
                "the same class."
            )
        if not history["identical"]:
            then, now = history["epochs"]
            length = "" if then == now else f" ({then} epochs then, {now} now)"
            parts.append(
                f"The history differs from epoch {history['first_difference']} on{length}."
            )
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
            "data_description": self.run.environment["data"].get("description"),
            "verdict": self.verdict,
            "sentence": self.sentence,
            **self.values,
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
    run = run if isinstance(run, Run) else open_run(run)
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
    """Compare two runs of the same recipe, seed and data."""
    # Seconds differ from training to training.
    then, now = ([replace(each, seconds=0.0) for each in one.history] for one in (run, again))
    epochs = enumerate(itertools.zip_longest(then, now), start=1)
    first = next((number for number, (one, other) in epochs if one != other), None)
    values = {
        "weights": _compare_weights(_weights(run), _weights(again)),
        "history": {
            "identical": first is None,
            "first_difference": first,
            "epochs": [len(then), len(now)],
        },
        "predictions": compare_predictions(run.validation, again.validation),
        "differences": differences(run.environment, again.environment),
        "environment": dict(again.environment),
    }
    return Reproduction(run, values)


def compare_predictions(then: Predictions, now: Predictions) -> dict[str, Any]:
    """Compare what two models predict for the same images.

    The result has ``identical``, byte for byte; ``largest_difference`` of two probabilities; and
    how many images get the ``same_class`` from both, of so many ``images``.
    """
    before, after = then.probabilities, now.probabilities
    same_images = np.array_equal(then.indices, now.indices) and then.classes == now.classes
    if before is None or after is None or not same_images:
        raise RunChangedError(
            f"The run's predictions are not for the same {len(now):,} validation images. Restore "
            "its folder as it was written, or train again."
        )
    return {
        "identical": then.to_bytes() == now.to_bytes(),
        "largest_difference": float(np.abs(before - after).max()),
        "same_class": int((then.predicted == now.predicted).sum()),
        "images": len(now),
    }


def _compare_weights(then: _Weights, now: _Weights) -> dict[str, Any] | None:
    """The largest difference is None for weights of other names, shapes or types, and for those
    that are not finite."""
    if not then and not now:
        return None
    forms = [
        {name: (array.shape, array.dtype) for name, array in weights.items()}
        for weights in (then, now)
    ]
    if forms[0] != forms[1]:
        return {"identical": False, "largest_difference": None}
    with np.errstate(invalid="ignore"):  # infinite weights
        apart = [
            np.abs(then[name].astype(float) - now[name].astype(float)).max(initial=0)
            for name in now
        ]
    return {
        "identical": all(then[name].tobytes() == now[name].tobytes() for name in now),
        "largest_difference": plain(np.max(apart)),
    }


def _weights(run: Run) -> _Weights:
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
    if own is None:
        if model is not None:
            raise UsageError(f"{run.name} needs no --model, as it trained {run.recipe.name}.")
        return run.recipe
    if model is None:
        raise UsageError(
            f"{run.name} trained your own model, {own.origin}, and the code in a run folder is "
            f"never executed. Name it: `fittingroom reproduce {run.folder} --model "
            "my_file.py:build`."
        )
    given = recipe_of(model).own
    recipe = None if given is None else run.recipe.with_own(replace(given, origin=own.origin))
    if recipe is None or recipe.key != run.recipe.key:
        raise RecipeError(
            f"{run.name} trained {own.origin}; '{model}' is other code: its hash or its layers "
            "differ. Restore the code, or train it as a new run."
        )
    return recipe


def _dataset(run: Run, session: Session) -> Dataset:
    """The data that the run was trained on, wherever it is now."""
    if session.data is None:
        return dataset_of(run)
    dataset, recorded = session.dataset, run.environment["data"]
    if dataset.training_hashes != recorded["hashes"] or dataset.classes != run.classes:
        raise DataInvalidError(
            f"{run.name} was trained on {recorded['name']}; {dataset.name} has other training "
            "files or class names. Name the folder of that data, or leave out --data."
        )
    return dataset
