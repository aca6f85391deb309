"""What to train and how, as one frozen description that holds every value training uses."""

import dataclasses
import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fittingroom import networks
from fittingroom.data import SplitRule
from fittingroom.errors import RecipeError
from fittingroom.recipes.base import BaseRecipe, check
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
        check("augmentation.shift", self.shift, 0 <= self.shift <= 8, "from 0 to 8 pixels")
        share = self.shift_probability
        check("augmentation.shift_probability", share, 0 <= share <= 1, "from 0 to 1")
        turn = self.rotation
        check("augmentation.rotation", turn, 0 <= turn <= 0.5, "from 0 to 0.5 of a full turn")
        check("augmentation.erase", self.erase, 0 <= self.erase <= 28, "from 0 to 28 pixels")
        share = self.erase_probability
        check("augmentation.erase_probability", share, 0 <= share <= 1, "from 0 to 1")


@dataclass(frozen=True, kw_only=True)
class Recipe(BaseRecipe):
    """One way to train one network.

    Attributes:
        name: its name on the command line.
        title: one line for reports.
        claim: accuracy, seconds, machine and seeds, as measured, with the benchmark's name.
        engine: the framework that trains it.
        network: the layers, from the normalised image to one logit for each class; or a person's
            own ``nn.Module`` or Keras model.
        split: which images of the training file train, and which validate.
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

    name: str
    title: str
    network: networks.Network | OwnModel
    claim: str = ""
    engine: str = "pytorch"
    split: SplitRule = field(default_factory=lambda: SplitRule("stratified", "1/12"))
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
    keep: Keep = "best accuracy"
    patience: int = 5
    mirror: bool = False
    shifts: bool = False

    def __post_init__(self) -> None:
        self.check_name()
        for name in ("learning_rate", "other_learning_rate", "weight_decay"):
            check(name, getattr(self, name), math.isfinite(getattr(self, name)), "a finite number")
        check("epochs", self.epochs, self.epochs >= 1, "at least 1")
        check("batch_size", self.batch_size, self.batch_size >= 2, "at least 2")
        for name, kinds in (("optimizer", Optimizer), ("schedule", Schedule), ("keep", Keep)):
            known, value = typing.get_args(kinds), getattr(self, name)
            check(name, value, value in known, f"one of {', '.join(known)}")
        check("learning_rate", self.learning_rate, self.learning_rate > 0, "above 0")
        other = self.other_learning_rate
        check("other_learning_rate", other, other > 0, "above 0")
        check("warmup", self.warmup, 0 <= self.warmup < 1, "from 0 to below 1")
        check("momentum", self.momentum, 0 <= self.momentum < 1, "from 0 to below 1")
        decay = self.weight_decay
        check("weight_decay", decay, decay >= 0, "at least 0")
        without = decay == 0 or self.optimizer != "adam"
        check("weight_decay", decay, without, "0 with the optimizer adam; adamw has it")
        smoothing = self.label_smoothing
        check("label_smoothing", smoothing, 0 <= smoothing < 1, "from 0 to below 1")
        check("patience", self.patience, self.patience >= 1, "at least 1")
        exported = self.engine == "pytorch" and self.own is None
        check(
            "shifts",
            self.shifts,
            not self.shifts or exported,
            "false, unless the engine pytorch trains a described network",
        )

    @property
    def views(self) -> int:
        """How many views of an image the exported model gives to the network."""
        return (2 if self.mirror else 1) * (5 if self.shifts else 1)

    @property
    def own(self) -> OwnModel | None:
        """The person's own ``nn.Module`` or Keras model, if it trains one."""
        return self.network if isinstance(self.network, OwnModel) else None

    @property
    def layers(self) -> networks.Network:
        """The described network.

        Raises:
            RecipeError: the recipe trains a person's own model, which has no description.
        """
        if isinstance(self.network, OwnModel):
            raise RecipeError(
                f"'{self.name}' trains your own model, {self.network.origin}, whose layers are "
                "not described. Choose a recipe of the catalogue."
            )
        return self.network

    def with_own(self, own: OwnModel) -> "Recipe":
        """The recipe with that model for its network."""
        return dataclasses.replace(self, network=own)

    def to_json(self) -> dict[str, Any]:
        """Every value as plain JSON types."""
        values = dataclasses.asdict(dataclasses.replace(self, network=()))
        own = self.own
        network = networks.to_json(self.layers) if own is None else own.to_json()
        return values | {"network": network}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Recipe":
        """The inverse of :meth:`to_json`.

        Raises:
            RecipeError: missing, unknown or impossible values.
        """
        try:
            fields = dict(values)
            network = fields["network"]
            own = isinstance(network, Mapping)
            fields["network"] = OwnModel.from_json(network) if own else networks.from_json(network)
            fields["split"] = SplitRule(**fields["split"])
            fields["augmentation"] = Augmentation(**fields["augmentation"])
            return cls(**fields)
        except (TypeError, KeyError, AttributeError) as error:
            raise RecipeError(
                f"The recipe can't be read: {error}. It must be one that this version has written."
            ) from error

    def for_classes(self, classes: int) -> "Recipe":
        """The recipe for data of so many classes: its last layer gives as many logits.

        A person's own model stays as it is.
        """
        if self.own is not None:
            return self
        return dataclasses.replace(self, network=networks.with_outputs(self.layers, classes))
