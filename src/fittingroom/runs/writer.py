"""Writing a run folder."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from fittingroom.predictions import Predictions
from fittingroom.recipes import BaseRecipe
from fittingroom.runs.checkpoints import CHECKPOINT, Checkpoint, write_checkpoint
from fittingroom.runs.environment import NAMES
from fittingroom.runs.files import (
    as_json,
    cannot_write,
    flush_folder,
    make_folder,
    remove_file,
    remove_leftovers,
    write_file,
)
from fittingroom.runs.folder import FAILURE, Run, Summary, open_run
from fittingroom.runs.history import Epoch
from fittingroom.runs.stored import stored_json, write_manifest


class RunWriter:
    """Writes one run folder, file by file.

    Its methods raise :class:`RunError` if a file cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._history = b""

    @classmethod
    def create(cls, runs: Path, name: str) -> "RunWriter":
        """Make a folder ``name`` in ``runs``, or ``name-2``, ``name-3`` … if it is taken."""
        make_folder(runs)
        folder, number = runs / name, 1
        while True:
            try:
                folder.mkdir()
                flush_folder(runs)
                return cls(folder)
            except FileExistsError:
                number += 1
                folder = runs / f"{name}-{number}"
            except OSError as error:
                raise cannot_write(folder, error) from error

    @classmethod
    def resume(cls, folder: Path, checkpoint: Checkpoint | None) -> "RunWriter":
        """Go on in the folder of an unfinished run, after its checkpoint or from the beginning.

        The caller holds the lock of the run; see :func:`fittingroom.runs.only_here`.
        """
        writer = cls(folder)
        remove_leftovers(folder)
        epochs = checkpoint.history if checkpoint else ()
        writer._history = "".join(epoch.to_line() for epoch in epochs).encode()
        write_file(folder / "history.jsonl", writer._history)
        return writer

    @staticmethod
    def tidy(folder: Path) -> None:
        """Remove what a process left that died between the manifest and its own end."""
        remove_file(folder / CHECKPOINT)
        remove_leftovers(folder)

    def begin(self, recipe: BaseRecipe, seed: int, environment: Mapping[str, Any]) -> None:
        """Write what is known before training."""
        self.write("recipe.json", as_json(recipe.to_json()))
        self.write("environment.json", as_json({"seed": seed, **environment}))

    def note_resumption(self, epoch: int, environment: Mapping[str, Any]) -> tuple[str, ...]:
        """Note in ``environment.json`` that the run resumes after an epoch, and what is different.

        Earlier notes from as late an epoch are dropped: what followed them was lost. The names of
        what differs come back.
        """
        stored = stored_json(self.folder / "environment.json")
        differing = [
            name
            for name in ("versions", *NAMES)
            if name in stored and stored[name] != environment.get(name)
        ]
        note = {"after_epoch": epoch, "time": environment["time"]}
        note |= {name: environment.get(name) for name in differing}
        earlier = [each for each in stored.get("resumed", []) if each["after_epoch"] < epoch]
        self.write("environment.json", as_json(stored | {"resumed": [*earlier, note]}))
        return tuple(NAMES.get(name, name) for name in differing)

    def add_epoch(self, epoch: Epoch) -> None:
        """Add one line to the history."""
        self._history += epoch.to_line().encode()
        self.write("history.jsonl", self._history)

    def keep(self, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint that the training can resume from."""
        write_checkpoint(self.folder, checkpoint)

    def write(self, name: str, content: bytes) -> Path:
        """Write one of the run's files."""
        path = self.folder / name
        write_file(path, content)
        return path

    def finish(self, summary: Summary, validation: Predictions) -> Run:
        """Write the results, then the manifest that makes the run a finished one.

        The checkpoint is removed only then.
        """
        self.write("validation.npz", validation.to_bytes())
        self.write("summary.json", as_json(asdict(summary)))
        write_manifest(self.folder)
        remove_file(self.folder / CHECKPOINT)
        return replace(open_run(self.folder), made_here=True)

    def fail(self, error: BaseException) -> None:
        """Leave a note on why this run will never be finished."""
        self.write(FAILURE, as_json({"error": str(error), "kind": type(error).__name__}))
