"""Findings: what deserves a second look in results, each under a code that says what to do.

``docs/methods/findings.md`` explains each code.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import mean

from fittingroom.classes import in_short
from fittingroom.comparison import ALPHA, LEAST_SEEDS, Comparison
from fittingroom.evaluation import ModelReport
from fittingroom.metrics import difference_of_shares
from fittingroom.numbers import percent, percent_estimate, some

# Training accuracy above validation accuracy by what a reader would see on the curve at once.
CLEAR_GAP = 0.04
# Validation accuracy won over the last quarter of the epochs from which on it "still rises".
STILL_RISING = 0.003
# A calibration error of which the whole interval lies above this is no trifle: one point.
CALIBRATION_ERROR = 0.01
# So far below the mean recall must the whole interval of a class lie: five points.
CLASS_GAP = 0.05
# So many classes have a sentence of their own, the lowest recall first.
CLASSES_NAMED = 5
# By how much more accurate models are on test images than on validation images, from least to most:
# those of the published Fashion-MNIST are harder (docs/results/halves.md), by 0.6 to 1.4 points for
# all recipes measured (docs/results/training.md). All models share them: each would be named.
KNOWN_GAP = (-0.014, -0.006)
# With fewer, Student's quantile makes intervals wide, and the deviation is hardly known.
ENOUGH_SEEDS = 5


@dataclass(frozen=True)
class Finding:
    """One thing that deserves a second look, in a sentence with its numbers.

    Attributes:
        code: a key of :data:`CODES`, and the chapter of ``docs/methods/findings.md`` about it.
        about: the model or pair that it is about, "" for the whole.
    """

    code: str
    about: str
    sentence: str

    def as_dict(self) -> dict[str, str]:
        """Plain JSON values: ``code``, ``about``, ``sentence``, ``advice``."""
        return asdict(self) | {"advice": CODES[self.code].advice}


@dataclass(frozen=True)
class Advice:
    """What a code stands for, in a few words, and what to do, in a sentence or two."""

    title: str
    advice: str


CODES: dict[str, Advice] = {
    "more-seeds-follow": Advice(
        "More seeds follow",
        "Wait for the whole report. If the training was stopped, run the command again.",
    ),
    "trainings-failed": Advice(
        "Trainings failed",
        "Find out why before you trust the rest: the failed ones may have been the worst.",
    ),
    "openings-unshown": Advice(
        "Scored runs are not shown",
        "Show all runs that were scored, or say how you chose these: the best of several test "
        "scores is too good.",
    ),
    "exploratory": Advice(
        "Exploratory",
        "Quote it as a hint, not as a test of the registered plan.",
    ),
    "too-few-seeds": Advice(
        "Too few seeds",
        "Compare with --seeds 5 or more: fewer say little about how much a recipe varies.",
    ),
    "seeds-vary": Advice(
        "Seeds vary more than the margin",
        "Quote the mean over seeds, not a single training; add seeds to narrow the interval.",
    ),
    "undecided": Advice(
        "Neither a difference nor equivalence",
        "Add seeds or images as the verdict says, or accept that this test cannot tell.",
    ),
    "lost-after-holm": Advice(
        "Not significant after Holm's correction",
        "Compare that pair alone, on fresh runs, before you rely on the difference.",
    ),
    "over-fitting": Advice(
        "Over-fitting",
        "Try augmentation, dropout, weight decay, or a smaller network; stop earlier.",
    ),
    "under-fitting": Advice(
        "Under-fitting",
        "Try more epochs (fittingroom train … --set epochs=N), and see whether it helps.",
    ),
    "miscalibrated": Advice(
        "Miscalibrated",
        "Do not rely on its probabilities; more validation images give a better temperature.",
    ),
    "class-below-the-rest": Advice(
        "A class below the rest",
        "Look at what it is confused with before you quote one accuracy for all classes.",
    ),
    "validation-and-test-disagree": Advice(
        "Validation and test disagree",
        "Quote the test accuracy. If many settings were tried on validation, expect this.",
    ),
    "no-probabilities": Advice(
        "No probabilities",
        "Ask for the columns p0 to p9: calibration and abstaining need them.",
    ),
}


def find(
    models: Sequence[ModelReport],
    comparison: Comparison | None = None,
    *,
    seeds: Mapping[str, Sequence[ModelReport]] | None = None,
    failures: Sequence[str] = (),
    left: int = 0,
    unshown: int = 0,
    unregistered: Sequence[str] = (),
    departures: Sequence[str] = (),
) -> tuple[Finding, ...]:
    """Every finding about some models, in the order of the codes.

    Args:
        models: with their comparison, if there are several.
        seeds: by name, the models of every seed, if there are several.
        failures: trainings that failed, in words.
        left: how many trainings are still to come.
        unshown: how often the test set was opened for runs of these recipes that are not shown,
            as far as the log knows.
        unregistered: runs that no plan had when the test set was opened for them, in a folder that
            has plans.
        departures: from the registered plan, in words.
    """
    found = [
        Finding(code, model.name, sentence)
        for model in models
        for code, sentence in (
            *_fit(model),
            *_scored(model.name, (seeds or {}).get(model.name, [model])),
        )
    ]
    if comparison is not None:
        trained = [model.name for model in models if model.run is not None]
        found += _comparison(comparison, trained)
    if failures:
        found.append(Finding("trainings-failed", "", f"Failed: {'; '.join(failures)}."))
    if left:
        sentence = (
            "This report compares one training of each, and will be written again: "
            f"{some(left, 'training')} to go."
        )
        found.append(Finding("more-seeds-follow", "", sentence))
    if unshown:
        times = "once" if unshown == 1 else f"{unshown:,} times"
        sentence = (
            f"The test set was opened {times} for runs of these recipes that are not shown here."
        )
        found.append(Finding("openings-unshown", "", sentence))
    if unregistered:
        found.append(exploratory(unregistered))
    found += [Finding("exploratory", "", f"Exploratory: {each}.") for each in departures]
    order = list(CODES)
    return tuple(sorted(found, key=lambda each: order.index(each.code)))


def foremost(found: Sequence[Finding], most: int = 3) -> list[Finding]:
    """The findings that matter most, one of a kind."""
    first = {each.code: each for each in reversed(found)}
    return sorted(first.values(), key=found.index)[:most]


def exploratory(runs: Sequence[str]) -> Finding:
    """That no plan had these runs when the test set was opened for them."""
    were = "was" if len(runs) == 1 else "were"
    sentence = f"{in_short(runs)} {were} not registered before the test set was opened."
    return Finding("exploratory", "", f"Exploratory: {sentence}")


def _comparison(comparison: Comparison, here: Sequence[str]) -> Iterator[Finding]:
    """Findings about models that are compared; of those in `here`, more seeds could be trained."""
    margin, pairs = comparison.pairs[0].margin, comparison.pairs
    for model in comparison.models:
        name, count = model.name, len(model.per_seed)
        if name in here and count < ENOUGH_SEEDS and not model.deterministic:
            often = "once" if count == 1 else f"{count} times"
            few = ": verdicts are about these trained models" if count < LEAST_SEEDS else ""
            yield Finding("too-few-seeds", name, f"{name} was trained {often}{few}.")
        if model.deviation is not None and model.deviation > margin > 0:
            sentence = (
                f"The accuracy of {name} has a standard deviation of {100 * model.deviation:.2f} "
                f"points between seeds, more than the margin of {100 * margin:.2f}."
            )
            yield Finding("seeds-vary", name, sentence)
    for pair in pairs:
        about = f"{pair.b} against {pair.a}"
        if pair.p_value <= ALPHA < pair.p_adjusted:
            sentence = (
                f"Among {len(pairs)} pairs, the difference between {pair.b} and {pair.a} has "
                f"p = {pair.p_adjusted:.2f} after Holm's correction."
            )
            yield Finding("lost-after-holm", about, sentence)
        elif pair.verdict == "not shown":
            sentence = (
                f"Between {pair.b} and {pair.a}, neither a difference is shown nor "
                f"equivalence within {100 * margin:.2f} points."
            )
            yield Finding("undecided", about, sentence)


def _fit(model: ModelReport) -> Iterator[tuple[str, str]]:
    history, name = model.history, model.name
    if model.keep is None or len(history) < 2:
        return
    last, quarter = history[-1], max(1, len(history) // 4)
    courses = [history, *(run.history for run in model.others if len(run.history) > quarter)]
    gap = mean(course[-1].train_accuracy - course[-1].val_accuracy for course in courses)
    risen = mean(course[-1].val_accuracy - course[-1 - quarter].val_accuracy for course in courses)
    if gap >= CLEAR_GAP:
        yield (
            "over-fitting",
            f"The training accuracy of {name} ends {100 * gap:.1f} points above its validation "
            "accuracy.",
        )
    elif risen >= STILL_RISING and last.val_accuracy == max(each.val_accuracy for each in history):
        yield (
            "under-fitting",
            f"The validation accuracy of {name} rose by {100 * risen:.1f} points over the last "
            f"{'epoch' if quarter == 1 else f'{quarter} epochs'}, and may still be rising.",
        )


def _scored(name: str, seeds: Sequence[ModelReport]) -> Iterator[tuple[str, str]]:
    """What is found in scores: of the recipe if all seeds share it, otherwise of the first run."""

    def told(model: ModelReport) -> dict[tuple[str, str], str]:
        every = (*_validation(model), *_evaluation(model))
        return {(code, what): sentence for code, what, sentence in every}

    for code, what in dict.fromkeys(key for model in seeds for key in told(model)):
        those = [model for model in seeds if (code, what) in told(model)]
        run = those[0].run
        called = name if run is None or len(those) == len(seeds) else run.name
        seen = f" Seen in {len(those)} of {len(seeds)} seeds." if len(seeds) > 1 else ""
        yield code, told(replace(those[0], name=called))[code, what] + seen


def _validation(model: ModelReport) -> Iterator[tuple[str, str, str]]:
    images = model.validation_images
    if model.run is None or not images:
        return
    accuracy, correct = model.run.summary.validation_accuracy, model.evaluation.predictions.correct
    difference = difference_of_shares(
        int(correct.sum()), len(correct), round(accuracy * images), images
    )
    official = model.data == "fashion-mnist" and model.run.environment["data"]["official"]
    least, most = KNOWN_GAP if official else (0.0, 0.0)
    if difference.low > most or difference.high < least:
        known = ""
        if official:
            most_below, least_below = -100 * least, -100 * most
            known = f" All models measured are {least_below:.1f} to {most_below:.1f} points below."
        word = "above" if difference.value > 0 else "below"
        ends = sorted(abs(end) for end in (difference.low, difference.high))
        yield (
            "validation-and-test-disagree",
            word,
            f"The test accuracy of {model.name}, {percent(model.evaluation.accuracy.value)}, is "
            f"{100 * abs(difference.value):.1f} points {word} its validation accuracy, "
            f"{percent(accuracy)} (95% interval {100 * ends[0]:.1f} to {100 * ends[1]:.1f})."
            f"{known}",
        )


def _evaluation(model: ModelReport) -> Iterator[tuple[str, str, str]]:
    evaluation, name = model.evaluation, model.name
    error, recall = (evaluation.scores[key] for key in ("calibration_error", "macro_recall"))
    if error is None:
        yield (
            "no-probabilities",
            "",
            f"{name} predicts classes only: log loss, Brier score, calibration and the "
            "risk–coverage curve are left out.",
        )
    elif error.low > CALIBRATION_ERROR:
        yield (
            "miscalibrated",
            "",
            f"The confidence of {name} differs from its accuracy by {percent_estimate(error)} on "
            "average.",
        )
    assert recall is not None
    worst = sorted(evaluation.per_class, key=lambda each: each.recall.value)
    low = recall.value - CLASS_GAP
    below = [each for each in worst if each.support and each.recall.high < low]
    for each in below[:CLASSES_NAMED]:
        yield (
            "class-below-the-rest",
            each.name,
            f"The recall of {name} for {each.name} is {percent_estimate(each.recall)}; its "
            f"mean over all classes is {percent(recall.value)}.",
        )
    if len(below) > CLASSES_NAMED:
        yield (
            "class-below-the-rest",
            "",
            f"The recall of {name} is as clearly below its mean for "
            f"{some(len(below) - CLASSES_NAMED, 'other class', 'other classes')}.",
        )
