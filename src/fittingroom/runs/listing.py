"""All runs in a folder, and finding one that was made before."""

import contextlib
import glob
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fittingroom.data import Dataset
from fittingroom.errors import FittingRoomError, RunChangedError, RunUnfinishedError
from fittingroom.recipes import BaseRecipe, recipe_from_json
from fittingroom.runs.checkpoints import Checkpoint, read_checkpoint
from fittingroom.runs.files import is_leftover, resolved
from fittingroom.runs.folder import Run, open_run, read_failure
from fittingroom.runs.stored import MANIFEST, stored_environment, stored_json

State = Literal["finished", "unfinished", "failed", "changed", "unreadable"]


@dataclass(frozen=True, eq=False)
class Listed:
    """One folder of a folder of runs.

    Attributes:
        folder: where it is.
        state: whether it can be used.
        run: the run, if it is finished.
        reason: why it cannot be used, otherwise.
    """

    folder: Path
    state: State
    run: Run | None
    reason: str = ""


def list_runs(runs: Path | str = "runs") -> tuple[Listed, ...]:
    """Every run folder in ``runs``, by name; empty if there is no such folder."""
    runs = resolved(runs)
    if not runs.is_dir():
        return ()
    looked_at = (_look_at(path) for path in sorted(runs.iterdir()) if path.is_dir())
    return tuple(listed for listed in looked_at if listed is not None)


def find_run(runs: Path, recipe: BaseRecipe, seed: int, dataset: Dataset) -> Run | None:
    """The finished run of this recipe, seed and data; the newest if there are several."""
    if not runs.is_dir():
        return None
    found = []
    for folder in _of_training(sorted(runs.iterdir()), recipe, seed, dataset):
        with contextlib.suppress(FittingRoomError, OSError):
            found.append(open_run(folder))
    return max(found, key=lambda run: str(run.environment["time"]), default=None)


def find_begun(
    runs: Path, name: str, recipe: BaseRecipe, seed: int, dataset: Dataset
) -> tuple[Path, Checkpoint | None] | None:
    """The unfinished run of this recipe, seed and data that came furthest, and its checkpoint.

    The checkpoint is None if the training was stopped before the first one, its engine writes
    none, or the file is damaged. Such runs are called ``name``, ``name-2`` and so on.
    """
    begun: list[tuple[Path, Checkpoint | None]] = []
    folders = [runs / name, *sorted(runs.glob(f"{glob.escape(name)}-*"))]
    begun += [(folder, None) for folder in folders if _is_bare(folder)]
    for folder in _of_training(folders, recipe, seed, dataset):
        # Through a link, the rest of the training would be written somewhere else.
        if folder.is_symlink() or (folder / MANIFEST).exists() or read_failure(folder):
            continue
        try:
            begun.append((folder, read_checkpoint(folder)))
        except RunChangedError:
            begun.append((folder, None))
    return max(begun, key=lambda found: len(found[1].history) if found[1] else 0, default=None)


def _is_bare(folder: Path) -> bool:
    """Whether a training made this folder and died before it wrote what it was."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    return all(each.name == "recipe.json" or is_leftover(each) for each in folder.iterdir())


def _of_training(
    folders: Iterable[Path], recipe: BaseRecipe, seed: int, dataset: Dataset
) -> Iterator[Path]:
    """The folders whose recipe and environment are those of this recipe, seed and data."""
    for folder in folders:
        try:
            environment = stored_environment(folder)
            data = environment["data"]
            if (
                environment["seed"] == seed
                and data["hashes"] == dataset.training_hashes
                and tuple(data["classes"]) == dataset.classes
                and recipe_from_json(stored_json(folder / "recipe.json")).key == recipe.key
            ):
                yield folder
        except (FittingRoomError, OSError, TypeError, ValueError, OverflowError, RecursionError):
            continue  # not a run, or stopped before it was told which, or of another version


def _look_at(folder: Path) -> Listed | None:
    """What a folder is; None if it is no run."""
    try:
        if not (folder / "recipe.json").exists():
            return None
        return Listed(folder, "finished", open_run(folder))
    except RunUnfinishedError as error:
        reason = read_failure(folder)
        if reason is not None:
            return Listed(folder, "failed", None, reason)
        return Listed(folder, "unfinished", None, str(error))
    except OSError as error:
        return Listed(folder, "unreadable", None, f"{folder} can't be read: {error.strerror}.")
    except RunChangedError as error:
        return Listed(folder, "changed", None, str(error))
    except FittingRoomError as error:
        return Listed(folder, "unreadable", None, str(error))
