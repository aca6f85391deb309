"""What a comparison takes and what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from fittingroom.errors import missing_extra
from fittingroom.metrics import Estimate
from fittingroom.predictions import Int64, Predictions

if TYPE_CHECKING:
    import pandas

Verdict = Literal["better", "worse", "equivalent", "not shown"]

_MIRRORED: dict[Verdict, Verdict] = {
    "better": "worse",
    "worse": "better",
    "equivalent": "equivalent",
    "not shown": "not shown",
}


@dataclass(frozen=True, eq=False)
class Entrant:
    """What is compared: one fitted model, or one recipe's models over several seeds.

    Attributes:
        name: how tables and pictures call it.
        recipe: the recipe's name.
        seeds: one seed a model; none for a single model whose seed is not known.
        predictions: one set a model, all on the same pictures in the same order.
    """

    name: str
    recipe: str
    seeds: tuple[int, ...]
    predictions: tuple[Predictions, ...]


@dataclass(frozen=True)
class ModelResult:
    """One entrant's accuracy.

    Attributes:
        accuracy: the mean over its seeds; the interval covers pictures, and seeds where
            there are several.
        seeds: as given; none where it is not known.
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
        a_only: pictures that only `a` gets right.
        b_only: pictures that only `b` gets right.
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
        seeds: seeds of each recipe, with as many pictures as now; None where two fitted models
            are compared, or no number up to 1,000 is enough (the pictures then are the limit).
        pictures: pictures, with as many seeds as now; None where no number up to a thousand
            million is enough (the seeds then are the limit), or the gap is zero.
    """

    seeds: int | None
    pictures: int | None


@dataclass(frozen=True, eq=False)
class Pair:
    """`b` held against `a`.

    Attributes:
        a, b: names of the two.
        level: whether two fitted models are compared, or two recipes over seeds.
        difference: accuracy of `b` minus accuracy of `a`, as a fraction.
        mcnemar: for two fitted models only.
        p_better: probability that a new training of `b` beats a new training of `a`, both scored
            on the whole population of pictures that these were drawn from;
            for recipes with several seeds only.
        margin: the difference in accuracy that counts as none, as a fraction.
        equivalent: whether the 90% interval lies within the margin (two one-sided tests at 5%).
        verdict: said of `b` against `a`.
        sentence: the verdict in plain words with its numbers.
        gains: per class.
        a_only: int64, positions of the pictures that only `a` gets right (first seeds).
        b_only: int64, likewise for `b`.
        p_value: two-sided, for a difference of zero: McNemar's mid-p for two fitted models, that
            of the interval's own t statistic for recipes.
        p_adjusted: `p_value` after Holm's correction for all pairs of the comparison.
        power: what it would take to show a gap of the size seen.
        bootstrap: the difference with the percentiles of the bootstrap over pictures and seeds,
            as a check without a model. Mostly too wide, and too narrow where one side has a single
            seed: no verdict rests on it.
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
    p_value: float | None = None
    p_adjusted: float | None = None
    power: Power | None = None
    bootstrap: Estimate | None = None


@dataclass(frozen=True, eq=False)
class Comparison:
    """All entrants, and every pair of them.

    Attributes:
        models: in the order given.
        pairs: each pair once, the earlier entrant as `a`.
        pictures: how many pictures all were scored on.
        sentence: the outcome in one plain paragraph.
    """

    models: tuple[ModelResult, ...]
    pairs: tuple[Pair, ...]
    pictures: int
    sentence: str

    def as_dict(self, *, details: bool = False) -> dict[str, Any]:
        """What scripts read: ``{"models": […], "pairs": […]}`` of plain JSON types.

        A model has ``name``, ``recipe``, ``seeds``, ``accuracy``, ``interval``; a pair has ``a``,
        ``b``, ``level``, ``difference``, ``interval``, ``mcnemar`` (null, or ``a_only``,
        ``b_only``, ``p_exact``, ``p_mid``), ``p_better`` (null for fitted models), ``margin``,
        ``equivalent``, ``verdict``. All shares are fractions.

        Args:
            details: adds ``pictures`` and ``sentence``; to a model ``per_seed`` and
                ``deviation``; to a pair ``sentence``, ``p_value``, ``p_adjusted``, ``power``,
                ``bootstrap`` (an interval) and ``gains``.
        """
        result: dict[str, Any] = {
            "models": [_model(model, details) for model in self.models],
            "pairs": [_pair(pair, details) for pair in self.pairs],
        }
        if details:
            result |= {"pictures": self.pictures, "sentence": self.sentence}
        return result

    def frame(self) -> pandas.DataFrame:
        """One row a pair: names, level, difference with its ends, p-values, verdict.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        rows = [
            {
                "a": pair.a,
                "b": pair.b,
                "level": pair.level,
                "difference": pair.difference.value,
                "low": pair.difference.low,
                "high": pair.difference.high,
                "p_value": pair.p_value,
                "p_adjusted": pair.p_adjusted,
                "p_better": pair.p_better,
                "equivalent": pair.equivalent,
                "verdict": pair.verdict,
            }
            for pair in self.pairs
        ]
        return _pandas().DataFrame(rows)

    def models_frame(self) -> pandas.DataFrame:
        """One row an entrant: recipe, number of seeds, accuracy with its ends, deviation.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        rows = [
            {
                "name": model.name,
                "recipe": model.recipe,
                "seeds": len(model.per_seed),
                "accuracy": model.accuracy.value,
                "low": model.accuracy.low,
                "high": model.accuracy.high,
                "deviation": model.deviation,
            }
            for model in self.models
        ]
        return _pandas().DataFrame(rows).set_index("name")

    def gains_frame(self) -> pandas.DataFrame:
        """One row a pair and class: the gain in recall with its ends.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        rows = [
            {
                "a": pair.a,
                "b": pair.b,
                "class": gain.name,
                "difference": gain.difference.value,
                "low": gain.difference.low,
                "high": gain.difference.high,
            }
            for pair in self.pairs
            for gain in pair.gains
        ]
        return _pandas().DataFrame(rows)

    def seeds_frame(self) -> pandas.DataFrame:
        """One row a fitted model: name, seed (none where it is not known), accuracy.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        rows = [
            {"name": model.name, "seed": seed, "accuracy": accuracy}
            for model in self.models
            for seed, accuracy in zip(model.seeds or (None,), model.per_seed, strict=True)
        ]
        return _pandas().DataFrame(rows)

    def verdict_frame(self) -> pandas.DataFrame:
        """The verdict on each row's entrant against each column's; None on the diagonal.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        names = [model.name for model in self.models]
        return _pandas().DataFrame(self.verdict_matrix(), names, names)

    def flipped_frame(self) -> pandas.DataFrame:
        """One row a pair and picture that only one of the two gets right (first seeds).

        Columns ``a``, ``b``, ``position`` among the test pictures and who is ``right``.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        columns = ["a", "b", "position", "right"]
        rows = [
            (pair.a, pair.b, int(position), winner)
            for pair in self.pairs
            for winner, where in ((pair.a, pair.a_only), (pair.b, pair.b_only))
            for position in where
        ]
        return _pandas().DataFrame(rows, columns=columns)

    def verdict_matrix(self) -> tuple[tuple[Verdict | None, ...], ...]:
        """The verdict on each row's entrant against each column's; None on the diagonal."""
        place = {model.name: i for i, model in enumerate(self.models)}
        matrix: list[list[Verdict | None]] = [[None] * len(place) for _ in place]
        for pair in self.pairs:
            matrix[place[pair.b]][place[pair.a]] = pair.verdict
            matrix[place[pair.a]][place[pair.b]] = _MIRRORED[pair.verdict]
        return tuple(tuple(row) for row in matrix)


def _model(model: ModelResult, details: bool) -> dict[str, Any]:
    result: dict[str, Any] = {
        "name": model.name,
        "recipe": model.recipe,
        "seeds": list(model.seeds),
        "accuracy": model.accuracy.value,
        "interval": [model.accuracy.low, model.accuracy.high],
    }
    if details:
        result |= {"per_seed": list(model.per_seed), "deviation": model.deviation}
    return result


def _pair(pair: Pair, details: bool) -> dict[str, Any]:
    mcnemar = pair.mcnemar
    result: dict[str, Any] = {
        "a": pair.a,
        "b": pair.b,
        "level": pair.level,
        "difference": pair.difference.value,
        "interval": [pair.difference.low, pair.difference.high],
        "mcnemar": None
        if mcnemar is None
        else {
            "a_only": mcnemar.a_only,
            "b_only": mcnemar.b_only,
            "p_exact": mcnemar.p_exact,
            "p_mid": mcnemar.p_mid,
        },
        "p_better": pair.p_better,
        "margin": pair.margin,
        "equivalent": pair.equivalent,
        "verdict": pair.verdict,
    }
    if details:
        result |= {
            "sentence": pair.sentence,
            "p_value": pair.p_value,
            "p_adjusted": pair.p_adjusted,
            "power": None
            if pair.power is None
            else {"seeds": pair.power.seeds, "pictures": pair.power.pictures},
            "bootstrap": None
            if pair.bootstrap is None
            else [pair.bootstrap.low, pair.bootstrap.high],
            "gains": [
                {
                    "class": gain.name,
                    "difference": gain.difference.value,
                    "interval": [gain.difference.low, gain.difference.high],
                }
                for gain in pair.gains
            ],
        }
    return result


def _pandas() -> Any:
    try:
        import pandas
    except ModuleNotFoundError as error:
        raise missing_extra(error, "train") from error
    return pandas
