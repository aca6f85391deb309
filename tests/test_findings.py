"""Findings: each code is found where it should be, and not where it should not."""

import functools
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fittingroom.comparison import Comparison, Entrant, compare_models
from fittingroom.evaluation import Evaluation, ModelReport, evaluate_predictions
from fittingroom.findings import CODES, Finding, find
from fittingroom.predictions import Predictions
from fittingroom.recipes import RECIPES
from fittingroom.runs import Epoch, Run, Summary

ROOT = Path(__file__).parents[1]
CLASSES = ("shirt", "coat", "bag")
IMAGES = 3000
LABELS = (np.arange(IMAGES) % 3).astype(np.uint8)


def predictions(
    accuracy: tuple[float, float, float] = (0.9, 0.9, 0.9),
    sure: float | None = 0.9,
    seed: int = 0,
) -> Predictions:
    """A model that finds that share of each class, with the same confidence in every prediction."""
    generator = np.random.default_rng(seed)
    right = generator.random(IMAGES) < np.array(accuracy)[LABELS]
    predicted = np.where(right, LABELS, (LABELS + 1) % 3).astype(np.uint8)
    logs = None
    if sure is not None:
        shares = np.full((IMAGES, 3), (1 - sure) / 2)
        shares[np.arange(IMAGES), predicted] = sure
        logs = np.log(shares).astype(np.float32)
    return Predictions(LABELS, predicted, logs, np.arange(IMAGES), CLASSES)


def course(*validation: float, train: float = 0.91) -> tuple[Epoch, ...]:
    return tuple(
        Epoch(number, float(number), 0.3, train, 0.3, accuracy, 0.01)
        for number, accuracy in enumerate(validation, 1)
    )


STEADY = course(0.88, 0.9, 0.905, 0.9, 0.9)


def model(
    name: str = "cnn",
    evaluation: Evaluation | None = None,
    history: tuple[Epoch, ...] = STEADY,
    recipe: str = "cnn",
    validation: tuple[float, int | None] = (0.905, 1000),
) -> ModelReport:
    """A model without findings, except for what is given."""
    accuracy, images = validation
    summary = Summary(2, accuracy, 10.0, 1, 1, 1.0, 0.0, 1)
    environment = {"data": {"validation": images, "training": 50_000, "official": False}}
    run = Run(Path("run"), RECIPES[recipe], 0, environment, history, summary)
    return ModelReport(name, "made up", evaluation or sound(), run)


@functools.cache
def sound() -> Evaluation:
    return evaluate_predictions(predictions(), draws=200)


def codes(found: tuple[Finding, ...]) -> list[str]:
    return [each.code for each in found]


def only(found: tuple[Finding, ...], code: str) -> Finding:
    assert codes(found) == [code]
    assert found[0].as_dict()["advice"] == CODES[code].advice
    return found[0]


def test_a_sound_model_has_no_findings() -> None:
    assert find([model()]) == ()


def test_over_fitting() -> None:
    far = course(0.88, 0.9, 0.905, 0.9, 0.9, train=0.941)
    assert "ends 4.1 points above" in only(find([model(history=far)]), "over-fitting").sentence
    near = course(0.88, 0.9, 0.905, 0.9, 0.9, train=0.939)
    assert find([model(history=near)]) == ()
    assert find([model(history=far, recipe="forest")]) == ()  # which has no epochs


def test_under_fitting() -> None:
    found = only(find([model(history=course(0.88, 0.89, 0.895, 0.9, 0.905))]), "under-fitting")
    assert "rose by 0.5 points over the last epoch, and may still be rising" in found.sentence
    assert find([model(history=course(0.88, 0.89, 0.9, 0.904, 0.905))]) == ()
    assert find([model(history=course(0.9))]) == ()


@pytest.mark.parametrize(
    ("code", "seen", "unseen", "words"),
    [
        ("miscalibrated", {"sure": 0.99}, {"sure": 0.91}, "differs from its accuracy by"),
        (
            "class-below-the-rest",
            {"accuracy": (0.75, 0.98, 0.98)},
            {"accuracy": (0.88, 0.91, 0.91)},
            "for shirt is 74",
        ),
        ("no-probabilities", {"sure": None}, {}, "cnn predicts classes only"),
    ],
)
def test_findings_in_an_evaluation(
    code: str, seen: dict[str, Any], unseen: dict[str, Any], words: str
) -> None:
    said = evaluate_predictions(predictions(**seen), draws=200)
    found = only(find([model(evaluation=said)]), code)
    assert words in found.sentence
    assert found.about == "cnn"
    said = evaluate_predictions(predictions(**unseen), draws=200)
    assert find([model(evaluation=said)]) == ()


def test_validation_and_test_disagree() -> None:
    found = only(find([model(validation=(0.94, 1000))]), "validation-and-test-disagree")
    assert "points below its validation accuracy, 94.0%" in found.sentence
    # The same gap on few images is chance; without a known number nothing is said.
    assert find([model(validation=(0.94, 50))]) == ()
    assert find([model(validation=(0.94, None))]) == ()
    assert find([replace(model(validation=(0.94, 1000)), run=None)]) == ()
    # That the published test images are harder is known, and no news of any one model.
    harder = replace(model(validation=(0.921, 50_000)), data="fashion-mnist")
    assert harder.run is not None
    only(find([harder]), "validation-and-test-disagree")
    harder.run.environment["data"]["official"] = True
    assert find([harder]) == ()
    far = replace(model(validation=(0.96, 50_000)), data="fashion-mnist")
    assert far.run is not None
    far.run.environment["data"]["official"] = True
    sentence = only(find([far]), "validation-and-test-disagree").sentence
    assert sentence.endswith("All models measured are 0.6 to 1.4 points below.")


def test_what_all_seeds_share_is_of_the_recipe_and_what_one_has_is_of_its_run() -> None:
    evaluations = [
        evaluate_predictions(predictions(accuracy), draws=200)
        for accuracy in ((0.75, 0.98, 0.98), (0.75, 0.98, 0.98), (0.9, 0.9, 0.9))
    ]
    all_three = [model(evaluation=each) for each in evaluations]
    for seed, each in enumerate(all_three):
        assert each.run is not None
        run = replace(each.run, folder=Path(f"cnn-s{seed}"), seed=seed)
        all_three[seed] = replace(each, name=f"seed {seed}", run=run)
    first = replace(all_three[0], name="cnn")
    (shared,) = find([first], seeds={"cnn": all_three[:2]})
    assert shared.sentence.startswith("The recall of cnn for shirt is")
    assert shared.sentence.endswith("Seen in 2 of 2 seeds.")
    (single,) = find([replace(all_three[2], name="cnn")], seeds={"cnn": all_three[:0:-1]})
    assert single.sentence.startswith("The recall of cnn-s1 for shirt is")
    assert single.sentence.endswith("Seen in 1 of 2 seeds.")
    assert shared.about == single.about == "cnn"


def test_trainings_failed_and_openings_unshown() -> None:
    found = only(find([model()], failures=["ann, seed 1: no"]), "trainings-failed")
    assert found.sentence == "Failed: ann, seed 1: no."
    assert "opened once" in only(find([model()], unshown=1), "openings-unshown").sentence
    assert "3 times" in only(find([model()], unshown=3), "openings-unshown").sentence
    found = only(find([model()], unregistered=["a-s0", "b-s0"]), "exploratory")
    assert found.sentence.startswith("Exploratory: a-s0, b-s0 were not registered before")


def compared(
    accuracies: dict[str, float], seeds: int = 5, spread: float = 0.0, margin: float = 0.02
) -> tuple[list[ModelReport], Comparison]:
    models, entrants = [], []
    for name, accuracy in accuracies.items():
        each = tuple(
            predictions((accuracy + spread * (seed - 2),) * 3, seed=seed) for seed in range(seeds)
        )
        entrants.append(Entrant(name, name, tuple(range(seeds)), each))
        # What is found of single models is another matter.
        models.append(model(name))
    return models, compare_models(entrants, margin=margin)


def test_too_few_seeds() -> None:
    models, comparison = compared({"ann": 0.8, "cnn": 0.9}, seeds=4)
    found = find(models, comparison)
    assert codes(found) == ["too-few-seeds"] * 2
    assert found[0].sentence == "ann was trained 4 times."
    # Of external predictions no more seeds can be trained.
    foreign = [models[0], replace(models[1], run=None)]
    assert [each.about for each in find(foreign, comparison)] == ["ann"]
    assert find(*compared({"ann": 0.8, "cnn": 0.9}, seeds=5)) == ()


def test_seeds_vary() -> None:
    models, comparison = compared({"ann": 0.6, "cnn": 0.85}, spread=0.03, margin=0.02)
    found = find(models, comparison)
    assert codes(found) == ["seeds-vary"] * 2
    assert "more than the margin of 2.00" in found[0].sentence


def test_undecided() -> None:
    models, comparison = compared({"ann": 0.9, "cnn": 0.9}, margin=0.0001)
    found = [each for each in find(models, comparison) if each.code == "undecided"]
    assert [each.about for each in found] == ["cnn against ann"]
    assert find(*compared({"ann": 0.9, "cnn": 0.9}, margin=0.04)) == ()


def test_lost_after_holm() -> None:
    models, comparison = compared({"ann": 0.8, "cnn": 0.9, "fig": 0.95})
    assert find(models, comparison) == ()
    first, *rest = comparison.pairs
    lost = replace(first, p_value=0.03, p_adjusted=0.08, verdict="not shown")
    doubtful = replace(comparison, pairs=(lost, *rest))
    found = only(find(models, doubtful), "lost-after-holm")
    assert "p = 0.08 after Holm's correction" in found.sentence


def test_findings_come_in_the_order_of_their_codes() -> None:
    said = predictions(sure=None)
    # A class without images is not below the rest.
    evaluation = evaluate_predictions(replace(said, classes=(*CLASSES, "boot")))
    rising = model(evaluation=evaluation, history=course(0.8, 0.81, 0.82, 0.84, 0.9))
    found = find([rising], failures=["x"])
    assert codes(found) == ["trainings-failed", "under-fitting", "no-probabilities"]


def test_every_code_has_a_chapter_that_says_what_to_do() -> None:
    page = (ROOT / "docs" / "methods" / "findings.md").read_text(encoding="utf-8")
    chapters = re.findall(
        r"^## (\S+)\n\n\*\*Seen when\*\* .+?\n\n\*\*What to do\.\*\* ", page, re.M | re.S
    )
    assert chapters == list(CODES)


def test_of_many_classes_below_the_rest_the_worst_are_named() -> None:
    labels = (np.arange(IMAGES) % 30).astype(np.uint8)
    predicted = np.where(labels < 8, 29, labels).astype(np.uint8)
    predicted[labels == 7][:50] = 7
    classes = tuple(f"kind {number}" for number in range(30))
    said = Predictions(labels, predicted, None, np.arange(IMAGES), classes)
    found = find([model(evaluation=evaluate_predictions(said))])
    below = [each.sentence for each in found if each.code == "class-below-the-rest"]
    assert len(below) == 6
    assert "for kind 0 is" in below[0]
    assert below[-1].endswith("for 3 other classes.")
