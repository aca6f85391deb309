"""Trainings on a Ray cluster of this machine: the results of this process, whatever is lost."""

import contextlib
import dataclasses
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from fittingroom.data import Split
from fittingroom.engines import engine_named
from fittingroom.errors import ClusterError, TrainingError, UsageError
from fittingroom.jobs.cluster import connection
from fittingroom.jobs.cluster.connection import check_seen, seen_by_all, slots
from fittingroom.jobs.cluster.trainings import ClusterTrainer
from fittingroom.jobs.cluster.trials import on_cluster
from fittingroom.jobs.compare import compare
from fittingroom.jobs.progress import Silence
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.jobs.trials import Assignment, one_by_one
from fittingroom.jobs.tune import tune
from fittingroom.recipes import RECIPES, recipe_of
from fittingroom.runs.environment import installed_versions

pytestmark = pytest.mark.slow
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


def trainer_on(ray, sample, runs, listener):
    """What trains on that cluster, one thread a training."""
    return ClusterTrainer(
        ray,
        Session(data=sample, runs=runs, threads=1, progress=listener),
        marker=seen_by_all(ray, runs),
        fresh=False,
    )


@pytest.fixture
def trainer(ray, sample, tmp_path):
    with trainer_on(ray, sample, tmp_path / "runs", Listener()) as trainer:
        yield trainer


def contents(folder):
    return {name: (folder / name).read_bytes() for name in SAME}


def test_a_comparison_on_ray_leaves_what_one_here_leaves(ray, tiny, sample, tmp_path, monkeypatch):
    monkeypatch.setattr("fittingroom.jobs.compare.write", lambda out, *rest: out / "index.html")
    monkeypatch.setattr("fittingroom.jobs.compare.leave_winner", lambda *anything: None)
    for recipe in (tiny, dataclasses.replace(tiny, name="other", mirror=False)):
        monkeypatch.setitem(RECIPES, recipe.name, recipe)
    outcomes = [
        compare(
            ["tiny", "other"],
            seeds=2,
            session=Session(data=sample, threads=1, runs=tmp_path / (on or "here")),
            out=tmp_path,
            on=on,
        )
        for on in ("ray", None)
    ]
    there, here = (of.runs for of in outcomes)
    assert [run.name for run in there] == [run.name for run in here]
    for one, other in zip(there, here, strict=True):
        assert contents(one.folder) == contents(other.folder)
        assert one.environment["threads"] == 1
    assert outcomes[0].comparison.as_dict() == outcomes[1].comparison.as_dict()


def test_what_workers_tell_reaches_one_listener(trainer, tiny):
    waiting = [trainer(tiny, seed, None) for seed in (0, 1)]
    for wait in waiting:
        wait()
    heard = trainer.progress.heard
    assert heard[0] == "On Ray: 2 trainings, 2 at a time; threads of each: 1"
    for seed in (0, 1):
        told = [words for name, words in heard[1:] if name == f"tiny, seed {seed}"]
        assert len(told) >= tiny.epochs
        assert all("validation" in words for words in told)
    assert sorted(trainer.progress.done) == ["tiny, seed 0", "tiny, seed 1"]


def test_pictures_are_put_into_shared_memory_once(trainer, tiny, sample, monkeypatch):
    def put(value, put=trainer._ray.put, **options):
        stored.append(value)
        return put(value, **options)

    stored: list[object] = []
    monkeypatch.setattr(trainer._ray, "put", put)
    short = dataclasses.replace(tiny, epochs=1)
    waiting = [
        trainer(recipe, seed, None)
        for recipe in (short, dataclasses.replace(short, name="other", mirror=False))
        for seed in (0, 1)
    ]
    for wait in waiting:
        wait()
    splits = [each.index_hash for each in stored if isinstance(each, Split)]
    assert splits == [sample.split(tiny.split).index_hash]
    # Nor do they travel with each training's arguments.
    assert len(pickle.dumps(dataclasses.replace(sample, splits={}))) < 20_000


def test_trainings_begin_in_the_order_in_which_they_were_handed_over(trainer, tiny):
    # Otherwise a long one may be the last, with no other beside it.
    short = dataclasses.replace(tiny, epochs=2)
    runs = [wait() for wait in [trainer(short, seed, None) for seed in range(24)]]
    begun = [(run.folder / "recipe.json").stat().st_mtime_ns for run in runs]
    overtaken = [sum(later < begun[k] for later in begun[k + 1 :]) for k in range(24)]
    # Of two that begin together, either may be the first, and a worker that is slow to start may
    # hold one back for long. Where each is of a kind of its own to Ray, it is 60 and more.
    assert sum(sorted(overtaken)[:-1]) <= 20


LISTENING = """
import contextlib
import psutil
from fittingroom.jobs.cluster.connection import connected

with connected(None):
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            for each in process.net_connections("inet"):
                if each.status == psutil.CONN_LISTEN:
                    print(each.laddr.ip)
"""


def test_a_cluster_of_this_machine_listens_on_the_loopback_interface_alone():
    # In a process of its own: what Ray listens on was settled here when it was imported.
    done = subprocess.run([sys.executable, "-c", LISTENING], capture_output=True, text=True)
    heard = set(done.stdout.split())
    assert heard, done.stderr
    assert heard <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def test_a_worker_that_is_killed_is_taken_up_from_its_checkpoint(
    trainer, tiny, sample, tmp_path, monkeypatch
):
    longer = dataclasses.replace(tiny, name="longer", epochs=40)
    wait = trainer(longer, 0, None)
    (begun,) = when(lambda: list((tmp_path / "runs").glob("longer-*/checkpoint.safetensors")))
    lock = tmp_path / "runs" / ".locks" / f"{begun.parent.name}.lock"
    os.kill(holder(lock), signal.SIGKILL)
    run = wait()
    assert run.folder == begun.parent  # the same folder, gone on with
    assert any("going on after epoch" in words for words in trainer.progress.heard)
    here = train(longer, session=Session(data=sample, runs=tmp_path / "here", threads=1))
    assert contents(run.folder) == contents(here.folder)


def when(look):
    """What is looked for, once it is there."""
    while not (found := look()):
        time.sleep(0.01)
    return found


def holder(lock):
    """The process that holds a lock file open."""
    for place in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if place.readlink() == lock:
                return int(place.parts[2])
    raise AssertionError(f"nobody holds {lock}")


def test_a_training_that_breaks_down_says_so_as_it_would_here(trainer, tiny, sample, tmp_path):
    broken = dataclasses.replace(tiny, name="broken", learning_rate=1e30)
    with pytest.raises(TrainingError) as there:
        trainer(broken, 0, None)()
    with pytest.raises(TrainingError) as here:
        train(broken, session=Session(data=sample, runs=tmp_path / "here", threads=1))
    assert str(there.value) == str(here.value)
    assert trainer.progress.done == []


def test_a_training_that_nobody_waits_for_any_more_is_not_told_as_done(ray, tiny, sample, tmp_path):
    listener, runs = Listener(), tmp_path / "runs"
    longer = dataclasses.replace(tiny, name="longer", epochs=200)
    with trainer_on(ray, sample, runs, listener) as trainer:
        trainer(longer, 0, None)

        def heard():
            trainer._board.look()
            return listener.heard

        when(heard)
    assert listener.done == []


def test_a_model_of_one_s_own_travels_with_its_code(trainer, sample, tmp_path):
    recipe = recipe_of(f"{ROOT}/docs/examples/own_torch.py:build", epochs=1)
    there = trainer(recipe, 0, None)()
    here = train(recipe, session=Session(data=sample, runs=tmp_path / "here", threads=1))
    assert contents(there.folder) == contents(here.folder)


def test_a_folder_that_a_machine_does_not_see_is_told_before_anything_is_trained(ray, tmp_path):
    with pytest.raises(ClusterError, match=r"to see .*elsewhere"):
        seen_by_all(ray, tmp_path / "runs", [tmp_path / "elsewhere"])
    marker = seen_by_all(ray, tmp_path / "runs")
    assert seen_by_all(ray, tmp_path / "runs") == marker
    (tmp_path / "runs" / marker.name).rename(tmp_path / "moved")
    with pytest.raises(ClusterError, match=r"to see .*runs\. "):
        check_seen([marker])


def test_machines_with_other_packages_are_refused_before_anything_is_begun(
    ray, tiny, sample, tmp_path, monkeypatch
):
    ours = installed_versions() | {"numpy": "0.1"}
    monkeypatch.setattr("fittingroom.jobs.cluster.connection.installed_versions", lambda: ours)
    with pytest.raises(ClusterError, match=r"numpy .* in place of 0\.1"):
        tune(tiny, session=Session(data=sample, runs=tmp_path, threads=1), trials=2, on="ray")
    with pytest.raises(ClusterError, match=r"numpy .* in place of 0\.1"):
        seen_by_all(ray, tmp_path)


def test_more_threads_than_any_machine_has_are_refused(ray, sample, tmp_path, tiny):
    with pytest.raises(UsageError, match="--threads"):
        compare(
            [tiny, "cnn"],
            session=Session(data=sample, threads=512, runs=tmp_path),
            on="ray",
            out=tmp_path,
        )


@pytest.mark.parametrize("threads", [0, -1])
def test_threads_that_are_none_are_refused(ray, sample, tmp_path, tiny, threads):
    with pytest.raises(UsageError, match=f"Received {threads}"):
        compare(
            [tiny, "cnn"],
            session=Session(data=sample, threads=threads, runs=tmp_path),
            on="ray",
            out=tmp_path,
        )


def test_there_is_room_for_as_many_trainings_as_processors_and_gpus_allow():
    def cluster(*machines):
        nodes = [{"Alive": True, "Resources": machine} for machine in machines]
        return SimpleNamespace(nodes=lambda: nodes)

    eight = cluster({"CPU": 8.0, "GPU": 1.0}, {"CPU": 7.0}, {"GPU": 1.0})
    assert slots(eight, 1, "cpu") == 15
    assert slots(eight, 4, None) == 3
    assert slots(eight, 1, "cuda") == 1
    with pytest.raises(UsageError, match="with a GPU and 8 processors"):
        slots(cluster({"CPU": 8.0}, {"CPU": 4.0, "GPU": 1.0}), 8, "cuda")


def test_an_address_where_nothing_answers_is_told(sample, tmp_path):
    code = """
from fittingroom.errors import ClusterError
from fittingroom.jobs.cluster.connection import connected
try:
    with connected("127.0.0.1:1"):
        pass
except ClusterError as error:
    assert "127.0.0.1:1" in str(error)
else:
    raise SystemExit("connected")
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_cluster_that_does_not_start_is_told():
    def init(address, **options):
        raise Exception("The current node timed out during startup. This could happen.\nOr not.")

    with pytest.raises(ClusterError, match=r"at local\. Received: The current .* happen\. `ray"):
        connection._join(SimpleNamespace(init=init), "local")


@pytest.mark.parametrize(
    ("options", "told"),
    [({"on": "spark"}, "--on ray")],
)
def test_places_that_are_none_are_refused(options, told, sample):
    with pytest.raises(UsageError, match=told):
        compare(["ann", "cnn"], session=Session(data=sample), **options)


def test_trials_of_a_search_have_the_curves_of_trials_here(ray, tiny, sample_split):
    place = engine_named("pytorch").device("cpu", 1)
    there = dict_of(on_cluster(ray, sample_split, "cpu", 1), tiny)
    here = dict_of(one_by_one(sample_split, place), tiny)
    assert there.keys() == here.keys() == {0, 1, 2}
    for number, (state, accuracies) in here.items():
        assert there[number] == (state, accuracies)
    assert [here[number][0] for number in (0, 1, 2)] == ["complete", "pruned", "complete"]
    assert len(here[1][1]) == 2


def dict_of(trainings, recipe):
    """Three trials, the second of them ended after two epochs: its state and curve by number."""
    assignments = (Assignment(number, recipe, number) for number in range(3))
    return {
        assignment.number: (outcome.state, [epoch.val_accuracy for epoch in outcome.history])
        for assignment, outcome in trainings(
            assignments, lambda number, epoch: number != 1 or epoch.epoch < 2
        )
    }


def kill_the_worker():
    """The one that trains now."""
    below = psutil.Process().children(recursive=True)
    (worker,) = (each for each in below if "ray::_train" in " ".join(each.cmdline()))
    worker.kill()


def test_a_trial_that_is_lost_before_it_hears_that_it_ends_hears_it_again(ray, tiny, sample_split):
    def watch(number, epoch):
        if epoch.epoch < 2:
            return True
        kill_the_worker()
        return False

    trainings = on_cluster(ray, sample_split, "cpu", 1)
    ((_, outcome),) = trainings(iter([Assignment(0, tiny, 0)]), watch)
    assert (outcome.state, len(outcome.history)) == ("pruned", 2)


def test_gpus_are_asked_for_where_a_machine_has_one_and_the_processors(trainer, tiny, monkeypatch):
    def among(*machines):
        nodes = [{"Alive": True, "Resources": machine} for machine in machines]
        with monkeypatch.context() as patch:
            patch.setattr(trainer, "_ray", SimpleNamespace(nodes=lambda: nodes))
            patch.setattr(trainer, "_threads", 8)
            return trainer._graphics(tiny, None)

    assert among({"CPU": 8.0, "GPU": 1.0}) == 1
    assert among({"CPU": 16.0}, {"CPU": 4.0, "GPU": 1.0}) == 0  # it would wait for ever


def test_a_trial_whose_worker_is_killed_is_begun_anew_and_told_once(ray, tiny, sample_split):
    heard = []

    def watch(number, epoch):
        heard.append(epoch.epoch)
        if heard == [1, 2]:
            kill_the_worker()
        return True

    trainings = on_cluster(ray, sample_split, "cpu", 1)
    ((_, outcome),) = trainings(iter([Assignment(0, tiny, 0)]), watch)
    place = engine_named("pytorch").device("cpu", 1)
    here = one_by_one(sample_split, place)(iter([Assignment(0, tiny, 0)]), lambda *heard: True)
    ((_, alone),) = here
    assert heard == [1, 2, 3]
    assert outcome.state == "complete"
    assert outcome.accuracy == alone.accuracy
