"""All runs in a folder, and finding one that was made before."""

import glob
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fittingroom.data import Dataset
from fittingroom.errors import FittingRoomError, RecipeError, RunChangedError, RunUnfinishedError
from fittingroom.recipes import BaseRecipe, recipe_from_json
from fittingroom.runs.checkpoints import Checkpoint, read_checkpoint
from fittingroom.runs.files import is_leftover
from fittingroom.runs.folder import Run, open_run, read_failure
from fittingroom.runs.manifests import MANIFEST
from fittingroom.runs.stored import check_environment, stored_json

# What values of other types and sizes than ours lead to.
_OTHER_THINGS = (KeyError, TypeError, ValueError, OverflowError, RecursionError)

State = Literal["finished", "unfinished", "failed", "changed", "unreadable"]


@dataclass(frozen=True, eq=False)
class Listed:
    """One folder of a folder of runs.

    Attributes:
        folder: where it is.
        state: whether it can be used.
        run: the run, where it can.
        reason: why it cannot, otherwise.
    """

    folder: Path
    state: State
    run: Run | None
    reason: str = ""


def list_runs(runs: Path) -> tuple[Listed, ...]:
    """Every run folder in ``runs``, by name; empty where there is no such folder."""
    if not runs.is_dir():
        return ()
    looked_at = (_look_at(path) for path in sorted(runs.iterdir()) if path.is_dir())
    return tuple(listed for listed in looked_at if listed is not None)


def find_run(runs: Path, recipe: BaseRecipe, seed: int, dataset: Dataset) -> Run | None:
    """The finished run of this recipe, seed and data; the newest where there are several."""
    if not runs.is_dir():
        return None
    # Opening a run reads all of it; of another seed, nothing but that is read.
    looked_at = (_look_at(path) for path in sorted(runs.iterdir()) if _may_have(path, seed))
    found = [
        listed.run
        for listed in looked_at
        if listed is not None
        and listed.run is not None
        and listed.run.seed == seed
        and listed.run.recipe.key == recipe.key
        and listed.run.environment["data"]["hashes"] == dataset.training_hashes
        and listed.run.classes == dataset.classes
    ]
    return max(found, key=lambda run: str(run.environment["time"]), default=None)


def find_begun(
    runs: Path, name: str, recipe: BaseRecipe, seed: int, dataset: Dataset
) -> tuple[Path, Checkpoint | None] | None:
    """The unfinished run of this recipe, seed and data that came furthest, and its checkpoint.

    There is none where it was broken off before the first, its engine writes none, or the file can
    no longer be read; the folder is used again then.

    Args:
        runs: the folder of runs.
        name: what such a run is called; ``name-2`` and so on are others of it.
        recipe: what was to be trained.
        seed: with which seed.
        dataset: on which data.
    """
    begun: list[tuple[Path, Checkpoint | None]] = []
    for folder in (runs / name, *sorted(runs.glob(f"{glob.escape(name)}-*"))):
        try:
            # Through a link, the rest of the training would be written somewhere else.
            if folder.is_symlink() or (folder / MANIFEST).exists() or read_failure(folder):
                continue
            if _is_bare(folder, name):
                begun.append((folder, None))
                continue
            environment = check_environment(stored_json(folder / "environment.json"))
            data = environment["data"]
            if (
                recipe_from_json(stored_json(folder / "recipe.json")).key == recipe.key
                and environment["seed"] == seed
                and data["hashes"] == dataset.training_hashes
                and tuple(data["classes"]) == tuple(dataset.classes)
            ):
                begun.append((folder, _checkpoint_of(folder)))
        except (OSError, RunChangedError, RecipeError, *_OTHER_THINGS):
            continue  # it was broken off before it could be told what it is, or is a stranger's
    return max(begun, key=lambda found: len(found[1].history) if found[1] else 0, default=None)


def _checkpoint_of(folder: Path) -> Checkpoint | None:
    try:
        return read_checkpoint(folder)
    except RunChangedError:
        return None


def _is_bare(folder: Path, name: str) -> bool:
    """Whether a training made this folder and died before it said which: by the folder's name it
    was one of ours, and nothing is in it that anybody could miss."""
    number = folder.name.removeprefix(name)
    ours = number == "" or re.fullmatch(r"-[0-9]+", number) is not None
    return (
        ours
        and folder.is_dir()
        and all(each.name == "recipe.json" or is_leftover(each) for each in folder.iterdir())
    )


def _may_have(folder: Path, seed: int) -> bool:
    """Whether a folder may be a run of this seed."""
    try:
        return stored_json(folder / "environment.json")["seed"] == seed
    except (OSError, RunChangedError, KeyError):
        return False


def _look_at(folder: Path) -> Listed | None:
    """What a folder is; None where it is no run."""
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
        return Listed(folder, "unreadable", None, f"{folder} cannot be read: {error.strerror}.")
    except RunChangedError as error:
        return Listed(folder, "changed", None, str(error))
    except FittingRoomError as error:
        return Listed(folder, "unreadable", None, str(error))
