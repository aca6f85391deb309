"""How fast the service answers: the real server over loopback, under open-loop load.

    python -m benchmarks.serving [--model RUN] [--seconds 10] [--soak-minutes 10] [--out FOLDER]

The server is `fittingroom serve` in a process of its own, the load generator is another one, and both
run on the same two processors. Three kinds of request go to ``/v1/classify``: the pixels of one image,
the pixels of 32, and one photo. *Capacity* is what a closed loop gets answered. Then requests are due
at random times at 50%, 80% and 200% of it, whether or not the server keeps up. It writes
``serving.json`` and ``serving.md``. Nothing else should run meanwhile.
"""

import argparse
import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from scipy.stats import theilslopes

from benchmarks import measure
from benchmarks.measure import Measured, MeasurementError, in_process, render, say
from fittingroom.data import find_dataset
from fittingroom.predict.packaged import packaged_model
from fittingroom.runs import describe_environment

LOADS = {"half": 0.5, "high": 0.8, "twice": 2.0}
IMAGES = {"one": 1, "many": 32, "photo": 1}  # in each kind of request
_CLOSED_CONNECTIONS = 32  # in a closed loop as many requests wait; the queue takes 64
_OPEN_CONNECTIONS = 256
_WARM_UP_SECONDS = 2.0
_START_SECONDS = 120.0
_SOAK_LOAD = 0.5
_SAMPLE_SECONDS = 3.0
_RAW_BATCHES = (1, 32, 256)


class Server:
    """A running server: its port, and its process for memory and processor time."""

    def __init__(self, port: int, process: psutil.Process) -> None:
        self.port = port
        self.process = process

    def usage(self) -> tuple[float, float]:
        """Processor seconds so far, and resident memory in MB."""
        times = self.process.cpu_times()
        return times.user + times.system, self.process.memory_info().rss / 1e6


@contextlib.contextmanager
def started(*arguments: str) -> Iterator[Server]:
    """`fittingroom serve`, ended by SIGTERM afterwards."""
    command = [sys.executable, "-P", "-m", "fittingroom", "serve", "--port", "0", *arguments]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, env=measure.environment({}), stdout=output, stderr=subprocess.STDOUT
        )
        try:
            last = time.monotonic() + _START_SECONDS
            while True:
                output.seek(0)
                text = output.read().decode(errors="replace")
                if address := re.search(r"answers at http://[^:]+:(\d+)/", text):
                    break
                if process.poll() is not None or time.monotonic() > last:
                    raise MeasurementError(f"The server did not start:\n{text[-2000:]}")
                time.sleep(0.05)
            urllib.request.urlopen(f"http://127.0.0.1:{address[1]}/readyz").close()
            yield Server(int(address[1]), psutil.Process(process.pid))
        finally:
            process.terminate()
            try:
                process.wait(30)
            finally:
                process.kill()


def request(kind: str) -> bytes:
    """One request, header and body. Pixels are noise, which costs the model as much as garments."""
    if kind == "photo":
        content_type, body = "image/jpeg", _photo()
    else:
        shape = (IMAGES[kind], 28, 28)
        noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        content_type, body = "application/octet-stream", noise.tobytes()
    head = (
        f"POST /v1/classify HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: {content_type}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _photo() -> bytes:
    """A garment as a photo of 900 × 1,200 pixels: red, on near-white."""
    garment = Image.fromarray(find_dataset("sample").training().images[3]).resize((700, 700))
    photo = Image.new("RGB", (900, 1200), (250, 249, 246))
    photo.paste((200, 60, 40), (100, 250), garment)
    stream = io.BytesIO()
    photo.save(stream, "JPEG", quality=90)
    return stream.getvalue()


def load(
    server: Server, content: bytes, *, rate: float | None, seconds: float, seed: int = 0
) -> Measured:
    """Put a server under load from a process of its own; a rate of None is a closed loop."""
    work = {
        "request": content.hex(),
        "port": server.port,
        "connections": _CLOSED_CONNECTIONS if rate is None else _OPEN_CONNECTIONS,
        "rate": rate,
        "seconds": seconds,
        "seed": seed,
    }
    before, _ = server.usage()
    generator = subprocess.run(
        [sys.executable, "-P", "-m", "benchmarks.load"],
        input=json.dumps(work).encode(),
        env=measure.environment({}),
        check=True,
        stdout=subprocess.PIPE,
    )
    measured: Measured = json.loads(generator.stdout)
    after, resident = server.usage()
    count = measured["answered"]["count"] + measured["refused"]["count"]
    return {
        **measured,
        "processor_ms_a_request": 1000 * (after - before) / max(1, count),
        "resident_mb": resident,
    }


def measure_loads(server: Server, kind: str, seconds: float) -> Measured:
    """Capacity, and what each share of it does to the time of an answer."""
    content = request(kind)
    load(server, content, rate=None, seconds=min(seconds, _WARM_UP_SECONDS))
    closed = load(server, content, rate=None, seconds=seconds)
    capacity = closed["answered"]["a_second"]
    if not capacity:
        raise MeasurementError(f"No answers within {seconds:g} s. Use more --seconds.")
    result: Measured = {"images": IMAGES[kind], "capacity": capacity, "closed": closed}
    for name, share in LOADS.items():
        say(f"  {share:.0%} of {capacity:,.0f} requests a second …")
        result[name] = load(server, content, rate=share * capacity, seconds=seconds)
    return result


def soak(server: Server, capacity: float, minutes: float) -> Measured:
    """Resident memory every few seconds at half load, and its trend.

    The slope is that of Theil and Sen with its 95% interval, without the first tenth of the time.
    """
    began, ended = time.perf_counter(), threading.Event()
    taken: list[tuple[float, float]] = []

    def watch() -> None:
        while not ended.wait(_SAMPLE_SECONDS):
            taken.append((time.perf_counter() - began, server.usage()[1]))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        load(server, request("one"), rate=_SOAK_LOAD * capacity, seconds=60 * minutes, seed=1)
    finally:
        ended.set()
        watching.join()
    late = np.array([each for each in taken if each[0] >= 6 * minutes])
    found = theilslopes(late[:, 1], late[:, 0] / 3600)
    return {
        "minutes": minutes,
        "resident_mb": [round(each[1], 3) for each in taken],
        "slope_mb_per_hour": float(found.slope),
        "slope_interval": [float(found.low_slope), float(found.high_slope)],
    }


def raw_model(*, model: str, batch: int, threads: int, seconds: float) -> Measured:
    """ONNX Runtime alone on a model, on the same batch of noise; the rate of the median batch."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    images = np.random.default_rng(0).integers(0, 256, (batch, 28, 28), dtype=np.uint8)
    took: list[float] = []
    last = time.perf_counter() + seconds
    while len(took) < 10 or time.perf_counter() < last:
        before = time.perf_counter()
        session.run(["probabilities", "ood_score"], {"images": images})
        took.append(time.perf_counter() - before)
    return {"images_per_second": batch / float(np.median(took))}


def everything(options: argparse.Namespace, stored: Measured) -> Iterator[Measured]:
    """The model alone, all loads, and memory."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.processors])
    say("ONNX Runtime alone …")
    chosen: Path | None = options.model
    file = packaged_model("cnn-tiny") if chosen is None else chosen
    file = file / "model.onnx" if file.is_dir() else file
    work = {"model": str(file), "threads": options.processors, "seconds": options.seconds / 4}
    raw = {
        str(batch): in_process("benchmarks.serving:raw_model", batch=batch, **work)
        for batch in _RAW_BATCHES
    }
    result: Measured = {
        "model": "cnn-tiny, inside the package" if chosen is None else chosen.name,
        "seconds": options.seconds,
        "processors": sorted(os.sched_getaffinity(0)),
        "environment": describe_environment(),
        "raw": {batch: each["images_per_second"] for batch, each in raw.items()},
        "loads": {},
    }
    with started("--most-wait", "0.015", *(["--model", str(chosen)] if chosen else [])) as server:
        for kind in IMAGES:
            say(f"Requests: {kind} …")
            result["loads"][kind] = measure_loads(server, kind, options.seconds)
        if options.soak_minutes:
            say(f"Memory over {options.soak_minutes:g} minutes …")
            capacity = result["loads"]["one"]["capacity"]
            result["soak"] = soak(server, capacity, options.soak_minutes)
    yield result


page = partial(render, "serving")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = measure.parser(__doc__)
    parser.add_argument("--model", type=Path, help="a run or an ONNX file; default: the package's")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each load")
    parser.add_argument("--soak-minutes", type=float, default=10.0, help="0 skips it")
    parser.add_argument("--processors", type=int, default=2, help="for server and load together")
    measure.run("serving", measure.parse(parser, arguments), everything, page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
