"""How hostile files are read in tests: one after the other, in a process of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Of the wall's clock, for all files.
PATIENCE = 600
# For one file: seconds of the processor, which other work on the machine leaves as they are.
MOST_SECONDS = 2.0
MOST_MEMORY = 256 * 2**20


@dataclass(frozen=True)
class Hostile:
    """One hostile file.

    Attributes:
        name: what is wrong with it.
        make: writes it to a path; gives another path if that is the one to read.
        words: a part of the error's message.
    """

    name: str
    make: Callable[[Path], Path | None]
    words: str = ""


@dataclass(frozen=True)
class Answer:
    """What a reader said of a file: the error's types, its message, memory and time taken."""

    kinds: tuple[str, ...]
    message: str
    grown: int
    seconds: float


def stored(content):
    """Writes these bytes, or this ONNX model."""
    return lambda path: (
        path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
        and None
    )


def answers(files: list[tuple[str, Hostile]], folder: Path) -> list[Answer]:
    """What each reader, by its name, says of its file; where one ends the process, all that is."""
    lines = []
    for number, (reader, hostile) in enumerate(files):
        (folder / f"{number}").mkdir(parents=True)
        path = folder / f"{number}" / "file"
        lines.append(f"{reader} {hostile.make(path) or path}\n")
    found: list[Answer] = []
    while len(found) < len(lines):
        done = subprocess.run(
            [sys.executable, "-m", "tests.hostile.worker"],
            input="".join(lines[len(found) :]),
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
            timeout=PATIENCE,
            check=False,
        )
        found += [Answer(**json.loads(line)) for line in done.stdout.splitlines()]
        if done.returncode:
            found.append(Answer((), f"ended the process: {done.stderr[-500:]}", 0, 0.0))
    return found
