import contextlib
import dataclasses
import errno
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fittingroom import __version__
from fittingroom.errors import RunBusyError, RunChangedError, RunError
from fittingroom.jobs.session import Session
from fittingroom.predictions import Predictions
from fittingroom.runs import (
    LEARNING,
    Checkpoint,
    Epoch,
    RunWriter,
    best_epoch,
    ending,
    environment,
    find_begun,
    find_run,
    list_runs,
    log_opening,
    only_here,
    open_run,
    read_openings,
    run_name,
    write_file,
)
from fittingroom.runs.stored import write_manifest

FILES = (
    "recipe.json",
    "environment.json",
    "history.jsonl",
    "model.safetensors",
    "model.onnx",
    "validation.npz",
    "summary.json",
    "learning.json",
)


def epoch(number: int, accuracy: float, loss: float) -> Epoch:
    return Epoch(number, 1.0 * number, 0.5, 0.8, loss, accuracy, 1e-3)


def test_a_finished_run_holds_these_files_and_no_others(trained):
    names = {path.name for path in trained.folder.iterdir() if path.is_file()}
    assert names == {*FILES, "manifest.json"}


def test_a_run_reads_back_what_was_written(trained, tiny):
    run = open_run(trained.folder)
    assert run.recipe == tiny
    assert run.seed == 0
    assert [each.epoch for each in run.history] == [1, 2, 3]
    assert run.summary.best_epoch == best_epoch(run.history).epoch
    assert run.summary.validation_accuracy == run.validation.correct.mean()
    assert run.environment["data"]["name"] == "sample"
    assert run.environment["threads"] == 1
    assert run.summary == trained.summary
    assert isinstance(run.validation, Predictions)


def test_how_it_learned_is_read_back_if_that_was_kept(run_copy):
    learning = open_run(run_copy).learning
    assert learning is not None
    assert np.shape(learning["confusion"]) == (3, 10, 10)
    assert learning["convolution"]["side"] == 4
    accuracies = [each.val_accuracy for each in open_run(run_copy).history]
    assert [validation for _, validation in learning["accuracy"]] == accuracies
    (run_copy / LEARNING).unlink()  # as of a run of an older version
    write_manifest(run_copy)
    assert open_run(run_copy).learning is None


@pytest.mark.parametrize("name", ["history.jsonl", "model.onnx"])
def test_a_changed_file_is_noticed(run_copy, name):
    path = run_copy / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunChangedError, match=name):
        open_run(run_copy)


def test_a_missing_file_is_noticed(run_copy):
    (run_copy / "model.onnx").unlink()
    with pytest.raises(RunChangedError, match=r"model\.onnx is missing"):
        open_run(run_copy)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(RunError, match=r"no recipe\.json"):
        open_run(tmp_path)
    with pytest.raises(RunError, match="no run folder"):
        open_run(tmp_path / "absent")


def test_the_listing_says_what_state_each_run_is_in(run_copy, tiny):
    runs = run_copy.parent
    for name in ("half", "bad", "broken"):
        shutil.copytree(run_copy, runs / name)
    (runs / "half" / "manifest.json").unlink()
    (runs / "bad" / "model.onnx").write_bytes(b"")
    (runs / "broken" / "manifest.json").unlink()
    RunWriter(runs / "broken").fail(ValueError("the disk was full"))
    (runs / "notes").mkdir()
    listed = {each.folder.name: each for each in list_runs(runs)}
    assert listed["broken"].reason == "the disk was full"
    assert {name: each.state for name, each in listed.items()} == {
        "bad": "changed",
        "broken": "failed",
        "half": "unfinished",
        run_copy.name: "finished",
    }
    assert list_runs(runs / "absent") == ()


def test_only_a_finished_run_of_the_same_recipe_seed_and_data_is_found(run_copy, tiny, sample):
    runs = run_copy.parent
    found = find_run(runs, dataclasses.replace(tiny, title="other words"), 0, sample)
    assert found is not None
    assert found.folder == run_copy
    assert find_run(runs, tiny, 1, sample) is None
    assert find_run(runs, dataclasses.replace(tiny, epochs=4), 0, sample) is None
    other_names = dataclasses.replace(sample, classes=tuple("abcdefghij"))
    assert find_run(runs, tiny, 0, other_names) is None
    other_hashes = dict.fromkeys(sample.training_hashes, "0" * 64)
    other_files = dataclasses.replace(sample, training_hashes=other_hashes)
    assert find_run(runs, tiny, 0, other_files) is None
    (run_copy / "manifest.json").unlink()
    assert find_run(runs, tiny, 0, sample) is None


def test_of_several_such_runs_the_newest_is_found(run_copy, tiny, sample):
    for name, year in (("a", 2030), ("b", 2031), ("c", 2029)):
        folder = run_copy.parent / name
        shutil.copytree(run_copy, folder)
        (folder / "manifest.json").unlink()
        environment = json.loads((folder / "environment.json").read_text())
        environment["time"] = f"{year}-01-01T00:00:00+00:00"
        write_file(folder / "environment.json", json.dumps(environment).encode())
        write_manifest(folder)
    found = find_run(run_copy.parent, tiny, 0, sample)
    assert found is not None
    assert found.name == "b"


def test_a_second_folder_of_the_same_name_is_numbered(tmp_path):
    names = [RunWriter.create(tmp_path, "a-s0").folder.name for _ in range(3)]
    assert names == ["a-s0", "a-s0-2", "a-s0-3"]


def test_the_name_tells_recipe_seed_settings_and_data_apart(tiny):
    other = dataclasses.replace(tiny, epochs=4)
    names = {run_name(tiny, 0, "x"), run_name(tiny, 1, "x"), run_name(other, 0, "x")}
    assert len({*names, run_name(tiny, 0, "y")}) == 4
    assert run_name(tiny, 0, "x").startswith("tiny-s0-")


def test_a_file_is_whole_or_as_before(tmp_path, full_disk):
    path = tmp_path / "a.json"
    write_file(path, b"before")
    full_disk()
    with pytest.raises(RunError, match=r"No space left.*Free some space"):
        write_file(path, b"after")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="folders are not flushed there")
@pytest.mark.parametrize(("number", "told"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_a_file_system_that_cannot_flush_folders_is_written_to(tmp_path, monkeypatch, number, told):
    real = os.fsync

    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(RunError) if told else contextlib.nullcontext():
        write_file(tmp_path / "file", b"content")
    assert (tmp_path / "file").read_bytes() == b"content"


@pytest.mark.skipif(os.name == "nt", reason="locks otherwise")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_on_a_file_system_without_locks_one_process_still_works_at_a_time(
    tmp_path, monkeypatch, number
):
    def flock(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", flock)
    told = pytest.raises(RunBusyError, match=r"If none is, remove .*a\.taken")
    with only_here(tmp_path, "a"), only_here(tmp_path, "b"), told, only_here(tmp_path, "a"):
        pass
    with only_here(tmp_path, "a"):
        pass


def test_a_run_is_known_by_its_folder_s_name_however_it_is_named(run_copy, monkeypatch):
    shutil.move(run_copy.parent, run_copy.parents[1] / "other")
    run_copy = run_copy.parents[1] / "other" / run_copy.name
    monkeypatch.setenv("HOME", str(run_copy.parents[1]))
    monkeypatch.chdir(run_copy)
    for name in (".", f"../{run_copy.name}", f"~/other/{run_copy.name}", str(run_copy)):
        assert open_run(name).folder == run_copy
    for name in ("..", "~/other"):
        assert [each.run and each.run.name for each in list_runs(name)] == [run_copy.name]
        assert Session(runs=name).folder == run_copy.parent
    monkeypatch.chdir(run_copy.parents[1])
    assert open_run(f"other/../other/{run_copy.name}").folder == Path("other", run_copy.name)


def test_the_revision_is_that_of_the_checkout_that_holds_the_code(tmp_path, monkeypatch):
    def git(*arguments):
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", "-C", tmp_path, *who, *arguments], check=True, capture_output=True)

    ours = environment.code_revision()
    git("init")
    git("commit", "--allow-empty", "-m", "theirs")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / ".git"))
    assert environment.code_revision() == ours
    (tmp_path / "environment.py").write_text("")
    monkeypatch.setattr(environment, "__file__", str(tmp_path / "environment.py"))
    assert environment.code_revision() is None
    monkeypatch.delenv("GIT_DIR")
    git("add", ".")
    git("commit", "-m", "ours")
    assert re.fullmatch("[0-9a-f]{12}", environment.code_revision() or "")


def test_a_container_s_quota_of_processors_counts(monkeypatch):
    monkeypatch.setattr("joblib.cpu_count", lambda: 3)
    assert environment.available_processors() == 3
    monkeypatch.setitem(sys.modules, "joblib", None)  # without the extra train
    assert environment.available_processors() >= 1


@pytest.mark.parametrize(("keep", "kept"), [("best accuracy", 2), ("best loss", 3), ("last", 4)])
def test_a_recipe_says_which_epoch_is_kept(keep, kept):
    history = (epoch(1, 0.8, 0.5), epoch(2, 0.9, 0.4), epoch(3, 0.8, 0.3), epoch(4, 0.7, 0.3))
    assert best_epoch(history, keep).epoch == kept


def test_a_training_ends_by_its_epochs_or_its_patience(tiny):
    recipe = dataclasses.replace(tiny, epochs=3, patience=2)
    first, best, worse = epoch(1, 0.8, 0.5), epoch(2, 0.7, 0.6), epoch(3, 0.7, 0.7)
    assert ending((first,), recipe) is None
    assert ending((first, best), recipe) is None
    assert ending((first, best, worse), recipe) == "epochs"
    assert ending((first, best, worse), dataclasses.replace(recipe, epochs=9)) == "patience"


def test_a_run_of_another_version_is_listed_and_never_used(run_copy, tiny, sample):
    values = json.loads((run_copy / "recipe.json").read_text())
    (run_copy / "recipe.json").write_text(json.dumps(values | {"of_another_time": 1}))
    write_manifest(run_copy)
    (listed,) = list_runs(run_copy.parent)
    assert (listed.state, listed.run) == ("unreadable", None)
    both = rf"fittingroom {__version__} can't read; version '{__version__}' wrote it"
    assert re.search(rf"{both}.*train the recipe again.*of_another_time", listed.reason)
    assert find_run(run_copy.parent, tiny, 0, sample) is None


def test_a_run_of_another_format_names_both_formats_and_what_to_do(run_copy):
    manifest = json.loads((run_copy / "manifest.json").read_text())
    (run_copy / "manifest.json").write_text(json.dumps(manifest | {"format": 7}))
    words = rf"of format 7; fittingroom {__version__} reads format 1\. .*or train again"
    with pytest.raises(RunChangedError, match=words):
        open_run(run_copy)


def test_a_checkpoint_that_cannot_be_read_just_now_is_kept(run_copy, tiny, sample, monkeypatch):
    (run_copy / "manifest.json").unlink()
    history = (epoch(1, 0.5, 1.0),)
    RunWriter(run_copy).keep(Checkpoint(history, {"step": np.array(1)}))

    def fail(*arguments):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("fittingroom.runs.checkpoints.read_weights", fail)
        with pytest.raises(RunError, match="Input/output error"):
            find_begun(run_copy.parent, run_copy.name, tiny, 0, sample)
    found = find_begun(run_copy.parent, run_copy.name, tiny, 0, sample)
    assert found is not None
    assert found[1] is not None
    assert found[1].history == history


def test_openings_are_appended_and_survive_a_line_cut_off(tmp_path):
    for run in ("a", "b"):
        log_opening(tmp_path, run=run, recipe="cnn", data="sample", purpose="compare")
    with (tmp_path / "test-log.jsonl").open("a") as stream:
        stream.write('{"time": "20')
    log_opening(tmp_path, run="c", recipe="cnn", data="sample", purpose="compare")
    assert [opening.run for opening in read_openings(tmp_path)] == ["a", "b", "c"]
    assert read_openings(tmp_path / "absent") == ()


def test_an_evaluation_is_added_without_touching_the_frozen_files(run_copy):
    run = open_run(run_copy)
    before = {path.name: path.read_bytes() for path in run_copy.iterdir() if path.is_file()}
    run.write_evaluation("other", run.validation, {"accuracy": 0.5})
    assert open_run(run_copy).read_evaluation("other") == {"accuracy": 0.5}
    after = {path.name: path.read_bytes() for path in run_copy.iterdir() if path.is_file()}
    assert after == before
    predictions = run.read_predictions("other")
    assert predictions is not None
    np.testing.assert_array_equal(predictions.predicted, run.validation.predicted)


def test_changed_predictions_are_noticed(run_copy):
    run = open_run(run_copy)
    run.write_evaluation("other", run.validation, {})
    path = run.evaluation_folder("other") / "predictions.npz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RunChangedError, match="was changed"):
        run.read_predictions("other")
    (path.parent / "manifest.json").unlink()
    assert run.read_predictions("other") is None
