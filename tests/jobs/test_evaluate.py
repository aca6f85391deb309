import dataclasses
import json
import shutil
import threading

import numpy as np
import pytest

from fittingroom.data import Dataset, ImageSet
from fittingroom.errors import DataInvalidError, UsageError
from fittingroom.jobs.evaluate import evaluate
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.predict import Predictor
from fittingroom.runs import only_here, read_openings
from tests.conftest import written


def test_the_test_set_is_opened_once_and_logged(run_copy, sample, monkeypatch):
    openings = []
    real = Dataset.open_test

    def count(self: Dataset) -> ImageSet:
        openings.append(self)
        return real(self)

    monkeypatch.setattr(Dataset, "open_test", count)
    first = evaluate(run_copy, session=Session(data=sample), purpose="a test")
    again = evaluate(run_copy, session=Session(data=sample))
    assert len(openings) == 1
    (logged,) = read_openings(run_copy.parent)
    assert (logged.run, logged.purpose, logged.data) == (run_copy.name, "a test", "sample")
    assert again.evaluation.accuracy == first.evaluation.accuracy
    assert again.single == first.single


def test_of_two_at_once_one_opens_it_and_the_other_reads_that(run_copy, sample, monkeypatch):
    asked, second_asked, outcomes, openings = [], threading.Event(), [], []

    def ask(*arguments, **options):
        asked.append(arguments)
        if len(asked) == 2:
            second_asked.set()
        return only_here(*arguments, **options)

    second = threading.Thread(
        target=lambda: outcomes.append(evaluate(run_copy, session=Session(data=sample)))
    )
    real = Dataset.open_test

    def while_another_asks(self: Dataset) -> ImageSet:
        openings.append(self)
        if len(openings) == 1:
            second.start()
            second_asked.wait(60)
        return real(self)

    monkeypatch.setattr("fittingroom.jobs.evaluate.only_here", ask)
    monkeypatch.setattr(Dataset, "open_test", while_another_asks)
    outcomes.append(evaluate(run_copy, session=Session(data=sample)))
    second.join()
    assert len(openings) == 1
    assert len(read_openings(run_copy.parent)) == 1
    assert outcomes[0].single == outcomes[1].single  # as the first measured it


def test_the_model_is_held_to_the_threads_asked_for(run_copy, sample, monkeypatch):
    heard = []

    def load(model, threads):
        heard.append(threads)
        return Predictor(model, threads)

    monkeypatch.setattr("fittingroom.jobs.evaluate.Predictor", load)
    evaluate(run_copy, session=Session(data=sample, threads=1))
    shutil.rmtree(run_copy / "evaluations")
    monkeypatch.setattr("fittingroom.engines.available_processors", lambda: 3)
    evaluate(run_copy, session=Session(data=sample))
    assert heard == [1, 3]


@pytest.mark.parametrize("threads", [0, 100_000])
def test_threads_that_are_not_there_are_refused_before_the_test_set_is_opened(
    run_copy, sample, threads
):
    with pytest.raises(UsageError, match=f"{threads} threads can't be used"):
        evaluate(run_copy, session=Session(data=sample, threads=threads))
    assert read_openings(run_copy.parent) == ()


def test_scores_come_from_the_exported_model(run_copy, sample):
    evaluated = evaluate(run_copy)
    test = sample.open_test()
    predictions = evaluated.evaluation.predictions
    np.testing.assert_array_equal(predictions.labels, test.labels)
    accuracy = (predictions.predicted == test.labels).mean()
    assert evaluated.evaluation.accuracy.value == pytest.approx(accuracy)
    assert accuracy > 0.65
    stored = json.loads((run_copy / "evaluations" / "sample" / "evaluation.json").read_text())
    assert stored["accuracy"]["value"] == pytest.approx(accuracy)
    assert evaluated.single is not None
    assert 0 < evaluated.single.median <= evaluated.single.percentile_90


def test_other_classes_are_refused(run_copy, sample):
    other = dataclasses.replace(sample, classes=tuple("abcdefghij"))
    with pytest.raises(DataInvalidError, match="T-shirt/top"):
        evaluate(run_copy, session=Session(data=other))
    assert read_openings(run_copy.parent) == ()


def test_data_that_is_no_longer_what_it_was_is_refused(tiny, three_classes, tmp_path):
    run = train(tiny, session=Session(data=three_classes, runs=tmp_path / "runs", threads=1))
    first = evaluate(run, session=Session(data=three_classes)).evaluation
    test = three_classes.open_test()
    labels = ((test.labels + 1) % 3).astype(np.uint8)
    halves = (three_classes.training(), ImageSet(test.images, labels, test.indices))
    changed = written(tmp_path / "changed", halves, three_classes.classes)
    second = evaluate(run, session=Session(data=changed)).evaluation  # scored again
    assert first.accuracy != second.accuracy
    assert len(read_openings(tmp_path / "runs")) == 2
    for path in changed.path.iterdir():
        shutil.copyfile(path, three_classes.path / path.name)
    with pytest.raises(DataInvalidError, match="doesn't hold the data"):
        evaluate(run)
