"""How fast the service answers: the real server over loopback, in open loop, beside an empty one.

    python benchmarks/serving.py [--model RUN] [--seconds 10] [--soak-minutes 10] [--out FOLDER]

The server is `fittingroom serve` in a process of its own, the load generator another one, and both
are held to the same two processors. Requests are binary tensors of the Open Inference Protocol, with
one picture each and with 32; they go to the package's model (or another) and to a fast one, each of
which also computes alone, so that one sees what the service takes. *Capacity* is what a closed loop gets answered; then requests are due at
random times at 50% and 80% of it and at twice as many, whether or not the server keeps up. It writes
``serving.json`` and ``serving.md``. Nothing else should run meanwhile.
"""

import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # In place of this folder, whose statistics.py would hide Python's own.
    sys.path[0] = str(Path(__file__).parents[1])

import numpy as np
import psutil
from scipy.stats import theilslopes

from benchmarks import processes
from benchmarks.serving_page import page
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.predict.packaged import packaged_model
from fittingroom.runs import describe_environment, write_file

OUT = processes.ROOT / "docs" / "results"
LOADS = {"half": 0.5, "high": 0.8, "twice": 2.0}
PICTURES = (1, 32)
# In a closed loop as many requests wait as there are connections; the queue takes 64.
_CLOSED_CONNECTIONS = 32
_OPEN_CONNECTIONS = 256
_WARM_UP_SECONDS = 2.0
_START_SECONDS = 120.0
_SOAK_LOAD = 0.5
_SAMPLE_SECONDS = 3.0
_FEWEST_SAMPLES = 10  # in each tenth of a short trial
_FAST = "cnn-fast"
_RAW_BATCHES = (1, 32, 256)

# What HTTP alone costs: the same server, and an application that reads the body and says nothing.
_EMPTY = """
import socket, uvicorn
START = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
END = {"type": "http.response.body", "body": b"{}"}
async def application(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send(START)
    await send(END)
listening = socket.create_server(("127.0.0.1", 0), backlog=256)
print(f"answers at http://127.0.0.1:{listening.getsockname()[1]}/", flush=True)
config = uvicorn.Config(application, lifespan="off", http="httptools", ws="none", access_log=False,
                        log_level="warning")
uvicorn.Server(config).run([listening])
"""


class Server:
    """A running server.

    Attributes:
        port: where it listens.
        process: for its memory and processor time.
    """

    def __init__(self, port: int, process: psutil.Process) -> None:
        self.port = port
        self.process = process

    def used(self) -> dict[str, float]:
        """Processor seconds and resident MB of the process and those below it, as of now."""
        family = [self.process, *self.process.children(recursive=True)]
        times = [each.cpu_times() for each in family]
        return {
            "processor_seconds": sum(each.user + each.system for each in times),
            "resident_mb": sum(each.memory_info().rss for each in family) / 1e6,
        }


@contextlib.contextmanager
def started(command: Sequence[str]) -> Iterator[Server]:
    """A server that says its address, ended by SIGTERM afterwards."""
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(
            command, env=processes.environment({}), stdout=words, stderr=subprocess.STDOUT
        )
        try:
            last = time.monotonic() + _START_SECONDS
            while True:
                words.seek(0)
                said = words.read().decode(errors="replace")
                address = re.search(r"answers at http://[^:]+:(\d+)/", said)
                if address:
                    break
                if process.poll() is not None or time.monotonic() > last:
                    raise processes.MeasurementError(
                        f"Expected a server from {' '.join(command[:4])}. Received:\n{said[-2000:]}"
                    )
                time.sleep(0.05)
            yield Server(int(address[1]), psutil.Process(process.pid))
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            finally:
                process.kill()


def request(name: str, pictures: int) -> bytes:
    """One request with binary data, header and body: noise, which costs the model as much as garments."""
    size = pictures * 28 * 28
    tensor = {
        "name": "pictures",
        "shape": [pictures, 28, 28],
        "datatype": "UINT8",
        "parameters": {"binary_data_size": size},
    }
    asked = [
        {"name": each, "parameters": {"binary_data": True}} for each in ("probabilities", "abstain")
    ]
    header = json.dumps({"inputs": [tensor], "outputs": asked}).encode()
    noise = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8).tobytes()
    head = (
        f"POST /v2/models/{name}/infer HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        f"content-type: application/octet-stream\r\ncontent-length: {len(header) + size}\r\n"
        f"inference-header-content-length: {len(header)}\r\n\r\n"
    )
    return head.encode() + header + noise


def load(
    server: Server, content: bytes, *, rate: float | None, seconds: float, seed: int = 0
) -> dict[str, Any]:
    """Put a server under load from a process of its own; a rate of None is a closed loop."""
    work = {
        "request": content.hex(),
        "port": server.port,
        "connections": _CLOSED_CONNECTIONS if rate is None else _OPEN_CONNECTIONS,
        "rate": rate,
        "seconds": seconds,
        "seed": seed,
    }
    before, began = server.used(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        subprocess.run(
            [sys.executable, "-P", "-m", "benchmarks.load", str(answer)],
            input=json.dumps(work).encode(),
            env=processes.environment({}),
            check=True,
        )
        measured: dict[str, Any] = json.loads(answer.read_text())
    after = server.used()
    spent = after["processor_seconds"] - before["processor_seconds"]
    count = measured["answered"]["count"] + measured["refused"]["count"]
    return {
        **measured,
        "wall_seconds": time.perf_counter() - began,
        "processor_ms_a_request": 1000 * spent / max(1, count),
        "resident_mb": after["resident_mb"],
    }


def measure_loads(server: Server, name: str, pictures: int, seconds: float) -> dict[str, Any]:
    """Capacity, and what each share of it does to the time of an answer."""
    content = request(name, pictures)
    load(server, content, rate=None, seconds=min(seconds, _WARM_UP_SECONDS))
    closed = load(server, content, rate=None, seconds=seconds)
    capacity = closed["answered"]["a_second"]
    if not capacity:
        raise processes.MeasurementError(
            f"Expected answers within {seconds:g} s. Received none. Give it more --seconds."
        )
    result: dict[str, Any] = {"pictures": pictures, "capacity": capacity, "closed": closed}
    for load_name, share in LOADS.items():
        _say(f"  {pictures} a request, {share:.0%} of {capacity:,.0f} a second …")
        result[load_name] = load(server, content, rate=share * capacity, seconds=seconds)
    return result


def soak(server: Server, name: str, capacity: float, minutes: float) -> dict[str, Any]:
    """Resident memory every few seconds at half load, and how it goes up or down with time.

    The slope is that of Theil and Sen with its 95% interval, without the first tenth of the time.
    """
    began, ended = time.perf_counter(), threading.Event()
    taken: list[tuple[float, float]] = []

    def watch() -> None:
        while not ended.wait(min(_SAMPLE_SECONDS, 6 * minutes / _FEWEST_SAMPLES)):
            taken.append((time.perf_counter() - began, server.used()["resident_mb"]))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        loaded = load(
            server, request(name, 1), rate=_SOAK_LOAD * capacity, seconds=60 * minutes, seed=1
        )
    finally:
        ended.set()
        watching.join()
    late = np.array([each for each in taken if each[0] >= 6 * minutes])
    found = theilslopes(late[:, 1], late[:, 0] / 3600)
    return {
        "minutes": minutes,
        "seconds": [round(each[0], 1) for each in taken],
        "resident_mb": [round(each[1], 3) for each in taken],
        "slope_mb_per_hour": float(found.slope),
        "slope_interval": [float(found.low_slope), float(found.high_slope)],
        "load": loaded,
    }


def measure_model(
    title: str, source: Path, command: Sequence[str], options: argparse.Namespace, soaked: bool
) -> dict[str, Any]:
    """A model alone, then in service.

    Args:
        title: for whoever reads.
        source: its ONNX file.
        command: what serves it.
        options: of the command line.
        soaked: whether its memory is watched too.
    """
    _say(f"{title}: ONNX Runtime alone …")
    work = {"model": str(source), "threads": options.processors, "seconds": options.seconds / 4}
    raw = {
        str(batch): processes.measure("raw_model", {**work, "batch": batch}, variables={})[
            "pictures_per_second"
        ]
        for batch in _RAW_BATCHES
    }
    result: dict[str, Any] = {"title": title, "raw": raw, "loads": {}}
    with started(command) as server:
        result["name"] = name = _only_model(server.port)
        for pictures in PICTURES:
            _say(f"{title}, {pictures} pictures a request …")
            result["loads"][str(pictures)] = measure_loads(server, name, pictures, options.seconds)
        if soaked and options.soak_minutes:
            _say(f"Memory over {options.soak_minutes:g} minutes …")
            capacity = result["loads"]["1"]["capacity"]
            result["soak"] = soak(server, name, capacity, options.soak_minutes)
    return result


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Everything, as JSON values."""
    models = []
    with tempfile.TemporaryDirectory() as folder:
        _say(f"Training {_FAST}, whose accuracy does not matter …")
        fast = train(_FAST, session=Session(data="sample", runs=Path(folder))).folder
        chosen = options.model
        if chosen is None:
            title, source = "The model inside the package", packaged_model()
        else:
            title, source = chosen.name, chosen / "model.onnx" if chosen.is_dir() else chosen
        for words, file, named in (
            (title, source, chosen),
            (f"A fast model, `{_FAST}`", fast / "model.onnx", fast),
        ):
            command = [sys.executable, "-P", "-m", "fittingroom", "serve", "--port", "0"]
            command += ["--model", str(named)] if named else []
            models.append(measure_model(words, file, command, options, soaked=file == source))
    with started([sys.executable, "-P", "-c", _EMPTY]) as server:
        _say("An empty handler …")
        empty = {
            str(pictures): load(server, request("x", pictures), rate=None, seconds=options.seconds)
            for pictures in PICTURES
        }
    return {
        "seconds": options.seconds,
        "processors": sorted(os.sched_getaffinity(0)),
        "environment": describe_environment(),
        "models": models,
        "empty": empty,
    }


def _only_model(port: int) -> str:
    import urllib.request

    last = time.monotonic() + _START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz"):
                break
        except OSError:
            if time.monotonic() > last:
                raise
            time.sleep(0.1)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models") as answer:
        (model,) = json.load(answer)["models"]
    return str(model["name"])


def _say(sentence: str) -> None:
    print(sentence, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="a run or an ONNX file; left out: the package's")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each load")
    parser.add_argument("--soak-minutes", type=float, default=10.0, help="0 leaves it out")
    parser.add_argument("--processors", type=int, default=2, help="for server and load together")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args(arguments)
    if options.seconds < 5 and options.out == OUT:
        parser.error("a trial with few --seconds needs an --out of its own")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.processors])
    measured = run(options)
    options.out.mkdir(parents=True, exist_ok=True)
    write_file(options.out / "serving.json", (json.dumps(measured, indent=1) + "\n").encode())
    write_file(options.out / "serving.md", page(measured).encode())
    _say(page(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
