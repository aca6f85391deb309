"""What to train and how, as one frozen description that holds every value training uses."""

import dataclasses
import typing
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from fittingroom import networks
from fittingroom.errors import RecipeError
from fittingroom.networks import check, check_ranges
from fittingroom.recipes.base import BaseRecipe
from fittingroom.recipes.own import OwnModel

Optimizer = Literal["adam", "adamw", "muon"]
Schedule = Literal["one-cycle", "constant"]
Keep = Literal["best accuracy", "best loss", "last"]


@dataclass(frozen=True)
class Augmentation:
    """How training images are varied.

    Attributes:
        flip: mirror images left to right: each at random in its first epoch, then in turns, so
            that two epochs show both sides of every image (the Keras engine draws anew in every
            epoch).
        shift: move images by up to this many pixels in both directions, at random.
        shift_probability: share of the images that are moved.
        rotation: turn images about their middle by up to this share of a full turn, either way,
            at random. Reflected edges fill what turns into view.
        erase: fill a square of this side in pixels, at a random place, with the mean grey; 0
            erases nothing.
        erase_probability: share of the images in which a square is erased.
    """

    flip: bool = False
    shift: int = 0
    shift_probability: float = 1.0
    rotation: float = 0.0
    erase: int = 0
    erase_probability: float = 1.0

    def __post_init__(self) -> None:
        check_ranges(
            self,
            "augmentation.",
            shift="[0, 8]",
            shift_probability="[0, 1]",
            rotation="[0, 0.5]",
            erase="[0, 28]",
            erase_probability="[0, 1]",
        )


@dataclass(frozen=True, kw_only=True)
class Recipe(BaseRecipe):
    """One way to train one network, besides what every recipe has.

    Attributes:
        network: the layers, from the normalised image to one logit for each class; or your
            own ``nn.Module`` or Keras model.
        epochs: passes over the training set at most.
        batch_size: images in a step.
        optimizer: ``"adam"`` (arXiv:1412.6980) with that paper's settings, ``"adamw"``
            (arXiv:1711.05101), or ``"muon"`` for matrices and kernels with AdamW for the rest.
        learning_rate: the highest, reached after the warm-up.
        schedule: ``"one-cycle"``, a rise and a fall over the whole training, or ``"constant"``.
        other_learning_rate: with ``"muon"``, that of AdamW, which trains the last layer, biases
            and normalisation.
        warmup: with ``"one-cycle"``, the share of all steps in which the rate rises from a
            tenth; it then falls to zero.
        momentum: of ``"muon"``, and the first one of Adam's two.
        weight_decay: decoupled, on weights with two axes or more; none with ``"adam"``.
        label_smoothing: probability spread evenly over all classes (arXiv:1512.00567).
        augmentation: how training images are varied.
        hardest: the share of the images that an epoch trains on, once 40,000 have been trained on:
            those whose loss was highest when they were last trained on (arXiv:1910.00762).
        keep: which epoch's weights are kept: that of the best validation accuracy, of the best
            validation loss, or the last.
        patience: training ends after so many epochs without a better one; with ``keep="last"``
            every epoch counts as better.
        mirror: whether the model averages the logits of an image and its mirror image.
        shifts: whether the exported model also averages over small shifts: the image as it is has
            half the weight, and the image moved by one pixel to the left, right, up and down an
            eighth each. It takes five times the operations. Accuracy and loss in the history are
            measured without.
    """

    network: networks.Network | OwnModel
    engine: str = "pytorch"
    epochs: int = 10
    batch_size: int = 256
    optimizer: Optimizer = "adamw"
    learning_rate: float = 1e-3
    schedule: Schedule = "one-cycle"
    other_learning_rate: float = 1e-2
    warmup: float = 0.25
    momentum: float = 0.9
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    augmentation: Augmentation = field(default_factory=Augmentation)
    hardest: float = 1.0
    keep: Keep = "best accuracy"
    patience: int = 5
    mirror: bool = False
    shifts: bool = False

    trains: ClassVar[str] = "network"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(
            self,
            epochs="[1, inf)",
            batch_size="[2, inf)",
            learning_rate="(0, inf)",
            other_learning_rate="(0, inf)",
            warmup="[0, 1)",
            momentum="[0, 1)",
            weight_decay="[0, inf)",
            label_smoothing="[0, 1)",
            hardest="(0, 1]",
            patience="[1, inf)",
        )
        for name, kinds in (("optimizer", Optimizer), ("schedule", Schedule), ("keep", Keep)):
            known, value = typing.get_args(kinds), getattr(self, name)
            check(name, value, value in known, f"one of {', '.join(known)}")
        without = self.weight_decay == 0 or self.optimizer != "adam"
        check("weight_decay", self.weight_decay, without, "0 with the optimizer adam; try adamw")
        exported = self.engine == "pytorch" and self.own is None
        words = "false, unless the engine pytorch trains a described network"
        check("shifts", self.shifts, exported or not self.shifts, words)

    @property
    def views(self) -> int:
        """How many views of an image the exported model gives to the network."""
        return (2 if self.mirror else 1) * (5 if self.shifts else 1)

    @property
    def layers(self) -> networks.Network:
        """The described network.

        Raises:
            RecipeError: the recipe trains your own model, which has no description.
        """
        if isinstance(self.network, OwnModel):
            raise RecipeError(
                f"'{self.name}' trains your own model, {self.network.origin}, whose layers are "
                "not described. Choose a recipe of the catalogue."
            )
        return self.network

    def for_classes(self, classes: int) -> "Recipe":
        """The recipe with so many outputs, if its last layer is dense; your own model as it is."""
        if self.own or not self.layers or not isinstance(self.layers[-1], networks.Dense):
            return self
        last = dataclasses.replace(self.layers[-1], units=classes)
        return dataclasses.replace(self, network=(*self.layers[:-1], last))
