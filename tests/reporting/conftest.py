"""Made-up models, known to the last picture, and the reports written of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from fittingroom.classes import GARMENTS
from fittingroom.comparison import Comparison, Entrant, compare_models
from fittingroom.evaluation import evaluate_predictions
from fittingroom.metrics import temperature_effect
from fittingroom.predictions import Predictions, UInt8
from fittingroom.reporting import Facts, ModelReport, write_report
from fittingroom.runs import Epoch, Opening, Timing

PICTURES = 400


@dataclass(frozen=True, eq=False)
class Sample:
    images: UInt8
    labels: UInt8


def pictures(number: int) -> UInt8:
    """Grey frames, no two alike, so that none is blank."""
    images = np.zeros((number, 28, 28), np.uint8)
    images[:, 4:24, 6:22] = np.random.default_rng(5).integers(60, 255, (number, 1, 1))
    images[:, 10:18, 10:18] = 30
    return images


def predictions(
    right: float, seed: int, classes: Sequence[str] = GARMENTS, probabilities: bool = True
) -> Predictions:
    """A model that is right on about that share, and calls the next class otherwise."""
    generator = np.random.default_rng(seed)
    kinds = len(classes)
    labels = (np.arange(PICTURES) % kinds).astype(np.uint8)
    wrong = generator.random(PICTURES) > right
    predicted = ((labels + wrong) % kinds).astype(np.uint8)
    logs = None
    if probabilities:
        top = generator.uniform(0.55, 0.99, PICTURES)
        shares = np.repeat(((1 - top) / (kinds - 1))[:, None], kinds, axis=1)
        shares[np.arange(PICTURES), predicted] = top
        logs = np.log(shares).astype(np.float32)
    return Predictions(labels, predicted, logs, np.arange(PICTURES), tuple(classes))


def history(epochs: int = 4) -> tuple[Epoch, ...]:
    return tuple(
        Epoch(
            epoch=number,
            seconds=1.5 * number,
            train_loss=0.8 / number,
            train_accuracy=0.94 - 0.2 / number,
            val_loss=0.9 / number,
            val_accuracy=0.93 - 0.2 / number,
            learning_rate=0.01 / number,
        )
        for number in range(1, epochs + 1)
    )


def report(name: str, said: Predictions, title: str = "Dense layers") -> ModelReport:
    return ModelReport(
        name=name,
        title=title,
        evaluation=evaluate_predictions(said, draws=100),
        history=history(),
        best_epoch=4,
        recipe=name,
        run=f"{name}-s0-3f9c",
        seed=0,
        parameters=1_234_567,
        operations=7_654_321,
        training_pictures=55_000,
        validation_pictures=5_000,
        training_seconds=83.4,
        model_bytes=2_345_678,
        single=Timing(low=1.1e-4, median=1.234e-4, high=2e-4, batch=1),
        batched=Timing(low=1e-6, median=2e-6, high=3e-6, batch=500),
        temperature=None
        if said.log_probabilities is None
        else temperature_effect(said.labels, said.log_probabilities, 1.25, draws=100),
    )


def compared(reports: Sequence[ModelReport]) -> Comparison:
    return compare_models(
        [Entrant(each.name, each.name, (0,), (each.evaluation.predictions,)) for each in reports]
    )


def write(folder: Path, reports: Sequence[ModelReport], facts: Facts) -> Path:
    kinds = len(reports[0].evaluation.predictions.classes)
    return write_report(
        folder,
        comparison=compared(reports) if len(reports) > 1 else None,
        reports=reports,
        pictures=pictures(PICTURES),
        sample=Sample(pictures(40), (np.arange(40) % kinds).astype(np.uint8)),
        facts=facts,
    )


@pytest.fixture(scope="session")
def official() -> Facts:
    return Facts(
        data="Fashion-MNIST",
        official=True,
        openings=[
            Opening("2026-01-01T00:00:00+00:00", f"{name}-s0-3f9c", name, data, "compare", None)
            for data in ("Fashion-MNIST", "sample")
            for name in ("ann", "cnn", "forest")
        ],
        runs=["ann-s0-3f9c", "cnn-s0-3f9c"],
        environment={"processor": "a processor", "threads": 2, "revision": None},
    )


@pytest.fixture(scope="session")
def models() -> list[ModelReport]:
    return [report("ann", predictions(0.8, 1)), report("cnn", predictions(0.95, 2))]


@pytest.fixture(scope="session")
def comparison(models: list[ModelReport]) -> Comparison:
    return compared(models)


@pytest.fixture(scope="session")
def page(
    tmp_path_factory: pytest.TempPathFactory, models: list[ModelReport], official: Facts
) -> Path:
    """The report on two models, as it is meant to be."""
    return write(tmp_path_factory.mktemp("two"), models, official)


@pytest.fixture(scope="session")
def odd_model() -> ModelReport:
    """Without probabilities or history, and with three classes; all names are hostile."""
    said = predictions(0.9, 3, ("<b>&", "$5_6$ | *x*", "plain"), probabilities=False)
    evaluation = evaluate_predictions(said, draws=100)
    return ModelReport(name="../<i>odd", title='"quoted"', evaluation=evaluation)


@pytest.fixture(scope="session")
def odd_page(tmp_path_factory: pytest.TempPathFactory, odd_model: ModelReport) -> Path:
    """The odd model alone, on data of somebody's own."""
    facts = Facts(data="my <data>", official=False)
    return write(tmp_path_factory.mktemp("odd"), [odd_model], facts)


@pytest.fixture(scope="session")
def four_models() -> list[ModelReport]:
    """Of several frameworks: kept for its accuracy, kept as the last, and trained in one go."""
    keras = report("keras-ann", predictions(0.85, 4))
    last = {"keep": "last", "training_pictures": 48_000, "validation_pictures": 12_000}
    in_one_go = {"keep": None, "history": history(1), "best_epoch": 1}
    logreg = report("a-rather-long-name-that-somebody-gave-a-regression", predictions(0.75, 5))
    forest = report("forest", predictions(0.9, 6), "Boosted trees")
    return [
        report("ann", predictions(0.8, 1)),
        replace(keras, **last),  # type: ignore[arg-type]
        replace(logreg, **in_one_go),  # type: ignore[arg-type]
        replace(forest, operation="comparisons", **in_one_go),  # type: ignore[arg-type]
    ]


@pytest.fixture(scope="session")
def four_page(
    tmp_path_factory: pytest.TempPathFactory, four_models: list[ModelReport], official: Facts
) -> Path:
    return write(tmp_path_factory.mktemp("four"), four_models, official)


@pytest.fixture(scope="session")
def sample_pictures() -> Sample:
    return Sample(pictures(30), (np.arange(30) % 3).astype(np.uint8))


@pytest.fixture(scope="session")
def three_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three models, one of them without probabilities, on two classes of the embedded sample."""
    classes = ("Bag", "Coat")
    three = [
        report("a", predictions(0.8, 1, classes)),
        report("b", predictions(0.9, 2, classes, probabilities=False)),
        report("c", predictions(1.1, 3, classes)),
    ]
    facts = Facts(data="sample", official=True, embedded_sample=True)
    return write(tmp_path_factory.mktemp("three"), three, facts)
