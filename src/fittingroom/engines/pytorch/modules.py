"""Modules of PyTorch: built from a network's description or by your own code, and exported."""

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from fittingroom import networks
from fittingroom.engines import Core
from fittingroom.engines.own import build_core, export_module, output_kind
from fittingroom.errors import RecipeError
from fittingroom.networks import INPUT_SHAPE, Layer, Network, Shape
from fittingroom.predictions import UInt8
from fittingroom.recipes import OwnModel, own_code

# Added to each component's variance; pixels have a variance of 1. Rare components are noise, which
# this keeps from being amplified.
_LEAST_VARIANCE = 1e-2

# Kernels of a layer that are kept after each epoch.
_SHOWN = 16


class FastDropout(nn.Module):
    """In training, sets values to zero with a probability, and scales up the rest.

    A processor draws random numbers one after the other, so one number of 64 bits decides on eight
    values. The probability is then a multiple of 1/256, and the scale matches it.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.dropped = min(round(256 * rate), 255)

    def forward(self, input: Tensor) -> Tensor:
        """``(N, …)`` → the same shape."""
        if input.device.type != "cpu" or not self.training:
            return functional.dropout(input, self.rate, self.training)
        limits = torch.iinfo(torch.int64)
        drawn = torch.randint(limits.min, limits.max, (-(-input.numel() // 8),))
        kept = drawn.view(torch.uint8)[: input.numel()].view(input.shape) >= self.dropped
        return input * kept * (256 / (256 - self.dropped))


class BothSides(nn.Module):
    """The mean of a module's outputs for each image and for its mirror image."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: Tensor) -> Tensor:
        """float32 ``(N, 1, 28, 28)`` → ``(N, K)``."""
        mean: Tensor = (self.module(images) + self.module(images.flip(3))) / 2
        return mean


def build_module(network: Network) -> nn.Sequential:
    """The network with freshly drawn weights; its ``state_dict`` names them as the network does."""
    inputs = (INPUT_SHAPE, *(row.output for row in networks.summarise(network)))
    return nn.Sequential(*map(_build_layer, network, inputs))


def _build_layer(layer: Layer, shape: Shape) -> nn.Module:
    match layer:
        case networks.Flatten():
            return nn.Flatten()
        case networks.Dense(units, bias):
            return nn.Linear(shape[0], units, bias=bias)
        case networks.Conv(filters, kernel, stride, padding, bias, whitened):
            conv = nn.Conv2d(shape[0], filters, kernel, stride, padding, bias=bias)
            return conv.requires_grad_(not whitened)
        case networks.BatchNorm(momentum, epsilon):
            kind = nn.BatchNorm1d if len(shape) == 1 else nn.BatchNorm2d
            norm = kind(shape[0], eps=epsilon, momentum=momentum)
            norm.num_batches_tracked = None  # a count that only matters without a momentum
            return norm
        case networks.ReLU():
            return nn.ReLU(inplace=True)
        case networks.GELU():
            return nn.GELU()
        case networks.MaxPool(size):
            return nn.MaxPool2d(size)
        case networks.GlobalMaxPool():
            return nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten())
        case networks.Dropout(rate):
            return FastDropout(rate)


@torch.no_grad()
def whiten(module: nn.Module, images: Tensor) -> None:
    """Compute the weights of the first layer, if it is a whitened convolution.

    See :class:`fittingroom.networks.Conv`. ``images`` are float32 ``(N, C, H, W)``, normalised.
    """
    conv = next(module.children())
    if not isinstance(conv, nn.Conv2d) or conv.weight.requires_grad:
        return
    assert not isinstance(conv.padding, str)
    patches = functional.unfold(
        images, conv.kernel_size, padding=conv.padding, stride=conv.stride
    )  # (N, C·k·k, places)
    rows = patches.transpose(1, 2).flatten(0, 1).double()  # (N·places, C·k·k)
    values, vectors = torch.linalg.eigh(rows.T @ rows / len(rows))
    components = conv.out_channels // 2
    values, vectors = values.flip(0)[:components], vectors.flip(1)[:, :components]  # largest first
    filters = (vectors / (values + _LEAST_VARIANCE).sqrt()).T
    conv.weight.copy_(torch.cat((filters, -filters)).view_as(conv.weight))


@torch.no_grad()
def first_kernels(module: nn.Module) -> dict[str, Tensor]:
    """What the first layer does with an image, to be looked at: int8 ``(F, side, side)`` by kind.

    ``"convolution"``, ``"whitened"`` and ``"dense"`` are weights. ``"second"`` is roughly what the
    convolution after a whitened one looks for: its kernels, with what each whitened one stands for
    in the images (S. Haufe and others, doi:10.1016/j.neuroimage.2013.10.067).
    """
    found = {}
    match list(module.children()):
        case [nn.Conv2d() as first, _, nn.Conv2d() as second, *_] if not first.weight.requires_grad:
            found["whitened"] = first.weight[: first.out_channels // 2]  # the rest are negatives
            meant = first.weight / first.weight.square().sum((1, 2, 3), keepdim=True)
            taken = second.weight[:_SHOWN]
            found["second"] = functional.conv_transpose2d(taken, meant, stride=first.stride)
        case [nn.Conv2d() as first, *_]:
            found["convolution" if first.weight.requires_grad else "whitened"] = first.weight
        case [nn.Flatten(), nn.Linear() as first, *_]:
            found["dense"] = first.weight.view(-1, *INPUT_SHAPE)
    for kind, each in found.items():
        kernels = each[:_SHOWN, 0].float().cpu()  # of the one channel of an image
        largest = kernels.abs().amax((1, 2), keepdim=True).clamp(min=1e-30)
        found[kind] = (127 * kernels / largest).round().to(torch.int8)
    return found


def build_own(own: OwnModel, seed: int, images: UInt8, classes: int) -> nn.Module:
    """Your own module, initialised with a seed, and shown a few images.

    Raises:
        RecipeError: it gives no logits of the right shape, or has nothing to train.
        OwnCodeError: its code raises an error.
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    module: nn.Module = own.fresh()
    inputs = torch.from_numpy(images).unsqueeze(1) / 255
    with own_code(f"showing {own.origin} {len(images)} images"), torch.no_grad():
        # Lazy layers draw their weights here.
        logits = module.eval()(inputs)
    if output_kind(logits, own.origin, INPUT_SHAPE, len(images), classes) == "probabilities":
        raise RecipeError(
            f"{own.origin} gives probabilities, but logits are expected. Remove the softmax at its "
            "end: training and the exported model add their own."
        )
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise RecipeError(
            f"{own.origin} has nothing to train: none of its parameters requires a gradient."
        )
    return module


def export_own(module: nn.Module, own: OwnModel, classes: int) -> Core:
    """Your own module as a core; see :func:`build_core`."""
    return build_core(
        export_module(module, INPUT_SHAPE, own.origin),
        shape=INPUT_SHAPE,
        classes=classes,
        gives="logits",
        parameters=sum(each.numel() for each in module.parameters() if each.requires_grad),
    )


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    """A copy of all tensors of a module's state, on the processor."""
    return {
        name: tensor.detach().to("cpu", copy=True).contiguous()
        for name, tensor in module.state_dict().items()
        if isinstance(tensor, Tensor)
    }


def as_arrays(tensors: Mapping[str, Tensor]) -> dict[str, npt.NDArray[Any]]:
    """Tensors as arrays; as float32 if NumPy does not have a type, as with bfloat16."""
    arrays = {}
    for name, tensor in tensors.items():
        value = tensor.detach().cpu().contiguous()
        arrays[name] = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    return arrays
