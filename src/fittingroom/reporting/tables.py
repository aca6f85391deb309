"""Tables, written as HTML and Markdown alike, and those of the report that belong to no figure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fittingroom.comparison import Comparison
from fittingroom.evaluation import SCORES, Evaluation, ModelReport
from fittingroom.numbers import (
    MINUS,
    NONE,
    Estimate,
    count,
    decimal_change,
    decimal_estimate,
    duration,
    p_value,
    percent,
    percent_estimate,
    points_estimate,
    ratio_estimate,
    seconds,
    size,
    sureness,
)
from fittingroom.reporting.facts import ENVIRONMENT, Facts


@dataclass(frozen=True)
class Table:
    """A table: each row begins with its own header."""

    caption: str
    columns: tuple[str, ...]  # their names, the row headers' first
    rows: tuple[tuple[str, ...], ...]  # as many words each as there are columns
    words: int = 1  # how many columns, from the left, hold words and not numbers

    @classmethod
    def of(
        cls, caption: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], words: int = 1
    ) -> "Table":
        """A table of words, whole numbers, shares with their intervals, and None for a dash.

        A column without any value is left out.
        """
        texts = [[_cell(value) for value in row] for row in rows]
        kept = [
            at
            for at in range(len(columns))
            if not texts or any(row[at] not in (NONE, "") for row in texts)
        ]
        return cls(
            caption,
            tuple(columns[at] for at in kept),
            tuple(tuple(row[at] for at in kept) for row in texts),
            words,
        )

    def markdown(self) -> str:
        """The table for a terminal, padded so that it reads unrendered too."""
        cells = [[escape_markdown(word) for word in row] for row in (self.columns, *self.rows)]
        widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
        lines = []
        for row in cells:
            padded = [
                word.ljust(width) if at < self.words else word.rjust(width)
                for at, (word, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append(f"| {' | '.join(padded)} |")
        rule = "|".join(
            f":{'-' * (width + 1)}" if at < self.words else f"{'-' * (width + 1)}:"
            for at, width in enumerate(widths)
        )
        return "\n".join([lines[0], f"|{rule}|", *lines[1:]])


def escape_markdown(text: str) -> str:
    """The text with what Markdown, or HTML in it, would take for more than text made harmless."""
    text = re.sub(r"([\\`*_\[\]#|])", r"\\\1", text).replace("\n", " ")
    # What begins no tag, quotation or entity reads better as it is: "p < 0.001", "> 99%", "a & b".
    return re.sub(r"<(?![ \d])|^>|&(?=#|\w+;)", lambda mark: f"&#{ord(mark[0])};", text)


def shown(evaluation: Evaluation, key: str) -> str:
    """A score as the report shows it, or a dash if it needs probabilities and there are none."""
    estimate = evaluation.scores[key]
    return NONE if estimate is None else SCORES[key].show(estimate)


def headline(models: Sequence[ModelReport], comparison: Comparison | None) -> list[tuple[str, str]]:
    """Each model's accuracy, and the difference of the only pair, each with its interval."""
    if comparison is None:
        numbers = [(each.name, each.evaluation.accuracy) for each in models]
        return [(f"{name}, test accuracy", percent_estimate(each, 2)) for name, each in numbers]
    shown = [
        (f"{each.name}, test accuracy", percent_estimate(each.accuracy, 2))
        for each in comparison.models
    ]
    if len(comparison.pairs) == 1:
        (pair,) = comparison.pairs
        shown.append((f"{pair.b} {MINUS} {pair.a}, points", points_estimate(pair.difference, 2)))
    return shown


def results(models: Sequence[ModelReport], comparison: Comparison | None) -> Table:
    """A column a model: accuracy first, then what it costs."""
    compared = {} if comparison is None else {model.name: model for model in comparison.models}
    several = any(len(model.per_seed) > 1 for model in compared.values())
    columns = {}
    for model in models:
        column = {
            score.label: shown(model.evaluation, key)
            for key, score in SCORES.items()
            if score.headline
        }
        if several:
            result = compared[model.name]
            column["Accuracy"] = percent_estimate(result.accuracy, 2)
            column["Seeds"] = ", ".join(map(str, result.seeds))
            if result.deviation is not None:
                column["Standard deviation over seeds"] = percent(result.deviation, 2)
        if model.run is not None:
            summary = model.run.summary
            column |= {
                "Training time": seconds(summary.seconds),
                "Parameters": count(summary.parameters),
                "Operations per image": f"{count(summary.operations)} {model.run.recipe.operation}",
                "Model size": size(summary.model_bytes),
                "Time per image, one by one": duration(model.single),
                "Time per image, in batches": duration(model.batched),
            }
        columns[model.name] = column
    first = " Everything but the accuracy is from the first seed's run." if several else ""
    return _by_model(
        "Results on the test set. In brackets: 95% intervals; for times, the 90th percentile "
        f"of repeats.{first}",
        columns,
    )


def scores(models: Sequence[ModelReport]) -> Table:
    """All scores that are not in the first table, or need probabilities; a column a model."""
    columns = {}
    for model in models:
        columns[model.name] = {
            score.label: shown(model.evaluation, key)
            for key, score in SCORES.items()
            if score.probabilities or not score.headline
        }
        effect = model.temperature
        if effect is not None:
            columns[model.name] |= {
                "Temperature, from validation": f"{effect.temperature:.3f}",
                "Log loss without temperature": decimal_estimate(effect.log_loss_before),
                "– change through the temperature": decimal_change(effect.log_loss_change),
                "Calibration error without temperature": percent_estimate(effect.error_before),
            }
    return _by_model("More scores on the test set, with 95% intervals.", columns)


def pairs(comparison: Comparison) -> Table:
    """Each pair's difference, test and verdict."""
    several = len(comparison.pairs) > 1
    only = comparison.pairs[0]
    b, a = ("the first", "the second") if several else (only.b, only.a)
    rows = []
    for pair in comparison.pairs:
        test = pair.mcnemar
        both = test and f"{p_value(test.p_exact)} ({p_value(test.p_mid)})"
        rows.append(
            (
                f"{pair.b} against {pair.a}",
                pair.verdict,
                points_estimate(pair.difference, 2),
                pair.error_ratio and ratio_estimate(pair.error_ratio),
                sureness(pair.p_within) if pair.margin else None,
                test and test.b_only,
                test and test.a_only,
                both,
                None if pair.p_better is None else sureness(pair.p_better),
                p_value(pair.p_adjusted) if several else None,
            )
        )
    columns = ["Pair", "Verdict", "Difference, points", "Ratio of errors"]
    columns += ["Within the margin", f"Only {b} correct", f"Only {a} correct"]
    columns += ["McNemar's p, exact (mid-p)", "New training better", "p after Holm"]
    return Table.of(
        f"Paired differences of accuracy on {comparison.images:,} test images, with 95% intervals"
        f"{' of each pair alone' if several else ''}. Ratio of errors: below 1 if {b} makes fewer. "
        f"Within the margin: the probability that the true difference is smaller than "
        f"{100 * only.margin:.2f} points.",
        columns,
        rows,
        words=2,
    )


def openings(models: Sequence[ModelReport], facts: Facts) -> Table:
    """Each opening of the test set for the recipes shown."""
    return Table.of(
        "Openings of this test set for the recipes shown, as the folder of runs has logged them.",
        ("Time, UTC", "Run", "Purpose", "Code revision"),
        [
            (each.time.removesuffix("+00:00"), each.run, each.purpose, each.revision)
            for each in facts.openings_for(models)
        ],
        words=4,
    )


def sources(models: Sequence[ModelReport], facts: Facts) -> Table:
    """Where the numbers come from, a fact a row."""
    rows: list[tuple[str, Any]] = [
        ("Data", facts.data),
        ("Files", facts.origin),
        ("Training images", _counts({each.name: each.training_images for each in models})),
        ("Validation images", _counts({each.name: each.validation_images for each in models})),
        ("Test images", len(models[0].evaluation.predictions)),
    ]
    rows += [
        (f"Run of {each.name}", f"{each.run.name}, seed {each.run.seed}")
        for each in models
        if each.run is not None
    ]
    rows += [
        # Packages keep their own spelling.
        (name.capitalize() if name in ENVIRONMENT else name, value)
        for name, value in facts.environment.items()
    ]
    return Table.of("Data, runs and environment.", ("", ""), rows, words=2)


def _counts(numbers: Mapping[str, int | None]) -> str:
    """``"55,000"``, or each model's number if they are not the same."""
    if len(set(numbers.values())) == 1:
        return count(*set(numbers.values()))
    return ", ".join(f"{name} {count(number)}" for name, number in numbers.items())


def _by_model(caption: str, columns: Mapping[str, Mapping[str, str]]) -> Table:
    """A column a model; rows that no model has are left out."""
    heads = dict.fromkeys(head for column in columns.values() for head in column)
    rows = [(head, *(column.get(head, NONE) for column in columns.values())) for head in heads]
    kept = tuple(row for row in rows if set(row[1:]) != {NONE})
    return Table(caption, ("", *columns), kept)


def _cell(value: Any) -> str:
    if isinstance(value, Estimate):
        return percent_estimate(value)
    return value if isinstance(value, str) else count(value)
