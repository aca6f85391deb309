"""Made-up models, known to the last image, and the reports written of them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fittingroom.classes import GARMENTS
from fittingroom.comparison import Comparison, Entrant, compare_models
from fittingroom.data import ImageSet
from fittingroom.evaluation import ModelReport, evaluate_predictions
from fittingroom.findings import find
from fittingroom.numbers import Timing
from fittingroom.predictions import Predictions, UInt8
from fittingroom.recipes import RECIPES
from fittingroom.reporting import Audited, Facts, write_report
from fittingroom.runs import Epoch, Opening, Run, Summary

IMAGES = 400


def images(number: int) -> UInt8:
    """Grey frames, no two alike, so that none is blank."""
    frames = np.zeros((number, 28, 28), np.uint8)
    frames[:, 4:24, 6:22] = np.random.default_rng(5).integers(60, 255, (number, 1, 1))
    frames[:, 10:18, 10:18] = 30
    return frames


def predictions(
    right: float, seed: int, classes: Sequence[str] = GARMENTS, probabilities: bool = True
) -> Predictions:
    """A model that is right on about that share, and predicts the next class otherwise."""
    generator = np.random.default_rng(seed)
    kinds = len(classes)
    labels = (np.arange(IMAGES) % kinds).astype(np.uint8)
    wrong = generator.random(IMAGES) > right
    predicted = ((labels + wrong) % kinds).astype(np.uint8)
    logs = None
    if probabilities:
        top = generator.uniform(0.55, 0.99, IMAGES)
        shares = np.repeat(((1 - top) / (kinds - 1))[:, None], kinds, axis=1)
        shares[np.arange(IMAGES), predicted] = top
        logs = np.log(shares).astype(np.float32)
    return Predictions(labels, predicted, logs, np.arange(IMAGES), tuple(classes))


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


def report(name: str, said: Predictions, recipe: str = "ann", **changed: Any) -> ModelReport:
    """A model with a run as training would have left it."""
    course = history(1) if RECIPES[recipe].in_one_go else history()
    run = Run(
        folder=Path(f"{name}-s0-3f9c"),
        recipe=replace(RECIPES[recipe], name=name, **changed),
        seed=0,
        environment={"data": {"training": 55_000, "validation": 5_000}},
        history=course,
        summary=Summary(
            best_epoch=len(course),
            validation_accuracy=0.88,
            seconds=83.4,
            parameters=1_234_567,
            operations=7_654_321,
            temperature=1.25,
            export_difference=0.0,
            model_bytes=2_345_678,
        ),
    )
    return ModelReport(
        name=name,
        data="Fashion-MNIST",
        evaluation=evaluate_predictions(said, draws=100),
        run=run,
        single=Timing(median=1.234e-4, percentile_90=2e-4, batch=1),
        batched=Timing(median=2e-6, percentile_90=3e-6, batch=500),
    )


def changed_run(model: ModelReport, **changed: Any) -> ModelReport:
    """The same scores of another run."""
    assert model.run is not None
    return replace(model, run=replace(model.run, **changed))


def compared(reports: Sequence[ModelReport]) -> Comparison:
    return compare_models(
        [Entrant(each.name, each.name, (0,), (each.evaluation.predictions,)) for each in reports]
    )


def write(
    folder: Path, models: Sequence[ModelReport], facts: Facts, audited: Audited | None = None
) -> Path:
    kinds = len(models[0].evaluation.predictions.classes)
    comparison = compared(models) if len(models) > 1 else None
    return write_report(
        folder,
        models=models,
        comparison=comparison,
        findings=find(models, comparison),
        facts=facts,
        images=images(IMAGES),
        sample=ImageSet(images(40), (np.arange(40) % kinds).astype(np.uint8), np.arange(40)),
        audited=audited,
    )


@pytest.fixture(scope="session")
def official() -> Facts:
    return Facts(
        data="Fashion-MNIST",
        official=True,
        description="The data is the official Fashion-MNIST.",
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
    return [
        report("ann", predictions(0.8, 1), keep="best accuracy"),
        report("cnn", predictions(0.95, 2), keep="best accuracy"),
    ]


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
    return ModelReport("../<i>odd", "my <data>", evaluate_predictions(said, draws=100))


@pytest.fixture(scope="session")
def odd_page(tmp_path_factory: pytest.TempPathFactory, odd_model: ModelReport) -> Path:
    """The odd model alone, on data of somebody's own."""
    facts = Facts("my <data>", official=False, description="The data is <mine>.")
    return write(tmp_path_factory.mktemp("odd"), [odd_model], facts)


@pytest.fixture(scope="session")
def many_models() -> list[ModelReport]:
    """Of several frameworks: kept for its accuracy, kept as the last, and two without epochs."""
    keras = report("keras-ann", predictions(0.85, 4), keep="last")
    long_name = "a-rather-long-name-that-somebody-gave-a-regression"
    return [
        report("ann", predictions(0.8, 1), keep="best accuracy"),
        changed_run(keras, environment={"data": {"training": 48_000, "validation": 12_000}}),
        report(long_name, predictions(1.1, 5, probabilities=False), "logreg"),
        report("forest", predictions(0.9, 6), "forest"),
    ]


@pytest.fixture(scope="session")
def many_page(tmp_path_factory: pytest.TempPathFactory, many_models: list[ModelReport]) -> Path:
    """Four models on the embedded sample, one of them perfect and without probabilities."""
    facts = Facts("sample", official=False, description="The data is the small sample.")
    return write(tmp_path_factory.mktemp("many"), many_models, facts)
