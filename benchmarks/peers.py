"""One trained network, answered by each library as its own documentation has it.

Every peer takes the same pictures, uint8 ``(N, 28, 28)``, and gives the same probabilities:
normalisation, mirror image and softmax are part of what is timed.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fittingroom.predictions import Float32, UInt8

# Pictures and a batch size → probabilities float32 (N, K).
Answer = Callable[[UInt8, int], Float32]

# Calls of a batch size that make one repeat.
_CALLS = {1: 200, 32: 60, 1000: 4}
_SINGLES = 300


def answers(peer: str, run: Path, keras_file: Path, threads: int) -> Answer:
    """How a peer answers.

    Args:
        peer: a name in :data:`PEERS`.
        run: the folder of a finished run.
        keras_file: the same model as Keras' file.
        threads: processor threads.
    """
    return PEERS[peer](run, keras_file, threads)


def speed(answer: Answer, pictures: UInt8, *, repeats: int, calls: float) -> dict[str, Any]:
    """Pictures a second by batch size, and what one picture on its own takes.

    Args:
        answer: what answers.
        pictures: uint8 ``(N, 28, 28)``; taken again from the start when they are used up.
        repeats: how often each is measured.
        calls: share of the usual calls in a repeat; below 1 for a trial.
    """
    throughput = {}
    for size, usual in _CALLS.items():
        count = size * max(1, round(usual * calls))
        work = np.resize(pictures, (count, 28, 28))
        answer(work[: 2 * size], size)
        rates = []
        for _ in range(repeats):
            began = time.perf_counter()
            answer(work, size)
            rates.append(count / (time.perf_counter() - began))
        throughput[str(size)] = rates
    singles = []
    for place in range(max(10, round(_SINGLES * calls))):
        picture = pictures[place % len(pictures)][None]
        began = time.perf_counter()
        answer(picture, 1)
        singles.append(time.perf_counter() - began)
    middle, late = np.quantile(singles[5:], (0.5, 0.99))
    return {
        "pictures_per_second": throughput,
        "single_seconds": {"p50": float(middle), "p99": float(late)},
    }


def _in_batches(answer: Callable[[UInt8], Float32]) -> Answer:
    def all_of_them(pictures: UInt8, size: int) -> Float32:
        parts = [answer(pictures[at : at + size]) for at in range(0, len(pictures), size)]
        return np.concatenate(parts)

    return all_of_them


def _ours(run: Path, keras_file: Path, threads: int) -> Answer:
    from fittingroom.predict import Predictor

    predictor = Predictor(run / "model.onnx", threads)
    return _in_batches(lambda batch: np.exp(predictor.log_probabilities(batch)))


def _onnxruntime(**entries: str) -> Callable[[Path, Path, int], Answer]:
    def peer(run: Path, keras_file: Path, threads: int) -> Answer:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        for name, value in entries.items():
            options.add_session_config_entry(f"session.{name.replace('__', '.')}", value)
        session = onnxruntime.InferenceSession(
            str(run / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        return _in_batches(lambda batch: session.run(["probabilities"], {"pictures": batch})[0])

    return peer


def _keras(run: Path, keras_file: Path, threads: int) -> Answer:
    from fittingroom.engines.keras.backend import load_keras, set_threads

    keras = load_keras()
    set_threads(keras.backend.backend(), threads)
    model = keras.models.load_model(keras_file)
    return lambda pictures, size: model.predict(pictures, batch_size=size, verbose=0)


def _pytorch(run: Path, keras_file: Path, threads: int) -> Answer:
    import safetensors.torch
    import torch

    from fittingroom.engines.pytorch.modules import build_module
    from fittingroom.recipes import Recipe
    from fittingroom.runs import open_run

    opened = open_run(run)
    recipe = opened.recipe
    assert isinstance(recipe, Recipe)
    torch.set_num_threads(threads)
    weights = safetensors.torch.load_file(run / "model.safetensors")
    mean, deviation = weights.pop("pixels.mean"), weights.pop("pixels.deviation")
    module = build_module(recipe.layers)
    module.load_state_dict(weights, strict=False)  # batch counters are not kept
    module.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def answer(batch: UInt8) -> Float32:
        with torch.inference_mode():
            values = ((torch.from_numpy(batch).float() - mean) / deviation).unsqueeze(1)
            values = values.contiguous(memory_format=torch.channels_last)
            logits = module(values)
            assert not recipe.shifts, "shifts are in the exported model alone"
            if recipe.mirror:
                logits = (logits + module(values.flip(3))) / 2
            probabilities: Float32 = (logits / opened.summary.temperature).softmax(1).numpy()
            return probabilities

    return _in_batches(answer)


def _openvino(run: Path, keras_file: Path, threads: int) -> Answer:
    import openvino

    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    model = core.compile_model(str(run / "model.onnx"), "CPU", settings)
    request = model.create_infer_request()
    return _in_batches(lambda batch: request.infer({"pictures": batch})["probabilities"].copy())


PEERS: dict[str, Callable[[Path, Path, int], Answer]] = {
    "fittingroom": _ours,
    "onnxruntime-asleep": _onnxruntime(intra_op__allow_spinning="0"),
    "keras-tensorflow": _keras,
    "keras-torch": _keras,
    "pytorch": _pytorch,
    "openvino": _openvino,
}
