"""What a figure shows, in a sentence or two computed from the numbers that it was drawn from."""

import re
from collections.abc import Sequence

import numpy as np

from fittingroom.comparison import Comparison, Pair
from fittingroom.evaluation import Evaluation, ModelReport
from fittingroom.findings.course import (
    CLEAR_GAP,
    MILD_GAP,
    last_quarter,
    late_rise,
    training_gap,
)
from fittingroom.metrics import TemperatureEffect, wilson
from fittingroom.numbers import (
    Estimate,
    decimal_change,
    listed,
    percent,
    percent_estimate,
    percent_range,
    points_estimate,
    some,
)
from fittingroom.plots import Tile
from fittingroom.recipes import Keep
from fittingroom.reporting.facts import Facts
from fittingroom.reporting.tables import shown
from fittingroom.runs import Epoch

# Shares of the images that a model answers, at which the caption reads the risk.
_ANSWERED = (0.5, 0.8)


def outcome(models: Sequence[ModelReport], comparison: Comparison | None, facts: Facts) -> str:
    """The verdict in words that the page opens with."""
    if comparison is not None:
        return comparison.sentence
    (model,) = models
    accuracy = model.evaluation.accuracy
    return (
        f"{model.name} reaches {percent(accuracy.value, 2)} accuracy on the "
        f"{len(model.evaluation.predictions):,} test images of {facts.data} (95% interval "
        f"{percent_range(accuracy, 2)})."
    )


def headline(verdict: str) -> tuple[str, str]:
    """The verdict's first sentence, and the rest."""
    first, _, rest = re.sub(r"(?<=[a-z)%]\.)\s+(?=\S)", "\n", verdict, count=1).partition("\n")
    return first, rest


def notices(facts: Facts) -> list[str]:
    """What a reader must know before the first number."""
    warnings = []
    if facts.embedded_sample:
        warnings.append(
            "These numbers come from the small sample inside the package, not from the whole of "
            "Fashion-MNIST. They are good for trying things out, not for quoting."
        )
    elif not facts.official:
        warnings.append(
            f"The data is not the official Fashion-MNIST: the files of {facts.data} do not have "
            "the published hashes. Do not compare these numbers with published ones."
        )
    if facts.failures:
        warnings.append(
            "Some trainings failed, and the numbers come from the others. Failed: "
            f"{'; '.join(facts.failures)}."
        )
    return warnings


def model_lead(model: ModelReport) -> str:
    """What a model is, its accuracy, and what stands in place of curves if there are none."""
    evaluation, run = model.evaluation, model.run
    by = f" (run {run.name})" if run is not None else ""
    lead = (
        f"{model.title}. {percent_estimate(evaluation.accuracy, 2)} accuracy on the "
        f"{len(evaluation.predictions):,} test images{by}."
    )
    if len(model.history) != 1:
        return lead
    (epoch,) = model.history
    opening = "Trained without epochs" if model.keep is None else "Trained for one epoch"
    return (
        f"{lead} {opening}, so there are no curves: validation accuracy "
        f"{_validation(epoch, model.validation_images)}, training accuracy "
        f"{percent(epoch.train_accuracy)}."
    )


def validation_interval(accuracy: float, images: int) -> Estimate:
    """Wilson's 95% interval of a share of so many validation images."""
    return wilson(round(accuracy * images), images)


def accuracy_curve(
    history: Sequence[Epoch], best_epoch: int, images: int | None, keep: Keep = "best accuracy"
) -> str:
    """Which epoch is kept, how far training is ahead of validation, and what that means."""
    kept = {
        "best accuracy": f"Best epoch {best_epoch} of {len(history)}",
        "best loss": f"Kept for the lowest validation loss: epoch {best_epoch} of {len(history)}",
        "last": f"The last of {some(len(history), 'epoch')} is kept",
    }
    epoch = next((each for each in history if each.epoch == best_epoch), history[-1])
    return f"{kept[keep]}, validation accuracy {_validation(epoch, images)}. {_fit(history)}."


def _validation(epoch: Epoch, images: int | None) -> str:
    if not images:
        return percent(epoch.val_accuracy)
    return percent_estimate(validation_interval(epoch.val_accuracy, images))


def _fit(history: Sequence[Epoch]) -> str:
    gap, risen = training_gap(history), late_rise(history)
    if gap >= MILD_GAP:
        degree = "Over-fitting" if gap >= CLEAR_GAP else "Mild over-fitting"
        return f"{degree}: training accuracy ends {100 * gap:.1f} points above validation accuracy"
    if risen is not None:
        quarter = last_quarter(history)
        epochs = "epoch" if quarter == 1 else f"{quarter} epochs"
        return (
            f"Under-fitting: validation accuracy still rose by {100 * risen:.1f} points over the "
            f"last {epochs}, so more epochs would help"
        )
    if gap <= -MILD_GAP:
        return (
            f"No over-fitting: training accuracy ends {-100 * gap:.1f} points below validation "
            "accuracy. It is measured while weights change, with dropout and augmentation on"
        )
    return "No over-fitting: training accuracy ends level with validation accuracy"


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
    if best_epoch == lowest.epoch:
        return f"{sentence}."
    if keep == "best accuracy":
        return f"{sentence}. Epoch {best_epoch} is kept, for the highest validation accuracy."
    return f"{sentence}. The last epoch is kept."


def confusion_matrix(evaluation: Evaluation) -> str:
    """How many mistakes, which is most frequent, which class fares worst."""
    wrong = int((~evaluation.predictions.correct).sum())
    total = len(evaluation.predictions)
    if wrong == 0:
        return f"All {total:,} images are classified correctly."
    top = evaluation.most_confused[0]
    hardest = min(evaluation.per_class, key=lambda scores: scores.recall.value)
    return (
        f"{wrong:,} of {total:,} images are misclassified, most often {top.true} as "
        f"{top.predicted}: {some(top.count, 'image')}, or {percent_estimate(top.share)} of that "
        f"class. The class with the lowest recall is {hardest.name}: "
        f"{percent_estimate(hardest.recall)}."
    )


def sample_predictions(drawn: Sequence[Tile], mistakes: Sequence[Tile], wrong: int) -> str:
    """How the random draw came out."""
    right = sum(tile.right is True for tile in drawn)
    sentence = (
        f"{len(drawn)} test images drawn at random, the same for every model: {right} are "
        "classified correctly (✓)."
    )
    if mistakes:
        sentence += (
            f" Below, {len(mistakes)} of the {wrong:,} mistakes (✗), also drawn at random, each "
            "with the predicted class."
        )
    return sentence


def most_confused(evaluation: Evaluation, number: int) -> str:
    """How much of all mistakes the most frequent kinds make up."""
    wrong = int((~evaluation.predictions.correct).sum())
    kinds = evaluation.most_confused[:number]
    covered = sum(pair.count for pair in kinds)
    return (
        f"{some(len(kinds), 'kind')} of mistake {'makes' if len(kinds) == 1 else 'make'} up "
        f"{percent(covered / wrong, 0)} of all {wrong:,}, {kinds[0].true} → {kinds[0].predicted} "
        "first. Shares are of the true class; the examples are the first in file order."
    )


def worst_mistakes(tiles: Sequence[Tile], least_sure: float | None) -> str:
    """How sure the model was of the mistakes shown."""
    if least_sure is None:
        return (
            f"The first {some(len(tiles), 'mistake')} in file order: the model gives no "
            "probabilities to order them by."
        )
    floor = int(1000 * least_sure) / 10  # never rounded up
    return (
        f"The {len(tiles)} mistakes with the highest confidence, at least {floor:.1f}% each. Judge "
        "for yourself whether the model or the label is wrong."
    )


def calibration(models: Sequence[ModelReport]) -> str:
    """How far confidence is from accuracy, to which side, and what the temperature does."""
    sentences = []
    for model in models:
        result = model.evaluation.calibration
        if result is None:
            sentences.append(f"{model.name} gives no probabilities, so it has no curve.")
            continue
        total = sum(each.count for each in result.bins)
        surplus = (
            sum(each.count * (each.confidence - each.accuracy.value) for each in result.bins)
            / total
        )
        side = (
            f"over-confident by {100 * surplus:.1f} points on average"
            if surplus >= 0.005
            else f"under-confident by {-100 * surplus:.1f} points on average"
            if surplus <= -0.005
            else "neither over- nor under-confident on average"
        )
        error = shown(model.evaluation, "calibration_error")
        sentences.append(f"{model.name}: calibration error {error}, {side}.")
    sentences += [
        temperature(model.name, model.temperature)
        for model in models
        if model.temperature is not None
    ]
    return " ".join(sentences)


def temperature(name: str, effect: TemperatureEffect) -> str:
    """What the temperature was fitted on, and whether it helps on the test set."""
    change = effect.log_loss_change
    verdict = (
        "it helps" if change.high < 0 else "it hurts" if change.low > 0 else "no clear difference"
    )
    return (
        f"{name}: the temperature {effect.temperature:.2f}, fitted on validation, changes the test "
        f"log loss by {decimal_change(change)}: {verdict}."
    )


def risk_coverage(models: Sequence[ModelReport]) -> str:
    """What abstaining would buy: errors among the surest half and four fifths, and the area."""
    sentences = []
    for model in models:
        curve = model.evaluation.risk_coverage
        if curve is None:
            sentences.append(f"{model.name} gives no probabilities, so it has no curve.")
            continue
        parts = []
        for share in _ANSWERED:
            at = int(np.searchsorted(curve.coverage, share))
            answered = percent(curve.coverage[at], 0)
            parts.append(f"{percent_estimate(curve.at(at))} if it answers the surest {answered}")
        sentences.append(
            f"{model.name} has an error rate of {percent(float(curve.risk[-1]))} if it answers "
            f"all, {listed(parts)}."
        )
    return " ".join(sentences)


def verdict_matrix(comparison: Comparison) -> str:
    """How many pairs are decided, and what the colours mean."""
    counts = {
        "with a clear difference": sum(p.verdict in ("better", "worse") for p in comparison.pairs),
        "equivalent": sum(p.verdict == "equivalent" for p in comparison.pairs),
        "undecided": sum(p.verdict == "not shown" for p in comparison.pairs),
    }
    shares = [f"{number} {kind}" for kind, number in counts.items() if number]
    lost = sum(
        pair.verdict in ("better", "worse") and pair.p_adjusted > 0.05 for pair in comparison.pairs
    )
    held = (
        f"After Holm's correction for comparing several pairs, {lost} of the differences "
        f"{'is' if lost == 1 else 'are'} no longer significant."
        if lost
        else "All differences stay significant after Holm's correction for comparing several pairs."
    )
    return (
        f"{some(len(comparison.pairs), 'pair')}: {listed(shares)}. Read a row against a column. A "
        f"cell has the colour of the better model; grey means equivalent. {held}"
    )


def recalls(models: Sequence[ModelReport]) -> str:
    """Hardest and easiest class of each model."""
    sentences = []
    for model in models:
        order = sorted(model.evaluation.per_class, key=lambda scores: scores.recall.value)
        low, high = order[0], order[-1]
        sentences.append(
            f"{model.name} finds {percent_estimate(high.recall)} of {high.name}, its best class, "
            f"and {percent_estimate(low.recall)} of {low.name}, its worst."
        )
    return " ".join(sentences)


def accuracies(comparison: Comparison) -> str:
    """Each model's accuracy and each paired difference."""
    models = [f"{model.name} {percent_estimate(model.accuracy, 2)}" for model in comparison.models]
    sentence = f"Accuracy with 95% intervals: {listed(models)}."
    if len(comparison.pairs) == 1:
        pair = comparison.pairs[0]
        sentence += (
            f" On the same {comparison.images:,} images, {pair.b} minus {pair.a} is "
            f"{points_estimate(pair.difference, 2)} percentage points."
        )
    if any(len(model.per_seed) > 1 for model in comparison.models):
        sentence += " The small dots beneath are single seeds."
    return sentence


def class_gains(pair: Pair) -> str:
    """Where `b` gains most over `a`, and how many classes gain or lose clearly."""
    best = max(pair.gains, key=lambda gain: gain.difference.value)
    gained = sum(gain.difference.low > 0 for gain in pair.gains)
    lost = sum(gain.difference.high < 0 for gain in pair.gains)
    opening = f"{pair.b} gains on no class."
    if best.difference.value > 0:
        opening = f"{pair.b} gains most on {best.name}: {points_estimate(best.difference)} points."
    return (
        f"{opening} Of {len(pair.gains)} classes, {gained} clearly gain and {lost} clearly lose "
        "(filled dots: the interval excludes zero)."
    )


def confusion_difference(pair: Pair, change: np.ndarray, classes: Sequence[str]) -> str:
    """The kind of mistake that changed most, and the balance."""
    mistakes = change.copy()
    np.fill_diagonal(mistakes, 0)
    if not mistakes.any():
        sentence = f"{pair.a} and {pair.b} make each kind of mistake equally often."
        return _first_seeds(pair) + sentence
    true, predicted = np.unravel_index(np.abs(mistakes).argmax(), mistakes.shape)
    amount, balance = int(mistakes[true, predicted]), int(mistakes.sum())
    total = f"{abs(balance):,} {'fewer' if balance < 0 else 'more'} mistakes than {pair.a}"
    return _first_seeds(pair) + (
        f"{pair.b} misclassifies {abs(amount):,} {'fewer' if amount < 0 else 'more'} of "
        f"{classes[true]} as {classes[predicted]}, the largest change. Overall it makes "
        f"{total if balance else f'as many mistakes as {pair.a}'}. A cell has the colour of the "
        "model that it favours."
    )


def flipped(pair: Pair, number: tuple[int, int]) -> str:
    """How many images only one of the two gets right; `number` of each is shown."""
    a, b = len(pair.a_only), len(pair.b_only)
    sentence = (
        f"Only {pair.b} is correct on {some(b, 'image')}, only {pair.a} on {some(a, 'image')}."
    )
    if number != (a, b):
        sentence += f" Shown: {number[1]} and {number[0]} of them, drawn at random."
    return _first_seeds(pair) + sentence


def _first_seeds(pair: Pair) -> str:
    """For recipes, single images and counts are from one training each, which is said."""
    return "With the first seed of each: " if pair.level == "recipes" else ""


def first_seeds(comparison: Comparison | None) -> str:
    """What the figures of all models show if there are several seeds; else nothing."""
    if comparison is None or all(len(model.per_seed) < 2 for model in comparison.models):
        return ""
    return "Numbers and figures of this part are from each recipe's first seed."


def openings(models: Sequence[ModelReport], facts: Facts) -> str:
    """How often the test set was opened for what is shown, as far as the log knows."""
    counted = facts.openings_for(models)
    elsewhere = "The log does not know of openings in other folders."
    if not counted:
        return (
            "This folder of runs has logged no opening of this test set for the recipes shown. "
            f"{elsewhere}"
        )
    names = list(dict.fromkeys(each.recipe for each in counted))
    times = [f"{sum(each.recipe == name for each in counted)} for {name}" for name in names]
    days = sorted({each.time[:10] for each in counted})
    when = f"on {days[0]}" if len(days) == 1 else f"from {days[0]} to {days[-1]}"
    sentence = (
        f"This folder of runs has logged {some(len(counted), 'opening')} of this test set for the "
        f"recipes shown ({listed(times)}), {when}."
    )
    unshown = len(facts.openings_unshown(models))
    if unshown:
        were = "was for a run that is" if unshown == 1 else "were for runs that are"
        sentence += f" {unshown:,} of these {were} not in this report."
    return f"{sentence} {elsewhere}"
