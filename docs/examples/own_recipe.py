"""Your own recipe: a model, and how to train it."""

from own_torch import build

import fittingroom
from fittingroom.recipes import Augmentation

recipe = fittingroom.recipe_of(
    build,
    name="residual",
    title="A small residual network, trained with Muon",
    epochs=8,
    batch_size=128,
    optimizer="muon",
    learning_rate=0.06,
    label_smoothing=0.1,
    augmentation=Augmentation(flip=True, shift=1, shift_probability=0.3),
    mirror=True,
)
