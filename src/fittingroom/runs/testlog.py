"""The log of openings of a test set: ``test-log.jsonl`` in a folder of runs."""

from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path

from fittingroom.runs.environment import code_revision, now
from fittingroom.runs.files import append_line, read_lines
from fittingroom.runs.registered import is_registered, read_plans
from fittingroom.safe_io import utf8

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
    """Log an opening, before the test set is read.

    By the recipe's key and the seed, if a trained model is scored, a plan that was registered
    knows it.
    """
    registered = is_registered(runs, data, key, seed)
    opening = Opening(now(), utf8(run), utf8(recipe), data, purpose, code_revision(), registered)
    append_line(runs / TEST_LOG, asdict(opening))


def read_openings(runs: Path) -> tuple[Opening, ...]:
    """All openings logged in a folder of runs.

    What was opened before the folder's first plan was not registered.
    """
    openings, planned = [], bool(read_plans(runs))
    for line in read_lines(runs / TEST_LOG):
        try:
            opening = Opening(**line)
        except TypeError:
            continue
        *texts, revision, registered = astuple(opening)
        if all(isinstance(each, str) for each in (*texts, revision or "")):
            openings.append(replace(opening, registered=registered is True if planned else None))
    return tuple(openings)
