"""Networks of dense layers on the flattened picture: no patches, no shared weights."""

from fittingroom.networks import GELU, BatchNorm, Dense, Dropout, Flatten
from fittingroom.recipes.recipe import Augmentation, Recipe

ANN = Recipe(
    name="ann",
    title="Artificial neural network: dense layers on the flattened picture",
    claim=(
        "91.12% test accuracy (95% interval 90.58% to 91.64%), mean over seeds 0 to 2, after "
        "14 s of training on two cores of an AMD EPYC with AVX-512, 14 s with AVX2 "
        "instructions; benchmarks/training.py, docs/results/training.md."
    ),
    network=(
        Flatten(),
        Dense(320, bias=False),
        BatchNorm(),
        GELU(),
        Dropout(0.1),
        Dense(320, bias=False),
        BatchNorm(),
        GELU(),
        Dropout(0.1),
        Dense(10),
    ),
    epochs=10,
    batch_size=1000,
    optimizer="muon",
    learning_rate=0.04,
    warmup=0.1,
    label_smoothing=0.1,
    augmentation=Augmentation(flip=True),
    mirror=True,
)
