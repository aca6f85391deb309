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
# The level of every test and verdict.
ALPHA = 0.05
# With fewer seeds of a side, nothing is said of its recipe.
LEAST_SEEDS = 3


@dataclass(frozen=True, eq=False)
class Entrant:
    """What is compared: one fitted model, or one recipe's models over several seeds.

    Attributes:
        name: its name in tables and figures.
        recipe: the recipe's name.
        seeds: one seed a model; none for a single model whose seed is not known.
        predictions: one set a model, all on the same images in the same order.
        deterministic: whether every seed gives the same model, by the recipe's own word.
    """

    name: str
    recipe: str
    seeds: tuple[int, ...]
    predictions: tuple[Predictions, ...]
    deterministic: bool = False

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
        deterministic: as given.
    """

    name: str
    recipe: str
    seeds: tuple[int, ...]
    accuracy: Estimate
    per_seed: tuple[float, ...]
    deviation: float | None
    deterministic: bool = False


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
    """Recall of `b` minus recall of `a` for one class, as a fraction, with its paired interval.

    The interval is of this class alone; `p_adjusted` is corrected for all classes by Holm's method.
    """

    name: str
    difference: Estimate
    p_adjusted: float

    @property
    def shown(self) -> bool:
        """Whether the class' recall differs, after Holm's correction."""
        return self.p_adjusted <= ALPHA


@dataclass(frozen=True)
class Power:
    """What it would take to show a gap as large as the margin, with 80% power at 5%, two-sided.

    Attributes:
        seeds: of each recipe, with as many images as now; None for two fitted models.
        seeds_range: for the ends of the 95% interval of the variance between seeds.
        images: with as many seeds as now. None if nothing is enough, or the gap is zero.
    """

    seeds: int | None
    seeds_range: tuple[int | None, int | None] | None
    images: int | None


@dataclass(frozen=True, eq=False)
class Pair:
    """`b` compared with `a`.

    Attributes:
        a, b: names of the two.
        level: whether these trained models are compared, or two recipes over seeds.
        difference: accuracy of `b` minus accuracy of `a`, as a fraction.
        error_ratio: errors of `b` for each error of `a`; None if one of them makes none.
        mcnemar: for two fitted models, one of each, only.
        p_better: probability that a new training of `b` beats a new training of `a`, on all the
            images that there could be; for recipes only.
        p_within: probability that the true difference lies within the margin.
        margin: the difference in accuracy that counts as none, as a fraction.
        equivalent: whether this pair's own 90% interval lies within the margin (two one-sided
            tests at 5%).
        verdict: said of `b` against `a`, after Holm's correction for all pairs.
        sentence: the verdict in plain words with its numbers.
        gains: per class.
        a_only, b_only: int64, positions of the images that only one of the two classifies
            correctly (first seeds).
        p_value: two-sided, for a difference of zero: McNemar's mid-p for two fitted models, that
            of the interval's own t statistic for recipes.
        p_adjusted: `p_value` after Holm's correction for all pairs of the comparison.
        p_equivalent: twice the larger p-value of two one-sided tests, after Holm's correction.
        power: what it would take to show a gap as large as the margin.
    """

    a: str
    b: str
    level: Literal["fitted models", "recipes"]
    difference: Estimate
    error_ratio: Estimate | None
    mcnemar: McNemar | None
    p_better: float | None
    p_within: float
    margin: float
    equivalent: bool
    verdict: Verdict
    sentence: str
    gains: tuple[ClassGain, ...]
    a_only: Int64
    b_only: Int64
    p_value: float
    p_adjusted: float
    p_equivalent: float
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
        headline: the verdict alone.
        sentence: the outcome in one plain paragraph, which begins with the headline.
    """

    models: tuple[ModelResult, ...]
    pairs: tuple[Pair, ...]
    images: int
    headline: str
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
