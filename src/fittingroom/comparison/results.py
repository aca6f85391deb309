"""What a comparison takes and what it gives."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from fittingroom.numbers import Estimate, plain
from fittingroom.predictions import Int64, Predictions

if TYPE_CHECKING:
    import pandas

Verdict = Literal["better", "worse", "equivalent", "not shown"]


@dataclass(frozen=True, eq=False)
class Entrant:
    """What is compared: one fitted model, or one recipe's models over several seeds.

    Attributes:
        name: its name in tables and figures.
        recipe: the recipe's name.
        seeds: one seed a model; none for a single model whose seed is not known.
        predictions: one set a model, all on the same images in the same order.
    """

    name: str
    recipe: str
    seeds: tuple[int, ...]
    predictions: tuple[Predictions, ...]

    @cached_property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Which seed classifies which image correctly, bool ``(S, N)``."""
        return np.stack([each.correct for each in self.predictions])


@dataclass(frozen=True)
class ModelResult:
    """One entrant's accuracy.

    Attributes:
        accuracy: the mean over its seeds; the interval covers images, and seeds if there are
            several.
        seeds: as given; none if it is not known.
        per_seed: each fitted model's accuracy.
        deviation: sample standard deviation over seeds, None for a single one.
    """

    name: str
    recipe: str
    seeds: tuple[int, ...]
    accuracy: Estimate
    per_seed: tuple[float, ...]
    deviation: float | None


@dataclass(frozen=True)
class McNemar:
    """McNemar's test of two fitted models.

    Attributes:
        a_only: images that only `a` classifies correctly.
        b_only: images that only `b` classifies correctly.
        p_exact: two-sided exact binomial p-value.
        p_mid: its mid-p version.
    """

    a_only: int
    b_only: int
    p_exact: float
    p_mid: float


@dataclass(frozen=True)
class ClassGain:
    """Recall of `b` minus recall of `a` for one class, as a fraction, with its paired interval."""

    name: str
    difference: Estimate


@dataclass(frozen=True)
class Power:
    """What it would take to show a gap of the size seen, with 80% power at 5%, two-sided.

    Attributes:
        seeds: of each recipe, with as many images as now; None for two fitted models.
        images: with as many seeds as now. Both are None if nothing is enough, or the gap is zero.
    """

    seeds: int | None
    images: int | None


@dataclass(frozen=True, eq=False)
class Pair:
    """`b` compared with `a`.

    Attributes:
        a, b: names of the two.
        level: whether two fitted models are compared, or two recipes over seeds.
        difference: accuracy of `b` minus accuracy of `a`, as a fraction.
        mcnemar: for two fitted models only.
        p_better: probability that a new training of `b` beats a new training of `a`, on all the
            images that there could be; only for two recipes with several seeds each.
        margin: the difference in accuracy that counts as none, as a fraction.
        equivalent: whether the 90% interval lies within the margin (two one-sided tests at 5%).
        verdict: said of `b` against `a`.
        sentence: the verdict in plain words with its numbers.
        gains: per class.
        a_only, b_only: int64, positions of the images that only one of the two classifies
            correctly (first seeds).
        p_value: two-sided, for a difference of zero: McNemar's mid-p for two fitted models, that
            of the interval's own t statistic for recipes.
        p_adjusted: `p_value` after Holm's correction for all pairs of the comparison.
        power: what it would take to show a gap of the size seen.
    """

    a: str
    b: str
    level: Literal["fitted models", "recipes"]
    difference: Estimate
    mcnemar: McNemar | None
    p_better: float | None
    margin: float
    equivalent: bool
    verdict: Verdict
    sentence: str
    gains: tuple[ClassGain, ...]
    a_only: Int64
    b_only: Int64
    p_value: float
    p_adjusted: float
    power: Power

    @property
    def decided(self) -> bool:
        """Whether one of the two is better."""
        return self.verdict in ("better", "worse")


@dataclass(frozen=True, eq=False)
class Comparison:
    """All entrants, and every pair of them.

    Attributes:
        models: in the order given.
        pairs: each pair once, the earlier entrant as `a`.
        images: how many images all were scored on.
        sentence: the outcome in one plain paragraph.
    """

    models: tuple[ModelResult, ...]
    pairs: tuple[Pair, ...]
    images: int
    sentence: str

    @property
    def over_seeds(self) -> bool:
        """Whether any model was trained with several seeds."""
        return any(len(model.per_seed) > 1 for model in self.models)

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain JSON types, but for the positions of single images.

        ``docs/how-to/scripts.md`` lists the names.
        """
        values: dict[str, Any] = plain(self)
        for pair in values["pairs"]:
            del pair["a_only"], pair["b_only"]
        return values

    def frame(self) -> "pandas.DataFrame":
        """One row a pair, with the columns ``difference_value``, ``difference_low`` and so on."""
        import pandas  # half a second, for those who want a table

        return pandas.json_normalize(self.as_dict()["pairs"], sep="_").drop(columns="gains")
