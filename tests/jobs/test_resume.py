"""Broken off at any moment, a training goes on and ends as the one without a break."""

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from fittingroom.engines.pytorch.training import PyTorchEngine
from fittingroom.errors import (
    MissingExtraError,
    RunBusyError,
    RunError,
    TrainingStopped,
    UsageError,
)
from fittingroom.jobs.compare import compare
from fittingroom.jobs.progress import Silence
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.recipes import RECIPES
from fittingroom.runs import RunWriter, list_runs, only_here, open_run, read_checkpoint, run_name
from fittingroom.runs.checkpoints import CHECKPOINT
from tests.conftest import TINY

EXACT = ("recipe.json", "model.safetensors", "model.onnx", "validation.npz")


class Broken(Exception):
    """What a test breaks a training off with."""


class Listener(Silence):
    """Keeps what is said, and may do something at an epoch."""

    def __init__(self, at_epoch=lambda number: None):
        self.said: list[str] = []
        self.at_epoch = at_epoch

    def say(self, sentence):
        self.said.append(sentence)

    @contextlib.contextmanager
    def track(self, description, total):
        yield lambda done, words: self.at_epoch(done)


def stop_at(number):
    """Raise after the checkpoint of that epoch was written."""

    def keep(self, checkpoint, keep=RunWriter.keep):
        keep(self, checkpoint)
        if len(checkpoint.history) == number:
            raise Broken

    return keep


def break_off(monkeypatch, recipe, sample, runs, after=1, seed=0):
    with monkeypatch.context() as patch:
        patch.setattr(RunWriter, "keep", stop_at(after))
        with pytest.raises(Broken):
            train(recipe, seed=seed, session=Session(data=sample, runs=runs, threads=1))


def assert_same(run, whole):
    for name in EXACT:
        assert (run.folder / name).read_bytes() == (whole.folder / name).read_bytes(), name
    histories = [
        [dataclasses.replace(epoch, seconds=0.0) for epoch in each.history] for each in (run, whole)
    ]
    assert histories[0] == histories[1]
    assert not (run.folder / CHECKPOINT).exists()
    assert not [path for path in run.folder.iterdir() if path.name.startswith(".")]


KILLED = """
import os, signal, sys
from fittingroom.engines.pytorch.training import _Training
from fittingroom.jobs.train import train
from fittingroom.recipes import recipe_of

name, epochs, batch, last, runs = sys.argv[1:]
step, taken = _Training._step, 0

def until_the_last(self, *batch):
    global taken
    taken += 1
    if taken == int(last):
        os.kill(os.getpid(), signal.SIGKILL)
    step(self, *batch)

_Training._step = until_the_last
recipe = recipe_of(name).with_settings({"epochs": epochs, "batch_size": batch})
train(recipe, data="sample", runs=runs, threads=1)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("name", ["ann", "cnn"])
def test_killed_in_the_middle_of_an_epoch_it_goes_back_to_the_last_checkpoint(
    name, sample, tmp_path
):
    settings = {"epochs": "6", "batch_size": "100"}
    recipe = RECIPES[name].with_settings(settings)
    whole = train(recipe, session=Session(data=sample, runs=tmp_path / "whole", threads=1))
    steps = len(sample.split(recipe.split).training) // 100
    # Before the first checkpoint, in the middle of epochs, at the first and last step of one.
    for taken in (1, steps // 2, steps + 1, 2 * steps, 3 * steps + 2, 5 * steps + 7):
        runs = tmp_path / str(taken)
        done = subprocess.run(
            [sys.executable, "-c", KILLED, name, "6", "100", str(taken), str(runs)],
            stderr=subprocess.PIPE,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
        (listed,) = list_runs(runs)
        assert listed.state == "unfinished"
        checkpoint = read_checkpoint(listed.folder)
        assert (len(checkpoint.history) if checkpoint else 0) == (taken - 1) // steps
        run = train(recipe, session=Session(data=sample, runs=runs, threads=1), resume=True)
        assert_same(run, whole)
        # Without a checkpoint there is nothing to go on from; its folder is used all the same.
        assert run.folder == listed.folder


def test_a_resumed_run_says_so_in_its_environment(tiny, sample, tmp_path, monkeypatch):
    break_off(monkeypatch, tiny, sample, tmp_path)
    listener = Listener()
    run = train(
        tiny, session=Session(data=sample, runs=tmp_path, threads=1, progress=listener), resume=True
    )
    (entry,) = run.environment["resumed"]
    assert entry["after_epoch"] == 1
    assert set(entry) == {"after_epoch", "time"}
    assert f"{run.folder}: going on after epoch 1" in listener.said


def test_a_run_that_died_before_its_first_checkpoint_begins_again_in_its_folder(
    tiny, sample, tmp_path, monkeypatch
):
    def die(self, checkpoint):
        raise Broken

    whole = train(tiny, session=Session(data=sample, runs=tmp_path / "whole", threads=1))
    for moment in ("keep", "begin"):
        runs = tmp_path / moment
        with monkeypatch.context() as patch:
            patch.setattr(RunWriter, moment, lambda *arguments: die(None, None))
            with pytest.raises(Broken):
                train(tiny, session=Session(data=sample, runs=runs, threads=1))
        (folder,) = (path for path in runs.iterdir() if path.name[0] != ".")
        (folder / ".recipe.json.0123abcd").write_bytes(b"half a")
        listener = Listener()
        run = train(
            tiny, session=Session(data=sample, runs=runs, threads=1, progress=listener), resume=True
        )
        assert run.folder == folder
        assert_same(run, whole)
        assert "resumed" not in run.environment
        assert any("without a checkpoint that can be read" in each for each in listener.said)


def test_a_folder_with_something_in_it_that_is_no_run_is_left_alone(tiny, sample, tmp_path):
    name = run_name(tiny.for_classes(10), 0, sample.key)
    for number, content in enumerate(("notes.txt", "history.jsonl")):
        folder = tmp_path / f"{name}-{number + 2}"
        folder.mkdir()
        (folder / content).write_text("a person's own")
    (tmp_path / f"{name}-mine").mkdir()
    run = train(tiny, session=Session(data=sample, runs=tmp_path, threads=1), resume=True)
    assert run.name == name
    assert list((tmp_path / f"{name}-mine").iterdir()) == []
    assert (tmp_path / f"{name}-2" / "notes.txt").read_text() == "a person's own"


def test_a_training_in_one_go_starts_again(sample, tmp_path, monkeypatch):
    recipe = RECIPES["logreg"].with_settings({"model.iterations": "5"})

    def die(self, *arguments):
        raise Broken

    with monkeypatch.context() as patch:
        patch.setattr(RunWriter, "finish", die)
        with pytest.raises(Broken):
            train(recipe, session=Session(data=sample, runs=tmp_path, threads=1))
    (begun,) = list_runs(tmp_path)
    listener = Listener()
    run = train(
        recipe,
        session=Session(data=sample, runs=tmp_path, threads=1, progress=listener),
        resume=True,
    )
    assert run.folder == begun.folder
    assert any("training starts again" in each for each in listener.said)


def test_what_a_death_after_the_manifest_left_is_removed_by_asking_again(tiny, sample, tmp_path):
    first = train(tiny, session=Session(data=sample, runs=tmp_path, threads=1))
    (first.folder / CHECKPOINT).write_bytes(b"of no use any more")
    (first.folder / ".manifest.json.0123abcd").write_bytes(b"half a")
    train(tiny, session=Session(data=sample, runs=tmp_path, threads=1), resume=True)
    assert [path.name for path in first.folder.iterdir() if path.name[0] == "."] == []
    assert not (first.folder / CHECKPOINT).exists()


def test_going_on_elsewhere_names_what_is_other(tiny, sample, tmp_path, monkeypatch):
    break_off(monkeypatch, tiny, sample, tmp_path)
    listener = Listener()
    run = train(
        tiny, session=Session(data=sample, runs=tmp_path, threads=2, progress=listener), resume=True
    )
    assert run.environment["resumed"][0]["threads"] == 2
    assert run.environment["threads"] == 1
    assert any("with other threads than before" in each for each in listener.said)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("instructions", ["avx9"], "instructions of the processor"),
        ("variables", {"ATEN_CPU_CAPABILITY": "avx2"}, "settings of libraries"),
        ("python", "3.99.0", "Python"),
        ("backend", "abacus", "what Keras computes with"),
    ],
)
def test_all_that_numbers_depend_on_is_named(name, value, words, tiny, tmp_path):
    writer = RunWriter.create(tmp_path, "run")
    then = {"time": "", "python": "3.11.7", "instructions": [], "variables": {}, "backend": ""}
    writer.begin(tiny, 0, then)
    assert writer.note_resumption(1, then) == ()
    assert writer.note_resumption(1, {**then, name: value}) == (words,)
    stored = json.loads((writer.folder / "environment.json").read_text())
    assert stored["resumed"][-1][name] == value
    assert stored[name] == then[name]


def test_a_break_from_which_nothing_came_is_no_part_of_the_run(tiny, tmp_path):
    writer = RunWriter.create(tmp_path, "run")
    then = {"time": "", "threads": 1}
    writer.begin(tiny, 0, then)
    for epoch, threads in ((1, 2), (3, 4), (3, 1), (4, 1)):
        writer.note_resumption(epoch, {**then, "threads": threads})
    stored = json.loads((writer.folder / "environment.json").read_text())
    # With four threads it did not come to another checkpoint.
    assert [(each["after_epoch"], each.get("threads")) for each in stored["resumed"]] == [
        (1, 2),
        (3, None),
        (4, None),
    ]


@pytest.mark.parametrize("resumed", [3, "x", {"a": 1}, [3], [{"after_epoch": "x"}]])
def test_breaks_that_a_stranger_noted_are_no_breaks(resumed, tiny, tmp_path):
    writer = RunWriter.create(tmp_path, "run")
    writer.begin(tiny, 0, {"time": "", "resumed": resumed})
    writer.note_resumption(1, {"time": ""})
    stored = json.loads((writer.folder / "environment.json").read_text())
    assert stored["resumed"] == [{"after_epoch": 1, "time": ""}]


def test_without_resume_a_new_run_is_begun(tiny, sample, tmp_path, monkeypatch):
    break_off(monkeypatch, tiny, sample, tmp_path)
    run = train(tiny, session=Session(data=sample, runs=tmp_path, threads=1))
    assert run.name.endswith("-2")
    assert [listed.state for listed in list_runs(tmp_path)] == ["unfinished", "finished"]


def test_the_one_that_came_furthest_goes_on(tiny, sample, tmp_path, monkeypatch):
    break_off(monkeypatch, tiny, sample, tmp_path, after=1)
    break_off(monkeypatch, tiny, sample, tmp_path, after=2)
    run = train(tiny, session=Session(data=sample, runs=tmp_path, threads=1), resume=True)
    assert run.name.endswith("-2")
    assert run.environment["resumed"][0]["after_epoch"] == 2


@pytest.mark.parametrize("other", ["seed", "setting", "failed", "unreadable", "nothing"])
def test_what_is_no_checkpoint_of_this_training_is_left_alone(
    other, tiny, sample, tmp_path, monkeypatch
):
    wanted, seed = tiny, 0
    if other != "nothing":
        break_off(monkeypatch, tiny, sample, tmp_path)
        (begun,) = list_runs(tmp_path)
        match other:
            case "seed":
                seed = 1
            case "setting":
                wanted = dataclasses.replace(tiny, learning_rate=0.01)
            case "failed":
                RunWriter(begun.folder).fail(ValueError("no"))
            case "unreadable":
                (begun.folder / CHECKPOINT).write_bytes(b"half a")
    run = train(
        wanted, seed=seed, session=Session(data=sample, runs=tmp_path, threads=1), resume=True
    )
    assert "resumed" not in run.environment
    assert len(run.history) == wanted.epochs


def test_a_checkpoint_that_cannot_be_read_is_told(tiny, sample, tmp_path, monkeypatch):
    break_off(monkeypatch, tiny, sample, tmp_path)
    (begun,) = list_runs(tmp_path)
    (begun.folder / CHECKPOINT).write_bytes(b"half a")
    listener = Listener()
    run = train(
        tiny, session=Session(data=sample, runs=tmp_path, threads=1, progress=listener), resume=True
    )
    assert run.folder == begun.folder
    assert any("without a checkpoint that can be read" in each for each in listener.said)


def test_a_finished_run_is_given_back(tiny, sample, tmp_path):
    first = train(tiny, session=Session(data=sample, runs=tmp_path, threads=1))
    again = train(tiny, session=Session(data=sample, runs=tmp_path, threads=1), resume=True)
    assert again.folder == first.folder
    assert len(list_runs(tmp_path)) == 1


def test_comparing_goes_on_with_what_was_broken_off(tiny, sample, tmp_path, monkeypatch):
    break_off(monkeypatch, tiny, sample, tmp_path)
    other = dataclasses.replace(tiny, name="other", epochs=1)
    outcome = compare(
        [tiny, other], session=Session(data=sample, runs=tmp_path, threads=1), out=tmp_path / "out"
    )
    assert outcome.runs[0].environment["resumed"][0]["after_epoch"] == 1


def test_on_a_full_disk_the_run_stays_one_that_can_go_on(
    tiny, sample, tmp_path, monkeypatch, full_disk
):
    whole = train(tiny, session=Session(data=sample, runs=tmp_path / "whole", threads=1))
    with monkeypatch.context() as patch:
        with pytest.raises(RunError, match="No space left"):
            train(
                tiny,
                session=Session(
                    data=sample,
                    runs=tmp_path / "runs",
                    threads=1,
                    progress=Listener(lambda number: full_disk() if number == 2 else None),
                ),
            )
        patch.undo()
    monkeypatch.undo()
    (listed,) = list_runs(tmp_path / "runs")
    assert listed.state == "unfinished"
    run = train(tiny, session=Session(data=sample, runs=tmp_path / "runs", threads=1), resume=True)
    assert run.folder == listed.folder
    assert_same(run, whole)


def test_what_a_crash_left_half_written_is_removed(tiny, sample, tmp_path, monkeypatch):
    break_off(monkeypatch, tiny, sample, tmp_path)
    (begun,) = list_runs(tmp_path)
    (begun.folder / ".model.onnx.0123abcd").write_bytes(b"half a")
    (begun.folder / ".mine").write_text("a person's own")
    run = train(tiny, session=Session(data=sample, runs=tmp_path, threads=1), resume=True)
    assert [path.name for path in run.folder.iterdir() if path.name[0] == "."] == [".mine"]


def test_a_second_training_of_the_same_says_so_and_stops(tiny, sample, tmp_path):
    name = run_name(tiny.for_classes(10), 0, sample.key)
    with only_here(tmp_path, name):
        with pytest.raises(RunBusyError, match="another process is at it"):
            train(tiny, session=Session(data=sample, runs=tmp_path, threads=1))
        train(tiny, seed=1, session=Session(data=sample, runs=tmp_path, threads=1))  # another run


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_for_the_epochs_checkpoint(number, tiny, sample, tmp_path):
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    listener = Listener(lambda epoch: signal.raise_signal(number) if epoch == 2 else None)
    with pytest.raises(TrainingStopped, match="--resume") as stopped:
        train(tiny, session=Session(data=sample, runs=tmp_path, threads=1, progress=listener))
    assert stopped.value.signal == number
    assert any("Stopping once this epoch" in each for each in listener.said)
    (listed,) = list_runs(tmp_path)
    assert listed.state == "unfinished"
    checkpoint = read_checkpoint(listed.folder)
    assert checkpoint is not None
    assert len(checkpoint.history) == 2
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_second_signal_stops_at_once(tiny, sample, tmp_path):
    def twice(epoch):
        if epoch == 2:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(TrainingStopped):
        train(
            tiny, session=Session(data=sample, runs=tmp_path, threads=1, progress=Listener(twice))
        )
    (listed,) = list_runs(tmp_path)
    checkpoint = read_checkpoint(listed.folder)
    assert checkpoint is not None
    assert len(checkpoint.history) == 1


def test_a_signal_after_the_last_checkpoint_stops_before_the_export(
    tiny, sample, tmp_path, monkeypatch
):
    whole = train(tiny, session=Session(data=sample, runs=tmp_path / "whole", threads=1))
    fit = PyTorchEngine.fit

    def late(*arguments, **options):
        fitted = fit(*arguments, **options)
        signal.raise_signal(signal.SIGTERM)  # as a model of one's own is exported, say
        return fitted

    with monkeypatch.context() as patch:
        patch.setattr(PyTorchEngine, "fit", late)
        with pytest.raises(TrainingStopped):
            train(tiny, session=Session(data=sample, runs=tmp_path / "runs", threads=1))
    (listed,) = list_runs(tmp_path / "runs")
    assert listed.state == "unfinished"
    run = train(tiny, session=Session(data=sample, runs=tmp_path / "runs", threads=1), resume=True)
    assert_same(run, whole)


@pytest.fixture
def ctrl_c():
    """Ctrl-C is answered as on a terminal; a shell has what it starts with `&` ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_a_training_in_one_go_is_stopped_at_once(sample, tmp_path):
    # There is no checkpoint to wait for: it went on to its end, deaf.
    recipe = RECIPES["logreg"].with_settings({"model.iterations": "5"})
    listener = Listener(lambda epoch: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        train(recipe, session=Session(data=sample, runs=tmp_path, threads=1, progress=listener))
    (listed,) = list_runs(tmp_path)
    assert listed.state == "unfinished"
    assert not any("Stopping once" in each for each in listener.said)


@pytest.mark.parametrize("error", [UsageError("workers"), MissingExtraError("onnxscript")])
def test_a_wrong_option_costs_no_checkpoint(error, tiny, sample, tmp_path, monkeypatch):
    whole = train(tiny, session=Session(data=sample, runs=tmp_path / "whole", threads=1))
    break_off(monkeypatch, tiny, sample, tmp_path / "runs", after=2)

    def refuse(*arguments, **options):
        raise error  # as for so many workers that they cannot share a batch

    with monkeypatch.context() as patch:
        patch.setattr(PyTorchEngine, "fit", refuse)
        with pytest.raises(type(error)):
            train(
                tiny, session=Session(data=sample, runs=tmp_path / "runs", threads=1), resume=True
            )
    run = train(tiny, session=Session(data=sample, runs=tmp_path / "runs", threads=1), resume=True)
    assert run.environment["resumed"][-1]["after_epoch"] == 2
    assert_same(run, whole)


def test_a_leftover_checkpoint_does_not_unfinish_a_run(run_copy):
    (run_copy / CHECKPOINT).write_bytes(b"the process died before it could remove this")
    assert open_run(run_copy).name == run_copy.name


def test_a_checkpoint_is_no_part_of_the_manifest(tiny, sample, tmp_path):
    run = train(tiny, session=Session(data=sample, runs=tmp_path, threads=1))
    manifest = json.loads((run.folder / "manifest.json").read_text())
    assert CHECKPOINT not in manifest["files"]


def test_a_folder_that_is_a_link_is_not_written_through(tiny, sample, tmp_path, monkeypatch):
    break_off(monkeypatch, tiny, sample, tmp_path / "there")
    (there,) = list_runs(tmp_path / "there")
    before = {path.name: path.read_bytes() for path in there.folder.iterdir()}
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / there.folder.name).symlink_to(there.folder)
    run = train(tiny, session=Session(data=sample, runs=tmp_path / "here", threads=1), resume=True)
    assert run.name == f"{there.folder.name}-2"
    assert {path.name: path.read_bytes() for path in there.folder.iterdir()} == before


def test_a_copied_folder_goes_on_elsewhere(tiny, sample, tmp_path, monkeypatch):
    whole = train(tiny, session=Session(data=sample, runs=tmp_path / "whole", threads=1))
    break_off(monkeypatch, tiny, sample, tmp_path / "here", after=2)
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    run = train(TINY, session=Session(data=sample, runs=tmp_path / "there", threads=1), resume=True)
    assert_same(run, whole)
