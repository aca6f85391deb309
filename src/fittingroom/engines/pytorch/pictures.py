"""Pictures as training reads them: kept as uint8, varied and normalised a batch at a time."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from fittingroom.predictions import UInt8
from fittingroom.recipes import Augmentation

# Pictures whose pixels are counted at a time: counting takes eight bytes a pixel.
_COUNTED = 1000


class Pictures:
    """Labelled pictures on a device.

    Args:
        images: uint8 ``(N, H, W)``.
        labels: uint8 ``(N,)``.
        mean: of the training pixels, in 0–255.
        deviation: their standard deviation.
    """

    def __init__(self, images: Tensor, labels: Tensor, mean: Tensor, deviation: Tensor) -> None:
        self.images = images
        self.labels = labels.long()
        self._mean = mean
        self._deviation = deviation

    def __len__(self) -> int:
        return len(self.images)

    def normalise(self, images: Tensor) -> Tensor:
        """uint8 ``(B, H, W)`` → float32 ``(B, 1, H, W)`` of mean zero and variance one."""
        return ((images.float() - self._mean) / self._deviation).unsqueeze(1)


class Augmenter:
    """Draws each picture of an epoch mirrored, moved and turned as a recipe asks.

    Args:
        pictures: what to draw from.
        augmentation: how to vary it.
        generator: a random generator on the processor, so that every device sees the same.
    """

    def __init__(
        self, pictures: Pictures, augmentation: Augmentation, generator: torch.Generator
    ) -> None:
        count = len(pictures)
        self._device = pictures.images.device
        self._augmentation = augmentation
        self._generator = generator
        self._count = count
        self._images = pictures.images
        first = torch.randint(2, (count,), generator=generator)
        self._mirrored_first = first.bool().to(self._device)

    def order(self) -> Tensor:
        """A new random order of all pictures: int64 ``(N,)``."""
        return torch.randperm(self._count, generator=self._generator).to(self._device)

    def take(self, chosen: Tensor, epoch: int) -> Tensor:
        """The chosen pictures, varied: int64 ``(B,)`` → uint8 ``(B, H, W)``."""
        return self._vary(chosen, self._draw(len(chosen)).to(self._device), epoch)

    def batches(self, epoch: int, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """All pictures in a new random order, less a remainder: batches of indices and pictures.

        All that is random is drawn before the first batch, so that another device than the
        processor is not waited for in between.

        Args:
            epoch: counted from 1.
            size: pictures a batch.

        Yields:
            int64 ``(size,)`` and uint8 ``(size, H, W)``.
        """
        order = self.order()
        steps = self._count // size
        drawn = torch.empty(steps, 3, size)
        for step in range(steps):
            drawn[step] = self._draw(size)
        for step, variation in enumerate(drawn.to(self._device)):
            chosen = order[step * size : (step + 1) * size]
            yield chosen, self._vary(chosen, variation, epoch)

    def _draw(self, count: int) -> Tensor:
        """How to vary so many pictures: float32 ``(3, count)``, a window's place and a turn."""
        wanted = self._augmentation
        drawn = torch.zeros(3, count)
        # Small whole numbers, which float32 holds exactly.
        drawn[:2] = torch.randint(2 * wanted.shift + 1, (2, count), generator=self._generator)
        if wanted.shift_probability < 1:
            moved = torch.rand(count, generator=self._generator)
            drawn[:2, moved >= wanted.shift_probability] = wanted.shift  # the middle
        if wanted.rotation:
            drawn[2] = (2 * torch.rand(count, generator=self._generator) - 1) * wanted.rotation
        return drawn

    def _vary(self, chosen: Tensor, variation: Tensor, epoch: int) -> Tensor:
        images = move(self._images[chosen], variation[:2].long(), self._augmentation.shift)
        if self._augmentation.flip:
            mirrored = self._mirrored_first[chosen] ^ bool(epoch % 2)
            images = torch.where(mirrored[:, None, None], images.flip(2), images)
        if self._augmentation.rotation:
            images = rotate(images, variation[2])
        return images


def mean_and_deviation(images: UInt8) -> tuple[float, float]:
    """Mean and standard deviation of all pixels, from how often each of the 256 values occurs.

    NumPy's own deviation would hold a float64 copy of every pixel.

    Args:
        images: uint8 ``(N, H, W)``.
    """
    counts = np.zeros(256, np.int64)
    for start in range(0, len(images), _COUNTED):
        counts += np.bincount(images[start : start + _COUNTED].reshape(-1), minlength=256)
    values = np.arange(256)
    total = counts.sum()
    mean = (counts * values).sum() / total
    return float(mean), float(np.sqrt((counts * (values - mean) ** 2).sum() / total))


def move(images: Tensor, places: Tensor, shift: int) -> Tensor:
    """Pictures seen through a window that is moved; what comes into view is black, as around them.

    Args:
        images: uint8 ``(B, H, W)``.
        places: int64 ``(2, B)``, of each window's upper left corner, from 0 to ``2·shift``;
            ``shift`` leaves a picture where it is.
        shift: pixels that a window moves at most.
    """
    if shift == 0:
        return images
    count, height, width = images.shape
    padded = functional.pad(images, (shift,) * 4)
    # Every position of the window as a view: (B, 2·shift + 1, 2·shift + 1, H, W).
    windows = padded.unfold(1, height, 1).unfold(2, width, 1)
    return windows[torch.arange(count, device=images.device), places[0], places[1]]


def rotate(images: Tensor, turns: Tensor) -> Tensor:
    """Pictures turned about their middle, edges reflected.

    Args:
        images: uint8 ``(B, H, W)``, of equal height and width.
        turns: float32 ``(B,)``, shares of a full turn, counter-clockwise.

    Returns:
        uint8 ``(B, H, W)``, interpolated linearly and rounded.
    """
    angles = 2 * math.pi * turns
    cosine, sine, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    # Where each pixel of the result comes from: the inverse turn, with rows counted downwards.
    rows = (torch.stack((cosine, -sine, zero), 1), torch.stack((sine, cosine, zero), 1))
    places = functional.affine_grid(
        torch.stack(rows, 1), [len(images), 1, *images.shape[1:]], align_corners=False
    )
    turned = functional.grid_sample(
        images.float().unsqueeze(1), places, padding_mode="reflection", align_corners=False
    )
    return turned.squeeze(1).round().to(torch.uint8)
