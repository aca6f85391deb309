"""How fast a trained network predicts: the package's model beside other ways to run the same one.

    python -m benchmarks.inference [--repeats 9] [--threads 2]

Two networks, the predecessor's CNN and `cnn`, each trained for one epoch on the embedded sample (the
weights do not change the speed) and exported as any run is, in float and int8. Each peer runs in a process of its own:
images a second in batches of 1, 32 and 1,000, a single image, and peak memory; then, from the start
of a process to its first prediction. Then `cnn` and `cnn-tiny`, trained on the real data unless
`--runs` holds them, are compared with themselves in int8 on the test set. Writes inference.json and
inference.md. Nothing else should run meanwhile.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import measure
from benchmarks.measure import Measured, MeasurementError, in_process, render, say
from fittingroom.runs import describe_environment

OPENVINO = measure.ROOT / ".venv-openvino" / "bin" / "python"
NETWORKS = ("keras-cnn", "cnn")

# Each peer's name on the page.
NAMES = {
    "fittingroom": "**Fitting Room** (`Predictor`)",
    "fittingroom-int8": "**Fitting Room**, int8",
    "fittingroom, from a run": "**Fitting Room**, its run checked first (`open_run`)",
    "onnxruntime-asleep": "ONNX Runtime, threads waiting asleep",
    "keras-tensorflow": "Keras `predict`, TensorFlow",
    "keras-torch": "Keras `predict`, PyTorch",
    "pytorch": "PyTorch, eager, channels last",
    "openvino": "OpenVINO, float32",
    "openvino-default": "OpenVINO, its default precision",
    "openvino-int8": "OpenVINO, our int8 model",
}
# A first prediction, from a run's folder {run} or a Keras file {keras}; then a dot is written.
_KERAS = "import keras; keras.models.load_model({keras!r}).predict(one, verbose=0)"
STARTS = {
    "fittingroom": "from pathlib import Path; from fittingroom.predict import Predictor; "
    "Predictor(Path({run!r}) / 'model.onnx').log_probabilities(one)",
    "fittingroom, from a run": "from pathlib import Path; from fittingroom import open_run; "
    "from fittingroom.predict import Predictor; "
    "Predictor(open_run(Path({run!r})).model_path).log_probabilities(one)",
    "keras-tensorflow": _KERAS,
    "keras-torch": _KERAS,
}


def _python(peer: str, options: argparse.Namespace) -> str | None:
    """The interpreter that has a peer's library; None if there is none."""
    python = sys.executable
    if peer == "keras-tensorflow" or peer.startswith("openvino"):
        python = options.openvino_python if "openvino" in peer else options.tensorflow_python
    return str(python) if os.access(python, os.X_OK) else None


def _variables(peer: str) -> dict[str, str]:
    """What Keras computes with."""
    return {"KERAS_BACKEND": peer.removeprefix("keras-")} if peer.startswith("keras-") else {}


def everything(options: argparse.Namespace, stored: Measured) -> Iterator[Measured]:
    """All networks and peers."""
    with tempfile.TemporaryDirectory() as folder:
        networks = {name: _network(name, Path(folder), options) for name in options.networks}
    work = {"runs": str(options.runs), "data": options.data, "threads": options.threads}
    equivalence = {
        name: in_process("benchmarks.inference_peers:equivalence", recipe=name, **work)
        for name in ("cnn", "cnn-tiny")
    }
    measured = {
        "instructions": "all that the processor has",
        "threads": options.threads,
        "repeats": options.repeats,
        "environment": describe_environment(),
        "networks": networks,
        "int8": equivalence,
    }
    yield {"summary": summarise(measured), **measured}


def _network(name: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    say(f"{name}: an epoch on the sample …")
    keras_file = str(folder / f"{name}.keras")
    trained = in_process(
        "benchmarks.inference_peers:train",
        variables={"KERAS_BACKEND": "torch"},
        recipe=name,
        runs=str(folder),
        keras_file=keras_file,
    )
    run = str(folder / trained["run"])

    def peer_measured(peer: str) -> Measured | None:
        python = _python(peer, options)
        say(f"{peer} …" if python else f"{peer}: left out, it is not installed.")
        return python and in_process(  # type: ignore[return-value]
            "benchmarks.inference_peers:evaluate",
            variables=_variables(peer),
            python=python,
            peer=peer,
            run=run,
            keras_file=keras_file,
            threads=options.threads,
            repeats=options.repeats,
            calls=options.calls,
        )

    def starts(peer: str) -> list[float] | None:
        python = _python(peer, options)
        if python is None:
            return None
        code = "import numpy as np; one = np.zeros((1, 28, 28), np.uint8); "
        code += STARTS[peer].format(run=run, keras=keras_file)
        code += "; import sys; sys.stdout.write('.'); sys.stdout.flush()"
        variables = measure.environment(_variables(peer))
        variables.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled modules are part of an install
        # The first one warms up.
        return [_start([python, "-P", "-c", code], variables) for _ in range(options.repeats + 1)][
            1:
        ]

    return {
        **{
            each: trained[each]
            for each in ("parameters", "operations", "model_bytes", "int8_bytes")
        },
        "peers": {peer: peer_measured(peer) for peer in NAMES if "," not in peer},
        "starts": {peer: starts(peer) for peer in STARTS},
    }


def _start(command: Sequence[str], variables: dict[str, str]) -> float:
    """Seconds from the start of a process to its first prediction."""
    began = time.perf_counter()
    with subprocess.Popen(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.read(1)
        seconds = time.perf_counter() - began
        words = process.stderr.read().decode()[-2000:]
    if first != b".":
        raise MeasurementError(f"{command[-1]} ended without a prediction:\n{words}")
    return seconds


def summarise(measured: Measured) -> dict[str, Any]:
    """Medians, and ratios to Keras on TensorFlow."""
    summary: dict[str, Any] = {}
    for name, network in measured["networks"].items():
        rows: dict[str, dict[str, Any]] = {}
        for peer, found in network["peers"].items():
            if found is None:
                continue
            rates = {size: _median(values) for size, values in found["images_per_second"].items()}
            rows[peer] = {"images_per_second": rates}
        base = rows.get("keras-tensorflow")
        for row in rows.values():
            row["over_keras"] = base and {
                size: rate / base["images_per_second"][size]
                for size, rate in row["images_per_second"].items()
            }
        starts = {
            peer: _median(times) for peer, times in network["starts"].items() if times is not None
        }
        summary[name] = {"peers": rows, "starts": starts}
    return summary


def _median(values: Sequence[float]) -> float:
    return float(np.median(values))


def page(measured: Measured) -> str:
    """The results as Markdown, with the versions of all peers."""
    found = [
        each
        for network in measured["networks"].values()
        for each in network["peers"].values()
        if each
    ]
    environment = dict(measured["environment"])
    for each in found:
        environment["versions"] = environment["versions"] | each["versions"]
    return render("inference", {**measured, "environment": environment}, names=NAMES)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = measure.parser(__doc__)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--calls", type=float, default=1.0, help="below 1: a trial; needs --out")
    parser.add_argument("--runs", type=Path, default=measure.ROOT / "runs" / "benchmark")
    parser.add_argument("--tensorflow-python", type=Path, default=measure.TENSORFLOW)
    parser.add_argument("--openvino-python", type=Path, default=OPENVINO)
    options = measure.parse(parser, arguments, trial=("calls",))
    measure.run("inference", options, everything, page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
