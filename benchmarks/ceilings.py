"""The most that a machine's cores, or its GPU, can give, to read other figures against."""

import time
from collections.abc import Callable

import numpy as np
import onnxruntime
import torch
from onnx import TensorProto, helper
from threadpoolctl import threadpool_limits

_SIZES, _GPU_SIZES = (512, 1024, 2048), (4096, 8192)
# Larger than any processor's caches together.
_ARRAY_BYTES = 256_000_000


def products(threads: int, seconds: float, *, held: bool) -> dict[str, float]:
    """Square float32 matrix products by three libraries: GFLOP/s of each, best size and repeat.

    Args:
        threads: processor threads.
        seconds: for each library and size.
        held: whether the libraries are held to fewer instructions than there are; then ONNX
            Runtime, which cannot be, is left out.
    """
    torch.set_num_threads(threads)
    kinds: dict[str, Callable[[int], Callable[[], object]]] = {
        "PyTorch": _by_torch,
        "NumPy": _by_numpy,
    }
    if not held:
        kinds["ONNX Runtime"] = lambda size: _by_onnxruntime(size, threads)
    with threadpool_limits(threads):
        return {
            name: max(2 * size**3 / _least(kind(size), seconds) / 1e9 for size in _SIZES)
            for name, kind in kinds.items()
        }


def gpu_products(seconds: float) -> dict[str, float]:
    """Square matrix products on the GPU: GFLOP/s of each type of number, best size and repeat."""
    kinds = {"bfloat16": torch.bfloat16, "float32": torch.float32}
    return {
        f"PyTorch, {name}": max(
            2 * size**3 / _least(_by_torch(size, "cuda", dtype), seconds) / 1e9
            for size in _GPU_SIZES
        )
        for name, dtype in kinds.items()
    }


def bandwidth(threads: int, seconds: float, device: str = "cpu") -> dict[str, float]:
    """Bytes read and written a second, in GB: ``b = a``, and ``c = a + s·b`` (STREAM's triad)."""
    torch.set_num_threads(threads)
    count = _ARRAY_BYTES // 4
    a, b, c = (torch.ones(count, device=device) for _ in range(3))
    kinds = {
        "copy": (2, _finished(lambda: b.copy_(a), device)),
        "triad": (3, _finished(lambda: torch.add(a, b, alpha=3.0, out=c), device)),
    }
    return {
        name: arrays * _ARRAY_BYTES / _least(work, seconds) / 1e9
        for name, (arrays, work) in kinds.items()
    }


def _finished(work: Callable[[], object], device: str) -> Callable[[], object]:
    """The work, waited for: a GPU only takes it down otherwise."""
    if device == "cpu":
        return work

    def whole() -> None:
        work()
        torch.cuda.synchronize()

    return whole


def _least(work: Callable[[], object], seconds: float) -> float:
    """The shortest time of repeats that go on for so long, after one to warm up."""
    work()
    until, least = time.perf_counter() + seconds, float("inf")
    while time.perf_counter() < until:
        began = time.perf_counter()
        work()
        least = min(least, time.perf_counter() - began)
    return least


def _by_torch(
    size: int, device: str = "cpu", dtype: torch.dtype = torch.float32
) -> Callable[[], object]:
    a, b, out = (torch.rand(size, size, device=device, dtype=dtype) for _ in range(3))
    return _finished(lambda: torch.mm(a, b, out=out), device)


def _by_numpy(size: int) -> Callable[[], object]:
    a, b = np.random.default_rng(0).random((2, size, size), np.float32)
    out = np.empty((size, size), np.float32)
    return lambda: np.matmul(a, b, out=out)


def _by_onnxruntime(size: int, threads: int) -> Callable[[], object]:
    square = [size, size]
    named = [helper.make_tensor_value_info(name, TensorProto.FLOAT, square) for name in "abc"]
    node = helper.make_node("MatMul", ["a", "b"], ["c"])
    graph = helper.make_graph([node], "product", named[:2], named[2:])
    model = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 20)])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    a, b = np.random.default_rng(0).random((2, size, size), np.float32)
    return lambda: session.run(["c"], {"a": a, "b": b})
