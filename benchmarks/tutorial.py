"""A peer: the predecessor's CNN in a PyTorch loop as tutorials write it, for one epoch.

A ``Dataset`` that makes a float tensor of each image when asked for one, a ``DataLoader`` that
shuffles and stacks them (batch 32, as the predecessor's; no worker processes, PyTorch's default),
Adam at 0.001, cross-entropy, no augmentation; then validation, likewise. The images are those of
the predecessor's own split.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from benchmarks.measure import peak_memory_mb
from benchmarks.one_training import scores
from fittingroom.data import ImageSet, find_dataset
from fittingroom.engines.pytorch.modules import build_module
from fittingroom.networks import operation_count, parameter_count
from fittingroom.recipes.catalogue import KERAS_CNN
from fittingroom.runs import log_opening

BATCH = 32


class Garments(TorchDataset[tuple[Tensor, int]]):
    """Images as float tensors ``(1, 28, 28)`` from 0 to 1, made one at a time."""

    def __init__(self, half: ImageSet) -> None:
        self.half = half

    def __len__(self) -> int:
        return len(self.half)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = torch.from_numpy(self.half.images[index]).unsqueeze(0).float() / 255
        return image, int(self.half.labels[index])


def train(*, began: float, seed: int, data: str | None, runs: str, threads: int) -> dict[str, Any]:
    """Train for one epoch, validate, and score on the test set.

    The arguments are those of :func:`benchmarks.one_training.train`.
    """
    dataset = find_dataset(data)
    split = dataset.split(KERAS_CNN.split)
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    before_training, clock = time.time() - began, time.perf_counter()
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

    def logits_of(half: ImageSet) -> Tensor:
        model.eval()
        with torch.no_grad():
            return torch.cat([model(images) for images, _ in DataLoader(Garments(half), BATCH)])

    validation = logits_of(split.validation)
    labels = torch.from_numpy(split.validation.labels).long()
    accuracy = float((validation.argmax(1) == labels).float().mean())
    seconds = time.perf_counter() - clock
    memory = peak_memory_mb()
    epoch = {
        "epoch": 1,
        "seconds": seconds,
        "train_loss": loss_sum / len(split.training),
        "train_accuracy": right / len(split.training),
        "val_loss": float(loss_of(validation, labels)),
        "val_accuracy": accuracy,
        "learning_rate": 1e-3,
    }
    name = f"tutorial-s{seed}"
    Path(runs).mkdir(parents=True, exist_ok=True)
    log_opening(Path(runs), run=name, recipe="tutorial", data=dataset.name, purpose="benchmark")
    test = dataset.open_test()
    return {
        "run": name,
        "backend": "",
        "training_images": len(split.training),
        "validation_images": len(split.validation),
        "before_training_seconds": before_training,
        "seconds": seconds,
        "peak_memory_mb": memory,
        "best_epoch": 1,
        "validation_accuracy": accuracy,
        "parameters": parameter_count(KERAS_CNN.layers),
        "operations": operation_count(KERAS_CNN.layers),
        "history": [epoch],
        **scores(np.asarray(logits_of(test).argmax(1)) == test.labels),
    }
