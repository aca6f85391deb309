"""The log of openings of a test set: ``test-log.jsonl`` in a folder of runs."""

import io
import json
import os
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

from fittingroom.errors import RunError
from fittingroom.runs.environment import code_revision, now
from fittingroom.runs.files import cannot_write, flush_folder
from fittingroom.safe_io import MEBIBYTE, Refusal, parse_json, read_whole, utf8

TEST_LOG = "test-log.jsonl"
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
    """

    time: str
    run: str
    recipe: str
    data: str
    purpose: str
    revision: str | None


def log_opening(runs: Path, *, run: str, recipe: str, data: str, purpose: str) -> None:
    """Log an opening, before the test set is read."""
    path = runs / TEST_LOG
    if path.is_symlink():  # of an untrusted folder, which would make us write elsewhere
        raise RunError(f"{path} is a link. Remove it, or choose another folder with --runs.")
    opening = Opening(now(), utf8(run), utf8(recipe), data, purpose, code_revision())
    try:
        # One short write in append mode, so lines of several processes do not mix. It begins with a
        # line end, in case a crash cut off the line before.
        with path.open("ab", buffering=0) as stream:
            stream.write(b"\n" + json.dumps(asdict(opening)).encode() + b"\n")
            os.fsync(stream.fileno())
        flush_folder(runs)  # in case this is the first opening
    except OSError as error:
        raise cannot_write(path, error) from error


def read_openings(runs: Path) -> tuple[Opening, ...]:
    """All openings logged in a folder of runs; lines that a crash cut off are skipped."""
    path = runs / TEST_LOG
    try:
        content = read_whole(path, _LARGEST_LOG)
    except FileNotFoundError:
        return ()
    except (OSError, Refusal) as error:
        raise RunError(
            f"{path} can't be read: {getattr(error, 'strerror', None) or error}. Make it readable, "
            "so that the openings can be counted."
        ) from error
    openings = []
    for line in filter(bytes.strip, io.BytesIO(content)):
        try:
            opening = Opening(**parse_json(line, "the log"))
        except (TypeError, ValueError):
            continue
        *texts, revision = astuple(opening)
        if all(isinstance(each, str) for each in (*texts, revision or "")):
            openings.append(opening)
    return tuple(openings)
