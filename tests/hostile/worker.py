"""Read hostile files one after the other, each within a bound of processor time and memory.

    python -m tests.hostile.worker READER < names-of-files

One line of JSON comes back for each: the type of error, its message, by how much the peak of the
memory rose, and the seconds of the processor that it took. The system ends the process where a file
takes twice as many as it may.
"""

import json
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
    from fittingroom.data import find_dataset, idx
    from fittingroom.external_predictions import read_elsewhere
    from fittingroom.predict import Predictor
    from fittingroom.predictions import Predictions
    from fittingroom.recipes import recipe_of
    from fittingroom.runs import open_run, read_checkpoint
    from fittingroom.safe_io import read_weights

    labels, classes = np.arange(10, dtype=np.uint8), tuple("abcdefghij")

    def run(folder: Path) -> None:
        found = open_run(folder)
        found.read_predictions("sample")
        Predictor(found.model_path)

    return {
        "images": idx.read_images,
        "labels": idx.read_labels,
        "data": lambda path: find_dataset(path, allow_unknown=True),
        "predictions": Predictions.read,
        "elsewhere": lambda path: read_elsewhere(
            path, labels=labels, indices=np.arange(10), classes=classes
        ),
        "model": lambda path: Predictor(path).log_probabilities(np.zeros((2, 28, 28), np.uint8)),
        "run": run,
        "checkpoint": read_checkpoint,
        "weights": read_weights,
        "recipe": lambda path: recipe_of(str(path)),
    }


def peak() -> int:
    """The most memory that this process has had, in bytes; counted anew from here on."""
    status = Path("/proc/self/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    Path("/proc/self/clear_refs").write_text("5")
    return int(line.split()[1]) * 1024


def main() -> None:
    read = readers()[sys.argv[1]]
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    for line in sys.stdin:
        used = resource.getrusage(resource.RUSAGE_SELF)
        spent = int(used.ru_utime + used.ru_stime)
        resource.setrlimit(resource.RLIMIT_CPU, (spent + 1 + SECONDS, resource.RLIM_INFINITY))
        peak()
        before = peak()
        began = time.process_time()
        try:
            read(Path(line.rstrip("\n")))
        except Exception as error:  # noqa: BLE001 (whatever it is, is told)
            kinds = [kind.__name__ for kind in type(error).__mro__]
            said = {"kinds": kinds, "message": str(error)}
        else:
            said = {"kinds": [], "message": "read without a word"}
        taken = time.process_time() - began
        print(json.dumps({**said, "grown": peak() - before, "seconds": taken}), flush=True)


if __name__ == "__main__":
    main()
