"""How hostile files are read in tests: by a process of their own, whose answers are compared."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Of the wall's clock, for all files of a reader.
PATIENCE = 600
# For one file: seconds of the processor, which other work on the machine leaves as they are.
MOST_SECONDS = 2.0
MOST_MEMORY = 256 * 2**20


@dataclass(frozen=True)
class Hostile:
    """One hostile file.

    Attributes:
        name: what is wrong with it.
        make: writes it to a path; gives another path where that is the one to read.
        words: what the error says, or a part of that.
    """

    name: str
    make: Callable[[Path], Path | None]
    words: str


@dataclass(frozen=True)
class Answer:
    """What a reader said of a file."""

    kinds: tuple[str, ...]
    message: str
    grown: int
    seconds: float


def answers(reader: str, files: list[Hostile], folder: Path) -> dict[str, Answer]:
    """Each file's answer, by its name; those after one that ended the process have none."""
    assert len({each.name for each in files}) == len(files), "a name twice"
    paths = []
    for number, hostile in enumerate(files):
        place = folder / f"{number}"
        place.mkdir(parents=True)
        path = place / "file"
        paths.append(hostile.make(path) or path)
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.worker", reader],
        input="".join(f"{path}\n" for path in paths),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
        timeout=PATIENCE,
        check=False,
    )
    said = [json.loads(line) for line in done.stdout.splitlines()]
    return {
        hostile.name: Answer(tuple(each["kinds"]), each["message"], each["grown"], each["seconds"])
        for hostile, each in zip(files, said, strict=False)
    }


def assert_refused(hostile: Hostile, found: dict[str, Answer], kind: str) -> None:
    """One typed error, in words, at once and in little memory."""
    assert hostile.name in found, "the process ended: it took too long, or crashed"
    answer = found[hostile.name]
    assert kind in answer.kinds, f"{answer.kinds[:1]}: {answer.message}"
    assert hostile.words in answer.message
    assert "Traceback" not in answer.message
    assert len(answer.message) < 2000
    assert answer.grown < MOST_MEMORY
    assert answer.seconds < MOST_SECONDS
