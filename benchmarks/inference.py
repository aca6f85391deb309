"""How fast a trained network answers: the package's model beside other ways to run the same one.

    python benchmarks/inference.py [--repeats 9] [--threads 2] [--avx2]

Two networks, the predecessor's CNN and ``cnn``, each trained for an epoch on the embedded sample
(which weights they are changes no speed) and exported as any run is. Each peer answers in a
process of its own: pictures a second at batches of 1, 32 and 1,000, one picture on its own, the
most memory; then, from the start of a process to its first answer. It writes ``inference.json``
and ``inference.md``, with ``--avx2`` ``inference-avx2``. Nothing else should run meanwhile.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # In place of this folder, whose statistics.py would hide Python's own.
    sys.path[0] = str(Path(__file__).parents[1])

import numpy as np

from benchmarks import processes
from benchmarks.inference_page import page
from fittingroom.runs import available_processors, write_file

OUT = processes.ROOT / "docs" / "results"
OPENVINO = processes.ROOT / ".venv-openvino" / "bin" / "python"
NETWORKS = ("keras-cnn", "cnn")
_CEILING_SECONDS = 1.0

# A first answer, from the folder of a run {run} or Keras' file {keras}; a byte says that it came.
_FIRST = "; import sys; sys.stdout.write('.'); sys.stdout.flush()"
_ONE = "import numpy as np; one = np.zeros((1, 28, 28), np.uint8); "
STARTS = {
    "fittingroom": _ONE + "from pathlib import Path; from fittingroom.predict import Predictor; "
    "Predictor(Path({run!r}) / 'model.onnx').log_probabilities(one)" + _FIRST,
    "fittingroom, from a run": _ONE + "from fittingroom import open_run; "
    "from fittingroom.predict import Predictor; "
    "Predictor(open_run(__import__('pathlib').Path({run!r})).model_path).log_probabilities(one)"
    + _FIRST,
    "keras-tensorflow": _ONE + "import keras; "
    "keras.models.load_model({keras!r}).predict(one, verbose=0)" + _FIRST,
    "keras-torch": _ONE + "import keras; "
    "keras.models.load_model({keras!r}).predict(one, verbose=0)" + _FIRST,
}


class Benchmark:
    """What was asked for, and the interpreters that are there.

    Args:
        options: the command line's.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        pythons = {
            "fittingroom": sys.executable,
            "fittingroom, from a run": sys.executable,
            "onnxruntime-asleep": sys.executable,
            "keras-tensorflow": options.tensorflow_python,
            "keras-torch": sys.executable,
            "pytorch": sys.executable,
            "openvino": options.openvino_python,
        }
        self.pythons = {
            name: python if os.access(python, os.X_OK) else None for name, python in pythons.items()
        }

    def run(self) -> dict[str, Any]:
        """All that was measured, as JSON values."""
        options = self.options
        _say("The machine's ceilings …")
        measured = processes.measure(
            "ceilings",
            {
                "threads": options.threads,
                "avx2": options.avx2,
                "seconds": _CEILING_SECONDS * min(options.calls, 1.0),
            },
            variables=self._variables(None),
        )
        environment = measured.pop("environment")
        with tempfile.TemporaryDirectory() as folder:
            networks = {name: self._network(name, Path(folder)) for name in options.networks}
        return {
            "instructions": processes.instructions(options.avx2),
            "threads": options.threads,
            "repeats": options.repeats,
            "environment": environment,
            "ceilings": measured,
            "networks": networks,
        }

    def _network(self, name: str, folder: Path) -> dict[str, Any]:
        _say(f"{name}: an epoch on the sample …")
        keras_file = folder / f"{name}.keras"
        trained = processes.measure(
            "train_for_inference",
            {"recipe": name, "runs": str(folder), "keras_file": str(keras_file)},
            variables=self._variables("torch"),
        )
        run = folder / trained["run"]
        peers = {
            peer: self._peer(peer, run, keras_file) for peer in self.pythons if "," not in peer
        }
        starts = {peer: self._starts(peer, run, keras_file) for peer in STARTS}
        return {
            "parameters": trained["parameters"],
            "operations": trained["operations"],
            "model_bytes": trained["model_bytes"],
            "peers": peers,
            "starts": starts,
        }

    def _peer(self, peer: str, run: Path, keras_file: Path) -> dict[str, Any] | None:
        python = self.pythons[peer]
        if python is None:
            _say(f"{peer}: left out, it is not installed.")
            return None
        _say(f"{peer} …")
        return processes.measure(
            "answer",
            {
                "peer": peer,
                "run": str(run),
                "keras_file": str(keras_file),
                "threads": self.options.threads,
                "repeats": self.options.repeats,
                "calls": self.options.calls,
            },
            variables=self._variables(_backend(peer)),
            python=python,
        )

    def _starts(self, peer: str, run: Path, keras_file: Path) -> list[float] | None:
        """Seconds from the start of a process to its first answer, after one to warm up."""
        python = self.pythons[peer]
        if python is None:
            return None
        code = STARTS[peer].format(run=str(run), keras=str(keras_file))
        variables = processes.environment(self._variables(_backend(peer)))
        variables.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled modules are part of an install
        times = [_first_answer([python, "-P", "-c", code], variables) for _ in range(self.options.repeats + 1)]  # fmt: skip
        return times[1:]

    def _variables(self, backend: str | None) -> dict[str, str]:
        return processes.settings(avx2=self.options.avx2, backend=backend)


def _backend(peer: str) -> str | None:
    return peer.removeprefix("keras-") if peer.startswith("keras-") else None


def _first_answer(command: Sequence[str], variables: dict[str, str]) -> float:
    began = time.perf_counter()
    with subprocess.Popen(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.read(1)
        seconds = time.perf_counter() - began
        said = process.stderr.read()
    if first != b".":
        raise processes.MeasurementError(
            f"Expected an answer from {command[-1]}. Received: {said.decode()[-2000:]}"
        )
    return seconds


def summarise(measured: dict[str, Any]) -> dict[str, Any]:
    """The figures that the page shows: medians, ratios to Keras on TensorFlow, ceilings' shares."""
    ceiling = max(measured["ceilings"]["products_gflops"].values())
    summary: dict[str, Any] = {}
    for name, network in measured["networks"].items():
        rows: dict[str, dict[str, Any]] = {}
        for peer, found in network["peers"].items():
            if found is None:
                continue
            rates = {size: median(values) for size, values in found["pictures_per_second"].items()}
            rows[peer] = {
                "pictures_per_second": rates,
                "ceiling_share": {
                    size: rate * 2 * network["operations"] / 1e9 / ceiling
                    for size, rate in rates.items()
                },
            }
        base = rows.get("keras-tensorflow")
        for row in rows.values():
            row["over_keras"] = base and {
                size: rate / base["pictures_per_second"][size]
                for size, rate in row["pictures_per_second"].items()
            }
        starts = {
            peer: median(times) for peer, times in network["starts"].items() if times is not None
        }
        summary[name] = {"peers": rows, "starts": starts}
    return summary


def median(values: Sequence[float]) -> float:
    """The middle of some figures."""
    return float(np.median(values))


def _say(sentence: str) -> None:
    print(sentence, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--calls", type=float, default=1.0, help="below 1: a trial; needs --out")
    parser.add_argument("--threads", type=int, default=min(2, available_processors()))
    parser.add_argument("--avx2", action="store_true", help="hold all libraries that can be held")
    parser.add_argument("--tensorflow-python", default=str(processes.TENSORFLOW))
    parser.add_argument("--openvino-python", default=str(OPENVINO))
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args(arguments)
    if options.calls < 1 and options.out == OUT:
        parser.error("a trial with --calls needs an --out of its own")
    measured = Benchmark(options).run()
    measured = {"summary": summarise(measured), **measured}
    stem = "inference-avx2" if options.avx2 else "inference"
    options.out.mkdir(parents=True, exist_ok=True)
    write_file(options.out / f"{stem}.json", (json.dumps(measured, indent=1) + "\n").encode())
    write_file(options.out / f"{stem}.md", page(measured).encode())
    _say(page(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
