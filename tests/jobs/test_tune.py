"""A search from end to end, on the sample."""

import dataclasses
import json
import os
import signal
import sys
from typing import Any

import pytest

from fittingroom.data import Dataset
from fittingroom.engines import engine_named
from fittingroom.errors import TrainingError, TrainingStopped, UsageError
from fittingroom.jobs import trials as trials_room
from fittingroom.jobs.progress import Silence
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.jobs.trials import Assignment, one_by_one, train_trial
from fittingroom.jobs.tune import tune
from fittingroom.networks import BatchNorm, Dense, Flatten
from fittingroom.recipes import recipe_of
from fittingroom.recipes.dense import ANN_FAST
from fittingroom.runs import list_runs, read_openings

VARIED = ("learning_rate", "batch_size", "epochs", "label_smoothing")


@pytest.fixture
def quick(tiny):
    return dataclasses.replace(tiny, epochs=2, batch_size=200, network=(Flatten(), Dense(10)))


@pytest.fixture
def search(quick, sample, tmp_path):
    def call(recipe=quick, *, progress=None, **options):
        session = Session(sample, tmp_path, threads=1, progress=progress or Silence())
        wanted: dict[str, Any] = {"trials": 4, "seeds": 0, "vary": VARIED}
        return tune(recipe, session=session, **wanted | options)

    return call


def tried(tuned):
    return [(dict(trial.settings), trial.state, trial.accuracy) for trial in tuned.search.trials]


def test_the_recipe_is_the_first_trial_and_the_best_is_never_worse(search, quick, sample, tmp_path):
    tuned = search()
    found = tuned.search
    assert len(found.trials) == 4
    assert found.start is not None
    assert found.start.settings["learning_rate"] == quick.learning_rate
    own = train(quick, session=Session(data=sample, runs=tmp_path / "own", threads=1))
    assert found.start.accuracy == pytest.approx(own.summary.validation_accuracy, abs=1e-6)
    assert found.best.accuracy >= found.start.accuracy
    assert tuned.page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    values = json.loads((tuned.folder / "search.json").read_text(encoding="utf-8"))
    assert values["best"] == found.best.number


def test_train_takes_the_tuned_recipe_and_reaches_what_the_search_did(search, sample, tmp_path):
    tuned = search()
    run = train(str(tuned.recipe), session=Session(data=sample, runs=tmp_path / "again", threads=1))
    assert run.recipe.name == "tiny-tuned"
    assert run.recipe.key == tuned.search.tuned.key
    best = tuned.search.best.accuracy
    assert run.summary.validation_accuracy == pytest.approx(best, abs=1e-6)


def test_the_test_half_stays_shut(search, tmp_path, monkeypatch):
    def refuse(dataset):
        raise AssertionError("the test half was opened")

    monkeypatch.setattr(Dataset, "open_test", refuse)
    search(seeds=2)
    assert read_openings(tmp_path) == ()


def test_trials_leave_no_runs(search, tmp_path):
    search()
    assert list_runs(tmp_path) == ()
    assert [path.name for path in tmp_path.iterdir()] == [search().folder.name]


def test_the_best_and_the_start_are_trained_anew_with_other_seeds(search, tmp_path):
    # From a rate that learns next to nothing, something better is soon found.
    slow = dataclasses.replace(ANN_FAST, learning_rate=1e-6, epochs=1)
    tuned = search(slow, seeds=2, seed=1, vary=["learning_rate", "batch_size"])
    again = tuned.search.retrained
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
    assert (
        search(slow, seeds=2, seed=1, vary=["learning_rate", "batch_size"]).search.retrained
        == again
    )


def test_a_search_is_not_lost_where_a_training_with_another_seed_breaks_down(
    search, tmp_path, monkeypatch
):
    def fail(*arguments, **options):
        raise TrainingError("Expected finite losses. Received nan.")

    monkeypatch.setattr("fittingroom.jobs.tune.train", fail)
    slow = dataclasses.replace(ANN_FAST, learning_rate=1e-6, epochs=1)
    with pytest.raises(TrainingError, match=r"Received nan\. The search itself is in .*out; "):
        search(slow, seeds=2, vary=["learning_rate", "batch_size"], out=tmp_path / "out")
    left = json.loads((tmp_path / "out" / "search.json").read_text(encoding="utf-8"))
    assert (len(left["trials"]), left["retrained"]) == (4, None)
    assert recipe_of(str(tmp_path / "out" / "tuned.json")).name == "ann-fast-tuned"
    assert (tmp_path / "out" / "index.html").exists()


def test_asked_again_it_goes_on_and_done_it_does_nothing_more(search, monkeypatch):
    first = search(trials=3)
    longer = search(trials=5)
    assert tried(longer)[:3] == tried(first)
    assert len(longer.search.trials) == 5
    monkeypatch.setattr(trials_room, "train_trial", None)
    assert tried(search(trials=5)) == tried(search(trials=2)) == tried(longer)


def test_a_signal_stops_it_between_epochs_and_the_same_call_goes_on(
    search, quick, tmp_path, monkeypatch
):
    whole = search(out=tmp_path / "whole")
    real = trials_room.train_trial
    told = []

    class Listener:
        def say(self, sentence):
            told.append(sentence)

        def track(self, description, total):
            from fittingroom.jobs.progress import Silence

            return Silence().track(description, total)

    def stopped_in_the_third(assignment, split, place, watch):
        if assignment.number == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(assignment, split, place, watch)

    monkeypatch.setattr(trials_room, "train_trial", stopped_in_the_third)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(TrainingStopped, match="the same command goes on from there") as stopped:
        search(out=tmp_path / "cut", progress=Listener())
    assert stopped.value.signal == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == before
    assert told[-1] == "Stopping once this epoch is done; asked once more, at once."
    monkeypatch.setattr(trials_room, "train_trial", real)
    assert tried(search(out=tmp_path / "cut")) == tried(whole)


def test_a_trial_that_breaks_down_is_counted_and_the_search_goes_on(search, monkeypatch):
    real = engine_named

    class Broken:
        def __init__(self, engine):
            self._engine = engine
            self.fits = 0

        def fit(self, *arguments, **options):
            self.fits += 1
            if self.fits == 2:
                raise TrainingError("Expected finite losses. Received nan.")
            if self.fits == 3:
                raise RuntimeError("out of memory")
            return self._engine.fit(*arguments, **options)

    broken = Broken(real("pytorch"))
    monkeypatch.setattr(trials_room, "engine_named", lambda name: broken)
    found = search(trials=5).search
    assert [trial.state for trial in found.trials] == [
        "complete",
        "failed",
        "failed",
        "complete",
        "complete",
    ]
    assert "Received nan" in found.trials[1].error
    assert found.trials[2].error == "out of memory"


def test_a_search_in_which_nothing_can_be_trained_fails(search, monkeypatch):
    def fail(*arguments, **options):
        return trials_room.Outcome("failed", (), error="It cannot be.")

    monkeypatch.setattr(trials_room, "train_trial", fail)
    with pytest.raises(TrainingError, match=r"Received 10 that cannot\. It cannot be\."):
        search(trials=500)


def test_a_training_that_should_not_go_on_ends_there(quick, sample):
    longer = dataclasses.replace(quick, epochs=5)
    heard = []

    def watch(number, epoch):
        heard.append((number, epoch.epoch))
        return epoch.epoch < 2

    place = engine_named("pytorch").device("cpu", 1)
    trainings = one_by_one(sample.split(quick.split), place)
    ((assignment, outcome),) = trainings(iter([Assignment(7, longer, 0)]), watch)
    assert (assignment.number, outcome.state, outcome.accuracy) == (7, "pruned", None)
    assert heard == [(7, 1), (7, 2)]
    assert len(outcome.history) == 2


def test_assignments_are_taken_one_at_a_time(quick, sample, monkeypatch):
    taken: list[int] = []
    ended: list[int] = []

    def assignments():
        for number in range(3):
            taken.append(number)
            assert len(ended) == number  # what comes next depends on what came of the last
            yield Assignment(number, quick, 0)

    monkeypatch.setattr(
        trials_room, "train_trial", lambda *given: trials_room.Outcome("complete", ())
    )
    for assignment, _ in one_by_one(None, None)(assignments(), lambda *heard: True):  # type: ignore[arg-type]
        ended.append(assignment.number)
    assert taken == ended == [0, 1, 2]


def test_accuracy_is_that_of_the_weights_that_are_kept(quick, sample):
    place = engine_named("pytorch").device("cpu", 1)
    split = sample.split(quick.split)
    # A rate that rises and spoils what was learnt: the best epoch is not the last.
    for keep in ("best accuracy", "last"):
        recipe = dataclasses.replace(
            quick, keep=keep, epochs=4, learning_rate=3.0, schedule="constant"
        )
        outcome = train_trial(Assignment(0, recipe, 0), split, place, lambda *heard: True)
        shares = [epoch.val_accuracy for epoch in outcome.history]
        assert outcome.accuracy == (max(shares) if keep == "best accuracy" else shares[-1])


def test_a_model_of_one_s_own_is_tuned_by_its_settings(sample, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from torch import nn\n"
        "def build():\n    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))\n"
    )
    slow = recipe_of(f"{file}:build", epochs=1, learning_rate=1e-7)
    tuned = tune(
        slow, trials=3, seeds=0, session=Session(data=sample, runs=tmp_path / "runs", threads=1)
    )
    assert tuned.recipe is None
    assert "fittingroom train mine.py:build" in tuned.page.read_text(encoding="utf-8")


def test_classical_recipes_are_tuned_too(sample, tmp_path):
    recipe = recipe_of("logreg").with_settings({"model.iterations": "5"})
    found = tune(
        recipe, trials=3, seeds=0, session=Session(data=sample, runs=tmp_path, threads=1)
    ).search
    assert [setting.name for setting in found.space] == ["model.strength"]
    assert found.accuracy_of(found.best).value >= found.accuracy_of(found.trials[0]).value


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"trials": 0}, "trials from 1. Received 0"),
        ({"trials": 2.5}, "trials from 1. Received 2.5"),
        ({"seeds": 1}, "two or more other seeds"),
        ({"vary": ["learning_rat"]}, "Did you mean 'learning_rate'"),
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


def test_without_optuna_the_extra_is_named(search, monkeypatch):
    from fittingroom.errors import MissingExtraError

    for name in [each for each in sys.modules if each.startswith("fittingroom.tuning.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"'optuna'.*fittingroom\[tune\]"):
        search()


def test_ends_of_a_batch_normalised_network_are_no_trouble(search, sample):
    wide = dataclasses.replace(
        ANN_FAST, network=(Flatten(), Dense(8), BatchNorm(), Dense(10)), epochs=1
    )
    assert search(wide, trials=2, vary=["batch_size"]).search.count("complete") == 2
