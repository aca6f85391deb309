import dataclasses
import json
import re

import numpy as np
import pytest
import safetensors.numpy
from scipy.stats import binomtest
from threadpoolctl import threadpool_info, threadpool_limits

from fittingroom.data import Dataset
from fittingroom.errors import (
    DataNotFoundError,
    ExportError,
    TrainingError,
    UsageError,
)
from fittingroom.export import build_onnx, fit_ood
from fittingroom.jobs.evaluate import evaluate
from fittingroom.jobs.finish import check_export
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.networks import Dense
from fittingroom.predict import Predictor, Thresholds
from fittingroom.recipes import Recipe
from fittingroom.runs import Epoch, list_runs, open_run


def test_training_never_opens_the_test_set(tiny, sample, tmp_path, monkeypatch):
    def slam(self: Dataset) -> None:
        raise AssertionError("training opened the test set")

    monkeypatch.setattr(Dataset, "open_test", slam)
    run = train(
        dataclasses.replace(tiny, epochs=1), session=Session(data=sample, runs=tmp_path, threads=1)
    )
    assert not (run.folder / "evaluations").exists()
    assert not (tmp_path / "test-log.jsonl").exists()


def test_the_stored_validation_is_what_the_stored_model_says(trained, sample_split):
    validation = sample_split.validation
    again = Predictor(trained.model_path).log_probabilities(validation.images)
    np.testing.assert_allclose(again, trained.validation.log_probabilities, atol=1e-5)
    np.testing.assert_array_equal(trained.validation.indices, validation.indices)
    np.testing.assert_array_equal(trained.validation.labels, validation.labels)


def test_threads_hold_for_what_follows_the_epochs_too(tiny, sample, tmp_path, monkeypatch):
    found: list[int] = []

    def watched(*arguments):
        found.extend(each["num_threads"] for each in threadpool_info() if "blas" in each.values())
        return fit_ood(*arguments)

    monkeypatch.setattr("fittingroom.jobs.finish.fit_ood", watched)
    with threadpool_limits(1):
        session = Session(data=sample, runs=tmp_path, threads=2)
        train(dataclasses.replace(tiny, epochs=1), session=session)
    assert set(found) == {2}


def test_the_temperature_is_the_one_that_fits_validation_best(trained, sample_split):
    labels = sample_split.validation.labels
    log_probabilities = trained.validation.log_probabilities.astype(float)

    def loss(factor: float) -> float:
        logits = log_probabilities / factor
        shifted = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        return -shifted[np.arange(len(labels)), labels].mean()

    assert loss(1) <= min(loss(0.97), loss(1.03))


def test_shifts_change_the_exported_model_alone(tiny, trained, sample, tmp_path):
    run = train(
        dataclasses.replace(tiny, shifts=True),
        session=Session(data=sample, runs=tmp_path, threads=1),
    )
    weights = [(each.folder / "model.safetensors").read_bytes() for each in (run, trained)]
    assert weights[0] == weights[1]
    assert run.summary.operations == 5 * trained.summary.operations
    assert run.summary.temperature != trained.summary.temperature
    images, labels = sample.split(tiny.split).validation.images, run.validation.labels
    (logits,) = Predictor(run.model_path).run(("logits",), images)
    assert isinstance(run.recipe, Recipe)
    model = build_onnx(
        run.recipe.layers,
        safetensors.numpy.load_file(run.folder / "model.safetensors"),
        classes=run.classes,
        mirror=tiny.mirror,
        shifts=True,
        temperature=run.summary.temperature,
    )
    (expected,) = Predictor(model).run(("logits",), images)
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    assert run.summary.validation_accuracy == (logits.argmax(axis=1) == labels).mean()


def test_a_training_that_breaks_down_is_kept_as_failed(tiny, sample, tmp_path):
    recipe = dataclasses.replace(tiny, learning_rate=1e30)
    with pytest.raises(TrainingError):
        train(recipe, session=Session(data=sample, runs=tmp_path, threads=1))
    (listed,) = list_runs(tmp_path)
    assert listed.state == "failed"
    note = json.loads((listed.folder / "failure.json").read_text())
    assert note["kind"] == "TrainingError"


def test_an_export_that_differs_fails_the_run(tiny, sample, tmp_path, monkeypatch):

    def wrong(network, weights, **options):
        shifted = {**weights, "pixels.mean": weights["pixels.mean"] + 10}
        return build_onnx(network, shifted, **options)

    monkeypatch.setattr("fittingroom.jobs.finish.build_onnx", wrong)
    with pytest.raises(ExportError, match="validation images get another"):
        train(tiny, session=Session(data=sample, runs=tmp_path, threads=1))
    assert [listed.state for listed in list_runs(tmp_path)] == ["failed"]


def test_the_check_allows_rounding_and_nothing_else():
    logits = np.array([[2.0, 1.0, 0.0], [0.0, 5.0, 1.0]], np.float32)

    def log_softmax(values):
        return (values - np.log(np.exp(values).sum(1, keepdims=True))).astype(np.float32)

    assert check_export(logits, log_softmax(logits)) < 1e-6
    assert check_export(logits, log_softmax(logits + np.array([1e-4, 0, 0]))) < 1e-4
    with pytest.raises(ExportError, match="and 0 validation images"):
        check_export(logits, log_softmax(logits + np.array([1e-2, 0, 0])))
    tie = np.array([[1.0, 1.0 + 2e-5, 0.0]], np.float32)
    with pytest.raises(ExportError, match="and 1 validation images"):
        check_export(tie, log_softmax(tie[:, [1, 0, 2]]))
    with pytest.raises(ExportError):
        check_export(logits, np.full((2, 3), np.nan, np.float32))


@pytest.mark.parametrize("seed", [-1, 2**32, 2**70, 1.5, True])
def test_a_seed_out_of_range_is_wrong_usage(tiny, sample, tmp_path, seed):
    with pytest.raises(UsageError, match="whole number from 0"):
        train(tiny, seed=seed, session=Session(data=sample, runs=tmp_path))


def test_data_of_three_classes_trains_and_is_scored(tiny, three_classes, tmp_path):
    run = train(tiny, session=Session(data=three_classes, runs=tmp_path, threads=1))
    assert run.classes == ("top", "trouser", "pullover")
    assert isinstance(run.recipe, Recipe)
    assert run.recipe.layers[-1] == Dense(3)
    assert evaluate(run).evaluation.confusion.shape == (3, 3)
    # Read from its folder, the run says where its data was, and doesn't follow that path.
    with pytest.raises(DataNotFoundError, match=f"trained on {re.escape(str(three_classes.path))}"):
        evaluate(open_run(run.folder))


def test_arrays_are_data_that_has_to_be_named_again(tiny, three_classes, tmp_path):
    training, test = three_classes.training(), three_classes.open_test()
    arrays = (training.images / 255, training.labels, test.images / 255, test.labels[:, None])
    session = Session(data=arrays, runs=tmp_path, threads=1)
    run = train(tiny, session=session)
    assert run.environment["data"]["hashes"] == three_classes.training_hashes
    assert evaluate(run, session=session).evaluation.confusion.shape == (3, 3)
    with pytest.raises(DataNotFoundError, match=r"trained on arrays.*--data"):
        evaluate(run)


def test_thresholds_are_chosen_on_validation(trained, sample_split):
    predictor, half = Predictor(trained.model_path), sample_split.validation
    thresholds = Thresholds.from_metadata(predictor.metadata)
    probabilities, scores = predictor.run(("probabilities", "ood_score"), half.images)
    known = scores <= thresholds.unknown
    assert known.mean() == pytest.approx(0.97, abs=0.01)
    surest = probabilities[known].max(axis=1)
    wrong = (probabilities.argmax(axis=1) != half.labels)[known]
    answered = surest >= thresholds.unsure
    if thresholds.unsure < 1:  # that few are wrong is shown
        mistakes, count = int(wrong[answered].sum()), int(answered.sum())
        assert binomtest(mistakes, count, 0.03, alternative="less").pvalue <= 0.1


def test_on_epoch_hears_each_epoch_and_may_end_the_training(tiny, sample, tmp_path):
    class Enough(Exception): ...

    def stop(epoch):
        raise Enough(epoch.epoch)

    heard: list[Epoch] = []
    session = Session(data=sample, runs=tmp_path, threads=1)
    run = train(tiny, on_epoch=heard.append, session=session)
    assert tuple(heard) == run.history
    with pytest.raises(Enough, match="1"):
        train(tiny, seed=1, on_epoch=stop, session=session)
