"""Convolutional networks, from seconds of training to half an hour."""

from fittingroom.networks import BatchNorm, Conv, Dense, Dropout, GlobalMaxPool, MaxPool, ReLU
from fittingroom.recipes.recipe import Augmentation, Recipe

CNN = Recipe(
    name="cnn",
    title="Convolutional neural network: four convolutions, most of the work on 7 × 7",
    claim=(
        "93.07% test accuracy (95% interval 92.61% to 93.50%), mean over seeds 0 to 2, after "
        "33 s of training on two cores of an AMD EPYC with AVX-512, 45 s with AVX2 "
        "instructions; benchmarks/training.py, docs/results/training.md."
    ),
    network=(
        Conv(24, kernel=4, stride=2, padding=1, bias=False),
        BatchNorm(),
        ReLU(),
        Conv(48, kernel=3, stride=2, padding=1, bias=False),
        BatchNorm(),
        ReLU(),
        Conv(96, kernel=3, padding=1, bias=False),
        MaxPool(2),
        BatchNorm(),
        ReLU(),
        Conv(96, kernel=3, padding=1, bias=False),
        BatchNorm(),
        ReLU(),
        GlobalMaxPool(),
        Dropout(0.1),
        Dense(10),
    ),
    epochs=6,
    batch_size=128,
    optimizer="muon",
    learning_rate=0.06,
    warmup=0.1,
    label_smoothing=0.1,
    augmentation=Augmentation(flip=True, shift=1, shift_probability=0.3),
    mirror=True,
)
