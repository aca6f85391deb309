"""Networks of dense layers on the flattened image: no patches, no shared weights."""

from fittingroom.networks import GELU, BatchNorm, Dense, Dropout, Flatten, Network
from fittingroom.recipes.recipe import Augmentation, muon_recipe


def _layers(width: int, depth: int, dropout: float) -> Network:
    """The image, hidden layers of one width, and a logit for each class."""
    hidden = (
        Dense(width, bias=False),
        BatchNorm(),
        GELU(),
        *((Dropout(dropout),) if dropout else ()),
    )
    return (Flatten(), *(hidden * depth), Dense(10))


ANN_FAST = muon_recipe(
    name="ann-fast",
    title="The predecessor's accuracy in about a second: two narrow dense layers",
    claim=(
        "88.44% test accuracy (95% interval 87.85% to 89.01%), mean over seeds 0 to 9, after 1"
        " s of training on two cores of an AMD EPYC with AVX-512; benchmarks/training.py, "
        "docs/results/training.md."
    ),
    network=_layers(96, depth=2, dropout=0),
    epochs=2,
    batch_size=700,
    augmentation=Augmentation(flip=True),
)

ANN = muon_recipe(
    name="ann",
    title="Artificial neural network: dense layers on the flattened image",
    claim=(
        "91.03% test accuracy (95% interval 90.50% to 91.53%), mean over seeds 0 to 9, after "
        "11 s of training on two cores of an AMD EPYC with AVX-512; benchmarks/training.py, "
        "docs/results/training.md."
    ),
    network=_layers(320, depth=2, dropout=0.1),
    epochs=9,
    batch_size=1000,
    augmentation=Augmentation(flip=True, shift=1, shift_probability=0.2),
)

ANN_BEST = muon_recipe(
    name="ann-best",
    title="Three wide dense layers, trained for minutes on shifted images",
    claim=(
        "92.22% test accuracy (95% interval 91.71% to 92.69%), mean over seeds 0 to 4, after "
        "541 s of training on two cores of an AMD EPYC with AVX-512 and bfloat16; "
        "benchmarks/training.py, docs/results/training.md."
    ),
    network=_layers(1024, depth=3, dropout=0.3),
    epochs=72,
    batch_size=4000,
    augmentation=Augmentation(flip=True, shift=1),
    keep="last",
)
