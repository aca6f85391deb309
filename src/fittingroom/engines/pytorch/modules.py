"""A network's description → the same network as a ``torch.nn.Module``."""

import torch
from torch import Tensor, nn

from fittingroom import networks
from fittingroom.networks import INPUT_SHAPE, Layer, Network, Shape


class ResidualBlock(nn.Sequential):
    """``x + layers(x)``."""

    def forward(self, input: Tensor) -> Tensor:
        """``(N, …)`` → the same shape."""
        result = input
        for layer in self:
            result = layer(result)
        return input + result


def build_module(network: Network, shape: Shape = INPUT_SHAPE) -> nn.Sequential:
    """The network with freshly drawn weights; its ``state_dict`` names them as the network does.

    Args:
        network: the description.
        shape: of one picture, ``(channels, height, width)``.
    """
    rows = networks.summarise(network, shape)
    inputs = (shape, *(row.output for row in rows))
    return nn.Sequential(
        *(_build_layer(layer, entering) for layer, entering in zip(network, inputs, strict=False))
    )


def _build_layer(layer: Layer, shape: Shape) -> nn.Module:
    match layer:
        case networks.Flatten():
            return nn.Flatten()
        case networks.Dense(units, bias):
            return nn.Linear(shape[0], units, bias=bias)
        case networks.Conv(filters, kernel, stride, padding, groups, bias):
            return nn.Conv2d(shape[0], filters, kernel, stride, padding, groups=groups, bias=bias)
        case networks.BatchNorm(momentum, epsilon):
            kind = nn.BatchNorm1d if len(shape) == 1 else nn.BatchNorm2d
            return kind(shape[0], eps=epsilon, momentum=momentum)
        case networks.ReLU():
            return nn.ReLU(inplace=True)
        case networks.GELU():
            return nn.GELU()
        case networks.MaxPool(size):
            return nn.MaxPool2d(size)
        case networks.GlobalAveragePool():
            return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        case networks.GlobalMaxPool():
            return nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten())
        case networks.Dropout(rate):
            return nn.Dropout(rate)
        case networks.Residual(layers):
            return ResidualBlock(*build_module(layers, shape))


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    """A copy of the weights and running statistics, less the batch counters."""
    return {
        name: tensor.detach().to("cpu", torch.float32, copy=True).contiguous()
        for name, tensor in module.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
