"""What a Ray cluster may lose, a machine or the command itself: no training is lost with it."""

import contextlib
import dataclasses
import gc
import json
import os
import signal
import sqlite3
import subprocess
import sys
import warnings

import psutil
import pytest
from PIL import Image

from fittingroom.jobs.cluster.connection import connected
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.recipes import recipe_of
from tests.jobs.test_cluster import Listener, contents, holder, trainer_on, when

pytestmark = pytest.mark.slow
pytest.importorskip("ray", reason="Ray is not installed")


@pytest.fixture
def longer(tiny):
    """A training long enough to lose something in its middle."""
    return dataclasses.replace(tiny, name="longer", epochs=60)


@pytest.fixture
def machines():
    """A cluster of three nodes on this machine: of the command, and two with a processor each."""
    from ray.cluster_utils import Cluster

    size = {"object_store_memory": 128 * 2**20}
    head = {"num_cpus": 0, "include_dashboard": False, **size}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    for _ in range(2):
        cluster.add_node(num_cpus=1, **size)
    cluster.wait_for_nodes()
    yield cluster
    cluster.shutdown()
    # Ray waits for none of the processes that it ends.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@contextlib.contextmanager
def trainer_across(cluster, sample, runs):
    with (
        connected(cluster.address) as ray,
        trainer_on(ray, sample, runs, Listener()) as trainer,
    ):
        yield trainer


def node_of(cluster, process):
    """The node whose daemon started a worker."""
    above = {each.pid for each in psutil.Process(process).parents()}
    (node,) = (
        node
        for node in cluster.worker_nodes
        if node.all_processes["raylet"][0].process.pid in above
    )
    return node


def begun(runs):
    """The folder of a training that has an epoch behind it, and the process that is at it."""
    (checkpoint,) = when(lambda: list(runs.glob("longer-*/checkpoint.safetensors")))
    folder = checkpoint.parent
    return folder, holder(runs / ".locks" / f"{folder.name}.lock")


def test_a_training_on_a_machine_that_dies_goes_on_from_its_checkpoint_on_another(
    machines, longer, sample, tmp_path
):
    runs = tmp_path / "runs"
    with trainer_across(machines, sample, runs) as trainer:
        wait = trainer(longer, 0, None)
        folder, process = begun(runs)
        machines.remove_node(node_of(machines, process), allow_graceful=False)
        run = wait()
    assert run.folder == folder
    (epoch,) = [noted["after_epoch"] for noted in run.environment["resumed"]]
    assert 1 <= epoch < longer.epochs
    assert any(f"going on after epoch {epoch}" in words for words in trainer.progress.heard)
    here = train(longer, session=Session(data=sample, runs=tmp_path / "here", threads=1))
    assert contents(run.folder) == contents(here.folder)


def command(folder, recipe, address=""):
    """`compare` of a recipe and another one on Ray, as a process of its own."""
    files = [folder / "longer.json", folder / "other.json"]
    other = dataclasses.replace(recipe, name="other")
    for file, each in zip(files, (recipe, other), strict=True):
        file.write_text(json.dumps(each.to_json()), encoding="utf-8")
    how = ["--data", "sample", "--threads", "1", "--on", "ray"]
    places = ["--runs", folder / "runs", "--out", folder / "report"]
    return subprocess.Popen(
        [sys.executable, "-m", "fittingroom", "compare", *files, *how, *places],
        env={**os.environ, "RAY_ADDRESS": address},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_what_a_command_that_was_killed_had_begun_goes_on_when_it_is_asked_for_again(
    machines, longer, sample, tmp_path
):
    runs = tmp_path / "runs"
    with command(tmp_path, longer, machines.address) as killed:
        folder, _ = begun(runs)
        killed.kill()
    with trainer_across(machines, sample, runs) as trainer:
        run = trainer(longer, 0, None)()
    assert run.folder == folder
    assert any("going on after epoch" in words for words in trainer.progress.heard)
    here = train(longer, session=Session(data=sample, runs=tmp_path / "here", threads=1))
    assert contents(run.folder) == contents(here.folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_a_command_with_its_exit_code_and_how_to_go_on(number, tiny, tmp_path):
    endless = dataclasses.replace(tiny, name="longer", epochs=5000)
    with command(tmp_path, endless) as process:
        begun(tmp_path / "runs")
        process.send_signal(number)
        out, told = process.communicate()
    assert process.returncode == 128 + number
    assert out == ""
    assert told.splitlines()[-1] == (
        "Stopped. Finished runs are kept; the same command goes on with what is missing."
    )
    assert "done" not in told


def on_ray(*arguments):
    """A command on a cluster of this machine, as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "fittingroom", *map(str, arguments), "--on", "ray"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def starting(process):
    """What a cluster that a command starts consists of first."""
    below = psutil.Process(process.pid).children(recursive=True)
    with contextlib.suppress(psutil.NoSuchProcess):
        names = [" ".join(each.cmdline()) for each in below]
        return [name for name in names if name.startswith("ray::") and "IDLE" not in name]


def at_work(process):
    """The workers of a command that have something to do."""
    return [name for name in starting(process) or () if "Agent" not in name]


MOMENTS = pytest.mark.parametrize(
    ("number", "there"), [(signal.SIGTERM, starting), (signal.SIGINT, at_work)]
)


@MOMENTS
def test_a_signal_stops_a_folder_of_pictures_and_the_same_command_goes_on(
    number, there, sample, tmp_path
):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    (tmp_path / "photos").mkdir()
    for place, image in enumerate(sample.open_test().images[:40]):
        photo = Image.fromarray(255 - image).resize((1500, 1500))
        photo.save(tmp_path / "photos" / f"{place}.jpg")
    asked = ("predict", tmp_path / "photos", "--out", tmp_path / "answers")
    with on_ray(*asked) as process:
        when(lambda: there(process))
        process.send_signal(number)
        out, told = process.communicate()
    assert process.returncode == 128 + number
    assert out == ""
    assert told.splitlines()[-1] == (
        "Stopped. Finished shards are kept; the same command goes on with what is missing."
    )
    assert not list((tmp_path / "answers").glob("*.parquet"))
    with on_ray(*asked) as process:
        out, told = process.communicate()
    assert process.returncode == 0, told
    assert "40 pictures" in out + told


def complete(found):
    """The trials of a search that have ended, each with its value."""
    path = found / "study.db"
    if not path.exists():
        return []
    text = "SELECT number, value FROM trials JOIN trial_values USING (trial_id) "
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        try:
            return database.execute(f"{text} WHERE state = 'COMPLETE' ORDER BY number").fetchall()
        except sqlite3.OperationalError:  # it is being made
            return []


@pytest.mark.parametrize(
    ("number", "there"), [(signal.SIGTERM, starting), (signal.SIGINT, complete)]
)
def test_a_signal_stops_a_search_and_the_same_command_goes_on(number, there, tiny, tmp_path):
    recipe, found = tmp_path / "longer.json", tmp_path / "found"
    longer = dataclasses.replace(tiny, name="longer", epochs=40, patience=40)
    recipe.write_text(json.dumps(longer.to_json()), encoding="utf-8")
    asked = ("tune", recipe, "--trials", "5", "--seeds", "0", "--data", "sample", "--out", found)
    with on_ray(*asked, "--threads", "1") as process:
        when(lambda: there(found if there is complete else process))
        process.send_signal(number)
        out, told = process.communicate()
    before = complete(found)
    assert bool(before) == (there is complete)
    assert process.returncode == 128 + number
    assert out == ""
    assert "the same command" in told.splitlines()[-1]
    with on_ray(*asked, "--threads", "1", "--json") as process:
        out, told = process.communicate()
    assert process.returncode == 0, told
    values = json.loads(out)
    assert len(values["trials"]) >= 5
    # What was tried before is kept, and not tried again.
    after = complete(found)
    assert [each for each in after if each[0] in dict(before)] == before
    assert len(after) > len(before)
    assert recipe_of(values["recipe_file"]).name == "longer-tuned"
