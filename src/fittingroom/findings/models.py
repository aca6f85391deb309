"""Findings about one model."""

from collections.abc import Iterator
from dataclasses import dataclass

from fittingroom.evaluation import Evaluation
from fittingroom.findings.codes import Finding
from fittingroom.findings.course import CLEAR_GAP, last_quarter, late_rise, training_gap
from fittingroom.metrics import Estimate, difference_of_shares
from fittingroom.runs import Epoch

# A calibration error of which the whole interval lies above this is no trifle: one point.
CALIBRATION_ERROR = 0.01
# So far below the mean recall must the whole interval of a class lie: five points.
CLASS_GAP = 0.05


@dataclass(frozen=True, eq=False)
class Subject:
    """A model as findings need it.

    Attributes:
        name: as the comparison calls it.
        evaluation: of its (first seed's) run on the test half.
        history: of that run, empty for a model that was not trained here.
        in_one_go: whether it has no epochs.
        validation_accuracy: of the exported model; the history's is without shifts. None where it
            is not known.
        validation_pictures: how many chose the epoch, None where that is not known.
        trained_here: whether more seeds could be trained.
    """

    name: str
    evaluation: Evaluation
    history: tuple[Epoch, ...] = ()
    in_one_go: bool = False
    validation_accuracy: float | None = None
    validation_pictures: int | None = None
    trained_here: bool = True


def find_in_model(subject: Subject) -> Iterator[Finding]:
    """Findings about one model, of the codes that concern a single one."""
    yield from _fit(subject)
    yield from _validation(subject)
    evaluation, name = subject.evaluation, subject.name
    error, recall = (evaluation.scores[key] for key in ("calibration_error", "macro_recall"))
    if error is None:
        yield Finding(
            "no-probabilities",
            name,
            f"{name} gives classes alone: log loss, Brier score, calibration and the "
            "risk–coverage curve are left out.",
        )
    elif error.low > CALIBRATION_ERROR:
        yield Finding(
            "miscalibrated",
            name,
            f"{name} is {_percent(error)} away, on average, from the accuracy that its "
            "probabilities promise.",
        )
    if recall is not None:
        for scores in evaluation.per_class:
            if scores.support and scores.recall.high < recall.value - CLASS_GAP:
                yield Finding(
                    "class-below-the-rest",
                    name,
                    f"{name} finds {_percent(scores.recall)} of {scores.name}, against "
                    f"{100 * recall.value:.1f}% of a class on average.",
                )


def _fit(subject: Subject) -> Iterator[Finding]:
    history, name = subject.history, subject.name
    if subject.in_one_go or len(history) < 2:
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


def _validation(subject: Subject) -> Iterator[Finding]:
    accuracy, pictures = subject.validation_accuracy, subject.validation_pictures
    if accuracy is None or not pictures:
        return
    said = subject.evaluation.predictions
    difference = difference_of_shares(
        int(said.correct.sum()), len(said), round(accuracy * pictures), pictures
    )
    if difference.low > 0 or difference.high < 0:
        word = "above" if difference.value > 0 else "below"
        ends = sorted(abs(end) for end in (difference.low, difference.high))
        yield Finding(
            "validation-and-test-disagree",
            subject.name,
            f"{subject.name} reaches {100 * accuracy:.1f}% on validation and "
            f"{100 * subject.evaluation.accuracy.value:.1f}% on the test half, "
            f"{100 * abs(difference.value):.1f} points {word} it (95% interval "
            f"{100 * ends[0]:.1f} to {100 * ends[1]:.1f}).",
        )


def _percent(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.1f}% ({100 * estimate.low:.1f}–{100 * estimate.high:.1f}%)"
