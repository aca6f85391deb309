"""Classical models, as baselines for networks: described by settings, trained without epochs."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from fittingroom.data import SplitRule
from fittingroom.errors import RecipeError, did_you_mean
from fittingroom.recipes.base import BaseRecipe, check
from fittingroom.recipes.own import OwnModel


@dataclass(frozen=True)
class LogisticRegression:
    """Multinomial logistic regression on the pixels, with a penalty on squared weights.

    Attributes:
        strength: weight of the data against the penalty (`C` in scikit-learn).
        iterations: of L-BFGS at most.
    """

    strength: float = 0.1
    iterations: int = 100

    def __post_init__(self) -> None:
        check("model.strength", self.strength, self.strength > 0, "above 0")
        check("model.iterations", self.iterations, self.iterations >= 1, "at least 1")


@dataclass(frozen=True)
class BoostedForest:
    """Histogram-based gradient boosting on the pixels: each round adds one tree for every class.

    Attributes:
        rounds: trees of each class.
        leaves: of a tree at most.
        learning_rate: what each tree's values are multiplied by.
        pixels: share of the pixels, drawn anew for each node, that its split may use.
        penalty: weight of the squared values of leaves. Without it, leaves of images that are
            already classified correctly grow without bounds, and later rounds undo earlier ones.
    """

    rounds: int = 100
    leaves: int = 31
    learning_rate: float = 0.15
    pixels: float = 0.1
    penalty: float = 10.0

    def __post_init__(self) -> None:
        check("model.rounds", self.rounds, self.rounds >= 1, "at least 1")
        check("model.leaves", self.leaves, self.leaves >= 2, "at least 2")
        check("model.learning_rate", self.learning_rate, self.learning_rate > 0, "above 0")
        check("model.pixels", self.pixels, 0 < self.pixels <= 1, "above 0 and at most 1")
        check("model.penalty", self.penalty, self.penalty >= 0, "at least 0")


@dataclass(frozen=True)
class HogSvm:
    """Histograms of oriented gradients, and a least-squares support vector machine on them.

    Its features are histograms of two cell sizes, and the mean brightness of 7 × 7 squares. The
    machine has a Gaussian kernel, approximated by Nyström's method from landmarks, which are
    training images drawn at random. The kernel is the mean over an image and its mirror image.

    Attributes:
        orientations: directions that gradients are counted in, around the full circle.
        landmarks: images with which others are compared.
        sharpness: the kernel is ``exp(-sharpness · d² / m)``, with ``d`` the distance between the
            features of two images and ``m`` the median squared distance in the training set.
        components: principal components of the features that are kept.
        penalty: weight of the squared weights against the sum of squared errors.
    """

    orientations: int = 8
    landmarks: int = 4000
    sharpness: float = 1.5
    components: int = 256
    penalty: float = 0.03

    def __post_init__(self) -> None:
        orientations = self.orientations
        check("model.orientations", orientations, 4 <= orientations <= 36, "from 4 to 36")
        check("model.landmarks", self.landmarks, self.landmarks >= 10, "at least 10")
        check("model.sharpness", self.sharpness, self.sharpness > 0, "above 0")
        check("model.components", self.components, self.components >= 1, "at least 1")
        check("model.penalty", self.penalty, self.penalty > 0, "above 0")


ClassicalModel = LogisticRegression | BoostedForest | HogSvm

_KINDS: Mapping[str, type[Any]] = {kind.__name__: kind for kind in ClassicalModel.__args__}


@dataclass(frozen=True, kw_only=True)
class ClassicalRecipe(BaseRecipe):
    """One way to train one classical model.

    Attributes:
        name: its name on the command line.
        title: one line for reports.
        model: which model, with its settings; or a person's own scikit-learn classifier.
        claim: accuracy, seconds, machine and seeds, as measured, with the benchmark's name.
        engine: the framework that trains it.
        split: which images of the training file train, and which validate.
    """

    name: str
    title: str
    model: ClassicalModel | OwnModel
    claim: str = ""
    engine: str = "sklearn"
    split: SplitRule = field(default_factory=lambda: SplitRule("stratified", "1/12"))
    in_one_go: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.check_name()
        check("engine", self.engine, self.engine == "sklearn", "'sklearn' for a classical model")

    @property
    def operation(self) -> str:
        """Comparisons if the model is made of trees, otherwise multiply-adds."""
        return "comparisons" if isinstance(self.model, BoostedForest) else "multiply-adds"

    def for_classes(self, classes: int) -> "ClassicalRecipe":
        """The recipe itself: a classical model takes its classes from the labels."""
        return self

    @property
    def own(self) -> OwnModel | None:
        """The person's own classifier, if it trains one."""
        return self.model if isinstance(self.model, OwnModel) else None

    def with_own(self, own: OwnModel) -> "ClassicalRecipe":
        """The recipe with that classifier for its model."""
        return dataclasses.replace(self, model=own)

    def to_json(self) -> dict[str, Any]:
        """Every value as plain JSON types."""
        fields = dataclasses.fields(self)
        values = {field.name: getattr(self, field.name) for field in fields}
        model = self.model
        settings = model.to_json() if isinstance(model, OwnModel) else dataclasses.asdict(model)
        return values | {
            "split": dataclasses.asdict(self.split),
            "model": {"kind": type(model).__name__, **settings},
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "ClassicalRecipe":
        """The inverse of :meth:`to_json`.

        Raises:
            RecipeError: missing, unknown or impossible values.
        """
        try:
            fields = dict(values)
            settings = dict(fields["model"])
            kind = str(settings.pop("kind"))
            if kind == OwnModel.__name__:
                fields["model"] = OwnModel.from_json(settings)
            elif kind not in _KINDS:
                raise RecipeError(
                    f"There is no model '{kind}'. Use {', '.join(_KINDS)}."
                    + did_you_mean(kind, _KINDS)
                )
            else:
                fields["model"] = _KINDS[kind](**settings)
            fields["split"] = SplitRule(**fields["split"])
            return cls(**fields)
        except (TypeError, KeyError, ValueError) as error:
            raise RecipeError(
                f"The recipe can't be read: {error}. It must be one that this version has written."
            ) from error
