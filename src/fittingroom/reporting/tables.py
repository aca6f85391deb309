"""The numbers behind each figure, as words in rows: for HTML and Markdown alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fittingroom.comparison import Comparison, ModelResult, Pair
from fittingroom.evaluation import SCORES, Evaluation
from fittingroom.numbers import (
    MINUS,
    NONE,
    count,
    duration,
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
from fittingroom.predictions import Int64
from fittingroom.reporting.model_report import Facts, ModelReport
from fittingroom.runs import Epoch


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


def results(reports: Sequence[ModelReport], comparison: Comparison | None) -> Table:
    """A column a model: accuracy first, then what it costs."""
    compared = {} if comparison is None else {model.name: model for model in comparison.models}
    several = any(len(model.per_seed) > 1 for model in compared.values())
    rows = [
        ("Accuracy", [_accuracy(report, compared) for report in reports]),
    ]
    if several:
        rows += [
            ("Seeds", [_seeds(compared.get(report.name), report) for report in reports]),
            ("Deviation over seeds", [_deviation(compared.get(e.name)) for e in reports]),
        ]
    kinds = {report.operation for report in reports if report.operations is not None}
    # One kind stands in the row's name; of several, each beside its number.
    operations = kinds.pop().capitalize() if len(kinds) == 1 else "Operations"
    evaluations = [report.evaluation for report in reports]
    rows += [
        *(
            (score.label, [shown(item, key) for item in evaluations])
            for key, score in SCORES.items()
            if score.headline and key != "accuracy"
        ),
        ("Training time", [seconds(report.training_seconds) for report in reports]),
        ("Parameters", [count(report.parameters) for report in reports]),
        (f"{operations} a picture", [_operations(each, bool(kinds)) for each in reports]),
        ("Model size", [size(report.model_bytes) for report in reports]),
        ("Time a picture, one by one", [duration(report.single) for report in reports]),
        ("Time a picture, in batches", [duration(report.batched) for report in reports]),
    ]
    kept = [(name, *words) for name, words in rows if any(word != NONE for word in words)]
    return Table(
        "Results on the test half. In brackets: 95% intervals; for times, the least and longest "
        "of repeats." + (" All but accuracy is of the first seed's run." if several else ""),
        ("", *(report.name for report in reports)),
        tuple(kept),
    )


def _operations(report: ModelReport, named: bool) -> str:
    words = count(report.operations)
    return f"{words} {report.operation}" if named and words != NONE else words


def _accuracy(report: ModelReport, compared: dict[str, ModelResult]) -> str:
    model = compared.get(report.name)
    accuracy = report.evaluation.accuracy if model is None else model.accuracy
    return percent_estimate(accuracy, 2)


def _seeds(model: ModelResult | None, report: ModelReport) -> str:
    if model is None:
        return NONE if report.seed is None else str(report.seed)
    return ", ".join(str(seed) for seed in model.seeds) or NONE


def _deviation(model: ModelResult | None) -> str:
    return NONE if model is None or model.deviation is None else percent(model.deviation, 2)


def shown(evaluation: Evaluation, key: str) -> str:
    """A score as the report shows it, or a dash if it needs probabilities and there are none."""
    estimate = evaluation.scores[key]
    return NONE if estimate is None else SCORES[key].show(estimate)


def pairs(comparison: Comparison) -> Table:
    """Each pair's difference, test and verdict."""
    several = len(comparison.pairs) > 1
    only = None if several else comparison.pairs[0]
    rows = []
    for pair in comparison.pairs:
        test = pair.mcnemar
        rows.append(
            (
                f"{pair.b} against {pair.a}",
                pair.verdict,
                points_estimate(pair.difference, 2),
                NONE if test is None else count(test.b_only),
                NONE if test is None else count(test.a_only),
                NONE if test is None else f"{p_value(test.p_exact)} ({p_value(test.p_mid)})",
                NONE if pair.p_better is None else sureness(pair.p_better),
                NONE if not several or pair.p_adjusted is None else p_value(pair.p_adjusted),
            )
        )
    columns = (
        "Pair",
        "Verdict",
        "Difference, points",
        f"Only {only.b} right" if only else "Only the first right",
        f"Only {only.a} right" if only else "Only the second right",
        "McNemar's p, exact (mid-p)",
        "New training better",
        "p after Holm",
    )
    kept = [at for at in range(len(columns)) if at < 3 or any(row[at] != NONE for row in rows)]
    return Table(
        f"Paired differences of accuracy on {comparison.images:,} pictures, with 95% intervals.",
        tuple(columns[at] for at in kept),
        tuple(tuple(row[at] for at in kept) for row in rows),
        words=2,
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
        (f"{pair.b} {MINUS} {pair.a}", f"{points_estimate(pair.difference, 2)} points", NONE)
        for pair in comparison.pairs
    ]
    return Table(
        "Accuracy on the test half, and paired differences in percentage points, with 95% "
        "intervals.",
        ("Model", "Accuracy", "Seed by seed"),
        (*models, *differences),
    )


def history(name: str, epochs: Sequence[Epoch], kind: str) -> Table:
    """Training and validation accuracy (`kind` ``"accuracy"``) or loss, epoch by epoch."""
    rows = []
    for epoch in epochs:
        if kind == "accuracy":
            values = (percent(epoch.train_accuracy, 2), percent(epoch.val_accuracy, 2))
        else:
            values = (f"{epoch.train_loss:.4f}", f"{epoch.val_loss:.4f}")
        rows.append(
            (str(epoch.epoch), *values, f"{epoch.learning_rate:.2g}", f"{epoch.seconds:.1f}")
        )
    return Table(
        f"{kind.capitalize()} of {name}, epoch by epoch.",
        ("Epoch", "Training", "Validation", "Learning rate", "Seconds"),
        tuple(rows),
    )


def confusion(name: str, matrix: Int64, classes: Sequence[str]) -> Table:
    """Counts, rows true, columns called."""
    return Table(
        f"Test pictures by true class (row) and by the class that {name} called them (column).",
        ("True", *classes),
        tuple(
            (classes[row], *(f"{int(cell):,}" for cell in cells))
            for row, cells in enumerate(matrix)
        ),
    )


def confusion_difference(pair: Pair, change: Int64, classes: Sequence[str]) -> Table:
    """Counts of `b` minus counts of `a`."""
    return Table(
        f"Counts of {pair.b} minus counts of {pair.a}, by true class (row) and called class.",
        ("True", *classes),
        tuple(
            (
                classes[row],
                *(f"{int(cell):+,}".replace("-", MINUS) if cell else "0" for cell in cells),
            )
            for row, cells in enumerate(change)
        ),
    )


def per_class(name: str, evaluation: Evaluation) -> Table:
    """Precision, recall and F1 of each class, and their unweighted means."""
    rows: list[tuple[str, ...]] = [
        (
            scores.name,
            percent_estimate(scores.precision),
            percent_estimate(scores.recall),
            percent_estimate(scores.f1),
            count(scores.support),
        )
        for scores in evaluation.per_class
    ]
    means = [shown(evaluation, key) for key in ("macro_precision", "macro_recall", "macro_f1")]
    rows.append(("Mean of the classes", *means, count(len(evaluation.predictions))))
    return Table(
        f"{name}, class by class, with 95% intervals.",
        ("Class", "Precision", "Recall", "F1", "Pictures"),
        tuple(rows),
    )


def recalls(models: Sequence[tuple[str, Evaluation]]) -> Table:
    """Recall of each class, a column a model."""
    classes = [scores.name for scores in models[0][1].per_class]
    return Table(
        "Share of each class that is found (recall), with 95% intervals.",
        ("Class", *(name for name, _ in models)),
        tuple(
            (label, *(percent_estimate(item.per_class[row].recall) for _, item in models))
            for row, label in enumerate(classes)
        ),
    )


def class_gains(pair: Pair) -> Table:
    """Difference of recall, class by class."""
    return Table(
        f"Recall of {pair.b} minus recall of {pair.a}, percentage points, with 95% intervals.",
        ("Class", "Difference"),
        tuple((gain.name, points_estimate(gain.difference)) for gain in pair.gains),
    )


def calibration(models: Sequence[tuple[str, Evaluation]]) -> Table:
    """Confidence and accuracy of each range of top probability."""
    rows = []
    for name, evaluation in models:
        if evaluation.calibration is None:
            continue
        rows += [
            (
                name,
                f"{percent(bin_.low, 0)}–{percent(bin_.high, 0)}",
                percent(bin_.confidence),
                percent_estimate(bin_.accuracy),
                count(bin_.count),
            )
            for bin_ in evaluation.calibration.bins
        ]
    return Table(
        "Pictures by top probability: how sure the model was on average, and how often right.",
        ("Model", "Top probability", "Mean", "Right", "Pictures"),
        tuple(rows),
    )


def verdict_matrix(comparison: Comparison) -> Table:
    """The verdict on each row's model against each column's, and the difference in points."""
    names = [model.name for model in comparison.models]
    gaps = {(pair.b, pair.a): pair.difference.value for pair in comparison.pairs}
    gaps |= {(b, a): -gap for (a, b), gap in gaps.items()}
    return Table(
        "The verdict on each row's model against each column's; differences of accuracy in "
        "percentage points.",
        ("", *names),
        tuple(
            (
                name,
                *(
                    NONE if verdict is None else f"{verdict}, {points(gaps[name, other], 2)}"
                    for other, verdict in zip(names, row, strict=True)
                ),
            )
            for name, row in zip(names, comparison.verdict_matrix(), strict=True)
        ),
        words=len(names) + 1,
    )


def most_confused(name: str, evaluation: Evaluation, shown: int) -> Table:
    """The most frequent kinds of mistake."""
    return Table(
        f"The most frequent kinds of mistake of {name}.",
        ("True", "Called", "Pictures", "Share of the class"),
        tuple(
            (pair.true, pair.predicted, count(pair.count), percent_estimate(pair.share))
            for pair in evaluation.most_confused[:shown]
        ),
        words=2,
    )


def openings(reports: Sequence[ModelReport], facts: Facts) -> Table:
    """Each opening of the test half for what is shown."""
    return Table(
        "Openings of this test half that the folder of runs has logged for what is shown here.",
        ("Time, UTC", "Run", "Purpose", "Code revision"),
        tuple(
            (each.time.removesuffix("+00:00"), each.run, each.purpose, each.revision or NONE)
            for each in facts.openings_for(reports)
        ),
        words=4,
    )


def tiles(
    caption: str, groups: Sequence[TileGroup], positions: Sequence[np.integer | int]
) -> Table:
    """The pictures of a sheet by their place among the test pictures."""
    rows = [
        (
            str(int(position)),
            tile.title,
            tile.called or tile.title,
            "yes" if tile.right else "no",
            tile.note or NONE,
        )
        for position, tile in zip(
            positions, [tile for group in groups for tile in group.tiles], strict=True
        )
    ]
    return Table(caption, ("Picture", "True", "Called", "Right", "Sureness"), tuple(rows), words=4)
