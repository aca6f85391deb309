"""What a folder of runs logs of a test set: openings, and plans that were registered before."""

import hashlib
import io
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from typing import Any

from fittingroom.errors import RunChangedError, RunError
from fittingroom.runs.environment import code_revision, now
from fittingroom.runs.files import cannot_write, flush_folder
from fittingroom.safe_io import MEBIBYTE, Refusal, parse_json, read_whole, utf8

TEST_LOG, PLANS = "test-log.jsonl", "registered.jsonl"
_LARGEST_LOG = 16 * MEBIBYTE  # some 80,000 openings


@dataclass(frozen=True)
class Opening:
    """One line of the log.

    Attributes:
        time: UTC, ISO 8601.
        run: name of the run folder that was scored.
        recipe: the run's recipe.
        data: name of the data set.
        purpose: the command that opened it.
        revision: git's name for the code, or None.
        registered: whether a plan had its recipe and seed; None if the folder has no plan.
    """

    time: str
    run: str
    recipe: str
    data: str
    purpose: str
    revision: str | None
    registered: bool | None = None


def log_opening(
    runs: Path, *, run: str, recipe: str, data: str, purpose: str, key: str = "", seed: int = 0
) -> None:
    """Log an opening, before the test set is read; plans know a recipe's key and seed."""
    plans = read_plans(runs)
    registered = any(
        plan["data"] == data and key in plan["recipes"].values() and seed < plan["seeds"]
        for plan in plans
    )
    texts = utf8(run), utf8(recipe), data, purpose
    opening = Opening(now(), *texts, code_revision(), registered if plans else None)
    _append(runs / TEST_LOG, asdict(opening))


def read_openings(runs: Path) -> tuple[Opening, ...]:
    """All openings logged in a folder of runs; those before its first plan were not registered."""
    openings, planned = [], bool(read_plans(runs))
    for line in _lines(runs / TEST_LOG):
        try:
            opening = Opening(**line)
        except TypeError:
            continue
        *texts, revision, registered = astuple(opening)
        if all(isinstance(each, str) for each in (*texts, revision or "")):
            openings.append(replace(opening, registered=registered is True if planned else None))
    return tuple(openings)


def unplanned(folders: Iterable[Path]) -> list[str]:
    """Names of the runs that were scored though no plan had them, where there are plans."""
    return [
        folder.name
        for folder in folders
        if any(
            each.run == folder.name and each.registered is False
            for each in read_openings(folder.parent)
        )
    ]


def add_plan(runs: Path, plan: Mapping[str, Any]) -> str:
    """Register a plan with the time; a hash of both, which the line has too."""
    stamped = {"time": now(), **plan}
    stamped["hash"] = _hash(stamped)
    _append(runs / PLANS, stamped)
    return str(stamped["hash"])


def read_plans(runs: Path) -> list[dict[str, Any]]:
    """All plans registered in a folder of runs.

    Raises:
        RunChangedError: one is not as it was registered.
    """
    plans = _lines(runs / PLANS, skip=False)
    for plan in plans:
        if not isinstance(plan, dict) or plan.pop("hash", None) != _hash(plan):
            raise RunChangedError(f"{runs / PLANS} was changed. Restore it, or use other --runs.")
    return plans


def _hash(plan: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()


def _append(path: Path, values: Mapping[str, Any]) -> None:
    if path.is_symlink():  # of an untrusted folder, which would make us write elsewhere
        raise RunError(f"{path} is a link. Remove it, or choose another folder with --runs.")
    try:
        # One short write in append mode, so lines of several processes do not mix. It begins with a
        # line end, in case a crash cut off the line before.
        with path.open("ab", buffering=0) as stream:
            stream.write(b"\n" + json.dumps(values).encode() + b"\n")
            os.fsync(stream.fileno())
        flush_folder(path.parent)  # in case this is the first line
    except OSError as error:
        raise cannot_write(path, error) from error


def _lines(path: Path, *, skip: bool = True) -> list[Any]:
    """All lines of a log but those that a crash cut off; None in their place, if not to skip."""
    lines = []
    try:
        for line in filter(bytes.strip, io.BytesIO(read_whole(path, _LARGEST_LOG))):
            try:
                lines.append(parse_json(line, "the log"))
            except Refusal:
                lines += [] if skip else [None]
    except FileNotFoundError:
        pass
    except (OSError, Refusal) as error:
        raise RunError(
            f"{path} can't be read: {getattr(error, 'strerror', None) or error}. Make it readable, "
            "so that the openings can be counted."
        ) from error
    return lines
