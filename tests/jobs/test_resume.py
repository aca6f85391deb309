"""A training that was stopped at any moment resumes, and ends like one that was not stopped."""

import dataclasses
import json
import signal

import pytest

from fittingroom.engines.pytorch import training as pytorch
from fittingroom.errors import (
    MissingExtraError,
    RunError,
    TrainingStopped,
    UsageError,
)
from fittingroom.jobs.progress import Silence
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.recipes import RECIPES
from fittingroom.runs import LEARNING, RunWriter, list_runs, read_checkpoint
from fittingroom.runs.checkpoints import CHECKPOINT
from tests.conftest import TINY as ALL_IMAGES
from tests.conftest import Listener

# What epochs after the first train on depends on the losses of those before.
TINY = dataclasses.replace(ALL_IMAGES, hardest=0.5)
EXACT = ("recipe.json", "model.safetensors", "model.onnx", "validation.npz", LEARNING)


@pytest.fixture
def tiny():
    return TINY


@pytest.fixture(scope="module", autouse=True)
def _choosy():
    """The hardest images from the second epoch on, though the sample is small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pytorch, "_ENOUGH", 1)
        yield


class Broken(Exception):
    """What a test breaks a training off with."""


def trained_in(runs, recipe, sample, *, seed=0, threads=1, progress=None, resume=True):
    session = Session(sample, runs, threads=threads, progress=progress or Silence())
    return train(recipe, seed=seed, resume=resume, session=session)


@pytest.fixture(scope="module")
def whole(sample, tmp_path_factory):
    """What a training leaves that nobody stopped."""
    return trained_in(tmp_path_factory.mktemp("whole"), TINY, sample)


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
            trained_in(runs, recipe, sample, seed=seed, resume=False)


def assert_same(run, whole):
    for name in EXACT:
        assert (run.folder / name).read_bytes() == (whole.folder / name).read_bytes(), name
    histories = [
        [dataclasses.replace(epoch, seconds=0.0) for epoch in each.history] for each in (run, whole)
    ]
    assert histories[0] == histories[1]
    assert not (run.folder / CHECKPOINT).exists()
    assert not [path for path in run.folder.iterdir() if path.name.startswith(".")]


def test_a_training_in_one_go_starts_again(sample, tmp_path, monkeypatch):
    recipe = RECIPES["logreg"].with_settings({"model.iterations": "5"})

    def die(self, *arguments):
        raise Broken

    with monkeypatch.context() as patch:
        patch.setattr(RunWriter, "finish", die)
        with pytest.raises(Broken):
            trained_in(tmp_path, recipe, sample, resume=False)
    (begun,) = list_runs(tmp_path)
    listener = Listener()
    run = trained_in(tmp_path, recipe, sample, progress=listener)
    assert run.folder == begun.folder
    assert any("starting again" in each for each in listener.heard)


def test_a_resumed_run_says_so_and_names_what_is_different(tiny, sample, tmp_path, monkeypatch):
    break_off(monkeypatch, tiny, sample, tmp_path)
    listener = Listener()
    run = trained_in(tmp_path, tiny, sample, threads=2, progress=listener)
    (entry,) = run.environment["resumed"]
    assert (entry["after_epoch"], entry["threads"]) == (1, 2)
    assert set(entry) == {"after_epoch", "time", "threads"}
    assert run.environment["threads"] == 1
    told = f"{run.folder}: resuming after epoch 1; results may change, as these did: threads"
    assert told in listener.heard
    # A finished run is given back, whatever a process left that died before it removed that.
    (run.folder / CHECKPOINT).write_bytes(b"left")
    assert trained_in(tmp_path, tiny, sample).folder == run.folder


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


def test_without_resume_a_new_run_is_begun(tiny, sample, tmp_path, monkeypatch):
    break_off(monkeypatch, tiny, sample, tmp_path)
    run = trained_in(tmp_path, tiny, sample, resume=False)
    assert run.name.endswith("-2")
    assert [listed.state for listed in list_runs(tmp_path)] == ["unfinished", "finished"]


def test_the_one_that_came_furthest_goes_on(tiny, sample, tmp_path, monkeypatch):
    break_off(monkeypatch, tiny, sample, tmp_path, after=1)
    break_off(monkeypatch, tiny, sample, tmp_path, after=2)
    run = trained_in(tmp_path, tiny, sample)
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
    listener = Listener()
    run = trained_in(tmp_path, wanted, sample, seed=seed, progress=listener)
    assert "resumed" not in run.environment
    assert (other == "unreadable") == any("no usable checkpoint" in each for each in listener.heard)
    assert len(run.history) == wanted.epochs


def test_on_a_full_disk_the_run_stays_one_that_can_go_on(
    tiny, sample, whole, tmp_path, monkeypatch, full_disk
):
    listener = Listener(lambda number: full_disk() if number == 2 else None)
    with monkeypatch.context() as patch:
        with pytest.raises(RunError, match="No space left"):
            trained_in(tmp_path / "runs", tiny, sample, progress=listener)
        patch.undo()
    monkeypatch.undo()
    (listed,) = list_runs(tmp_path / "runs")
    assert listed.state == "unfinished"
    run = trained_in(tmp_path / "runs", tiny, sample)
    assert run.folder == listed.folder
    assert_same(run, whole)


def test_what_a_crash_left_half_written_is_removed(tiny, sample, tmp_path, monkeypatch):
    break_off(monkeypatch, tiny, sample, tmp_path)
    (begun,) = list_runs(tmp_path)
    (begun.folder / ".model.onnx.0123abcd").write_bytes(b"half a")
    (begun.folder / ".mine").write_text("mine")
    run = trained_in(tmp_path, tiny, sample)
    assert [path.name for path in run.folder.iterdir() if path.name[0] == "."] == [".mine"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_for_the_epochs_checkpoint(number, tiny, sample, tmp_path):
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    listener = Listener(lambda epoch: signal.raise_signal(number) if epoch == 2 else None)
    with pytest.raises(TrainingStopped, match="--resume") as stopped:
        trained_in(tmp_path, tiny, sample, progress=listener, resume=False)
    assert stopped.value.signal == number
    assert any("Stopping once this epoch" in each for each in listener.heard)
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
        trained_in(tmp_path, tiny, sample, progress=Listener(twice))
    (listed,) = list_runs(tmp_path)
    checkpoint = read_checkpoint(listed.folder)
    assert checkpoint is not None
    assert len(checkpoint.history) == 1


def test_a_signal_after_the_last_checkpoint_stops_before_the_export(
    tiny, sample, whole, tmp_path, monkeypatch
):
    fit = pytorch.fit

    def late(*arguments, **options):
        fitted = fit(*arguments, **options)
        signal.raise_signal(signal.SIGTERM)  # as the model is exported, say
        return fitted

    with monkeypatch.context() as patch:
        patch.setattr(pytorch, "fit", late)
        with pytest.raises(TrainingStopped):
            trained_in(tmp_path / "runs", tiny, sample, resume=False)
    (listed,) = list_runs(tmp_path / "runs")
    assert listed.state == "unfinished"
    run = trained_in(tmp_path / "runs", tiny, sample)
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
        trained_in(tmp_path, recipe, sample, progress=listener, resume=False)
    (listed,) = list_runs(tmp_path)
    assert listed.state == "unfinished"
    assert not any("Stopping once" in each for each in listener.heard)


@pytest.mark.parametrize("error", [UsageError("workers"), MissingExtraError("onnxscript")])
def test_a_wrong_option_costs_no_checkpoint(error, tiny, sample, whole, tmp_path, monkeypatch):
    break_off(monkeypatch, tiny, sample, tmp_path / "runs", after=2)

    def refuse(*arguments, **options):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(pytorch, "fit", refuse)
        with pytest.raises(type(error)):
            trained_in(tmp_path / "runs", tiny, sample)
    run = trained_in(tmp_path / "runs", tiny, sample)
    assert run.environment["resumed"][-1]["after_epoch"] == 2
    assert_same(run, whole)


def test_a_folder_that_is_a_link_is_not_written_through(tiny, sample, tmp_path, monkeypatch):
    break_off(monkeypatch, tiny, sample, tmp_path / "there")
    (there,) = list_runs(tmp_path / "there")
    before = {path.name: path.read_bytes() for path in there.folder.iterdir()}
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / there.folder.name).symlink_to(there.folder)
    run = trained_in(tmp_path / "here", tiny, sample)
    assert run.name == f"{there.folder.name}-2"
    assert {path.name: path.read_bytes() for path in there.folder.iterdir()} == before
