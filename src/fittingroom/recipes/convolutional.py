"""Convolutional networks, from seconds of training to half an hour."""

from fittingroom.networks import (
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalMaxPool,
    MaxPool,
    Network,
    ReLU,
)
from fittingroom.recipes.recipe import Augmentation, muon_recipe


def stem(filters: int, *, kernel: int = 4, stride: int = 2) -> Network:
    """The first layer, which is not trained; it halves the sides, unless its stride is 1."""
    return (
        Conv(filters, kernel=kernel, stride=stride, padding=1, bias=False, whitened=True),
        ReLU(),
    )


def conv(filters: int, *, stride: int = 1, pool: bool = False) -> Network:
    """A 3 × 3 convolution, normalised and rectified; pooled before that, which costs less."""
    return (
        Conv(filters, stride=stride, padding=1, bias=False),
        *((MaxPool(2),) if pool else ()),
        BatchNorm(),
        ReLU(),
    )


def _dense(units: int) -> Network:
    """What is left of the image as a whole, normalised and rectified."""
    return (Flatten(), Dense(units, bias=False), BatchNorm(), ReLU())


CNN_FAST = muon_recipe(
    name="cnn-fast",
    title="The predecessor's accuracy in a few seconds: three small convolutions",
    claim=(
        "91.04% test accuracy (95% interval 90.52% to 91.53%), mean over seeds 0 to 9, after 3"
        " s of training on two cores of an AMD EPYC with AVX-512; benchmarks/training.py, "
        "docs/results/training.md."
    ),
    network=(
        *stem(16),
        *conv(16, stride=2),
        *conv(32, pool=True),
        *_dense(96),
        Dense(10),
    ),
    epochs=2,
    augmentation=Augmentation(flip=True),
)

CNN = muon_recipe(
    name="cnn",
    title="Convolutional neural network: three convolutions, most of the work on 7 × 7",
    claim=(
        "93.08% test accuracy (95% interval 92.60% to 93.52%), mean over seeds 0 to 9, after "
        "30 s of training on two cores of an AMD EPYC with AVX-512 and bfloat16; "
        "benchmarks/training.py, docs/results/training.md."
    ),
    network=(
        *stem(24),
        *conv(48, stride=2),
        *conv(96, pool=True),
        *_dense(128),
        Dropout(0.2),
        Dense(10),
    ),
    epochs=7,
    augmentation=Augmentation(flip=True, shift=1, shift_probability=0.5),
    keep="last",
)

CNN_STRONG = muon_recipe(
    name="cnn-strong",
    title="Six convolutions, on 14 × 14 and 7 × 7, trained for minutes",
    claim=(
        "94.28% test accuracy (95% interval 93.83% to 94.69%), mean over seeds 0 to 4, after "
        "238 s of training on two cores of an AMD EPYC with AVX-512 and bfloat16; "
        "benchmarks/training.py, docs/results/training.md."
    ),
    network=(
        *stem(32),
        *conv(32),
        *conv(48),
        *conv(64, pool=True),
        *conv(64),
        *conv(128, pool=True),
        GlobalMaxPool(),
        Dropout(0.1),
        Dense(10),
    ),
    epochs=13,
    augmentation=Augmentation(flip=True, shift=1, shift_probability=0.5),
    keep="last",
)

CNN_BEST = muon_recipe(
    name="cnn-best",
    title="The most accurate: eight convolutions from 28 × 28 on, trained for half an hour or less",
    claim=(
        "95.03% test accuracy (95% interval 94.64% to 95.40%), mean over seeds 0 to 2, after "
        "1311 s of training on two cores of an AMD EPYC with AVX-512 and bfloat16; "
        "benchmarks/training.py, docs/results/training.md."
    ),
    network=(
        *stem(16, kernel=3, stride=1),
        *conv(32, pool=True),
        *conv(48),
        *conv(48),
        *conv(96, pool=True),
        *conv(96),
        *conv(96),
        *conv(128, pool=True),
        GlobalMaxPool(),
        Dropout(0.2),
        Dense(10),
    ),
    epochs=36,
    augmentation=Augmentation(
        flip=True, shift=1, shift_probability=0.7, erase=8, erase_probability=0.5
    ),
    keep="last",
    shifts=True,
)

CNN_TINY = muon_recipe(
    name="cnn-tiny",
    title="Fewer than 100,000 parameters, most of the work on 14 × 14",
    claim=(
        "94.22% test accuracy (95% interval 93.76% to 94.65%), mean over seeds 0 to 4, after "
        "at most 377 s of training on two cores of an AMD EPYC with AVX-512 and bfloat16; "
        "benchmarks/training.py, docs/results/training.md."
    ),
    network=(
        *stem(32),
        *conv(32),
        *conv(32),
        *conv(48, pool=True),
        *conv(48),
        *conv(96, pool=True),
        GlobalMaxPool(),
        Dropout(0.1),
        Dense(10),
    ),
    epochs=28,
    augmentation=Augmentation(flip=True, shift=1, shift_probability=0.5),
    keep="last",
)
