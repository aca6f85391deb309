"""Several processes train one model: the same curve as one process with the same batches."""

import contextlib
import dataclasses
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from fittingroom import recipe_of
from fittingroom.engines import engine_named, with_workers
from fittingroom.errors import UsageError, WorkerLostError
from fittingroom.jobs.progress import Silence
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.networks import Conv, Dense, Flatten, ReLU
from fittingroom.recipes import RECIPES
from fittingroom.runs import Checkpoint, Epoch, list_runs, open_run, read_checkpoint
from fittingroom.runs.checkpoints import write_checkpoint
from fittingroom.runs.history import read_history
from tests.conftest import TINY

pytestmark = pytest.mark.slow

# Neither batch normalisation nor dropout, which each process computes for its own share.
PLAIN = dataclasses.replace(
    TINY,
    name="plain",
    network=(Conv(8, kernel=4, stride=4), ReLU(), Flatten(), Dense(10)),
    epochs=3,
)


def curves(recipe, sample, tmp_path):
    runs = [
        train(
            recipe,
            session=Session(data=sample, runs=tmp_path / str(workers), threads=1),
            workers=workers,
        )
        for workers in (1, 2)
    ]
    assert [run.environment["workers"] for run in runs] == [1, 2]
    return [
        [(each.train_loss, each.val_loss, each.val_accuracy) for each in run.history]
        for run in runs
    ]


def test_two_processes_give_the_curve_of_one(sample_split):
    engine = engine_named("pytorch")
    # In float32, whose rounding hides no difference.
    place = dataclasses.replace(engine.device("cpu", 1), half_precision=False)
    curves = []
    for workers in (1, 2):
        history: list[Epoch] = []
        together = dataclasses.replace(place, workers=workers)
        engine.fit(PLAIN, sample_split, seed=0, device=together, on_epoch=history.append)
        curves.append([(each.train_loss, each.val_loss, each.val_accuracy) for each in history])
    # The gradients' sums are rounded in another order, and nothing else differs.
    np.testing.assert_allclose(curves[1], curves[0], atol=1e-3)


@pytest.mark.parametrize("name", ["ann", "cnn"])
def test_with_batch_normalisation_the_curve_is_nearly_that(name, sample, tmp_path):
    recipe = RECIPES[name].with_settings({"epochs": "4"})
    one, two = curves(recipe, sample, tmp_path)
    # Mean and variance are those of half a batch, and other values are dropped.
    np.testing.assert_allclose(np.array(two)[:, :2], np.array(one)[:, :2], atol=0.15)
    np.testing.assert_allclose(np.array(two)[:, 2], np.array(one)[:, 2], atol=0.08)


def test_the_same_workers_give_the_same_weights(sample, tmp_path):
    runs = [
        train(
            RECIPES["ann"].with_settings({"epochs": "2"}),
            session=Session(data=sample, runs=tmp_path / each, threads=1),
            workers=2,
        )
        for each in "ab"
    ]
    first, second = ((run.folder / "model.safetensors").read_bytes() for run in runs)
    assert first == second


def test_torchrun_starts_the_processes_too(tmp_path):
    torchrun = str(Path(sys.executable).with_name("torchrun"))
    command = [torchrun, "--standalone", "--nproc-per-node", "2", "-m", "fittingroom"]
    command += ["train", "ann", "--set", "epochs=2", "--data", "sample", "--workers", "2"]
    done = subprocess.run(
        [*command, "--threads", "1", "--runs", str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (listed,) = list_runs(tmp_path)
    assert listed.state == "finished"
    run = open_run(listed.folder)
    assert run.environment["workers"] == 2
    assert done.stdout.count("validation accuracy") == 1  # one process alone tells of it


def test_torchrun_on_two_machines_gives_the_weights_of_two_processes_here(sample, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        meeting = f"127.0.0.1:{free.getsockname()[1]}"
    # One of torchrun's own processes for each machine, which know each other by that address alone.
    torchrun = [str(Path(sys.executable).with_name("torchrun")), "--nnodes", "2"]
    torchrun += ["--nproc-per-node", "1", "--rdzv-backend", "c10d", "--rdzv-endpoint", meeting]
    command = [*torchrun, "--local-addr", "127.0.0.1", "-m", "fittingroom", "train", "ann"]
    command += ["--set", "epochs=2", "--data", "sample", "--workers", "2", "--threads", "1"]
    machines = [
        subprocess.Popen([*command, "--runs", str(tmp_path / "there")], stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for machine in machines:
        _, err = machine.communicate(timeout=600)
        assert machine.returncode == 0, err
    (listed,) = list_runs(tmp_path / "there")
    recipe = RECIPES["ann"].with_settings({"epochs": "2"})
    here = train(recipe, session=Session(data=sample, runs=tmp_path / "here", threads=1), workers=2)
    for name in ("model.safetensors", "model.onnx", "validation.npz"):
        assert (listed.folder / name).read_bytes() == (here.folder / name).read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to send")
def test_torchrun_is_stopped_with_the_leaders_checkpoint(tmp_path):
    torchrun = str(Path(sys.executable).with_name("torchrun"))
    command = [torchrun, "--standalone", "--nproc-per-node", "2", "-m", "fittingroom", "train"]
    command += [
        "ann",
        "--set",
        "epochs=9999",
        "--set",
        "patience=9999",
        "--data",
        "sample",
        "--workers",
        "2",
    ]
    command += ["--threads", "1", "--runs", str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob("*/checkpoint.safetensors")) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)  # which torchrun sends to both
    _, err = process.communicate(timeout=600)
    assert f"Stopped in {tmp_path}" in err
    assert "one of them is lost" not in err
    (listed,) = list_runs(tmp_path)
    checkpoint = read_checkpoint(listed.folder)
    assert checkpoint is not None
    assert read_history((listed.folder / "history.jsonl").read_text()) == checkpoint.history


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups to signal")
def test_a_signal_to_all_is_left_to_the_leader_while_the_others_import(tmp_path):
    command = [sys.executable, "-m", "fittingroom", "train", "ann", "--data", "sample"]
    command += ["--set", "epochs=9999", "--set", "patience=9999", "--workers", "2"]
    command += ["--threads", "1", "--runs", str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    leader, found = psutil.Process(process.pid), False
    while not found:
        assert process.poll() is None
        with contextlib.suppress(psutil.NoSuchProcess):  # others come and go
            found = any("spawn_main" in " ".join(each.cmdline()) for each in leader.children())
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGTERM)
    _, err = process.communicate(timeout=200)  # five minutes are a lost process
    assert process.returncode == 143
    assert f"Stopped in {tmp_path}" in err
    (listed,) = list_runs(tmp_path)
    assert read_checkpoint(listed.folder) is not None


class Broken(Silence):
    """Breaks a training off once its second epoch is told of, before that one's checkpoint."""

    @contextlib.contextmanager
    def track(self, description, total):
        def advance(done, words):
            if done == 2:
                raise KeyboardInterrupt

        yield advance


@pytest.mark.skipif(os.name == "nt", reason="no shell to name each process's folder in")
@pytest.mark.parametrize("second", ["none", "another"])
def test_processes_that_see_other_checkpoints_do_not_train_together(second, sample, tmp_path):
    recipe = RECIPES["ann"].with_settings({"epochs": "4"})
    with pytest.raises(KeyboardInterrupt):
        train(
            recipe, session=Session(data=sample, runs=tmp_path / "0", threads=1, progress=Broken())
        )
    (listed,) = list_runs(tmp_path / "0")
    before = (listed.folder / "checkpoint.safetensors").read_bytes()
    if second == "another":
        shutil.copytree(tmp_path / "0", tmp_path / "1")
        folder = tmp_path / "1" / listed.folder.name
        checkpoint = read_checkpoint(folder)
        assert checkpoint is not None
        name = "module.1.weight"
        arrays = {**checkpoint.arrays, name: checkpoint.arrays[name] + 1}
        write_checkpoint(folder, Checkpoint(checkpoint.history, arrays))
    torchrun = str(Path(sys.executable).with_name("torchrun"))
    each = f"exec {sys.executable} -m fittingroom train ann --set epochs=4 --data sample --resume "
    each += f"--workers 2 --threads 1 --runs {tmp_path}/$RANK"
    command = [torchrun, "--standalone", "--nproc-per-node", "2", "--no-python", "sh", "-c", each]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    words = "after 1, 1 epochs" if second == "another" else "after 1, 0 epochs"
    assert words in done.stderr
    (listed,) = list_runs(tmp_path / "0")
    assert listed.state == "unfinished"
    assert (listed.folder / "checkpoint.safetensors").read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_lost_process_is_told_and_the_training_goes_on(sample, tmp_path):
    import multiprocessing

    def kill_the_other():
        while not list(runs.glob("*/checkpoint.safetensors")):
            time.sleep(0.01)
        for child in multiprocessing.active_children():
            assert child.pid is not None
            os.kill(child.pid, signal.SIGKILL)

    long = dataclasses.replace(PLAIN, epochs=200, patience=200)
    runs = tmp_path / "runs"
    killer = threading.Thread(target=kill_the_other)
    killer.start()
    with pytest.raises(WorkerLostError, match="--resume"):
        train(long, session=Session(data=sample, runs=runs, threads=1), workers=2)
    killer.join()
    (listed,) = list_runs(runs)
    assert listed.state == "unfinished"
    run = train(long, session=Session(data=sample, runs=runs, threads=1), workers=2, resume=True)
    assert run.environment["resumed"][0]["after_epoch"] >= 1
    whole = train(long, session=Session(data=sample, runs=tmp_path / "whole", threads=1), workers=2)
    for name in ("model.safetensors", "model.onnx", "validation.npz"):
        assert (run.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def test_a_batch_that_cannot_be_shared_is_refused(sample, tmp_path):
    odd = dataclasses.replace(PLAIN, batch_size=51)
    with pytest.raises(UsageError, match="share out evenly"):
        train(odd, session=Session(data=sample, runs=tmp_path, threads=1), workers=2)


def test_a_model_of_ones_own_is_started_by_torchrun(sample, tmp_path):
    from tests.engines.test_own_torch import Small

    recipe = recipe_of(Small, epochs=1)
    with pytest.raises(UsageError, match="torchrun"):
        train(recipe, session=Session(data=sample, runs=tmp_path, threads=1), workers=2)


def gone(*given):
    os._exit(9)


def test_a_process_that_ends_before_they_meet_is_told_at_once(tiny, sample, tmp_path, monkeypatch):
    monkeypatch.setattr("fittingroom.engines.pytorch.team._follow", gone)
    with pytest.raises(WorkerLostError, match="before they met, with exit code 9"):
        train(tiny, session=Session(data=sample, runs=tmp_path, threads=1), workers=2)


def test_threads_are_divided_among_the_processes_of_this_machine(monkeypatch):
    place = dataclasses.replace(engine_named("pytorch").device("cpu", None), threads=8)
    for name, value in {"WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2", "RANK": "3"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("fittingroom.engines.available_processors", lambda: 4)
    # Others set such variables too: without torchrun, the processes are started here.
    alone = with_workers(place, "pytorch", 4, None)
    assert (alone.threads, alone.rank) == (2, 0)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    of_torchrun = with_workers(place, "pytorch", 4, None)
    assert (of_torchrun.threads, of_torchrun.rank) == (4, 3)


@pytest.mark.parametrize(
    ("engine", "workers"), [("pytorch", 0), ("pytorch", 10_000), ("sklearn", 2)]
)
def test_workers_that_cannot_be_are_refused(engine, workers):
    place = engine_named(engine).device("cpu", None)
    with pytest.raises(UsageError, match="Expected 1 worker"):
        with_workers(place, engine, workers, None)
