"""Reading a run folder.

A run's files are written one by one, ``manifest.json`` last: a folder without it is unfinished.
Once it is there the folder is frozen. Scores on data sets are added below ``evaluations/``, each
with its own manifest.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fittingroom.errors import (
    PredictionsError,
    RecipeError,
    RunChangedError,
    RunError,
    RunUnfinishedError,
)
from fittingroom.predictions import Predictions
from fittingroom.project import VERSION
from fittingroom.recipes import BaseRecipe, recipe_from_json
from fittingroom.runs.files import as_json, make_folder, resolved, write_file
from fittingroom.runs.history import Epoch, finite, read_history
from fittingroom.runs.stored import (
    MANIFEST,
    check_manifest,
    stored_environment,
    stored_json,
    write_manifest,
)
from fittingroom.safe_io import MEBIBYTE, Refusal, is_inside, read_whole, refuse_model_file, utf8

FAILURE = "failure.json"
# Of a described network that PyTorch trained, after each epoch: ``confusion`` on validation images,
# a row for each true class; and by the kind of a layer its ``kernels``, int8 ``(E, F, side, side)``
# in base64, as the engine's ``first_kernels`` gives them.
LEARNING = "learning.json"
_NEEDED = (
    *("recipe.json", "environment.json", "history.jsonl", "summary.json"),
    *("model.onnx", "validation.npz"),
)
_LARGEST_HISTORY = 4 * MEBIBYTE


@dataclass(frozen=True)
class Summary:
    """The result of a training in a few numbers: ``summary.json``.

    Attributes:
        best_epoch: the epoch whose weights were kept, by the recipe's `keep`; 1 for a model that
            is trained in one go.
        validation_accuracy: of the exported model, as a fraction.
        seconds: the whole training, validation of each epoch included, without imports, data
            loading and export.
        parameters: trained numbers.
        operations: multiply-adds, or comparisons of trees, for one image, forward; its mirror
            image and shifts count again.
        temperature: what logits are divided by, fitted on the validation set.
        export_difference: largest difference of probabilities between the exported model, without
            shifts, and the engine's own output on the validation set.
        model_bytes: size of ``model.onnx``.
    """

    best_epoch: int
    validation_accuracy: float
    seconds: float
    parameters: int
    operations: int
    temperature: float
    export_difference: float
    model_bytes: int

    def __post_init__(self) -> None:
        impossible = min(astuple(self)) < 0 or self.temperature == 0 or self.validation_accuracy > 1
        if not finite(self) or impossible:
            raise ValueError(f"{self} has impossible numbers")


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run, checked against its manifest when it was opened.

    Attributes:
        folder: where it is.
        recipe: what was trained.
        seed: of the weights, the order of images, and augmentation.
        environment: versions, processor, device, threads, data hashes.
        history: one entry an epoch.
        summary: the result.
        made_here: whether this very process trained it, so that its paths can be trusted.
    """

    folder: Path
    recipe: BaseRecipe
    seed: int
    environment: Mapping[str, Any]
    history: tuple[Epoch, ...]
    summary: Summary
    made_here: bool = False

    @property
    def name(self) -> str:
        """The folder's name, such as ``cnn-s0-3f9c``."""
        return utf8(self.folder.name)

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names that it was trained for, in the order of their labels."""
        return tuple(self.environment["data"]["classes"])

    @property
    def model_path(self) -> Path:
        """The exported model."""
        return self.folder / "model.onnx"

    @cached_property
    def validation(self) -> Predictions:
        """What the exported model predicts for the validation set."""
        return Predictions.read(self.folder / "validation.npz")

    @cached_property
    def learning(self) -> dict[str, Any] | None:
        """How it learned, as the web page takes it; None if the training did not keep that."""
        path = self.folder / LEARNING
        if not path.exists():
            return None
        accuracy = [(each.train_accuracy, each.val_accuracy) for each in self.history]
        loss = [(each.train_loss, each.val_loss) for each in self.history]
        return stored_json(path) | {"accuracy": accuracy, "loss": loss}

    def evaluation_folder(self, data: str) -> Path:
        """Where the scores on a data set of that name are."""
        folder = self.folder / "evaluations" / data
        if not is_inside(folder, self.folder):
            raise RunChangedError(f"{folder} leads elsewhere, out of the run. Remove the link.")
        return folder

    def read_predictions(self, data: str) -> Predictions | None:
        """The predictions for a data set's test set, or None if the run was not scored on it.

        Raises:
            RunChangedError: the files are not those that evaluation wrote.
        """
        folder = self.evaluation_folder(data)
        if not (folder / MANIFEST).exists():
            return None
        check_manifest(folder, ("predictions.npz",), _remove(folder))
        try:
            return Predictions.read(folder / "predictions.npz")
        except PredictionsError as error:
            raise RunChangedError(f"{error} {_remove(folder)}") from error

    def read_evaluation(self, data: str) -> dict[str, Any]:
        """The numbers in ``evaluation.json`` for a data set that the run was scored on.

        Raises:
            RunChangedError: there are none, or the files are not those that evaluation wrote.
        """
        folder = self.evaluation_folder(data)
        check_manifest(folder, ("evaluation.json",), _remove(folder))
        return stored_json(folder / "evaluation.json")

    def write_evaluation(self, data: str, predictions: Predictions, values: Any) -> None:
        """Add the scores on a data set, manifest last."""
        folder = make_folder(self.evaluation_folder(data))
        write_file(folder / "predictions.npz", predictions.to_bytes())
        write_file(folder / "evaluation.json", as_json(values))
        write_manifest(folder)


def _remove(folder: Path) -> str:
    return f"Remove {folder} and evaluate the run again."


def run_name(recipe: BaseRecipe, seed: int, data_key: str) -> str:
    """``recipe-sSEED-XXXX``; the last part differs for other settings and other data."""
    digest = hashlib.sha256(f"{recipe.key} {data_key}".encode()).hexdigest()
    return f"{recipe.name}-s{seed}-{digest[:4]}"


def open_run(folder: Path | str) -> Run:
    """Read a finished run and check every file against the manifest.

    Raises:
        RunUnfinishedError: it has no manifest.
        RunChangedError: a file is missing, or is not the one that training wrote.
        RunError: it is no run folder, or another version of this project wrote it.
    """
    folder = resolved(folder)
    if not folder.is_dir():
        try:
            refuse_model_file(folder)
        except Refusal as error:
            raise RunError(str(error)) from error
        raise RunError(f"There is no run folder {folder}. `fittingroom runs` lists your runs.")
    if not (folder / MANIFEST).exists():
        if not (folder / "recipe.json").exists():
            raise RunError(
                f"{folder} isn't a run folder: it has no recipe.json. `fittingroom runs` lists "
                "your runs."
            )
        raise RunUnfinishedError(
            f"The training in {folder} didn't finish. Train the recipe again; with --resume, it "
            "resumes from the last checkpoint, if there is one."
        )
    check_manifest(folder, _NEEDED)
    environment = stored_environment(folder)
    try:
        history = read_whole(folder / "history.jsonl", _LARGEST_HISTORY).decode("utf-8")
        return Run(
            folder=folder,
            recipe=recipe_from_json(stored_json(folder / "recipe.json")),
            seed=environment["seed"],
            environment=environment,
            history=read_history(history),
            summary=Summary(**stored_json(folder / "summary.json")),
        )
    except RecipeError as error:
        # Every file is as it was written, so another version wrote it.
        wrote = ascii(environment["versions"].get("fittingroom"))[:40]
        raise RunError(
            f"{folder} has a recipe that fittingroom {VERSION} can't read; version {wrote} "
            f"wrote it. Use that version, or train the recipe again. {error}"
        ) from error
    except (OSError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise RunChangedError(f"{folder} has a file that can't be read: {error}.") from error


def read_failure(folder: Path) -> str | None:
    """Why a run will never be finished, in words, or None if nothing says so."""
    path = folder / FAILURE
    if not path.is_file():
        return None
    try:
        reason = str(stored_json(path)["error"])
    except (RunChangedError, KeyError):
        return f"{path} can't be read."
    return "".join(each if each.isprintable() or each == "\n" else "�" for each in reason)
