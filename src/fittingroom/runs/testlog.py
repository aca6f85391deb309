"""The log of openings of a test half: ``test-log.jsonl`` in a folder of runs."""

import json
import os
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from fittingroom.errors import RunError
from fittingroom.runs.environment import code_revision, now
from fittingroom.runs.files import cannot_write

TEST_LOG = "test-log.jsonl"


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
    """

    time: str
    run: str
    recipe: str
    data: str
    purpose: str
    revision: str | None


def log_opening(runs: Path, *, run: str, recipe: str, data: str, purpose: str) -> None:
    """Append an opening before the test half is read.

    Raises:
        RunError: the log cannot be written.
    """
    opening = Opening(now(), run, recipe, data, purpose, code_revision())
    path = runs / TEST_LOG
    try:
        # One short write in append mode: lines of several processes do not mix. It begins with a
        # line's end, in case a crash cut off the line before.
        with path.open("ab", buffering=0) as stream:
            stream.write(b"\n" + json.dumps(asdict(opening)).encode() + b"\n")
            os.fsync(stream.fileno())
    except OSError as error:
        raise cannot_write(path, error) from error


def openings_for(
    openings: Iterable[Opening], data: str, recipes: Collection[str]
) -> tuple[Opening, ...]:
    """Those of a data set's test half that were for these recipes, in their order."""
    return tuple(each for each in openings if each.data == data and each.recipe in recipes)


def read_openings(runs: Path) -> tuple[Opening, ...]:
    """All openings logged in a folder of runs; lines that a crash cut off are passed over.

    Raises:
        RunError: the log cannot be read.
    """
    path = runs / TEST_LOG
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise RunError(
            f"Expected to read {path}. Received: {error.strerror or error}. "
            "Make it readable, so that the openings can be counted."
        ) from error
    openings = []
    for line in text.splitlines():
        try:
            openings.append(Opening(**json.loads(line)))
        except (TypeError, ValueError):
            continue
    return tuple(openings)
