"""What a comparison takes and what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from fittingroom.numbers import Estimate, plain, row
from fittingroom.predictions import Int64, Predictions

if TYPE_CHECKING:
    import pandas

Verdict = Literal["better", "worse", "equivalent", "not shown"]

_MIRRORED: dict[Verdict, Verdict] = {"better": "worse", "worse": "better"}


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


@dataclass(frozen=True)
class ModelResult:
    """One entrant's accuracy.

    Attributes:
        accuracy: the mean over its seeds; the interval covers images, and seeds where
            there are several.
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
        a_only: images that only `a` gets right.
        b_only: images that only `b` gets right.
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

    It helps to plan the next comparison; it says nothing more about this one.

    Attributes:
        seeds: seeds of each recipe, with as many images as now; None if two fitted models
            are compared, or no number up to 1,000 is enough (the images then are the limit).
        images: images, with as many seeds as now; None if no number up to a thousand
            million is enough (the seeds then are the limit), or the gap is zero.
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
        p_better: probability that a new training of `b` beats a new training of `a`, both scored
            on the whole population of images that these were drawn from;
            for recipes with several seeds only.
        margin: the difference in accuracy that counts as none, as a fraction.
        equivalent: whether the 90% interval lies within the margin (two one-sided tests at 5%).
        verdict: said of `b` against `a`.
        sentence: the verdict in plain words with its numbers.
        gains: per class.
        a_only: int64, positions of the images that only `a` gets right (first seeds).
        b_only: int64, likewise for `b`.
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

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain JSON types; a number with its interval as :meth:`Estimate.as_dict`.

        ``models`` and ``pairs`` have the fields of :class:`ModelResult` and :class:`Pair`, but for
        the positions of single images; ``images`` and ``sentence`` are this class's own. All
        shares are fractions.
        """
        values: dict[str, Any] = plain(self)
        for pair in values["pairs"]:
            del pair["a_only"], pair["b_only"]
        return values

    def frame(self) -> pandas.DataFrame:
        """One row a pair: names, level, difference with its ends, p-values, verdict."""
        left_out = ["mcnemar", "sentence", "gains", "a_only", "b_only", "power"]
        return _frame(row(pair) for pair in self.pairs).drop(columns=left_out)

    def models_frame(self) -> pandas.DataFrame:
        """One row an entrant: recipe, seeds, accuracy with its ends, each seed's, deviation."""
        return _frame(map(row, self.models)).set_index("name")

    def gains_frame(self) -> pandas.DataFrame:
        """One row a pair and class: the gain in recall with its ends."""
        return _frame(
            {"a": pair.a, "b": pair.b} | row(gain) for pair in self.pairs for gain in pair.gains
        )

    def verdict_matrix(self) -> tuple[tuple[Verdict | None, ...], ...]:
        """The verdict on each row's entrant against each column's; None on the diagonal."""
        place = {model.name: i for i, model in enumerate(self.models)}
        matrix: list[list[Verdict | None]] = [[None] * len(place) for _ in place]
        for pair in self.pairs:
            matrix[place[pair.b]][place[pair.a]] = pair.verdict
            matrix[place[pair.a]][place[pair.b]] = _MIRRORED.get(pair.verdict, pair.verdict)
        return tuple(tuple(row) for row in matrix)


def _frame(rows: Any) -> pandas.DataFrame:
    import pandas  # half a second, for those who want a table

    return pandas.DataFrame(rows)
