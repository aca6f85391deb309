"""A training step recorded as a CUDA graph: replayed, it does not wait for Python."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from fittingroom.engines.pytorch.optimizers import Optimizer

# Steps before the recording, in which libraries choose their kernels; PyTorch's notes on CUDA
# graphs ask for three.
_WARM_UP = 3

Step = Callable[[Tensor, Tensor], None]


def record(
    step: Step, inputs: tuple[Tensor, Tensor], module: nn.Module, optimizers: list[Optimizer]
) -> Step:
    """The step as a graph on the GPU; module, optimizers and random state stay as they were.

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
    with torch.cuda.graph(graph):
        step(*held)
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
