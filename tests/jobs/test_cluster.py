"""Trainings and trials on a Ray cluster: the results of this process, whatever is lost."""

import contextlib
import dataclasses
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from fittingroom.engines import engine_named
from fittingroom.errors import ClusterError, TrainingError, UsageError
from fittingroom.jobs.cluster.connection import check_seen, connected, places, share_folder
from fittingroom.jobs.cluster.trainings import train_on_cluster, trials_on
from fittingroom.jobs.compare import compare
from fittingroom.jobs.progress import Silence
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train, train_trial
from fittingroom.jobs.tune import tune
from fittingroom.recipes import RECIPES, recipe_of
from fittingroom.runs.environment import installed_versions

pytest.importorskip("ray", reason="Ray is not installed")

ROOT = Path(__file__).parents[2]
# What a training leaves that depends on nothing but recipe, seed, data and threads.
SAME = ("recipe.json", "model.safetensors", "model.onnx", "validation.npz")


class Listener(Silence):
    def __init__(self):
        self.heard = []
        self.done = []

    def say(self, sentence):
        self.heard.append(sentence)

    @contextlib.contextmanager
    def track(self, description, total):
        yield lambda done, words: self.heard.append((description, words))
        self.done.append(description)


@pytest.fixture
def listener():
    return Listener()


@pytest.fixture
def trainer(ray, sample, tmp_path, listener):
    session = Session(data=sample, runs=tmp_path / "runs", threads=1, progress=listener)
    with train_on_cluster(session, fresh=False) as trainer:
        yield trainer


def contents(folder):
    return {name: (folder / name).read_bytes() for name in SAME}


def here(recipe, sample, tmp_path, threads=1):
    """The same, trained in this process."""
    return train(recipe, session=Session(data=sample, runs=tmp_path / "here", threads=threads))


def when(look):
    """What is looked for, once it is there."""
    while not (found := look()):
        time.sleep(0.01)
    return found


def workers(name, below=None):
    """The worker processes that run a task of that name."""
    found = []
    for each in psutil.Process(below).children(recursive=True):
        with contextlib.suppress(psutil.Error, IndexError):
            if each.cmdline()[0].startswith(f"ray::{name}"):
                found.append(each)
    return found


def test_a_comparison_on_ray_leaves_what_one_here_leaves(
    ray, tiny, sample, tmp_path, listener, monkeypatch
):
    monkeypatch.setattr("fittingroom.jobs.compare.write", lambda out, *rest, **more: (out, ()))
    monkeypatch.setattr("fittingroom.jobs.compare.leave_winner", lambda *anything: None)
    for recipe in (tiny, dataclasses.replace(tiny, name="other", mirror=False)):
        monkeypatch.setitem(RECIPES, recipe.name, recipe)
    compared = [
        compare(
            ["tiny", "other"],
            session=Session(data=sample, threads=1, runs=tmp_path / on, progress=listener),
            out=tmp_path,
            on=on if on == "ray" else None,
        )
        for on in ("ray", "here")
    ]
    there, alone = (of.runs for of in compared)
    assert [run.name for run in there] == [run.name for run in alone]
    for one, other in zip(there, alone, strict=True):
        assert contents(one.folder) == contents(other.folder)
    assert compared[0].comparison.as_dict() == compared[1].comparison.as_dict()
    # What workers tell reaches one listener.
    assert listener.heard[0] == "On Ray: up to 2 trainings at a time; threads of each: 1"
    told = [each[1] for each in listener.heard if each[0] == "tiny, seed 0"]
    assert len(told) >= tiny.epochs


def test_a_worker_that_is_killed_is_replaced_by_one_that_resumes(
    trainer, listener, tiny, sample, tmp_path
):
    longer = dataclasses.replace(tiny, name="longer", epochs=400)
    wait = trainer(longer, 0, None)
    (begun,) = when(lambda: list((tmp_path / "runs").glob("longer-*/checkpoint.safetensors")))
    (worker,) = workers("_train")
    worker.kill()
    run = wait()
    assert run.folder == begun.parent
    assert any("after epoch" in words for words in listener.heard)
    assert contents(run.folder) == contents(here(longer, sample, tmp_path).folder)


@pytest.mark.slow
def test_a_training_on_a_machine_that_dies_resumes_on_another(cluster, ray, tiny, sample, tmp_path):
    longer = dataclasses.replace(tiny, name="longer", epochs=400)
    size = {"num_cpus": 3, "object_store_memory": 128 * 2**20}  # no other machine has so many
    dies = cluster.add_node(**size)
    cluster.wait_for_nodes()
    session = Session(data=sample, runs=tmp_path / "runs", threads=3)
    with train_on_cluster(session, fresh=False) as trainer:
        wait = trainer(longer, 0, None)
        (begun,) = when(lambda: list((tmp_path / "runs").glob("longer-*/checkpoint.safetensors")))
        cluster.remove_node(dies, allow_graceful=False)
        lives = cluster.add_node(**size)
        run = wait()
    cluster.remove_node(lives)
    assert run.folder == begun.parent
    (epoch,) = [noted["after_epoch"] for noted in run.environment["resumed"]]
    assert 1 <= epoch < longer.epochs
    assert contents(run.folder) == contents(here(longer, sample, tmp_path, 3).folder)


@pytest.mark.slow
def test_a_command_that_is_stopped_resumes_when_it_is_run_again(tiny, sample, tmp_path):
    recipe = tmp_path / "longer.json"
    longer = dataclasses.replace(tiny, name="longer", epochs=400)
    recipe.write_text(json.dumps(longer.to_json()), encoding="utf-8")
    runs, report = tmp_path / "runs", tmp_path / "report"
    asked = ["compare", recipe, "ann-fast", "--data", "sample", "--threads", "1", "--on", "ray"]
    asked += ["--seeds", "1"]

    def command():
        line = [sys.executable, "-m", "fittingroom", *asked, "--runs", runs, "--out", report]
        return subprocess.Popen(line, stderr=subprocess.PIPE, text=True)

    with command() as process:
        (begun,) = when(lambda: list(runs.glob("longer-*/checkpoint.safetensors")))
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert told.splitlines()[-1].startswith("Stopped. To continue")
    with command() as process:
        _, told = process.communicate()
    assert process.returncode == 0, told
    assert (begun.parent / "manifest.json").exists()
    assert "after epoch" in told
    assert contents(begun.parent) == contents(here(longer, sample, tmp_path).folder)


def test_a_training_that_fails_says_so_as_it_would_here(trainer, listener, tiny, sample, tmp_path):
    broken = dataclasses.replace(tiny, name="broken", learning_rate=1e30)
    with pytest.raises(TrainingError) as there:
        trainer(broken, 0, None)()
    with pytest.raises(TrainingError) as alone:
        here(broken, sample, tmp_path)
    assert str(there.value) == str(alone.value)
    assert listener.done == []


def test_a_custom_model_travels_with_its_code(trainer, sample, tmp_path):
    recipe = recipe_of(f"{ROOT}/docs/examples/own_torch.py:build", epochs=1)
    run = trainer(recipe, 0, None)()
    assert contents(run.folder) == contents(here(recipe, sample, tmp_path).folder)


def test_a_folder_that_a_machine_does_not_see_is_refused(ray, tmp_path):
    with pytest.raises(ClusterError, match=r"does not see .*elsewhere"):
        share_folder(ray, tmp_path / "runs", [tmp_path / "elsewhere"])
    marker = share_folder(ray, tmp_path / "runs")
    assert share_folder(ray, tmp_path / "runs") == marker
    (tmp_path / "runs" / marker.name).rename(tmp_path / "moved")
    with pytest.raises(ClusterError, match=r"does not see .*runs\. "):
        check_seen([marker])


def test_machines_with_other_packages_are_refused(ray, tmp_path, monkeypatch):
    ours = installed_versions() | {"numpy": "0.1"}
    monkeypatch.setattr("fittingroom.jobs.cluster.connection.installed_versions", lambda: ours)
    with pytest.raises(ClusterError, match=r"numpy .* instead of 0\.1"):
        share_folder(ray, tmp_path)


def test_there_is_room_for_as_many_tasks_as_processors_and_gpus_allow():
    def cluster(*machines):
        nodes = [{"Alive": True, "Resources": machine} for machine in machines]
        return SimpleNamespace(nodes=lambda: nodes)

    eight = cluster({"CPU": 8.0, "GPU": 1.0}, {"CPU": 7.0}, {"GPU": 1.0})
    assert places(eight, 1) == 15
    assert places(eight, 4) == 3
    assert places(eight, 1, 1) == 1
    with pytest.raises(UsageError, match="512 processors"):
        places(eight, 512)
    with pytest.raises(UsageError, match="8 processors and a GPU"):
        places(cluster({"CPU": 8.0}, {"CPU": 4.0, "GPU": 1.0}), 8, 1)
    with pytest.raises(UsageError, match="--threads is 0"):
        places(eight, 0)


def test_an_address_where_nothing_answers_is_told(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    with pytest.raises(ClusterError, match=r"127\.0\.0\.1:1.*ray start"), connected():
        pass


@pytest.mark.parametrize(("name", "short"), [("x" * 90, False), ("x", True)])
def test_a_long_folder_for_temporary_files_is_not_for_sockets(monkeypatch, name, short):
    class Started(Exception):
        """Ends the start of a cluster."""

    def start(address, **options):
        assert address == "local"
        assert ("_temp_dir" not in options) == short
        raise Started

    monkeypatch.setenv("RAY_TMPDIR", f"/tmp/{name}")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.init", start)
    with pytest.raises(ClusterError, match="Started"), connected():
        pass


def test_a_place_that_is_unknown_is_refused(sample):
    with pytest.raises(UsageError, match="--on takes ray"):
        compare(["ann", "cnn"], session=Session(data=sample), on="spark")


def test_a_search_on_ray_trains_its_trials_there(ray, tiny, sample, tmp_path):
    tuned = tune(
        dataclasses.replace(tiny, epochs=1),
        trials=3,
        seeds=0,
        vary=["learning_rate"],
        on="ray",
        session=Session(data=sample, runs=tmp_path, threads=1),
    )
    assert len(tuned.complete) == 3
    start = tuned.start
    assert start is not None
    place = engine_named("pytorch").device("cpu", 1)
    split = sample.split(tiny.split)
    alone, _ = train_trial(tuned.recipe, 0, split, place, lambda epoch: None)
    assert start.value == alone


class Ended(Exception):
    """Ends a trial."""


def test_a_trial_whose_worker_is_killed_is_told_once_and_can_be_ended(ray, tiny, sample_split):
    train_one, _ = trials_on(ray, sample_split, "cpu", 1)
    heard = []

    def hear(epoch):
        heard.append(epoch.epoch)
        if heard == [1, 2]:
            for worker in workers("_train_trial"):
                worker.kill()
        if epoch.epoch == 5:
            raise Ended

    with pytest.raises(Ended):
        train_one(dataclasses.replace(tiny, epochs=2000), 0, hear)
    assert heard == [1, 2, 3, 4, 5]
    when(lambda: not workers("_train_trial"))
