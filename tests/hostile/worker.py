"""Read hostile files one after the other, each within a bound of processor time and memory.

    python -m tests.hostile.worker < lines of a reader's name and a path

One line of JSON comes back for each: the types of the error, its message, by how much the peak of
the memory rose, and the seconds of the processor that it took. The system ends the process where a
file takes twice as many as it may.
"""

import contextlib
import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SECONDS, BYTES = 4, 1 << 30


def readers() -> dict[str, Callable[[Path], Any]]:
    """What each kind of file is read with."""
    from fittingroom.data import find_dataset
    from fittingroom.data.readers import idx
    from fittingroom.external_predictions import read_external
    from fittingroom.predict import Predictor
    from fittingroom.predictions import Predictions
    from fittingroom.recipes import recipe_of
    from fittingroom.runs import open_run, read_checkpoint
    from fittingroom.safe_io import models, read_weights

    # Nothing is remembered, and a copy of this process takes the place of a new one.
    models._remembered = lambda digest: None
    models._remember = lambda digest, at_once: None
    models._try_out = try_out
    labels, classes = np.arange(10, dtype=np.uint8), tuple("abcdefghij")

    def run(folder: Path) -> None:
        found = open_run(folder)
        found.read_predictions("sample")
        Predictor(found.model_path)

    def model(path: Path) -> None:
        predictor = Predictor(path, threads=1)
        for count in (2, 3):
            predictor.log_probabilities(np.zeros((count, 28, 28), np.uint8))

    return {
        "images": lambda path: idx.read_array(path, 3),
        "labels": lambda path: idx.read_array(path, 1),
        "data": lambda path: find_dataset(path),
        "predictions": Predictions.read,
        "external": lambda path: read_external(
            path, labels=labels, indices=np.arange(10), classes=classes
        ),
        "model": model,
        "run": run,
        "checkpoint": read_checkpoint,
        "weights": read_weights,
        "recipe": lambda path: recipe_of(str(path)),
    }


def try_out(content: bytes) -> int:
    """What ``fittingroom.safe_io.inspection`` does with a model, without starting Python anew."""
    from fittingroom.safe_io import Refusal, inspection

    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(sending, 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        with contextlib.suppress(BaseException):
            inspection.answer(content, seconds=2)
        os._exit(0)
    os.close(sending)
    with os.fdopen(receiving, "rb") as stream:
        said = stream.read()
    os.waitpid(child, 0)
    if not said:
        raise Refusal("it ended the process")
    answer = json.loads(said)
    if "refused" in answer:
        raise Refusal(answer["refused"])
    return answer["at_once"]


def peak() -> int:
    """The most memory that this process has had, in bytes; counted anew from here on."""
    status = Path("/proc/self/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    Path("/proc/self/clear_refs").write_text("5")
    return int(line.split()[1]) * 1024


def main() -> None:
    read = readers()
    for name in (
        "fittingroom.safe_io.inspection",
        "pandas",
    ):  # so that no file's time is an import's
        importlib.import_module(name)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
    for line in sys.stdin:
        reader, _, path = line.rstrip("\n").partition(" ")
        used = resource.getrusage(resource.RUSAGE_SELF)
        spent = int(used.ru_utime + used.ru_stime)
        resource.setrlimit(resource.RLIMIT_CPU, (spent + 1 + SECONDS, resource.RLIM_INFINITY))
        peak()
        before = peak()
        began = time.process_time()
        try:
            read[reader](Path(path))
        except Exception as error:  # noqa: BLE001 (whatever it is, is told)
            kinds = [kind.__name__ for kind in type(error).__mro__]
            said = {"kinds": kinds, "message": str(error)}
        else:
            said = {"kinds": [], "message": ""}
        taken = time.process_time() - began
        print(json.dumps({**said, "grown": peak() - before, "seconds": taken}), flush=True)


if __name__ == "__main__":
    main()
