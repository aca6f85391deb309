"""Findings: each code is found where it should be, and not where it should not."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fittingroom.comparison import Comparison, Entrant, compare_models
from fittingroom.evaluation import evaluate_predictions
from fittingroom.findings import CODES, Finding, Subject, find
from fittingroom.predictions import Predictions
from fittingroom.runs import Epoch

ROOT = Path(__file__).parents[2]
CLASSES = ("shirt", "coat", "bag")
PICTURES = 3000
LABELS = (np.arange(PICTURES) % 3).astype(np.uint8)


def predictions(
    accuracy: tuple[float, float, float] = (0.9, 0.9, 0.9),
    sure: float | None = 0.9,
    seed: int = 0,
) -> Predictions:
    """A model that finds that share of each class, and is that sure of all that it says."""
    generator = np.random.default_rng(seed)
    right = generator.random(PICTURES) < np.array(accuracy)[LABELS]
    predicted = np.where(right, LABELS, (LABELS + 1) % 3).astype(np.uint8)
    logs = None
    if sure is not None:
        shares = np.full((PICTURES, 3), (1 - sure) / 2)
        shares[np.arange(PICTURES), predicted] = sure
        logs = np.log(shares).astype(np.float32)
    return Predictions(LABELS, predicted, logs, np.arange(PICTURES), CLASSES)


def course(*validation: float, train: float = 0.91) -> tuple[Epoch, ...]:
    return tuple(
        Epoch(number, float(number), 0.3, train, 0.3, accuracy, 0.01)
        for number, accuracy in enumerate(validation, 1)
    )


STEADY = course(0.88, 0.9, 0.905, 0.9, 0.9)


@pytest.fixture(scope="module")
def subject() -> Subject:
    """A model about which there is nothing to find."""
    evaluation = evaluate_predictions(predictions(), draws=200)
    return Subject("cnn", evaluation, STEADY, validation_accuracy=0.905, validation_pictures=1000)


def codes(found: tuple[Finding, ...]) -> list[str]:
    return [each.code for each in found]


def only(found: tuple[Finding, ...], code: str) -> Finding:
    assert codes(found) == [code]
    assert found[0].as_dict()["advice"] == CODES[code].advice
    return found[0]


def test_of_a_sound_model_nothing_is_found(subject: Subject) -> None:
    assert find([subject]) == ()


def test_over_fitting(subject: Subject) -> None:
    far = replace(subject, history=course(0.88, 0.9, 0.905, 0.9, 0.9, train=0.941))
    assert "ends 4.1 points above" in only(find([far]), "over-fitting").sentence
    near = replace(subject, history=course(0.88, 0.9, 0.905, 0.9, 0.9, train=0.939))
    assert find([near]) == ()
    assert find([replace(far, in_one_go=True)]) == ()


def test_under_fitting(subject: Subject) -> None:
    rising = replace(subject, history=course(0.88, 0.89, 0.895, 0.9, 0.905))
    found = only(find([rising]), "under-fitting")
    assert "still rose by 0.5 points over the last epoch" in found.sentence
    flat = replace(subject, history=course(0.88, 0.89, 0.9, 0.904, 0.905))
    assert find([flat]) == ()
    assert find([replace(subject, history=course(0.9))]) == ()


def test_miscalibrated(subject: Subject) -> None:
    said = evaluate_predictions(predictions(sure=0.99), draws=200)
    assert "promise" in only(find([replace(subject, evaluation=said)]), "miscalibrated").sentence
    said = evaluate_predictions(predictions(sure=0.91), draws=200)
    assert find([replace(subject, evaluation=said)]) == ()


def test_a_class_below_the_rest(subject: Subject) -> None:
    said = evaluate_predictions(predictions((0.75, 0.98, 0.98)), draws=200)
    found = only(find([replace(subject, evaluation=said)]), "class-below-the-rest")
    assert "of shirt, against" in found.sentence
    said = evaluate_predictions(predictions((0.88, 0.91, 0.91)), draws=200)
    assert find([replace(subject, evaluation=said)]) == ()


def test_a_class_without_pictures_is_not_below_the_rest() -> None:
    said = predictions()
    said = Predictions(said.labels, said.predicted, None, said.indices, (*CLASSES, "boot"))
    found = find([Subject("cnn", evaluate_predictions(said))])
    assert codes(found) == ["no-probabilities"]


def test_validation_and_test_disagree(subject: Subject) -> None:
    lucky = replace(subject, validation_accuracy=0.94)
    found = only(find([lucky]), "validation-and-test-disagree")
    assert "reaches 94.0% on validation" in found.sentence
    assert "points below it" in found.sentence
    # The same gap on few pictures is chance; without a known number nothing is said.
    assert find([replace(lucky, validation_pictures=50)]) == ()
    assert find([replace(lucky, validation_pictures=None)]) == ()
    assert find([replace(lucky, validation_accuracy=None)]) == ()


def test_no_probabilities(subject: Subject) -> None:
    said = evaluate_predictions(predictions(sure=None))
    found = only(find([replace(subject, evaluation=said)]), "no-probabilities")
    assert found.about == "cnn"


def test_trainings_failed_and_openings_unshown(subject: Subject) -> None:
    found = only(find([subject], failures=["ann, seed 1: no"]), "trainings-failed")
    assert found.sentence == "Broken down: ann, seed 1: no."
    assert "opened once" in only(find([subject], unshown=1), "openings-unshown").sentence
    assert "3 times" in only(find([subject], unshown=3), "openings-unshown").sentence


def compared(
    accuracies: dict[str, float], seeds: int = 5, spread: float = 0.0, margin: float = 0.02
) -> tuple[list[Subject], Comparison]:
    subjects, entrants = [], []
    for name, accuracy in accuracies.items():
        each = tuple(
            predictions((accuracy + spread * (seed - 2),) * 3, seed=seed) for seed in range(seeds)
        )
        entrants.append(Entrant(name, name, tuple(range(seeds)), each))
        # What is found of single models is another matter.
        subjects.append(Subject(name, evaluate_predictions(predictions(), draws=200)))
    return subjects, compare_models(entrants, margin=margin)


def test_too_few_seeds() -> None:
    subjects, comparison = compared({"ann": 0.8, "cnn": 0.9}, seeds=4)
    found = find(subjects, comparison)
    assert codes(found) == ["too-few-seeds"] * 2
    assert found[0].sentence == "ann rests on 4 trainings."
    # Of what was predicted elsewhere no more seeds can be had.
    foreign = [subjects[0], replace(subjects[1], trained_here=False)]
    assert [each.about for each in find(foreign, comparison)] == ["ann"]
    assert find(*compared({"ann": 0.8, "cnn": 0.9}, seeds=5)) == ()


def test_seeds_vary() -> None:
    subjects, comparison = compared({"ann": 0.6, "cnn": 0.85}, spread=0.03, margin=0.02)
    found = find(subjects, comparison)
    assert codes(found) == ["seeds-vary"] * 2
    assert "more than the margin of 2.00" in found[0].sentence


def test_undecided() -> None:
    subjects, comparison = compared({"ann": 0.9, "cnn": 0.9}, margin=0.0001)
    found = [each for each in find(subjects, comparison) if each.code == "undecided"]
    assert [each.about for each in found] == ["cnn against ann"]
    assert find(*compared({"ann": 0.9, "cnn": 0.9}, margin=0.04)) == ()


def test_lost_after_holm() -> None:
    subjects, comparison = compared({"ann": 0.8, "cnn": 0.9, "fig": 0.95})
    assert find(subjects, comparison) == ()
    first, *rest = comparison.pairs
    doubtful = replace(comparison, pairs=(replace(first, p_adjusted=0.08), *rest))
    found = only(find(subjects, doubtful), "lost-after-holm")
    assert "p = 0.08 after Holm's correction" in found.sentence
    # A single pair has nothing to be corrected for.
    alone = replace(doubtful, pairs=doubtful.pairs[:1])
    assert find(subjects, alone) == ()


def test_findings_stand_in_the_order_of_their_codes(subject: Subject) -> None:
    said = evaluate_predictions(predictions(sure=None))
    rising = replace(subject, evaluation=said, history=course(0.8, 0.81, 0.82, 0.84, 0.9))
    found = find([rising], failures=["x"])
    assert codes(found) == ["trainings-failed", "under-fitting", "no-probabilities"]


def test_every_code_has_a_test_and_a_chapter_that_says_what_to_do() -> None:
    page = (ROOT / "docs" / "methods" / "findings.md").read_text(encoding="utf-8")
    chapters = re.findall(
        r"^## (\S+)\n\n\*\*Seen when\*\* .+?\n\n\*\*What to do\.\*\* ", page, re.M | re.S
    )
    assert chapters == list(CODES)
    tests = Path(__file__).read_text(encoding="utf-8")
    assert all(f'"{code}"' in tests for code in CODES)
    for advice in CODES.values():
        assert advice.title
        assert advice.advice.endswith(".")
