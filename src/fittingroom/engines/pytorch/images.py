"""Images as training reads them: kept as uint8, varied and normalised a batch at a time."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from fittingroom.predictions import UInt8
from fittingroom.recipes import Augmentation


class TrainingImages:
    """Labelled images on a device.

    Args:
        images: uint8 ``(N, H, W)``.
        labels: whole numbers ``(N,)``.
        mean: of the training pixels, in 0–255.
        deviation: their standard deviation.
    """

    def __init__(self, images: Tensor, labels: Tensor, mean: Tensor, deviation: Tensor) -> None:
        self.images = images
        self.labels = labels.long()
        self.mean = mean
        self._offset = -mean / deviation
        self._scale = 1 / deviation.item()

    def __len__(self) -> int:
        return len(self.images)

    def normalise(self, images: Tensor) -> Tensor:
        """uint8 ``(B, H, W)`` → float32 ``(B, 1, H, W)`` of mean zero and variance one."""
        # In one pass over the pixels, which type promotion makes floats on the way.
        return torch.add(self._offset, images, alpha=self._scale).unsqueeze(1)


class Augmenter:
    """Varies the training images as a recipe asks: mirrored, moved, turned, partly erased.

    All that is random about an epoch is drawn before its first batch, so that another device than
    the processor is not waited for in between. The generator is on the processor, so that every
    device sees the same.
    """

    def __init__(
        self, images: TrainingImages, augmentation: Augmentation, generator: torch.Generator
    ) -> None:
        self._source = images
        self._augmentation = augmentation
        self._generator = generator
        count = len(images)
        self._mirrored_first = torch.randint(2, (count,), generator=generator).bool()

    def epoch(self, number: int, size: int, among: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Images in a new random order, less a remainder, and how to vary each.

        ``number`` is the epoch's, counted from 1; ``among``, int64 ``(N,)``, are the places of the
        images in the training set. What is yielded, :meth:`vary` takes.
        """
        device = self._source.images.device
        count = len(among)
        order = among[torch.randperm(count, generator=self._generator)[: count - count % size]]
        mirrored = self._mirrored_first[order] ^ bool(number % 2)
        chosen = order.view(-1, size).to(device)
        drawn = torch.stack([self._draw(each) for each in mirrored.view(-1, size)]).to(device)
        yield from zip(chosen, drawn, strict=True)

    def vary(self, chosen: Tensor, drawn: Tensor) -> Tensor:
        """The chosen images, int64 ``(B,)``, varied: uint8 ``(B, H, W)``.

        ``drawn``, float32 ``(6, B)``, is whether an image is mirrored, a window's row and column,
        a share of a full turn, and the row and column of the erased square's middle.
        """
        wanted = self._augmentation
        images = move(self._source.images[chosen], drawn[1:3].long(), wanted.shift)
        if wanted.flip:
            images = torch.where(drawn[0, :, None, None] > 0, images.flip(2), images)
        if wanted.rotation:
            images = rotate(images, drawn[3])
        if wanted.erase:
            images = erase(images, drawn[4:], wanted.erase, self._source.mean)
        return images

    def _draw(self, mirrored: Tensor) -> Tensor:
        """How to vary a batch: float32 ``(6, B)``."""
        wanted, generator, count = self._augmentation, self._generator, len(mirrored)
        drawn = torch.zeros(6, count)
        drawn[0] = mirrored
        # Small whole numbers, which float32 holds exactly.
        drawn[1:3] = torch.randint(2 * wanted.shift + 1, (2, count), generator=generator)
        if wanted.shift_probability < 1:
            moved = torch.rand(count, generator=generator)
            drawn[1:3, moved >= wanted.shift_probability] = wanted.shift  # the middle
        if wanted.rotation:
            drawn[3] = (2 * torch.rand(count, generator=generator) - 1) * wanted.rotation
        if wanted.erase:
            side = self._source.images.shape[1]
            drawn[4:] = torch.randint(side, (2, count), generator=generator)
            erased = torch.rand(count, generator=generator)
            drawn[4:, erased >= wanted.erase_probability] = -side  # outside
        return drawn


def mean_and_deviation(images: UInt8) -> tuple[float, float]:
    """Mean and standard deviation of all pixels of uint8 ``(N, H, W)``, from exact sums.

    NumPy's own deviation would hold a float64 copy of every pixel.
    """
    counts, levels = torch.bincount(torch.from_numpy(images).flatten()), torch.arange(256)
    total, squares = (int(counts @ levels[: len(counts)] ** power) for power in (1, 2))
    mean = total / images.size
    return mean, math.sqrt(squares / images.size - mean**2)


def move(images: Tensor, places: Tensor, shift: int) -> Tensor:
    """Images ``(B, H, W)`` seen through a window that is moved, with black around them.

    ``places``, int64 ``(2, B)``, are the rows and columns of each window's upper left corner, from
    0 to ``2·shift``; ``shift`` leaves an image where it is.
    """
    if shift == 0:
        return images
    count, height, width = images.shape
    padded = functional.pad(images, (shift,) * 4)
    # Every position of the window as a view: (B, 2·shift + 1, 2·shift + 1, H, W).
    windows = padded.unfold(1, height, 1).unfold(2, width, 1)
    return windows[torch.arange(count, device=images.device), places[0], places[1]]


def erase(images: Tensor, middles: Tensor, side: int, grey: Tensor) -> Tensor:
    """Images ``(B, H, W)``, each with a grey square, which may reach over the edge.

    ``middles``, float32 ``(2, B)``, are the row and column of each square's middle
    (arXiv:1708.04552).
    """
    rows, columns = (torch.arange(length, device=images.device) for length in images.shape[1:])
    # With an even side the middle is the pixel below and right of it.
    down = rows - middles[0, :, None]
    right = columns - middles[1, :, None]
    inside = [(-(side // 2) <= away) & (away < side - side // 2) for away in (down, right)]
    square = inside[0][:, :, None] & inside[1][:, None, :]
    return torch.where(square, grey.round().to(torch.uint8), images)


def rotate(images: Tensor, turns: Tensor) -> Tensor:
    """Square images ``(B, H, W)`` turned about their middle, edges reflected.

    ``turns``, float32 ``(B,)``, are shares of a full turn, counter-clockwise.
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
