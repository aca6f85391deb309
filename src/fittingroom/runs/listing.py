"""All runs in a folder, and finding one that was made before."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fittingroom.errors import FittingRoomError, RunUnfinishedError
from fittingroom.recipes import Described
from fittingroom.runs.folder import FAILURE, Run, open_run

State = Literal["finished", "unfinished", "failed", "changed"]


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
    folders = (path for path in runs.iterdir() if (path / "recipe.json").exists())
    return tuple(_look_at(folder) for folder in sorted(folders))


def find_run(
    runs: Path, recipe: Described, seed: int, data_hashes: Mapping[str, Any]
) -> Run | None:
    """The finished run of this recipe, seed and data; the newest where there are several."""
    found = [
        listed.run
        for listed in list_runs(runs)
        if listed.run is not None
        and listed.run.seed == seed
        and listed.run.recipe.key == recipe.key
        and listed.run.environment["data"]["hashes"] == dict(data_hashes)
    ]
    return max(found, key=lambda run: str(run.environment["time"]), default=None)


def _look_at(folder: Path) -> Listed:
    try:
        return Listed(folder, "finished", open_run(folder))
    except RunUnfinishedError as error:
        failed = (folder / FAILURE).exists()
        return Listed(folder, "failed" if failed else "unfinished", None, str(error))
    except FittingRoomError as error:
        return Listed(folder, "changed", None, str(error))
