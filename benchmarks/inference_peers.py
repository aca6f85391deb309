"""One trained network, evaluated by each library as its own documentation shows.

Every peer takes the same images, uint8 ``(N, 28, 28)``, and gives the same probabilities:
normalisation, mirror image and softmax are part of what is timed. Runs in a process of its own for
each peer, so that libraries are imported where they are used.
"""

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import peak_memory_mb
from fittingroom.predictions import Float32, UInt8

# Images and a batch size → probabilities float32 (N, K).
Answer = Callable[[UInt8, int], Float32]

# Calls of a batch size that make one repeat.
_CALLS = {1: 200, 32: 60, 1000: 4}
_SINGLES = 300


def train(*, recipe: str, runs: str, keras_file: str) -> dict[str, Any]:
    """A run of one epoch on the sample, and its model as a Keras file and in int8 too."""
    import safetensors.numpy

    from fittingroom.data import find_dataset
    from fittingroom.engines.keras.files import file_content
    from fittingroom.export.keras import build_keras
    from fittingroom.export.quantize import quantize_onnx
    from fittingroom.jobs.session import Session
    from fittingroom.jobs.train import train as train_job
    from fittingroom.recipes import Recipe, recipe_named
    from fittingroom.safe_io.models import trust_model

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
    images = find_dataset("sample").training().images[:500]
    small = quantize_onnx(run.model_path.read_bytes(), images)
    _model(run.folder, small=True).write_bytes(small)
    trust_model(small)
    return {
        "run": run.name,
        "parameters": run.summary.parameters,
        "operations": run.summary.operations,
        "model_bytes": run.summary.model_bytes,
        "int8_bytes": len(small),
    }


def equivalence(*, recipe: str, runs: str, data: str | None, threads: int) -> dict[str, Any]:
    """What int8 changes on the test set for a run of seed 0, which is trained if it has to be."""
    from fittingroom.comparison.paired import paired_difference, paired_p_equivalent
    from fittingroom.jobs.export import export_run
    from fittingroom.jobs.session import Session
    from fittingroom.jobs.train import train as train_job
    from fittingroom.predict import Predictor
    from fittingroom.recipes import recipe_named
    from fittingroom.runs import log_opening

    session = Session(data=data, runs=runs, device="cpu", threads=threads)
    name = session.dataset.name
    run = train_job(recipe_named(recipe), session=session)
    small = _model(run.folder, small=True)
    export_run(run, to="onnx", quantize="int8", out=small, force=True, session=session)
    log_opening(
        session.folder,
        purpose="benchmark of float and int8",
        run=run.name,
        recipe=recipe,
        data=name,
        key=run.recipe.key,
        seed=run.seed,
    )
    test = session.dataset.open_test()
    floats, ints = (Predictor(each).predict(test) for each in (run.model_path, small))
    was, now = floats.correct, ints.correct
    counts = int((was & ~now).sum()), int((now & ~was).sum()), len(was)
    return {
        "accuracy": {"float": float(was.mean()), "int8": float(now.mean())},
        "changed": float((floats.predicted != ints.predicted).mean()),
        "difference": paired_difference(*counts).as_dict(),
        "p_equivalent": paired_p_equivalent(*counts, 0.0025),
    }


def evaluate(
    *, peer: str, run: str, keras_file: str, threads: int, repeats: int, calls: float
) -> dict[str, Any]:
    """How fast a peer evaluates the network of a run, and how far off its probabilities are.

    Args:
        peer: a name in :data:`PEERS`.
        run: the folder of a finished run.
        keras_file: the same model as a Keras file.
        threads: processor threads.
        repeats: how often each batch size is measured.
        calls: share of the usual calls in a repeat; below 1 for a trial.
    """
    from fittingroom.data import find_dataset
    from fittingroom.predict import Predictor
    from fittingroom.runs.environment import installed_versions

    images = find_dataset("sample").training().images
    answer = PEERS[peer](Path(run), Path(keras_file), threads)
    measured = speed(answer, images, repeats=repeats, calls=calls)
    memory = peak_memory_mb()
    expected = np.exp(Predictor(Path(run) / "model.onnx").log_probabilities(images[:100]))
    return {
        **measured,
        "peak_memory_mb": memory,
        "largest_difference": float(np.abs(answer(images[:100], 32) - expected).max()),
        "versions": installed_versions(),
    }


def speed(answer: Answer, images: UInt8, *, repeats: int, calls: float) -> dict[str, Any]:
    """Images a second by batch size, and how long a single image takes."""
    throughput = {}
    for size, usual in _CALLS.items():
        count = size * max(1, round(usual * calls))
        work = np.resize(images, (count, 28, 28))
        answer(work[: 2 * size], size)
        rates = []
        for _ in range(repeats):
            began = time.perf_counter()
            answer(work, size)
            rates.append(count / (time.perf_counter() - began))
        throughput[str(size)] = rates
    singles = []
    for place in range(max(10, round(_SINGLES * calls))):
        image = images[place % len(images)][None]
        began = time.perf_counter()
        answer(image, 1)
        singles.append(time.perf_counter() - began)
    middle, late = np.quantile(singles[5:], (0.5, 0.99))
    return {
        "images_per_second": throughput,
        "single_seconds": {"p50": float(middle), "p99": float(late)},
    }


def _in_batches(answer: Callable[[UInt8], Float32]) -> Answer:
    def all_of_them(images: UInt8, size: int) -> Float32:
        return np.concatenate(
            [answer(images[at : at + size]) for at in range(0, len(images), size)]
        )

    return all_of_them


def _model(run: Path, small: bool = False) -> Path:
    """The run's model, or the same in int8, beside the run's folder."""
    return run.with_suffix(".int8.onnx") if small else run / "model.onnx"


def _ours(run: Path, keras_file: Path, threads: int, small: bool = False) -> Answer:
    from fittingroom.predict import Predictor

    predictor = Predictor(_model(run, small), threads)
    return _in_batches(lambda batch: np.exp(predictor.log_probabilities(batch)))


def _onnxruntime_asleep(run: Path, keras_file: Path, threads: int) -> Answer:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        str(run / "model.onnx"), options, providers=["CPUExecutionProvider"]
    )
    return _in_batches(lambda batch: session.run(["probabilities"], {"images": batch})[0])


def _keras(run: Path, keras_file: Path, threads: int) -> Answer:
    from fittingroom.engines.keras.backend import load_keras, set_threads

    keras = load_keras()
    set_threads(keras.backend.backend(), threads)
    model = keras.models.load_model(keras_file)
    return lambda images, size: model.predict(images, batch_size=size, verbose=0)


def _pytorch(run: Path, keras_file: Path, threads: int) -> Answer:
    import torch

    from fittingroom.runs import open_run

    torch.set_num_threads(threads)
    logits = torch_logits(open_run(run))
    temperature = open_run(run).summary.temperature

    def answer(batch: UInt8) -> Float32:
        with torch.inference_mode():
            return (logits(torch.from_numpy(batch)) / temperature).softmax(1).numpy()

    return _in_batches(answer)


def torch_logits(run: Any) -> Callable[[Any], Any]:
    """What PyTorch computes with a run's weights: uint8 ``(N, 28, 28)`` → logits ``(N, K)``.

    The network as it was trained, in float32, channels last, with the mirror image if the recipe
    evaluates it. Shifts are in the exported model alone.
    """
    import safetensors.torch
    import torch

    from fittingroom.engines.pytorch.modules import build_module

    recipe = run.recipe
    assert not recipe.shifts, "shifts are in the exported model alone"
    weights = safetensors.torch.load_file(run.folder / "model.safetensors")
    mean, deviation = weights.pop("pixels.mean"), weights.pop("pixels.deviation")
    module = build_module(recipe.layers)
    module.load_state_dict(weights, strict=False)  # batch counters are not kept
    module.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def logits(images: Any) -> Any:
        values = ((images.float() - mean) / deviation).unsqueeze(1)
        values = values.contiguous(memory_format=torch.channels_last)
        found = module(values)
        return (found + module(values.flip(3))) / 2 if recipe.mirror else found

    return logits


def _openvino(run: Path, _: Path, threads: int, small: bool = False, **settings: str) -> Answer:
    import openvino

    core = openvino.Core()
    settings |= {"INFERENCE_NUM_THREADS": str(threads)}
    model = core.compile_model(str(_model(run, small)), "CPU", settings)
    request = model.create_infer_request()
    return _in_batches(lambda batch: request.infer({"images": batch})["probabilities"].copy())


PEERS: dict[str, Callable[[Path, Path, int], Answer]] = {
    "fittingroom": _ours,
    "fittingroom-int8": functools.partial(_ours, small=True),
    "onnxruntime-asleep": _onnxruntime_asleep,
    "keras-tensorflow": _keras,
    "keras-torch": _keras,
    "pytorch": _pytorch,
    "openvino": functools.partial(_openvino, INFERENCE_PRECISION_HINT="f32"),
    "openvino-default": _openvino,
    "openvino-int8": functools.partial(_openvino, small=True),
}
