"""A peer: the predecessor's CNN in a PyTorch loop as tutorials write it, for one epoch.

A ``Dataset`` that makes a float tensor of each picture when it is asked for one, a ``DataLoader``
that shuffles and stacks them (batch 32, as the predecessor's; no worker processes, PyTorch's
default), Adam at 0.001, cross-entropy, no augmentation; then validation, likewise. The pictures
are those of the predecessor's own split.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from fittingroom.data import Dataset, Half
from fittingroom.engines.pytorch.modules import build_module
from fittingroom.networks import operation_count, parameter_count
from fittingroom.predictions import UInt8
from fittingroom.recipes.predecessor import KERAS_CNN

BATCH = 32


class Garments(TorchDataset[tuple[Tensor, int]]):
    """Pictures as float tensors ``(1, 28, 28)`` from 0 to 1, made one at a time."""

    def __init__(self, half: Half) -> None:
        self.half = half

    def __len__(self) -> int:
        return len(self.half)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = torch.from_numpy(self.half.images[index]).unsqueeze(0).float() / 255
        return image, int(self.half.labels[index])


@dataclass(frozen=True, eq=False)
class Trained:
    """What the epoch gave.

    Attributes:
        began: when training began, in seconds as ``time.time`` counts.
        values: what was measured, as JSON values.
        predict: uint8 ``(N, 28, 28)`` → the predicted labels.
    """

    began: float
    values: dict[str, Any]
    predict: Callable[[UInt8], UInt8]


def train_one_epoch(dataset: Dataset, *, seed: int, threads: int) -> Trained:
    """Train for one epoch on the training pictures, and validate."""
    split = dataset.split(KERAS_CNN.split)
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    started, began = time.time(), time.perf_counter()
    model = build_module(KERAS_CNN.layers)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_of = nn.CrossEntropyLoss()

    model.train()
    loss_sum, right = 0.0, 0
    for images, labels in DataLoader(Garments(split.training), BATCH, shuffle=True):
        optimizer.zero_grad()
        logits = model(images)
        loss = loss_of(logits, labels)
        loss.backward()
        optimizer.step()
        loss_sum += loss.item() * len(labels)
        right += int((logits.argmax(1) == labels).sum())

    def logits_of(half: Half) -> Tensor:
        model.eval()
        with torch.no_grad():
            return torch.cat([model(images) for images, _ in DataLoader(Garments(half), BATCH)])

    def predict(images: UInt8) -> UInt8:
        count = len(images)
        unknown = Half(images, np.zeros(count, np.uint8), np.arange(count))
        return logits_of(unknown).argmax(1).numpy().astype(np.uint8)

    validation = logits_of(split.validation)
    labels = torch.from_numpy(split.validation.labels).long()
    accuracy = float((validation.argmax(1) == labels).float().mean())
    seconds = time.perf_counter() - began
    epoch = {
        "epoch": 1,
        "seconds": seconds,
        "train_loss": loss_sum / len(split.training),
        "train_accuracy": right / len(split.training),
        "val_loss": float(loss_of(validation, labels)),
        "val_accuracy": accuracy,
        "learning_rate": 1e-3,
    }
    values = {
        "backend": "",
        "training_pictures": len(split.training),
        "validation_pictures": len(split.validation),
        "seconds": seconds,
        "best_epoch": 1,
        "validation_accuracy": accuracy,
        "parameters": parameter_count(KERAS_CNN.layers),
        "operations": operation_count(KERAS_CNN.layers),
        "history": [epoch],
    }
    return Trained(started, values, predict)
