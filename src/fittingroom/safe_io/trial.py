"""A process of its own in which an untrusted ONNX model is checked and run once.

    python -P -m fittingroom.safe_io.trial MOST < model.onnx

Prints one line of JSON: ``{"at_once": 500}``, or ``{"refused": "why"}``. Whatever the model does to
this process, by a fault in ONNX Runtime say, the process that asked goes on. Memory and processor
time are limited on Linux; elsewhere the time alone, by the process that waits.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from onnx import helper

from fittingroom.safe_io.files import MEBIBYTE, Refusal
from fittingroom.safe_io.inspection import image_shape, images_at_once, parse

SECONDS = 60
# Beside several copies of the file, as parsed, with shapes, and loaded.
_MEMORY, _COPIES = 1024 * MEBIBYTE, 8


def examine(content: bytes, most: int) -> int:
    """Check a model and run it once; how many images it can take at once.

    Raises:
        Refusal: it is not allowed, or it fails.
    """
    model = parse(content)
    kind = helper.tensor_dtype_to_np_dtype(model.graph.input[0].type.tensor_type.elem_type)
    images = np.random.default_rng(0).integers(0, 256, (2, *image_shape(model))).astype(kind)
    at_once = images_at_once(model, most)
    del model
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    # Without this, ONNX Runtime would take some files for another format, which was not checked.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        session = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
        (logits, *_) = session.run(
            ["logits", *(each.name for each in session.get_outputs())], {"pictures": images}
        )
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise Refusal(f"The ONNX model can't be run: {reason}") from error
    if logits.ndim != 2 or len(logits) != 2:
        raise Refusal(
            f"The ONNX model must give one row of logits for each image. For 2 images it gives an "
            f"array of shape {logits.shape}."
        )
    return at_once


def limit(size: int, seconds: int) -> None:
    """Limit this process' memory and processor time from here on, for a model of ``size`` bytes."""
    if sys.platform != "linux":
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = pages * resource.getpagesize() + _MEMORY + _COPIES * size
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime) + 1
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (spent + seconds, spent + seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def answer(content: bytes, most: int, seconds: int = SECONDS) -> None:
    """Print what comes of a model, within the limits."""
    limit(len(content), seconds)
    try:
        said: dict[str, object] = {"at_once": examine(content, most)}
    except Refusal as error:
        said = {"refused": str(error)}
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    answer(sys.stdin.buffer.read(), int(sys.argv[1]))
