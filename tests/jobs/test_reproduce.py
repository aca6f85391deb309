import dataclasses
import json
import signal
import tempfile

import numpy as np
import pytest
import safetensors.numpy

from fittingroom.errors import (
    DataInvalidError,
    RecipeError,
    RunChangedError,
    TrainingStopped,
    UsageError,
)
from fittingroom.jobs.reproduce import compare_runs, reproduce
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.predictions import Predictions
from fittingroom.recipes import recipe_named, recipe_of
from fittingroom.runs import open_run, write_file
from fittingroom.runs.stored import write_manifest
from tests.conftest import Listener

MODEL = """
from torch import nn

def build():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
"""


@pytest.fixture
def now(trained):
    """The run as made of code that has a name, so that changes of it explain nothing."""
    return dataclasses.replace(trained, environment={**trained.environment, "revision": "f" * 12})


@pytest.fixture
def changed(run_copy):
    """A copy of that run with its environment or files changed, as another machine writes them."""

    def call(files=None, **environment):
        (run_copy / "manifest.json").unlink()
        values = json.loads((run_copy / "environment.json").read_text())
        values |= {"revision": "f" * 12, **environment}
        write_file(run_copy / "environment.json", json.dumps(values).encode())
        for name, content in (files or {}).items():
            write_file(run_copy / name, content)
        write_manifest(run_copy)
        return open_run(run_copy)

    return call


def other_weights(run, by):
    """The content of model.safetensors with one number of it moved."""
    path = run.folder / "model.safetensors"
    weights = {name: array.copy() for name, array in safetensors.numpy.load_file(path).items()}
    name = next(name for name in sorted(weights) if weights[name].ndim == 2)
    weights[name][0, 0] += by
    return safetensors.numpy.save(weights)


def test_the_same_training_gives_the_same_bytes_and_leaves_nothing_behind(
    trained, tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = sorted(trained.folder.parent.rglob("*"))
    reproduction = reproduce(trained.folder)
    assert reproduction.verdict == "identical"
    values = reproduction.values
    assert values["weights"] == {"identical": True, "largest_difference": 0}
    assert values["history"]["identical"]
    assert values["predictions"] == {
        "identical": True,
        "largest_difference": 0,
        "same_class": 167,
        "images": 167,
    }
    assert "the same weights, history and validation predictions" in reproduction.sentence
    assert {each["what"] for each in values["differences"]} <= {"code"}  # uncommitted changes
    assert sorted(trained.folder.parent.rglob("*")) == before
    assert list(tmp_path.iterdir()) == []


def test_it_says_what_differs_by_how_much_and_from_which_epoch(trained, now, changed):
    path = trained.folder / "history.jsonl"
    lines = path.read_text().splitlines()
    lines[1] = lines[1].replace('"val_loss": ', '"val_loss": 1')
    history = ("\n".join(lines) + "\n").encode()
    said = trained.validation
    logs = said.log_probabilities.copy()
    swapped = logs[5].argsort()[::-1][:2]
    logs[5, swapped] = logs[5, swapped[::-1]]
    called = logs.argmax(axis=1).astype(np.uint8)
    other = dataclasses.replace(said, log_probabilities=logs, predicted=called)
    run = changed(
        {
            "history.jsonl": history,
            "validation.npz": other.to_bytes(),
            "model.safetensors": other_weights(trained, 0.25),
        }
    )
    reproduction = compare_runs(run, now)
    assert reproduction.verdict == "unexplained"
    values = reproduction.values
    assert values["weights"]["largest_difference"] == pytest.approx(0.25, abs=1e-6)
    assert values["history"]["first_difference"] == 2
    assert values["predictions"]["same_class"] == 166
    moved = np.abs(np.exp(logs[5].astype(float)) - np.exp(said.log_probabilities[5].astype(float)))
    assert values["predictions"]["largest_difference"] == pytest.approx(moved.max())
    assert "Weights differ by at most 0.25" in reproduction.sentence
    assert "166 of 167 validation images get the same class" in reproduction.sentence
    assert "The history differs from epoch 2 on." in reproduction.sentence
    assert "Nothing in environment.json explains it" in reproduction.sentence


def test_seconds_are_no_difference_and_fewer_epochs_are(trained, now, changed):
    text = (trained.folder / "history.jsonl").read_text()
    values = [json.loads(line) for line in text.splitlines()]
    lines = [json.dumps(each | {"seconds": each["seconds"] + 9}) for each in values]
    run = changed({"history.jsonl": ("\n".join(lines) + "\n").encode()})
    assert compare_runs(run, now).verdict == "identical"
    run = changed({"history.jsonl": f"{lines[0]}\n".encode()})
    reproduction = compare_runs(run, now)
    assert "from epoch 2 on (1 epochs then, 3 now)" in reproduction.sentence


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"threads": 2}, "threads (2 then, 1 now)"),
        ({"device": "cuda"}, "device (cuda then, cpu now)"),
        ({"processor": "Another"}, "processor (Another then, "),
        ({"half_precision": "partly"}, "training in bfloat16 (partly then, "),
        ({"revision": "0123456789ab"}, "code (0123456789ab then, "),
        ({"instructions": ["avx9"]}, "instructions of the processor (avx9 then, "),
        ({"variables": {"XLA_FLAGS": "x"}}, "settings of libraries (XLA_FLAGS=x then, none now)"),
    ],
)
def test_a_difference_that_the_environment_explains(trained, now, changed, environment, words):
    run = changed({"model.safetensors": other_weights(trained, 0.5)}, **environment)
    reproduction = compare_runs(run, now)
    assert reproduction.verdict == "explained"
    assert words in reproduction.sentence


def test_the_time_and_the_kernel_explain_nothing(trained, now, changed):
    kind, _, library = trained.environment["platform"].partition("-with-")
    run = changed(
        {"model.safetensors": other_weights(trained, 0.5)},
        platform=f"{kind.split('-')[0]}-9.9-odd-with-{library}",
        time="2020-01-01T00:00:00+00:00",
        processors=99,
    )
    assert compare_runs(run, now).verdict == "unexplained"


def test_resuming_explains_a_difference_only_if_something_changed(changed, now):
    files = {"model.safetensors": other_weights(now, 0.5)}
    plain = {"after_epoch": 1, "time": "2020-01-01T00:00:00+00:00"}
    run = changed(files, resumed=[plain])
    assert compare_runs(run, now).verdict == "unexplained"
    run = changed(files, resumed=[plain, plain | {"threads": 2}])
    reproduction = compare_runs(run, now)
    assert reproduction.verdict == "explained"
    assert "(from epoch 1: threads then, none now)" in reproduction.sentence


def test_the_same_although_something_differs(now, changed):
    reproduction = compare_runs(changed(python="3.9.0"), now)
    assert reproduction.verdict == "identical"
    assert "although the environment differs: Python (3.9.0 then, " in reproduction.sentence


def test_untrusted_values_are_short_and_printable(now, changed):
    reproduction = compare_runs(changed(python="\x1b[2J" + "9" * 5000), now)
    assert reproduction.sentence.isprintable()
    assert len(reproduction.sentence) < 2000


def test_weights_of_other_shapes_cannot_be_compared(trained, now, changed):
    weights = safetensors.numpy.load_file(trained.folder / "model.safetensors")
    del weights[max(weights)]
    run = changed({"model.safetensors": safetensors.numpy.save(weights)})
    reproduction = compare_runs(run, now)
    assert reproduction.values["weights"] == {"identical": False, "largest_difference": None}
    assert "other names or shapes" in reproduction.sentence
    run = changed({"model.safetensors": other_weights(trained, np.nan)})
    values = json.loads(json.dumps(compare_runs(run, now).as_dict(), allow_nan=False))
    assert values["weights"] == {"identical": False, "largest_difference": None}


@pytest.mark.parametrize("trained_in_one_go", [False, True])
def test_seed_and_settings_are_those_of_the_run(tiny, sample, tmp_path, trained_in_one_go):
    recipe = dataclasses.replace(tiny, epochs=1, learning_rate=0.005)
    if trained_in_one_go:
        recipe = recipe_named("logreg").with_settings({"model.iterations": "5"})
    run = train(recipe, seed=7, session=Session(data=sample, runs=tmp_path, threads=1))
    assert reproduce(run).verdict == "identical"


def test_other_data_is_refused(trained, three_classes):
    with pytest.raises(DataInvalidError, match=r"tiny-s0.*was trained on sample; unknown-"):
        reproduce(trained, session=Session(data=three_classes))


def test_predictions_of_other_images_are_refused(trained, now, changed):
    said = trained.validation
    fewer: Predictions = said.take(np.arange(20))
    run = changed({"validation.npz": fewer.to_bytes()})
    with pytest.raises(RunChangedError, match="the same 167 validation images"):
        compare_runs(run, now)


def test_your_own_code_is_asked_for_and_never_taken_from_the_folder(sample, tmp_path, trained):
    file = tmp_path / "mine.py"
    file.write_text(MODEL)
    runs = tmp_path / "runs"
    recipe = recipe_of(f"{file}:build").with_settings({"epochs": "1"})
    folder = train(recipe, session=Session(data=sample, runs=runs, threads=1)).folder
    with pytest.raises(UsageError, match=r"mine\.py:build.*--model"):
        reproduce(folder)
    assert reproduce(folder, model=f"{file}:build").verdict == "identical"
    file.write_text(MODEL + "\n# changed\nSCALE = 2\n")
    with pytest.raises(RecipeError, match="is other code"):
        reproduce(folder, model=f"{file}:build")
    with pytest.raises(RecipeError, match="'ann' is other code"):
        reproduce(folder, model="ann")
    with pytest.raises(UsageError, match="needs no --model"):
        reproduce(trained, model=f"{file}:build")


def test_a_signal_stops_it_and_nothing_is_left(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    impatient = Listener(lambda epoch: signal.raise_signal(signal.SIGTERM) if epoch == 2 else None)
    with pytest.raises(TrainingStopped) as stopped:
        reproduce(trained, session=Session(progress=impatient))
    assert stopped.value.signal == signal.SIGTERM
    assert "nothing of the new training is kept" in str(stopped.value)
    assert str(tmp_path) not in str(stopped.value)  # which is empty again
    assert list(tmp_path.iterdir()) == []
