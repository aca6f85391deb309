"""Every training whose test score was committed: how often the test set was opened on the way.

    python -m benchmarks.openings

Collects them from the results as they are, and from all that the repository's history holds of
them. Writes openings.json and openings.md; what is there already stays.
"""

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks import measure
from benchmarks.measure import RESULTS, ROOT, Measured, render
from benchmarks.table import key_of
from fittingroom.recipes import RECIPES

# Results that list trainings with their test scores. The history has more of them.
PATTERNS = ("training*.json", "verify-*.json", "defaults*.json")


def scored(results: Mapping[str, Any], committed: str = "") -> Iterator[Measured]:
    """The trainings in one of these results that were scored on the test set.

    If they do not tell when, it was before they were committed.
    """
    for row in results.get("rows", ()):
        if "test_accuracy" in row:
            time = results["sittings"][row["sitting"]]["environment"]["time"]
            yield _opening(row, row["conditions"]["key"], time, row["test_accuracy"])
    for row in results.get("seeds", ()):
        time = (row.get("environment") or results["environment"]).get("time", committed)
        value = row["accuracy"]["value"] if isinstance(row["accuracy"], dict) else row["accuracy"]
        yield _opening({"recipe": results["recipe"], **row}, None, time, value)
    for row in results.get("runs", ()):
        (value,) = row["test_accuracy"].values()
        yield _opening(row, None, results["environment"].get("time", committed), value)


def _opening(row: Mapping[str, Any], key: str | None, time: str, accuracy: float) -> Measured:
    """A training is known by its seconds; its key was written anew where only names changed."""
    values = {name: row[name] for name in ("recipe", "seed", "seconds")}
    return {"time": time, **values, "test_accuracy": accuracy, "key": key}


def everything(options: Any, stored: Measured) -> Iterator[Measured]:
    """All openings, the oldest first."""
    texts = [path.read_text("utf-8") for each in PATTERNS for path in RESULTS.glob(each)]
    now = itertools.chain(*(scored(json.loads(text)) for text in texts))
    found = [*now, *stored.get("openings", ()), *_of_history()]
    once = {(each["recipe"], each["seed"], each["seconds"]): each for each in reversed(found)}
    yield {"openings": sorted(once.values(), key=lambda each: (each["time"], each["seconds"]))}


def _of_history() -> Iterator[Measured]:
    """From the newest commit to the oldest."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    places = [f":(glob)docs/results/{each}" for each in PATTERNS]
    log = git("log", "--format=%cI", "--raw", "--no-abbrev", "--no-renames", "--", *places)
    committed = ""
    for line in filter(None, log.splitlines()):
        if not line.startswith(":"):
            committed = line
        elif set(blob := line.split()[3]) != {"0"}:  # otherwise it was removed
            yield from scored(json.loads(git("cat-file", "blob", blob)), committed)


def page(measured: Measured) -> str:
    """The openings by recipe and key, as Markdown."""
    groups: dict[tuple[str, str], list[Measured]] = {}
    for each in measured["openings"]:
        groups.setdefault((each["recipe"], each["key"] or ""), []).append(each)
    today = {name: key_of(name) for name in (*RECIPES, "tutorial")}
    return render("openings", measured, groups=sorted(groups.items()), today=today)


def main(arguments: Sequence[str] | None = None) -> int:
    options = measure.parse(measure.parser(__doc__), arguments)
    measure.run("openings", options, everything, page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
