"""What is measured, each piece in a process of its own; started by :mod:`benchmarks.processes`.

    python -m benchmarks.worker FUNCTION ANSWER.json   # the arguments come as a line of JSON

Functions take JSON values and give JSON values. Frameworks are imported where they are used.
"""

import contextlib
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fittingroom.jobs.session import Session


def peak_memory_mb() -> float:
    """The most memory that this process has held so far, in MB of 10^6 bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # The other figure would count what the process that started this one held.
        (line,) = (each for each in status.read_text().splitlines() if each.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def ceilings(
    *, began: float, threads: int, avx2: bool, seconds: float, device: str = "cpu"
) -> dict[str, Any]:
    """The most that this machine's cores, or its GPU, give: products, and memory moved."""
    from benchmarks.ceilings import bandwidth, gpu_products, products

    from fittingroom.runs import describe_environment

    environment = describe_environment()
    if device == "cuda":
        import torch

        return {
            "products_gflops": gpu_products(seconds),
            "bandwidth_gb_per_second": bandwidth(threads, seconds, device),
            "device": torch.cuda.get_device_name(),
            "environment": environment,
        }
    return {
        "products_gflops": products(threads, seconds, held=avx2),
        "bandwidth_gb_per_second": bandwidth(threads, seconds, device),
        "environment": environment,
    }


def raw_model(
    *, began: float, model: str, batch: int, threads: int, seconds: float
) -> dict[str, Any]:
    """ONNX Runtime alone on a model, again and again on the same batch of noise.

    What it gives is what the service needs of it; the figure is that of the median batch.
    """
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    images = np.random.default_rng(0).integers(0, 256, (batch, 28, 28), dtype=np.uint8)
    took: list[float] = []
    last = time.perf_counter() + seconds
    while len(took) < 10 or time.perf_counter() < last:
        before = time.perf_counter()
        session.run(["probabilities", "ood_score"], {"pictures": images})
        took.append(time.perf_counter() - before)
    return {"pictures_per_second": batch / float(np.median(took))}


class _Clock:
    """Listens to a training job, and notes when it began to train and when it ended."""

    def __init__(self) -> None:
        self.began = 0.0
        self.ended = 0.0
        self.heard: list[str] = []

    def say(self, sentence: str) -> None:
        self.heard.append(sentence)

    @contextlib.contextmanager
    def track(self, description: str, total: int) -> Iterator[Callable[[int, str], None]]:
        self.began = time.time()
        yield lambda done, words: None
        self.ended = time.time()


def audit_search(
    *, began: float, data: str | None, threads: int, recipe: str | None
) -> dict[str, Any]:
    """Hold all pictures of a data set against each other, as ``fittingroom audit`` does."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    from fittingroom.auditing import search
    from fittingroom.data import find_dataset

    dataset = find_dataset(data)
    images = np.concatenate([dataset.training().images, dataset.open_test().images])
    before = time.time()
    with threadpool_limits(threads):
        found = search(images)
    return {
        "pictures": len(images),
        "pairs": len(found.pairs),
        "seconds": time.time() - before,
        "peak_memory_mb": peak_memory_mb(),
    }


def audit_whole(
    *, began: float, data: str | None, threads: int, recipe: str | None
) -> dict[str, Any]:
    """``fittingroom audit`` in an empty folder of runs."""
    import tempfile

    from fittingroom.jobs.audit import audit

    with tempfile.TemporaryDirectory() as runs:
        stored = audit(
            recipe=recipe, session=Session(data=data, runs=runs, threads=threads, device="cpu")
        )
        environment = json.loads((stored.folder / "environment.json").read_text())
        return {
            "seconds": time.time() - began,
            "cross_validation_seconds": environment["seconds"]["cross_validation"],
            "pictures_seconds": environment["seconds"]["pictures"],
            "page_bytes": stored.page.stat().st_size,
            "peak_memory_mb": peak_memory_mb(),
        }


def train(
    *,
    began: float,
    recipe: str,
    seed: int,
    epochs: int | None,
    data: str | None,
    unknown: bool,
    runs: str,
    threads: int,
    score: bool,
    device: str = "cpu",
) -> dict[str, Any]:
    """Train a recipe as ``fittingroom train`` does and, if asked for, score it on the test half."""
    from fittingroom.data import find_dataset
    from fittingroom.errors import FittingRoomError
    from fittingroom.jobs.evaluate import evaluate
    from fittingroom.jobs.train import train as train_job
    from fittingroom.recipes import Recipe, recipe_named

    chosen = recipe_named(recipe)
    if epochs is not None and isinstance(chosen, Recipe):
        chosen = chosen.with_settings({"epochs": str(min(epochs, chosen.epochs))})
    clock = _Clock()
    dataset = find_dataset(data, allow_unknown=unknown)
    try:
        run = train_job(
            chosen,
            seed=seed,
            session=Session(
                data=dataset, runs=runs, device=device, threads=threads, progress=clock
            ),
        )
    except FittingRoomError as error:
        return {"failure": str(error), "backend": ""}
    measured = {
        "run": run.name,
        "backend": str(run.environment["backend"]),
        "versions": run.environment["versions"],
        "training_pictures": run.environment["data"]["training"],
        "validation_pictures": run.environment["data"]["validation"],
        "before_training_seconds": clock.began - began,
        "seconds": run.summary.seconds,
        "peak_memory_mb": peak_memory_mb(),
        "best_epoch": run.summary.best_epoch,
        "validation_accuracy": run.summary.validation_accuracy,
        "parameters": run.summary.parameters,
        "operations": run.summary.operations,
        "model_bytes": run.summary.model_bytes,
        "history": [vars(epoch) for epoch in run.history],
    }
    if device == "cuda":
        import torch

        measured["device_peak_memory_mb"] = torch.cuda.max_memory_reserved() / 1e6
        # The seconds of warm-up, apart from the training's.
        heard = (each.removeprefix(f"{chosen.name}: ") for each in clock.heard)
        measured["notes"] = [each for each in heard if "warm-up" in each]
    if score:
        predictions = evaluate(
            run, session=Session(data=dataset), purpose="benchmark"
        ).evaluation.predictions
        measured |= _scores(predictions.correct)
    return measured


def tutorial(
    *, began: float, seed: int, data: str | None, runs: str, threads: int
) -> dict[str, Any]:
    """One epoch of a loop as tutorials write it; scored on the test half."""
    from benchmarks.tutorial import train_one_epoch
    from fittingroom.data import find_dataset
    from fittingroom.runs import log_opening

    dataset = find_dataset(data)
    trained = train_one_epoch(dataset, seed=seed, threads=threads)
    memory = peak_memory_mb()
    Path(runs).mkdir(parents=True, exist_ok=True)
    name = f"tutorial-s{seed}"
    log_opening(Path(runs), run=name, recipe="tutorial", data=dataset.name, purpose="benchmark")
    test = dataset.open_test()
    return {
        **trained.values,
        "run": name,
        "before_training_seconds": trained.began - began,
        "peak_memory_mb": memory,
        **_scores(trained.predict(test.images) == test.labels),
    }


def train_for_inference(*, began: float, recipe: str, runs: str, keras_file: str) -> dict[str, Any]:
    """A run of one epoch on the sample, and its model as Keras' file too."""
    import safetensors.numpy

    from fittingroom.engines.keras.files import file_content
    from fittingroom.export.keras import build_keras
    from fittingroom.jobs.train import train as train_job
    from fittingroom.recipes import Recipe, recipe_named

    chosen = recipe_named(recipe).with_settings({"epochs": "1"})
    assert isinstance(chosen, Recipe)
    run = train_job(chosen, session=Session(data="sample", runs=runs, device="cpu"))
    model = build_keras(
        chosen.layers,
        safetensors.numpy.load_file(run.folder / "model.safetensors"),
        name=chosen.name,
        mirror=chosen.mirror,
        shifts=chosen.shifts,
        temperature=run.summary.temperature,
    )
    Path(keras_file).write_bytes(file_content(model, "keras"))
    return {
        "run": run.name,
        "parameters": run.summary.parameters,
        "operations": run.summary.operations,
        "model_bytes": run.summary.model_bytes,
    }


def answer(
    *,
    began: float,
    peer: str,
    run: str,
    keras_file: str,
    threads: int,
    repeats: int,
    calls: float,
) -> dict[str, Any]:
    """How fast a peer answers with the network of a run, and how far off its answers are."""
    import numpy as np

    from benchmarks.peers import answers, speed
    from fittingroom.data import find_dataset
    from fittingroom.predict import Predictor
    from fittingroom.runs.environment import installed_versions

    pictures = find_dataset("sample").training().images
    answering = answers(peer, Path(run), Path(keras_file), threads)
    measured = speed(answering, pictures, repeats=repeats, calls=calls)
    memory = peak_memory_mb()
    said = answering(pictures[:100], 32)
    expected = np.exp(Predictor(Path(run) / "model.onnx").log_probabilities(pictures[:100]))
    return {
        **measured,
        "peak_memory_mb": memory,
        "largest_difference": float(np.abs(said - expected).max()),
        "versions": installed_versions(),
    }


def _scores(correct: Any) -> dict[str, Any]:
    """Accuracy, and the positions of the pictures named wrongly, as text."""
    import numpy as np

    return {
        "test_accuracy": float(correct.mean()),
        "test_pictures": len(correct),
        "mistakes": " ".join(str(place) for place in np.flatnonzero(~correct)),
    }


def _end_with_parent() -> None:
    """Leave at once when the process that started this one is gone."""

    def watch() -> None:
        sys.stdin.read()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    what, answer = sys.argv[1:]
    work = json.loads(sys.stdin.readline())
    _end_with_parent()
    measured = FUNCTIONS[what](**work)
    Path(answer).write_text(json.dumps(measured))
    # Frameworks take their time to tidy up what the system tidies up anyway.
    sys.stdout.flush()
    os._exit(0)


FUNCTIONS: dict[str, Callable[..., dict[str, Any]]] = {
    each.__name__: each
    for each in (
        ceilings,
        audit_search,
        audit_whole,
        train,
        tutorial,
        train_for_inference,
        answer,
        raw_model,
    )
}

if __name__ == "__main__":
    main()
