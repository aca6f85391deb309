"""Writing and reading one run folder.

A run's files are written one by one, ``manifest.json`` last: a folder without it is unfinished.
Once it is there the folder is frozen; scores on data sets are added below ``evaluations/``, each
with a manifest of its own.
"""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
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
from fittingroom.recipes import BaseRecipe, recipe_from_json
from fittingroom.runs.checkpoints import CHECKPOINT, Checkpoint, write_checkpoint
from fittingroom.runs.differences import NAMES
from fittingroom.runs.files import (
    as_json,
    cannot_write,
    flush_folder,
    make_folder,
    remove_file,
    remove_leftovers,
    write_file,
)
from fittingroom.runs.history import Epoch, read_history
from fittingroom.runs.manifests import MANIFEST, check_manifest, write_manifest
from fittingroom.runs.stored import (
    MOST_BYTES,
    check_environment,
    check_inside,
    check_summary,
    stored_json,
    stored_text,
)
from fittingroom.safe_io import Refusal, refuse_model_file

FAILURE = "failure.json"
_NEEDED = (
    *("recipe.json", "environment.json", "history.jsonl", "summary.json"),
    *("model.onnx", "validation.npz"),
)


@dataclass(frozen=True)
class Summary:
    """The outcome of a training in a few numbers: ``summary.json``.

    Attributes:
        best_epoch: the epoch whose weights were kept, by the recipe's `keep`; 1 for a model that
            is trained in one go.
        validation_accuracy: of the exported model, as a fraction.
        seconds: the whole training, validation of each epoch included; imports, data loading
            and export apart.
        parameters: trained numbers.
        operations: multiply-adds, or comparisons of trees, for one picture, forward, its mirror
            image and shifts counted again.
        temperature: what logits are divided by, fitted on validation.
        export_difference: largest difference of probabilities between the exported model, without
            shifts, and the engine's own output on the validation half.
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


@dataclass(frozen=True)
class Timing:
    """How long a model takes for a picture, in seconds; the least, middle and longest of repeats.

    Attributes:
        low, median, high: seconds a picture.
        batch: pictures at a time.
    """

    low: float
    median: float
    high: float
    batch: int


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run, checked against its manifest when it was opened.

    Attributes:
        folder: where it is.
        recipe: what was trained.
        seed: of the weights, the order of pictures, and augmentation.
        environment: versions, processor, device, threads, data hashes.
        history: one entry an epoch.
        summary: the outcome.
        made_here: whether it was trained in this very process, so that what it says of other
            places is our own word.
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
        return self.folder.name

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
        """What the exported model says of the validation half."""
        return Predictions.read(self.folder / "validation.npz")

    def evaluation_folder(self, data: str) -> Path:
        """Where the scores on a data set of that name are."""
        return self.folder / "evaluations" / data

    def read_predictions(self, data: str) -> Predictions | None:
        """What the model said of a data set's test half, or None if it was not opened for it.

        Raises:
            RunChangedError: the files are not those that evaluation wrote.
        """
        folder = self.evaluation_folder(data)
        check_inside(folder, self.folder)
        if not (folder / MANIFEST).exists():
            return None
        check_manifest(folder, ("predictions.npz",))
        try:
            return Predictions.read(folder / "predictions.npz")
        except PredictionsError as error:
            raise RunChangedError(str(error)) from error

    def read_evaluation(self, data: str) -> dict[str, Any]:
        """The numbers in ``evaluation.json`` for a data set that the run was scored on.

        Raises:
            RunChangedError: there are none, or the files are not those that evaluation wrote.
        """
        folder = self.evaluation_folder(data)
        check_inside(folder, self.folder)
        check_manifest(folder, ("evaluation.json",))
        return stored_json(folder / "evaluation.json")

    def write_evaluation(self, data: str, predictions: Predictions, values: Any) -> None:
        """Add the scores on a data set, manifest last.

        Raises:
            RunError: they cannot be written.
        """
        folder = self.evaluation_folder(data)
        check_inside(folder, self.folder)
        make_folder(folder)
        write_file(folder / "predictions.npz", _npz(predictions))
        write_file(folder / "evaluation.json", as_json(values))
        write_manifest(folder)


class RunWriter:
    """A run folder in the making."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._history = b""

    @classmethod
    def create(cls, runs: Path, name: str) -> "RunWriter":
        """Make a folder ``name`` in ``runs``, or ``name-2``, ``name-3`` … where it is taken.

        Raises:
            RunError: no folder can be made there.
        """
        make_folder(runs)
        number = 1
        while True:
            folder = runs / (name if number == 1 else f"{name}-{number}")
            try:
                folder.mkdir()
                flush_folder(runs)
            except FileExistsError:
                number += 1
            except OSError as error:
                raise cannot_write(folder, error) from error
            else:
                return cls(folder)

    @classmethod
    def again(cls, folder: Path, checkpoint: Checkpoint | None) -> "RunWriter":
        """The writer of a run that goes on from its checkpoint: its history ends there.

        Without a checkpoint it begins anew in the same folder.

        The caller is alone with the folder; see :func:`fittingroom.runs.only_here`.

        Raises:
            RunError: the folder cannot be written to.
        """
        writer = cls(folder)
        remove_leftovers(folder)
        if checkpoint is None:
            remove_file(folder / "history.jsonl")
            return writer
        writer._history = "".join(epoch.to_line() for epoch in checkpoint.history).encode()
        write_file(folder / "history.jsonl", writer._history)
        return writer

    @staticmethod
    def tidy(folder: Path) -> None:
        """Remove what a process left that died between the manifest and its own end.

        Raises:
            RunError: the system does not let us.
        """
        remove_file(folder / CHECKPOINT)
        remove_leftovers(folder)

    def begin(self, recipe: BaseRecipe, seed: int, environment: Mapping[str, Any]) -> None:
        """Write what is known before training."""
        write_file(self.folder / "recipe.json", as_json(recipe.to_json()))
        write_file(self.folder / "environment.json", as_json({"seed": seed, **environment}))

    def note_resumption(self, epoch: int, environment: Mapping[str, Any]) -> tuple[str, ...]:
        """Add to ``environment.json`` that the run goes on after an epoch, and what is other now.

        What went on before from as late an epoch came to nothing, and is no part of the run.

        Returns:
            Names of what differs of all that a training's numbers depend on; what was not recorded
            when it began is passed over.

        Raises:
            RunError: it cannot be written.
        """
        path = self.folder / "environment.json"
        before = stored_json(path)
        now = {name: environment.get(name) for name in ("versions", *NAMES)}
        differing = tuple(name for name in now if name in before and before[name] != now[name])
        entry = {"after_epoch": epoch, "time": environment["time"]}
        entry |= {name: now[name] for name in differing}
        before["resumed"] = [*_breaks_before(epoch, before.get("resumed")), entry]
        write_file(path, as_json(before))
        return tuple(NAMES.get(name, name) for name in differing)

    def add_epoch(self, epoch: Epoch) -> None:
        """Add one line to the history."""
        self._history += epoch.to_line().encode()
        write_file(self.folder / "history.jsonl", self._history)

    def keep(self, checkpoint: Checkpoint) -> None:
        """Write what the training can go on from, in the place of the checkpoint before."""
        write_checkpoint(self.folder, checkpoint)

    def write(self, name: str, content: bytes) -> Path:
        """Write one of the run's files."""
        path = self.folder / name
        write_file(path, content)
        return path

    def has_room(self, name: str, size: int) -> bool:
        """Whether the run could still be opened with so many bytes more, that file's among them.

        It may be there already, where a training goes on that died after it was written.
        """
        there = sum(
            path.stat().st_size
            for path in self.folder.iterdir()
            if path.name not in (CHECKPOINT, name) and path.is_file()
        )
        return there + size <= MOST_BYTES

    def finish(self, summary: Summary, validation: Predictions) -> Run:
        """Write the outcome and, last, the manifest that makes the run a finished one.

        Only then is the checkpoint of no use any more.
        """
        write_file(self.folder / "validation.npz", _npz(validation))
        write_file(self.folder / "summary.json", as_json(asdict(summary)))
        write_manifest(self.folder)
        remove_file(self.folder / CHECKPOINT)
        return replace(open_run(self.folder), made_here=True)

    def fail(self, error: BaseException) -> None:
        """Leave a note on why this run will never be finished."""
        write_file(
            self.folder / FAILURE, as_json({"error": str(error), "kind": type(error).__name__})
        )


def run_name(recipe: BaseRecipe, seed: int, data_key: str) -> str:
    """``recipe-sSEED-XXXX``: the last part tells apart other settings and other data."""
    digest = hashlib.sha256(f"{recipe.key} {data_key}".encode()).hexdigest()
    return f"{recipe.name}-s{seed}-{digest[:4]}"


def open_run(folder: Path) -> Run:
    """Read a finished run and check every file against the manifest.

    Raises:
        RunUnfinishedError: it has no manifest.
        RunChangedError: a file is missing, or is not the one that training wrote.
        RunError: it is no run folder at all, or another version of this project wrote it.
    """
    if not folder.is_dir():
        try:
            refuse_model_file(folder)
        except Refusal as error:
            raise RunError(str(error)) from error
        raise RunError(
            f"Expected a run folder at {folder}. Received no folder of that name. "
            "`fittingroom runs` lists those that there are."
        )
    if not (folder / MANIFEST).exists():
        if not (folder / "recipe.json").exists():
            raise RunError(
                f"Expected a run folder at {folder}. Received a folder without recipe.json. "
                "`fittingroom runs` lists the runs that there are."
            )
        raise RunUnfinishedError(
            f"Expected a finished run at {folder}. Received one without {MANIFEST}: its training "
            "did not end. Train the recipe again: with `--resume` it goes on from the last "
            "checkpoint, where there is one."
        )
    check_manifest(folder, _NEEDED)
    try:
        environment = check_environment(stored_json(folder / "environment.json"))
        summary = Summary(**stored_json(folder / "summary.json"))
        check_summary(summary)
        return Run(
            folder=folder,
            recipe=recipe_from_json(stored_json(folder / "recipe.json")),
            seed=environment["seed"],
            environment=environment,
            history=read_history(stored_text(folder / "history.jsonl")),
            summary=summary,
        )
    except RecipeError as error:
        # Every file is as it was written, so it was not changed: it is another version's.
        raise RunError(
            f"Expected at {folder} a run that this version of the project can read. Received "
            f"one of another version, it seems. Train the recipe again. {error}"
        ) from error
    except (OSError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise RunChangedError(
            f"Expected the files of a run in {folder}. Received something else: {error}."
        ) from error


def read_failure(folder: Path) -> str | None:
    """Why a run will never be finished, in words, or None where nothing says so."""
    path = folder / FAILURE
    if not path.is_file():
        return None
    try:
        reason = str(stored_json(path)["error"])
        return "".join(each if each.isprintable() or each == "\n" else "�" for each in reason)
    except (RunChangedError, KeyError):
        return f"{path} cannot be read."


def _breaks_before(epoch: int, stored: Any) -> list[Any]:
    """The notes of breaks, in a folder that may be a stranger's, from which a run came further."""
    notes = stored if isinstance(stored, list) else []
    return [
        note
        for note in notes
        if isinstance(note, Mapping)
        and type(note.get("after_epoch")) is int
        and note["after_epoch"] < epoch
    ]


def _npz(predictions: Predictions) -> bytes:
    stream = io.BytesIO()
    predictions.write(stream)
    return stream.getvalue()
