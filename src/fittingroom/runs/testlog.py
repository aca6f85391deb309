"""The log of openings of a test set: ``test-log.jsonl`` in a folder of runs."""

import errno
import json
import os
import stat
from collections.abc import Collection, Iterable
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

from fittingroom.errors import RunError
from fittingroom.runs.environment import code_revision, now
from fittingroom.runs.files import cannot_write, flush_folder
from fittingroom.safe_io import MEBIBYTE, Refusal, parse_json, read_whole

TEST_LOG = "test-log.jsonl"
# An opening takes two lines of some two hundred bytes together.
_LARGEST_LOG, _MOST_LINES = 64 * MEBIBYTE, 250_000


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
    """Log an opening, before the test set is read.

    Raises:
        RunError: the log cannot be written.
    """
    opening = Opening(now(), run, recipe, data, purpose, code_revision())
    path = runs / TEST_LOG
    try:
        # One short write in append mode, so lines of several processes do not mix. It begins with a
        # line end, in case a crash cut off the line before.
        with open(path, "ab", buffering=0, opener=_plain_file) as stream:
            stream.write(b"\n" + json.dumps(asdict(opening)).encode() + b"\n")
            os.fsync(stream.fileno())
        flush_folder(runs)  # in case this is the first opening
    except OSError as error:
        raise cannot_write(path, error) from error


def _plain_file(path: str, flags: int) -> int:
    """Open a log of an untrusted folder, which may be a link to another file of ours, or a pipe."""
    others = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    opened = os.open(path, flags | others, 0o666)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise OSError(errno.EINVAL, "not a plain file", path)
    return opened


def openings_for(
    openings: Iterable[Opening], data: str, recipes: Collection[str]
) -> tuple[Opening, ...]:
    """Those of a data set's test set that were for these recipes, in their order."""
    return tuple(each for each in openings if each.data == data and each.recipe in recipes)


def read_openings(runs: Path) -> tuple[Opening, ...]:
    """All openings logged in a folder of runs; lines that a crash cut off are skipped.

    Raises:
        RunError: the log cannot be read.
    """
    path = runs / TEST_LOG
    try:
        content = read_whole(path, _LARGEST_LOG)
        if content.count(b"\n") > _MOST_LINES:
            raise Refusal(f"more than {_MOST_LINES:,} lines")
    except FileNotFoundError:
        return ()
    except (OSError, Refusal) as error:
        raise RunError(
            f"{path} can't be read: {getattr(error, 'strerror', None) or error}. Make it readable, "
            "so that the openings can be counted."
        ) from error
    openings = []
    for line in filter(None, content.decode("utf-8", errors="replace").split("\n")):
        try:
            opening = Opening(**parse_json(line, "the log"))
        except (TypeError, ValueError):
            continue
        *texts, revision = astuple(opening)
        if all(isinstance(each, str) for each in (*texts, revision or "")):
            openings.append(opening)
    return tuple(openings)
