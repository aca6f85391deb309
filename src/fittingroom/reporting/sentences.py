"""What a figure shows, in a sentence or two computed from the numbers that it was drawn from."""

import re
from collections.abc import Sequence

import numpy as np

from fittingroom.comparison import Comparison, Pair
from fittingroom.evaluation import ConfusedPair, Evaluation
from fittingroom.findings.course import (
    CLEAR_GAP,
    MILD_GAP,
    last_quarter,
    late_rise,
    training_gap,
)
from fittingroom.metrics import Estimate, wilson
from fittingroom.numbers import (
    listed,
    percent,
    percent_estimate,
    percent_range,
    points_estimate,
    some,
)
from fittingroom.plots import Tile
from fittingroom.recipes import Keep
from fittingroom.reporting.model_report import Facts, ModelReport
from fittingroom.reporting.tables import shown
from fittingroom.runs import Epoch


def outcome(reports: Sequence[ModelReport], comparison: Comparison | None, facts: Facts) -> str:
    """The verdict in words that the page opens with."""
    if comparison is not None:
        return comparison.sentence
    scores = []
    for report in reports:
        accuracy = report.evaluation.accuracy
        pictures = len(report.evaluation.predictions)
        scores.append(
            f"{report.name} names {percent(accuracy.value, 2)} of {pictures:,} test pictures of "
            f"{facts.data} rightly (95% interval {percent_range(accuracy, 2)})."
        )
    return " ".join(scores)


def headline(verdict: str) -> tuple[str, str]:
    """The verdict's first sentence, and the rest."""
    first, _, rest = re.sub(r"(?<=[a-z)%]\.)\s+(?=[A-Z])", "\n", verdict, count=1).partition("\n")
    return first, rest


def notices(facts: Facts) -> list[str]:
    """What a reader must know before the first number."""
    warnings = []
    if facts.embedded_sample:
        warnings.append(
            "These numbers come from the small sample inside the package, not from the whole of "
            "Fashion-MNIST: good for trying things out, not for quoting."
        )
    elif not facts.official:
        warnings.append(
            f"The data is not the official Fashion-MNIST: its files ({facts.data}) do not have "
            "the published hashes. These numbers compare with no published ones."
        )
    if facts.failures:
        warnings.append(
            "Not every training succeeded, and the numbers are of those that did. "
            f"Broken down: {'; '.join(facts.failures)}."
        )
    return warnings


def origin(facts: Facts) -> str:
    """Which files the numbers come from, in short."""
    if facts.embedded_sample:
        return "the sample inside the package"
    if facts.official:
        return "official files, by their published hashes"
    return "not the official files"


def validation_interval(accuracy: float, pictures: int) -> Estimate:
    """Wilson's 95% interval of a share of so many validation pictures."""
    return wilson(round(accuracy * pictures), pictures)


def accuracy_curve(
    history: Sequence[Epoch], best_epoch: int, pictures: int | None, keep: Keep = "best accuracy"
) -> str:
    """Which epoch is kept, how far training is ahead of validation, and what that means."""
    scored = _validation(_epoch(history, best_epoch), pictures)
    kept = {
        "best accuracy": f"Best epoch {best_epoch} of {len(history)}",
        "best loss": f"Kept, for the lowest validation loss, epoch {best_epoch} of {len(history)}",
        "last": f"The last of {some(len(history), 'epoch')} is kept",
    }
    return f"{kept[keep]}: validation accuracy {scored}; {_fit(history)}."


def single_epoch(epoch: Epoch, pictures: int | None, in_one_go: bool) -> str:
    """What stands in place of the curves of a model without epochs, or with one alone."""
    opening = "Trained in one go" if in_one_go else "Trained for one epoch"
    return (
        f"{opening}, so there are no curves: validation accuracy "
        f"{_validation(epoch, pictures)}, training accuracy {percent(epoch.train_accuracy)}."
    )


def _validation(epoch: Epoch, pictures: int | None) -> str:
    if not pictures:
        return percent(epoch.val_accuracy)
    return percent_estimate(validation_interval(epoch.val_accuracy, pictures))


def _fit(history: Sequence[Epoch]) -> str:
    gap = training_gap(history)
    if gap >= MILD_GAP:
        degree = "over-fitting" if gap >= CLEAR_GAP else "mild over-fitting"
        return f"training accuracy ends {100 * gap:.1f} points above: {degree}"
    risen = late_rise(history)
    if risen is not None:
        quarter = last_quarter(history)
        return (
            f"it still rose by {100 * risen:.1f} points over the last "
            f"{'epoch' if quarter == 1 else f'{quarter} epochs'}: under-fitting, more epochs would "
            "help"
        )
    side = (
        f"training accuracy ends {-100 * gap:.1f} points below, as it is measured while weights "
        "change, with dropout and augmentation on"
        if gap <= -MILD_GAP
        else "training accuracy ends level with it"
    )
    return f"{side}: no over-fitting seen"


def loss_curve(history: Sequence[Epoch], best_epoch: int, keep: Keep = "best accuracy") -> str:
    """Where validation loss is lowest, and how much it has risen since."""
    lowest = min(history, key=lambda epoch: epoch.val_loss)
    last = history[-1]
    sentence = f"Validation loss is lowest in epoch {lowest.epoch} ({lowest.val_loss:.3f})"
    if last.epoch == lowest.epoch:
        sentence += ", the last one"
    else:
        sentence += f" and ends at {last.val_loss:.3f}"
        if lowest.val_loss > 0:
            rise = 100 * (last.val_loss / lowest.val_loss - 1)
            sentence += f", {rise:.0f}% higher" if rise >= 0.5 else ", as low"
    if best_epoch != lowest.epoch:
        if keep == "best accuracy":
            sentence += f"; the epoch kept, {best_epoch}, is the one of highest validation accuracy"
        else:
            sentence += "; the last one is kept"
    return sentence + "."


def confusion_matrix(evaluation: Evaluation) -> str:
    """How many mistakes, which is most frequent, which class fares worst."""
    wrong = int((~evaluation.predictions.correct).sum())
    total = len(evaluation.predictions)
    if wrong == 0:
        return f"All {total:,} pictures are named rightly."
    sentence = f"{wrong:,} of {total:,} pictures are misnamed."
    if evaluation.most_confused:
        top = evaluation.most_confused[0]
        sentence += (
            f" The most frequent mistake is {top.true} called {top.predicted} "
            f"({some(top.count, 'picture')}; of that class, {percent_estimate(top.share)})."
        )
    hardest = min(evaluation.per_class, key=lambda scores: scores.recall.value)
    return f"{sentence} Found least often: {hardest.name}, {percent_estimate(hardest.recall)}."


def sample_predictions(drawn: Sequence[Tile], mistakes: Sequence[Tile], wrong: int) -> str:
    """How the random draw came out."""
    right = sum(tile.right is True for tile in drawn)
    sentence = (
        f"{len(drawn)} test pictures drawn at random, the same for every model: "
        f"{right} of {len(drawn)} named rightly (✓)."
    )
    if mistakes:
        sentence += (
            f" Below, {len(mistakes)} of the {wrong:,} mistakes (✗), also drawn at random, each "
            "with the name it was given."
        )
    return sentence


def most_confused(evaluation: Evaluation, shown: int) -> str:
    """How much of all mistakes the most frequent kinds make up."""
    wrong = int((~evaluation.predictions.correct).sum())
    some_kinds = evaluation.most_confused[:shown]
    covered = sum(pair.count for pair in some_kinds)
    verb = "makes" if len(some_kinds) == 1 else "make"
    return (
        f"{some(len(some_kinds), 'kind')} of mistake {verb} up {percent(covered / wrong, 0)} of "
        f"all {wrong:,}, {_arrow(some_kinds[0])} first. Shares are of the true class' pictures; "
        "the examples are the first in file order."
    )


def _arrow(pair: ConfusedPair) -> str:
    return f"{pair.true} → {pair.predicted}"


def worst_mistakes(tiles: Sequence[Tile], least_sure: float | None) -> str:
    """How sure the model was of the mistakes shown."""
    if least_sure is None:
        return (
            f"The first {len(tiles)} mistakes in file order: the model gives no probabilities, so "
            "none is surer than another."
        )
    floor = int(1000 * least_sure) / 10
    return (
        f"The {len(tiles)} mistakes that the model was surest of, at least {floor:.1f}% each. "
        "Whether the model or the label is wrong is for the eye to judge."
    )


def calibration(models: Sequence[tuple[str, Evaluation]], without: Sequence[str]) -> str:
    """How far top probabilities are from the share that is right, and to which side."""
    sentences = []
    for name, evaluation in models:
        result = evaluation.calibration
        assert result is not None
        total = sum(bin_.count for bin_ in result.bins)
        surplus = (
            sum(bin_.count * (bin_.confidence - bin_.accuracy.value) for bin_ in result.bins)
            / total
        )
        side = (
            f"over-confident by {100 * surplus:.1f} points on the whole"
            if surplus >= 0.005
            else f"under-confident by {-100 * surplus:.1f} points on the whole"
            if surplus <= -0.005
            else "neither over- nor under-confident on the whole"
        )
        sentences.append(
            f"{name}: expected calibration error {shown(evaluation, 'calibration_error')}, {side}."
        )
    if without:
        sentences.append(f"{listed(list(without))}: no probabilities, so no curve.")
    return " ".join(sentences)


def verdict_matrix(comparison: Comparison) -> str:
    """How many pairs are decided, and what the colours mean."""
    counts = [
        (sum(pair.verdict in kinds for pair in comparison.pairs), one, many)
        for kinds, one, many in (
            (("better", "worse"), "shows a difference", "show a difference"),
            (("equivalent",), "is equivalent", "are equivalent"),
            (("not shown",), "shows nothing either way", "show nothing either way"),
        )
    ]
    shares = [f"{number} {one if number == 1 else many}" for number, one, many in counts if number]
    lost = sum(
        pair.verdict in ("better", "worse")
        and pair.p_adjusted is not None
        and pair.p_adjusted > 0.05
        for pair in comparison.pairs
    )
    held = (
        "All differences shown outlast Holm's correction for having looked at so many pairs."
        if not lost
        else f"After Holm's correction for having looked at so many pairs, {lost:,} of the "
        f"differences no longer {'counts' if lost == 1 else 'count'} as shown."
    )
    return (
        f"Of {some(len(comparison.pairs), 'pair')}, {listed(shares)}. Read a row against a column; "
        f"a cell has the colour of the better model, grey means equivalent. {held}"
    )


def recalls(models: Sequence[tuple[str, Evaluation]]) -> str:
    """Hardest and easiest class of each model."""
    sentences = []
    for name, evaluation in models:
        order = sorted(evaluation.per_class, key=lambda scores: scores.recall.value)
        low, high = order[0], order[-1]
        sentences.append(
            f"{name} finds {high.name} best, {percent_estimate(high.recall)}, and {low.name} "
            f"least, {percent_estimate(low.recall)}."
        )
    return " ".join(sentences)


def accuracies(comparison: Comparison) -> str:
    """Each model's accuracy and each paired difference."""
    models = [f"{model.name} {percent_estimate(model.accuracy, 2)}" for model in comparison.models]
    sentence = f"Accuracy with 95% intervals: {listed(models)}."
    if len(comparison.pairs) == 1:
        pair = comparison.pairs[0]
        sentence += (
            f" On the same {comparison.images:,} pictures, {pair.b} minus {pair.a} is "
            f"{points_estimate(pair.difference, 2)} percentage points."
        )
    if any(len(model.per_seed) > 1 for model in comparison.models):
        sentence += " The small dots beneath are single seeds."
    return sentence


def class_gains(pair: Pair) -> str:
    """Where `b` gains most over `a`, and how many classes gain or lose beyond doubt."""
    best = max(pair.gains, key=lambda gain: gain.difference.value)
    gained = sum(gain.difference.low > 0 for gain in pair.gains)
    lost = sum(gain.difference.high < 0 for gain in pair.gains)
    if best.difference.value > 0:
        opening = f"{pair.b} gains most on {best.name}: {points_estimate(best.difference)} points."
    else:
        opening = f"{pair.b} gains on no class."
    return (
        f"{opening} Of {len(pair.gains)} classes, {gained} gain and {lost} lose by more than their "
        "interval (filled dots)."
    )


def confusion_difference(pair: Pair, change: np.ndarray, classes: Sequence[str]) -> str:
    """The kind of mistake that changed most, and the balance."""
    mistakes = change.copy()
    np.fill_diagonal(mistakes, 0)
    if not mistakes.any():
        sentence = f"{pair.a} and {pair.b} make each kind of mistake equally often."
        return _first_seeds(pair) + sentence
    true, called = np.unravel_index(np.abs(mistakes).argmax(), mistakes.shape)
    amount = int(mistakes[true, called])
    word = "fewer" if amount < 0 else "more"
    balance = int(mistakes.sum())
    total = (
        f"{-balance:,} fewer mistakes than"
        if balance < 0
        else f"{balance:,} more mistakes than"
        if balance
        else "as many mistakes as"
    )
    return _first_seeds(pair) + (
        f"{pair.b} takes {abs(amount):,} {word} of {classes[true]} for {classes[called]}, the "
        f"largest change; overall it makes {total} {pair.a}. A cell has the colour of the model "
        "that it favours."
    )


def flipped(pair: Pair, shown: tuple[int, int]) -> str:
    """How many pictures only one of the two gets right."""
    a, b = len(pair.a_only), len(pair.b_only)
    sentence = (
        f"Only {pair.b} is right on {some(b, 'picture')}, only {pair.a} on {some(a, 'picture')}."
    )
    if shown != (a, b):
        sentence += f" Shown: {shown[1]} and {shown[0]} of them, drawn at random."
    return _first_seeds(pair) + sentence


def _first_seeds(pair: Pair) -> str:
    """Of recipes, single pictures and counts are those of one training each, which is said."""
    return "With the first seed of each: " if pair.level == "recipes" else ""


def first_seeds(comparison: Comparison | None) -> str:
    """What the figures of all models show where there are several seeds; else nothing."""
    if comparison is None or all(len(model.per_seed) < 2 for model in comparison.models):
        return ""
    return "Numbers and figures of this part are of each recipe's first seed."


def openings(reports: Sequence[ModelReport], facts: Facts) -> str:
    """How often the test half was opened for what is shown, as far as the log knows."""
    counted = facts.openings_for(reports)
    elsewhere = "Of openings elsewhere the log cannot know."
    if not counted:
        return (
            "In this folder of runs, no opening of this test half is logged for what is shown "
            f"here. {elsewhere}"
        )
    names = list(dict.fromkeys(each.recipe for each in counted))
    times = [f"{sum(each.recipe == name for each in counted)} for {name}" for name in names]
    days = sorted({each.time[:10] for each in counted})
    when = f"on {days[0]}" if len(days) == 1 else f"from {days[0]} to {days[-1]}"
    sentence = (
        f"In this folder of runs, this test half was opened {some(len(counted), 'time')} for what "
        f"is shown here ({listed(times)}), {when}."
    )
    unshown = len(facts.openings_unshown(reports))
    if unshown:
        was = "was" if unshown == 1 else "were"
        sentence += f" Of these, {unshown:,} {was} for runs on which no number here rests."
    return f"{sentence} {elsewhere}"


def _epoch(history: Sequence[Epoch], number: int) -> Epoch:
    return next((epoch for epoch in history if epoch.epoch == number), history[-1])
