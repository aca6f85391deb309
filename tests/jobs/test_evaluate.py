import dataclasses
import json

import numpy as np
import pytest

from fittingroom.data import Dataset, Half
from fittingroom.errors import DataInvalidError, RunUnfinishedError
from fittingroom.jobs.evaluate import evaluate
from fittingroom.runs import open_run, read_openings


def test_the_test_half_is_opened_once_and_logged(run_copy, sample, monkeypatch):
    openings = []
    real = Dataset.open_test

    def count(self: Dataset) -> Half:
        openings.append(self)
        return real(self)

    monkeypatch.setattr(Dataset, "open_test", count)
    first = evaluate(run_copy, data=sample, purpose="a test")
    again = evaluate(run_copy, data=sample)
    assert len(openings) == 1
    (logged,) = read_openings(run_copy.parent)
    assert (logged.run, logged.purpose, logged.data) == (run_copy.name, "a test", "sample")
    assert again.evaluation.accuracy == first.evaluation.accuracy
    assert again.single == first.single


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
    assert 0 < evaluated.single.low <= evaluated.single.median <= evaluated.single.high


def test_scoring_leaves_the_run_readable(run_copy):
    evaluate(run_copy)
    assert open_run(run_copy).read_predictions("sample") is not None


def test_other_classes_are_refused(run_copy, sample):
    other = dataclasses.replace(sample, classes=tuple("abcdefghij"))
    with pytest.raises(DataInvalidError, match="T-shirt/top"):
        evaluate(run_copy, data=other)
    assert read_openings(run_copy.parent) == ()


def test_an_unfinished_run_is_not_scored(run_copy, sample):
    (run_copy / "manifest.json").unlink()
    with pytest.raises(RunUnfinishedError):
        evaluate(run_copy, data=sample)
    assert read_openings(run_copy.parent) == ()
