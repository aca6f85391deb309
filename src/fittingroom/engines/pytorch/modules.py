"""A network's description → the same network as a ``torch.nn.Module``."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from fittingroom import networks
from fittingroom.networks import INPUT_SHAPE, Layer, Network, Shape

# Added to each component's variance, where pixels have one of 1: what hardly occurs is noise, and
# is not to be blown up.
_LEAST_VARIANCE = 1e-2


class ResidualBlock(nn.Sequential):
    """``x + layers(x)``."""

    def forward(self, input: Tensor) -> Tensor:
        """``(N, …)`` → the same shape."""
        result = input
        for layer in self:
            result = layer(result)
        return input + result


class Members(nn.ModuleList):
    """The mean of its members' outputs; in training one output after the other."""

    def forward(self, input: Tensor) -> Tensor:
        """``(N, …)`` → ``(N, K)``, in training ``(members · N, K)``."""
        outputs = [member(input) for member in self]
        return torch.cat(outputs) if self.training else torch.stack(outputs).mean(0)


class Dropout(nn.Module):
    """Sets values to zero with a probability, and scales up the rest, in training.

    The processor draws random numbers one after the other, so each of 64 bits decides on eight
    values; the probability is then a multiple of 1/256, and the scale its own.
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
        case networks.Conv(filters, kernel, stride, padding, groups, bias, whitened):
            conv = nn.Conv2d(shape[0], filters, kernel, stride, padding, groups=groups, bias=bias)
            return conv.requires_grad_(not whitened)
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
            return Dropout(rate)
        case networks.Residual(layers):
            return ResidualBlock(*build_module(layers, shape))
        case networks.Ensemble(members):
            return Members(build_module(member, shape) for member in members)


@torch.no_grad()
def whiten(module: nn.Module, pictures: Tensor) -> None:
    """Give the first layer its weights, if it is a whitened convolution.

    See :class:`fittingroom.networks.Conv`.

    Args:
        module: what :func:`build_module` gave.
        pictures: float32 ``(N, C, H, W)``, normalised.
    """
    conv = next(module.children())
    if not isinstance(conv, nn.Conv2d) or conv.weight.requires_grad:
        return
    assert not isinstance(conv.padding, str)
    patches = functional.unfold(
        pictures, conv.kernel_size, padding=conv.padding, stride=conv.stride
    )  # (N, C·k·k, places)
    rows = patches.transpose(1, 2).flatten(0, 1).double()  # (N·places, C·k·k)
    values, vectors = torch.linalg.eigh(rows.T @ rows / len(rows))
    components = conv.out_channels // 2
    values, vectors = values.flip(0)[:components], vectors.flip(1)[:, :components]  # largest first
    filters = (vectors / (values + _LEAST_VARIANCE).sqrt()).T
    conv.weight.copy_(torch.cat((filters, -filters)).view_as(conv.weight))


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    """A copy of the weights and running statistics, less the batch counters."""
    return {
        name: tensor.detach().to("cpu", torch.float32, copy=True).contiguous()
        for name, tensor in module.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
