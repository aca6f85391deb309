"""What CUDA alone needs: a step recorded as a graph, kernels that repeat, full precision."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor, nn

from fittingroom.engines.pytorch.optimizers import Optimizer

# Steps before the recording, in which libraries choose their kernels; PyTorch's notes on CUDA
# graphs ask for three.
_WARM_UP = 3

Step = Callable[[Tensor, Tensor], None]


def describe_gpu() -> str:
    """The GPU's name, and the versions of the libraries by which it computes."""
    version = torch.backends.cudnn.version()
    return f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}, cuDNN {version}"


@contextmanager
def repeatably() -> Iterator[None]:
    """While it lasts, cuDNN takes kernels that give the same sums each time.

    It costs some speed; without, the same seed gives other last digits.
    """
    torch.cuda.synchronize()  # so that nobody's clock has CUDA's start in it
    with torch.backends.cudnn.flags(enabled=True, deterministic=True):
        yield


def in_full_precision() -> AbstractContextManager[None]:
    """While it lasts, convolutions in float32 are just that on CUDA too, no TF32; and repeatable,
    which these settings would not be unless they said so."""
    flags = torch.backends.cudnn.flags
    return flags(enabled=True, deterministic=True, allow_tf32=False)


def record(
    step: Step, inputs: tuple[Tensor, Tensor], module: nn.Module, optimizers: list[Optimizer]
) -> Step:
    """The step as a graph on the GPU, which replayed does not wait for Python.

    Module, optimizers and random state stay as they were.

    Args:
        step: one training step, which neither reads a value back nor branches on one.
        inputs: a batch of what it takes; later ones have the same shapes.
        module: what it trains.
        optimizers: with what.
    """
    held = tuple(each.clone() for each in inputs)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    random_state = torch.cuda.get_rng_state()
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(_WARM_UP):
            step(*held)
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    # On the stream of the warm-up, and not PyTorch's common one for recordings: what cuBLAS keeps
    # for a stream is gone for all its graphs once one of them is.
    with torch.cuda.graph(graph, stream=aside):
        step(*held)
    graph.replay()  # the first one takes longer
    # In place, as the graph knows where these tensors lie.
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            tensor.copy_(before[name])
        for optimizer in optimizers:
            optimizer.forget()
    torch.cuda.set_rng_state(random_state)

    def replay(*batch: Tensor) -> None:
        for mine, given in zip(held, batch, strict=True):
            mine.copy_(given)
        graph.replay()

    return replay
