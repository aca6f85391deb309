"""The numbers behind each figure: data frames of text, written as HTML and Markdown alike."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fittingroom.comparison import Comparison, ModelResult, Pair
from fittingroom.evaluation import SCORES, Evaluation, ModelReport
from fittingroom.numbers import (
    MINUS,
    NONE,
    Estimate,
    count,
    decimal_change,
    decimal_estimate,
    duration,
    listed,
    p_value,
    percent,
    percent_estimate,
    points,
    points_estimate,
    seconds,
    size,
    sureness,
)
from fittingroom.plots import TileGroup
from fittingroom.reporting.facts import Facts

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class Table:
    """A table: each row begins with its own header.

    Attributes:
        caption: what it holds.
        columns: their names, the row headers' first.
        rows: as many words each as there are columns.
        words: how many columns, from the left, hold words and not numbers.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1

    @classmethod
    def of(cls, caption: str, frame: "DataFrame", words: int = 1) -> "Table":
        """A frame of text: its index holds the rows' headers, and the index's name theirs."""
        rows = zip(frame.index, frame.itertuples(index=False, name=None), strict=True)
        return cls(
            caption,
            (str(frame.index.name or ""), *map(str, frame.columns)),
            tuple((str(header), *map(str, cells)) for header, cells in rows),
            words,
        )

    def markdown(self) -> str:
        """The table for a terminal, padded so that it reads unrendered too."""
        cells = [[escape_markdown(word) for word in row] for row in (self.columns, *self.rows)]
        widths = [max(3, *(len(row[at]) for row in cells)) for at in range(len(self.columns))]
        lines = [
            "| "
            + " | ".join(
                word.ljust(width) if at < self.words else word.rjust(width)
                for at, (word, width) in enumerate(zip(row, widths, strict=True))
            )
            + " |"
            for row in cells
        ]
        rule = "|".join(
            ":" + "-" * (width + 1) if at < self.words else "-" * (width + 1) + ":"
            for at, width in enumerate(widths)
        )
        return "\n".join([lines[0], f"|{rule}|", *lines[1:]])


_MARKS = str.maketrans(
    {mark: f"\\{mark}" for mark in "\\`*_[]#|"}
    | {mark: f"&#{ord(mark)};" for mark in "<>&"}
    | {"\n": " "}
)


def escape_markdown(text: str) -> str:
    """The text with what Markdown, or HTML in it, would take for more than text made harmless."""
    # A "<" before a space begins no tag, and reads better as it is: "p < 0.001".
    return text.translate(_MARKS).replace("&#60; ", "< ")


def shown(evaluation: Evaluation, key: str) -> str:
    """A score as the report shows it, or a dash if it needs probabilities and there are none."""
    estimate = evaluation.scores[key]
    return NONE if estimate is None else SCORES[key].show(estimate)


def results(models: Sequence[ModelReport], comparison: Comparison | None) -> Table:
    """A column a model: accuracy first, then what it costs."""
    compared = {} if comparison is None else {model.name: model for model in comparison.models}
    several = any(len(model.per_seed) > 1 for model in compared.values())
    kinds = {model.run.recipe.operation for model in models if model.run is not None}
    columns: dict[str, dict[str, str]] = {}
    for model in models:
        result = compared.get(model.name)
        accuracy = model.evaluation.accuracy if result is None else result.accuracy
        column = {SCORES["accuracy"].label: SCORES["accuracy"].show(accuracy)}
        if several:
            column |= _seeds(result)
        column |= {
            score.label: shown(model.evaluation, key)
            for key, score in SCORES.items()
            if score.headline and key != "accuracy"
        }
        columns[model.name] = column | _costs(model, kinds)
    return _by_model(
        "Results on the test set. In brackets: 95% intervals; for times, the shortest and longest "
        "of repeats."
        + (" Everything but the accuracy is from the first seed's run." if several else ""),
        columns,
    )


def _seeds(result: ModelResult | None) -> dict[str, str]:
    if result is None:
        return {}
    deviation = result.deviation
    return {
        "Seeds": ", ".join(map(str, result.seeds)) or NONE,
        "Standard deviation over seeds": NONE if deviation is None else percent(deviation, 2),
    }


def _costs(model: ModelReport, kinds: set[str]) -> dict[str, str]:
    """What a model takes; `kinds` are the kinds of operation in the table."""
    run = model.run
    if run is None:
        return {}
    operation, operations = "Operations", f"{run.summary.operations:,}"
    if len(kinds) == 1:
        operation = run.recipe.operation.capitalize()
    else:
        operations += f" {run.recipe.operation}"
    return {
        "Training time": seconds(run.summary.seconds),
        "Parameters": count(run.summary.parameters),
        f"{operation} per image": operations,
        "Model size": size(run.summary.model_bytes),
        "Time per image, one by one": duration(model.single),
        "Time per image, in batches": duration(model.batched),
    }


def scores(models: Sequence[ModelReport]) -> Table:
    """All scores that are not in the first table, or need probabilities; a column a model."""
    columns = {
        model.name: {
            score.label: shown(model.evaluation, key)
            for key, score in SCORES.items()
            if score.probabilities or not score.headline
        }
        | _temperature(model)
        for model in models
    }
    return _by_model("More scores on the test set, with 95% intervals.", columns)


def _temperature(model: ModelReport) -> dict[str, str]:
    effect = model.temperature
    if effect is None:
        return {}
    return {
        "Temperature, from validation": f"{effect.temperature:.3f}",
        "Log loss without it": decimal_estimate(effect.log_loss_before),
        "– its change by the temperature": decimal_change(effect.log_loss_change),
        "Calibration error without it": percent_estimate(effect.error_before),
    }


def pairs(comparison: Comparison) -> Table:
    """Each pair's difference, test and verdict."""
    several = len(comparison.pairs) > 1
    only = comparison.pairs[0]
    b, a = ("the first", "the second") if several else (only.b, only.a)
    names = ("Pair", "Verdict", "Difference, points", f"Only {b} correct", f"Only {a} correct")
    rows = []
    for pair in comparison.pairs:
        test = pair.mcnemar
        tested: tuple[Any, ...] = (None, None, None)
        if test is not None:
            both = f"{p_value(test.p_exact)} ({p_value(test.p_mid)})"
            tested = (test.b_only, test.a_only, both)
        better = None if pair.p_better is None else sureness(pair.p_better)
        holm = p_value(pair.p_adjusted) if several else None
        opening = (f"{pair.b} against {pair.a}", pair.verdict, points_estimate(pair.difference, 2))
        rows.append((*opening, *tested, better, holm))
    table = _table(
        f"Paired differences of accuracy on {comparison.images:,} test images, with 95% intervals.",
        (*names, "McNemar's p, exact (mid-p)", "New training better", "p after Holm"),
        rows,
        words=2,
    )
    kept = [at for at in range(len(table.columns)) if any(row[at] != NONE for row in table.rows)]
    return replace(
        table,
        columns=tuple(table.columns[at] for at in kept),
        rows=tuple(tuple(row[at] for at in kept) for row in table.rows),
    )


def accuracies(comparison: Comparison) -> Table:
    """Each model's accuracy and those of its seeds; then each pair's difference."""
    models = [
        (
            model.name,
            percent_estimate(model.accuracy, 2),
            ", ".join(percent(value, 2) for value in model.per_seed),
        )
        for model in comparison.models
    ]
    differences = [
        (f"{pair.b} {MINUS} {pair.a}", f"{points_estimate(pair.difference, 2)} points", None)
        for pair in comparison.pairs
    ]
    return _table(
        "Accuracy on the test set, and paired differences in percentage points, with 95% "
        "intervals.",
        ("Model", "Accuracy", "Seed by seed"),
        [*models, *differences],
    )


def history(model: ModelReport, kind: Literal["accuracy", "loss"]) -> Table:
    """Training and validation accuracy or loss, epoch by epoch."""
    rows = []
    for epoch in model.history:
        values = (percent(epoch.train_accuracy, 2), percent(epoch.val_accuracy, 2))
        if kind == "loss":
            values = (f"{epoch.train_loss:.4f}", f"{epoch.val_loss:.4f}")
        rows.append((epoch.epoch, *values, f"{epoch.learning_rate:.2g}", f"{epoch.seconds:.1f}"))
    return _table(
        f"{kind.capitalize()} of {model.name}, epoch by epoch.",
        ("Epoch", "Training", "Validation", "Learning rate", "Seconds"),
        rows,
    )


def confusion(model: ModelReport) -> Table:
    """Counts, rows true, columns predicted."""
    return Table.of(
        f"Test images by true class (row) and the class that {model.name} predicts (column).",
        model.evaluation.confusion_frame().map("{:,}".format).rename_axis("True"),
    )


def confusion_difference(pair: Pair, a: Evaluation, b: Evaluation) -> Table:
    """Counts of `b` minus counts of `a`."""
    change = (b.confusion_frame() - a.confusion_frame()).rename_axis("True")
    return Table.of(
        f"Counts of {pair.b} minus counts of {pair.a}, by true (row) and predicted class.",
        change.map(lambda cell: f"{cell:+,}".replace("-", MINUS) if cell else "0"),
    )


def per_class(name: str, evaluation: Evaluation) -> Table:
    """Precision, recall and F1 of each class, and their unweighted means."""
    means = [evaluation.scores[key] for key in ("macro_precision", "macro_recall", "macro_f1")]
    return _table(
        f"{name}, class by class, with 95% intervals.",
        ("Class", "Precision", "Recall", "F1", "Images"),
        [
            *(
                (each.name, each.precision, each.recall, each.f1, each.support)
                for each in evaluation.per_class
            ),
            ("Mean of the classes", *means, len(evaluation.predictions)),
        ],
    )


def recalls(models: Sequence[ModelReport]) -> Table:
    """Recall of each class, a column a model."""
    return _table(
        "Recall: the share of each class that is found, with 95% intervals.",
        ("Class", *(model.name for model in models)),
        [
            (classes[0].name, *(each.recall for each in classes))
            for classes in zip(*(model.evaluation.per_class for model in models), strict=True)
        ],
    )


def class_gains(pair: Pair) -> Table:
    """Difference of recall, class by class."""
    return _table(
        f"Recall of {pair.b} minus recall of {pair.a}, percentage points, with 95% intervals.",
        ("Class", "Difference"),
        [(gain.name, points_estimate(gain.difference)) for gain in pair.gains],
    )


def calibration(models: Sequence[ModelReport]) -> Table:
    """Confidence and accuracy of each range of top probability."""
    return _table(
        "Test images by top probability: the model's mean confidence, and how often it is correct.",
        ("Model", "Top probability", "Mean", "Correct", "Images"),
        [
            (
                model.name,
                f"{percent(each.low, 0)}–{percent(each.high, 0)}",
                percent(each.confidence),
                each.accuracy,
                each.count,
            )
            for model in models
            if model.evaluation.calibration is not None
            for each in model.evaluation.calibration.bins
        ],
    )


def risk_coverage(models: Sequence[ModelReport]) -> Table:
    """The error rate among the images answered, at every tenth of them."""
    rows = []
    for model in models:
        curve = model.evaluation.risk_coverage
        if curve is None:
            continue
        for share in np.arange(1, 11) / 10:
            at = min(int(np.searchsorted(curve.coverage, share)), len(curve.coverage) - 1)
            answered, sure = percent(curve.coverage[at]), percent(curve.threshold[at])
            rows.append((model.name, answered, sure, percent_estimate(curve.at(at), 2)))
    return _table(
        "Error rate among the images that a model is surest of, with 95% intervals.",
        ("Model", "Answered", "Lowest confidence", "Errors"),
        rows,
    )


def verdict_matrix(comparison: Comparison) -> Table:
    """The verdict on each row's model compared with each column's, and the difference in points."""
    names = [model.name for model in comparison.models]
    gaps = {(pair.b, pair.a): pair.difference.value for pair in comparison.pairs}
    gaps |= {(b, a): -gap for (a, b), gap in gaps.items()}
    rows = [
        (
            name,
            *(
                verdict and f"{verdict}, {points(gaps[name, other], 2)}"
                for other, verdict in zip(names, verdicts, strict=True)
            ),
        )
        for name, verdicts in zip(names, comparison.verdict_matrix(), strict=True)
    ]
    return _table(
        "The verdict on each row's model compared with each column's; differences of accuracy in "
        "percentage points.",
        ("", *names),
        rows,
        words=len(names) + 1,
    )


def most_confused(model: ModelReport, number: int) -> Table:
    """The most frequent kinds of mistake."""
    return _table(
        f"The most frequent kinds of mistake of {model.name}.",
        ("True", "Predicted", "Images", "Share of the class"),
        [
            (each.true, each.predicted, each.count, each.share)
            for each in model.evaluation.most_confused[:number]
        ],
        words=2,
    )


def tiles(groups: Sequence[TileGroup], positions: Sequence[int]) -> Table:
    """The images of a sheet by their place in the test set."""
    shown = [tile for group in groups for tile in group.tiles]
    return _table(
        "The images above by their place in the test set.",
        ("Image", "True", "Predicted", "Correct", "Confidence"),
        [
            (f"{at}", tile.title, tile.called, "yes" if tile.right else "no", tile.note or None)
            for at, tile in zip(positions, shown, strict=True)
        ],
        words=4,
    )


def openings(models: Sequence[ModelReport], facts: Facts) -> Table:
    """Each opening of the test set for the recipes shown."""
    return _table(
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
    rows = [("Data", facts.data), ("Files", facts.origin)]
    rows += _counts("Training images", {each.name: each.training_images for each in models})
    rows += _counts("Validation images", {each.name: each.validation_images for each in models})
    rows.append(("Test images", count(len(models[0].evaluation.predictions))))
    rows += [
        (f"Run of {each.name}", f"{each.run.name}, seed {each.run.seed}")
        for each in models
        if each.run is not None
    ]
    rows += [
        (str(name).replace("_", " ").capitalize(), _words(value))
        for name, value in facts.environment.items()
    ]
    return Table("Data, runs and environment.", ("", ""), tuple(rows), words=2)


def _counts(name: str, numbers: Mapping[str, int | None]) -> list[tuple[str, str]]:
    """One row if all models have the same number, otherwise one a model; none unknown."""
    known = {model: number for model, number in numbers.items() if number is not None}
    if len(set(known.values())) > 1:
        return [(f"{name} of {model}", count(number)) for model, number in known.items()]
    return [(name, count(number)) for number in list(known.values())[:1]]


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return listed([_words(item) for item in value])
    if isinstance(value, bool):
        return "yes" if value else "no"
    return NONE if value is None else str(value)


def _table(
    caption: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], words: int = 1
) -> Table:
    """A table of words, whole numbers, shares with their intervals, and None for a dash."""

    def cell(value: Any) -> str:
        if isinstance(value, Estimate):
            return percent_estimate(value)
        return value if isinstance(value, str) else count(value)

    return Table(caption, tuple(columns), tuple(tuple(map(cell, row)) for row in rows), words)


def _by_model(caption: str, columns: Mapping[str, Mapping[str, str]], header: str = "") -> Table:
    """A column a model; rows that no model has are left out."""
    import pandas

    frame = pandas.DataFrame(columns).fillna(NONE).rename_axis(header)
    return Table.of(caption, frame[(frame != NONE).any(axis=1)])
