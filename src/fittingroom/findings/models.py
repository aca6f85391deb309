"""Findings about one model."""

from collections.abc import Iterator

from fittingroom.evaluation import ModelReport
from fittingroom.findings.codes import Finding
from fittingroom.findings.course import CLEAR_GAP, last_quarter, late_rise, training_gap
from fittingroom.metrics import difference_of_shares
from fittingroom.numbers import percent, percent_estimate

# A calibration error of which the whole interval lies above this is no trifle: one point.
CALIBRATION_ERROR = 0.01
# So far below the mean recall must the whole interval of a class lie: five points.
CLASS_GAP = 0.05


def find_in_model(model: ModelReport) -> Iterator[Finding]:
    """Findings about one model, of the codes that concern a single one."""
    yield from _fit(model)
    yield from _validation(model)
    evaluation, name = model.evaluation, model.name
    error, recall = (evaluation.scores[key] for key in ("calibration_error", "macro_recall"))
    if error is None:
        yield Finding(
            "no-probabilities",
            name,
            f"{name} predicts classes only: log loss, Brier score, calibration and the "
            "risk–coverage curve are left out.",
        )
    elif error.low > CALIBRATION_ERROR:
        yield Finding(
            "miscalibrated",
            name,
            f"The confidence of {name} differs from its accuracy by {percent_estimate(error)} on "
            "average.",
        )
    assert recall is not None
    for scores in evaluation.per_class:
        if scores.support and scores.recall.high < recall.value - CLASS_GAP:
            yield Finding(
                "class-below-the-rest",
                name,
                f"{name} finds {percent_estimate(scores.recall)} of {scores.name}; the mean of the "
                f"classes is {percent(recall.value)}.",
            )


def _fit(model: ModelReport) -> Iterator[Finding]:
    history, name = model.history, model.name
    if model.keep is None or len(history) < 2:
        return
    gap, risen = training_gap(history), late_rise(history)
    if gap >= CLEAR_GAP:
        yield Finding(
            "over-fitting",
            name,
            f"The training accuracy of {name} ends {100 * gap:.1f} points above its validation "
            "accuracy.",
        )
    elif risen is not None:
        quarter = last_quarter(history)
        yield Finding(
            "under-fitting",
            name,
            f"The validation accuracy of {name} still rose by {100 * risen:.1f} points over the "
            f"last {'epoch' if quarter == 1 else f'{quarter} epochs'}.",
        )


def _validation(model: ModelReport) -> Iterator[Finding]:
    images = model.validation_images
    if model.run is None or not images:
        return
    accuracy, correct = model.run.summary.validation_accuracy, model.evaluation.predictions.correct
    difference = difference_of_shares(
        int(correct.sum()), len(correct), round(accuracy * images), images
    )
    if difference.low > 0 or difference.high < 0:
        word = "above" if difference.value > 0 else "below"
        ends = sorted(abs(end) for end in (difference.low, difference.high))
        yield Finding(
            "validation-and-test-disagree",
            model.name,
            f"The test accuracy of {model.name}, {percent(model.evaluation.accuracy.value)}, is "
            f"{100 * abs(difference.value):.1f} points {word} its validation accuracy, "
            f"{percent(accuracy)} (95% interval {100 * ends[0]:.1f} to {100 * ends[1]:.1f}).",
        )
