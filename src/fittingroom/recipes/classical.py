"""Classical models, as baselines for networks: described by settings, trained without epochs."""

from dataclasses import dataclass
from typing import Any, ClassVar

from fittingroom.networks import check, check_ranges
from fittingroom.recipes.base import BaseRecipe
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
        check_ranges(self, "model.", strength="(0, inf)", iterations="[1, inf)")


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
        ranges = {"rounds": "[1, inf)", "leaves": "[2, inf)", "learning_rate": "(0, inf)"}
        check_ranges(self, "model.", **ranges, pixels="(0, 1]", penalty="[0, inf)")


ClassicalModel = LogisticRegression | BoostedForest


@dataclass(frozen=True, kw_only=True)
class ClassicalRecipe(BaseRecipe):
    """One way to train one classical model, besides what every recipe has.

    Attributes:
        model: which model, with its settings; or your own scikit-learn classifier.
    """

    model: ClassicalModel | OwnModel
    engine: str = "sklearn"

    in_one_go: ClassVar[bool] = True
    trains: ClassVar[str] = "model"

    def __post_init__(self) -> None:
        super().__post_init__()
        check("engine", self.engine, self.engine == "sklearn", "'sklearn' for a classical model")

    @property
    def deterministic(self) -> bool:
        """True of logistic regression, which draws nothing at random."""
        return isinstance(self.model, LogisticRegression)

    @property
    def operation(self) -> str:
        """Comparisons if the model is made of trees, otherwise multiply-adds."""
        return "comparisons" if isinstance(self.model, BoostedForest) else "multiply-adds"

    def to_json(self) -> dict[str, Any]:
        """Every value as plain JSON types; the model's ``kind`` is the name of its class."""
        values = super().to_json()
        return values | {"model": {"kind": type(self.model).__name__, **values["model"]}}
