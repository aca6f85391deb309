"""A search from end to end, on the sample."""

import dataclasses
import importlib
import json
import os
import signal
import sys
from typing import Any

import pytest

from fittingroom.data import Dataset
from fittingroom.engines import engine_named
from fittingroom.errors import MissingExtraError, TrainingError, TrainingStopped, UsageError
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train, train_trial
from fittingroom.jobs.tune import tune
from fittingroom.networks import Dense, Flatten
from fittingroom.recipes import recipe_of
from fittingroom.recipes.catalogue import ANN_FAST
from fittingroom.runs import list_runs, read_openings

VARIED = ("learning_rate", "batch_size", "epochs", "label_smoothing")
# From a learning rate that learns next to nothing, something better is soon found.
SLOW = dataclasses.replace(ANN_FAST, learning_rate=1e-6, epochs=1)
SLOW_VARIED = ["learning_rate", "batch_size"]


@pytest.fixture
def quick(tiny):
    return dataclasses.replace(tiny, epochs=2, batch_size=200, network=(Flatten(), Dense(10)))


@pytest.fixture
def search(quick, sample, tmp_path):
    def call(recipe=quick, **options):
        wanted: dict[str, Any] = {"trials": 4, "seeds": 0, "vary": VARIED}
        session = Session(data=sample, runs=tmp_path, threads=1)
        return tune(recipe, session=session, **wanted | options)

    return call


def tried(tuned):
    """Read from what is written: the study itself is closed."""
    values = json.loads((tuned.folder / "search.json").read_text(encoding="utf-8"))
    return [(each["settings"], each["state"], each["accuracy"]) for each in values["trials"]]


def test_it_starts_from_the_recipe_and_leaves_one_that_train_takes(
    search, quick, sample, tmp_path, monkeypatch
):
    def refuse(dataset):
        raise AssertionError("the test set was opened")

    monkeypatch.setattr(Dataset, "open_test", refuse)
    tuned = search()
    values = json.loads((tuned.folder / "search.json").read_text(encoding="utf-8"))
    assert len(values["trials"]) == 4
    start, best = values["trials"][0], values["trials"][values["best"]]
    assert start["settings"]["learning_rate"] == quick.learning_rate
    assert best["accuracy"] >= start["accuracy"]
    assert tuned.page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert list_runs(tmp_path) == ()
    assert read_openings(tmp_path) == ()
    session = Session(data=sample, runs=tmp_path / "own", threads=1)
    for recipe, expected in ((quick, start), (str(tuned.recipe_file), best)):
        run = train(recipe, session=session)
        assert run.summary.validation_accuracy == pytest.approx(expected["accuracy"], abs=1e-6)
    assert run.recipe.name == "tiny-tuned"


def test_the_best_and_the_original_are_trained_with_other_seeds(search, tmp_path):
    options = {"seeds": 2, "seed": 1, "vary": SLOW_VARIED}
    again = search(SLOW, **options).retrained
    assert again is not None
    assert again.seeds == (0, 2)  # not the search's own
    runs = [listed.run for listed in list_runs(tmp_path) if listed.run is not None]
    assert sorted((run.recipe.name, run.seed) for run in runs) == [
        ("ann-fast", 0),
        ("ann-fast", 2),
        ("ann-fast-tuned", 0),
        ("ann-fast-tuned", 2),
    ]
    mean = sum(r.summary.validation_accuracy for r in runs if r.recipe.name == "ann-fast") / 2
    assert again.start.value == pytest.approx(mean)
    assert search(SLOW, **options).retrained == again


def test_a_search_is_kept_if_a_training_with_another_seed_fails(search, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise TrainingError("The loss is nan.")

    monkeypatch.setattr("fittingroom.jobs.tune.train", fail)
    with pytest.raises(TrainingError, match=r"is nan\. The search is complete, in .*out\. "):
        search(SLOW, seeds=2, vary=SLOW_VARIED, out=tmp_path / "out")
    left = json.loads((tmp_path / "out" / "search.json").read_text(encoding="utf-8"))
    assert (len(left["trials"]), left["retrained"]) == (4, None)
    assert recipe_of(str(tmp_path / "out" / "tuned.json")).name == "ann-fast-tuned"
    assert (tmp_path / "out" / "index.html").exists()


def test_more_trials_extend_a_search_and_a_complete_one_is_left_alone(search, monkeypatch):
    first = tried(search(trials=3))
    longer = tried(search(trials=4))
    assert longer[:3] == first
    assert len(longer) == 4
    monkeypatch.setattr("fittingroom.jobs.tune.train_trial", None)
    assert tried(search(trials=2)) == longer


def test_a_signal_stops_it_between_epochs_and_the_same_call_resumes(search, tmp_path, monkeypatch):
    whole = search(out=tmp_path / "whole")
    numbers = []

    def stopped_in_the_third(*given):
        numbers.append(1)
        if len(numbers) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return train_trial(*given)

    with monkeypatch.context() as patch:
        patch.setattr("fittingroom.jobs.tune.train_trial", stopped_in_the_third)
        before = signal.getsignal(signal.SIGTERM)
        with pytest.raises(TrainingStopped, match="the same command resumes") as stopped:
            search(out=tmp_path / "cut")
        assert stopped.value.signal == signal.SIGTERM
        assert signal.getsignal(signal.SIGTERM) == before
    assert tried(search(out=tmp_path / "cut")) == tried(whole)


def test_a_trial_that_fails_is_counted_and_the_search_continues(search, monkeypatch):
    errors = iter([None, TrainingError("The loss is nan."), RuntimeError("out of memory"), None])

    def train_or_fail(*given):
        if error := next(errors):
            raise error
        return train_trial(*given)

    monkeypatch.setattr("fittingroom.jobs.tune.train_trial", train_or_fail)
    values = json.loads((search().folder / "search.json").read_text(encoding="utf-8"))
    trials = values["trials"]
    assert [trial["state"] for trial in trials] == ["complete", "fail", "fail", "complete"]
    assert [trial["error"] for trial in trials[1:3]] == ["The loss is nan.", "out of memory"]


def test_a_search_in_which_every_trial_fails_fails(search, monkeypatch):
    def fail(*arguments):
        raise TrainingError("It cannot be.")

    monkeypatch.setattr("fittingroom.jobs.tune.train_trial", fail)
    with pytest.raises(TrainingError, match=r"None of 3 trials .* It cannot be\."):
        search(trials=3)


@pytest.mark.parametrize("keep", ["best accuracy", "last"])
def test_accuracy_is_that_of_the_weights_that_are_kept(quick, sample, keep):
    # A rate that rises and spoils what was learnt: the best epoch is not the last.
    recipe = dataclasses.replace(quick, keep=keep, epochs=4, learning_rate=3.0, schedule="constant")
    shares = []
    accuracy, seconds = train_trial(
        recipe,
        0,
        sample.split(quick.split),
        engine_named("pytorch").device("cpu", 1),
        lambda epoch: shares.append(epoch.val_accuracy),
    )
    assert accuracy == (max(shares) if keep == "best accuracy" else shares[-1])
    assert seconds > 0


def test_a_custom_model_is_tuned_by_its_settings(sample, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from torch import nn\n"
        "def build():\n    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))\n"
    )
    slow = recipe_of(f"{file}:build", epochs=1, learning_rate=1e-7)
    tuned = tune(
        slow, trials=2, seeds=0, session=Session(data=sample, runs=tmp_path / "runs", threads=1)
    )
    assert tuned.recipe_file is None
    assert "fittingroom train mine.py:build" in tuned.page.read_text(encoding="utf-8")


def test_classical_recipes_are_tuned_too(sample, tmp_path):
    recipe = recipe_of("logreg").with_settings({"model.iterations": "5"})
    session = Session(data=sample, runs=tmp_path, threads=1)
    found = tune(recipe, trials=2, seeds=0, session=session)
    assert [setting.name for setting in found.space] == ["model.strength"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"trials": 0}, "trials is 0"),
        ({"seeds": 1}, "other seeds is 1"),
    ],
)
def test_wrong_usage_is_told_and_nothing_is_left(search, tmp_path, options, words):
    with pytest.raises(UsageError, match=words):
        search(**options)
    assert list(tmp_path.iterdir()) == []


def test_a_fixed_model_has_no_other_seeds(sample, tmp_path):
    from torch import nn

    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    with pytest.raises(UsageError, match="--seeds 0"):
        tune(model, session=Session(data=sample, runs=tmp_path))


def test_without_optuna_the_extra_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "fittingroom.jobs.tune")
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"'optuna'.*fittingroom\[tune\]"):
        importlib.import_module("fittingroom.jobs.tune")
