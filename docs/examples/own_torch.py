"""A small residual network in PyTorch: 28 × 28 pictures from 0 to 1 → ten logits."""

import torch
from torch import nn


class Block(nn.Module):
    """Two convolutions, added to what entered them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) → the same shape."""
        inner = torch.relu(self.norms[0](self.first(x)))
        return torch.relu(x + self.norms[1](self.second(inner)))


def build() -> nn.Module:
    """A new network; `fittingroom` has set the seed when it calls this."""
    return nn.Sequential(
        nn.Conv2d(1, 24, 4, stride=2, padding=1),  # (N, 24, 14, 14)
        nn.ReLU(),
        nn.MaxPool2d(2),  # (N, 24, 7, 7)
        Block(24),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(24, 10),  # logits: no softmax
    )
