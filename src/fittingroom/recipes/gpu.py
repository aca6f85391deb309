"""Networks for minutes on a GPU, most of which the others leave idle.

Nobody has trained these two yet: they were laid out on paper, and no figure is claimed. An epoch is
5.4·10¹⁴ operations, so that 60 of them take about five minutes at 120 TFLOP/s, with 5,000
validation pictures in float32 after each.
"""

from dataclasses import replace

from fittingroom.networks import (
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Ensemble,
    GlobalMaxPool,
    Network,
    ReLU,
    Residual,
)
from fittingroom.recipes.convolutional import conv, stem
from fittingroom.recipes.recipe import Augmentation, Recipe

_NOT_MEASURED = (
    "Not measured: it is for a GPU, and would take a day and more on two cores; "
    "benchmarks/training.py --device cuda measures it."
)


def _residual(filters: int) -> Residual:
    """Two convolutions beside the identity, each normalised before it (arXiv:1603.05027)."""
    half = (BatchNorm(), ReLU(), Conv(filters, padding=1, bias=False))
    return Residual(half * 2)


def _layers(width: int) -> Network:
    """Thirteen convolutions from 28 × 28 on; half the sides, twice the width, two times."""
    return (
        *conv(width),
        _residual(width),
        *conv(2 * width, pool=True),
        *(_residual(2 * width),) * 2,
        *conv(4 * width, pool=True),
        *(_residual(4 * width),) * 2,
        BatchNorm(),
        ReLU(),
        GlobalMaxPool(),
        Dropout(0.2),
        Dense(10),
    )


GPU_BEST = Recipe(
    name="gpu-best",
    title="For minutes on a GPU: thirteen wide convolutions, ten of them in residual blocks",
    claim=_NOT_MEASURED,
    network=(*stem(16, kernel=3, stride=1), *_layers(128)),
    epochs=60,
    batch_size=512,
    optimizer="muon",
    learning_rate=0.06,
    warmup=0.1,
    label_smoothing=0.1,
    augmentation=Augmentation(
        flip=True, shift=2, shift_probability=0.7, erase=10, erase_probability=0.5
    ),
    keep="last",
    mirror=True,
)

GPU_ENSEMBLE = replace(
    GPU_BEST,
    name="gpu-ensemble",
    title="For minutes on a GPU: four networks of half gpu-best's width, together",
    network=(*stem(16, kernel=3, stride=1), Ensemble((_layers(64),) * 4)),
)
