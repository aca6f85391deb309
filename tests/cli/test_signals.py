"""Ctrl-C, SIGTERM and killed processes: what a command leaves, and how it goes on."""

import os
import signal
import subprocess
import sys
import time

import pytest

from fittingroom.cli import run
from fittingroom.runs import list_runs, read_checkpoint
from fittingroom.runs.history import read_history

pytestmark = pytest.mark.slow
POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to whole consoles only")
ENDLESS = ("train", "ann", "--data", "sample", "--set", "epochs=9999", "--set", "patience=9999")


def start(tmp_path, *arguments, **options):
    command = [sys.executable, "-m", "fittingroom", *arguments]
    return subprocess.Popen(command, cwd=tmp_path, **options)


def wait_for(process, tmp_path, pattern, count=1):
    while len(list(tmp_path.glob(pattern))) < count:
        assert process.poll() is None
        time.sleep(0.01)


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_training_in_one_sentence_on_how_to_resume(number, tmp_path):
    process = start(tmp_path, *ENDLESS, stderr=subprocess.PIPE, text=True)
    wait_for(process, tmp_path, "runs/*/history.jsonl")
    process.send_signal(number)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 128 + number
    assert "To continue from the last checkpoint, run `train` with --resume" in err
    assert "Traceback" not in err
    (listed,) = list_runs(tmp_path / "runs")
    assert listed.state == "unfinished"
    assert read_checkpoint(listed.folder) is not None


@POSIX
def test_a_training_that_nobody_listens_to_any_more_finishes_its_epoch(tmp_path):
    # As `fittingroom train ann 2>&1 | tee log`, of which Ctrl-C ends tee too.
    process = start(tmp_path, *ENDLESS, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    wait_for(process, tmp_path, "runs/*/history.jsonl")
    assert process.stdout is not None
    process.stdout.close()
    process.send_signal(signal.SIGINT)
    assert process.wait(600) == 130
    (listed,) = list_runs(tmp_path / "runs")
    checkpoint = read_checkpoint(listed.folder)
    assert checkpoint is not None
    assert read_history((listed.folder / "history.jsonl").read_text()) == checkpoint.history


@POSIX
@pytest.mark.parametrize("after", [0.01, 0.15, 0.4, 0.8])
def test_ctrl_c_is_heard_at_any_moment(tmp_path, after):
    # Sent from within: Python itself fails with code 1 on a signal before it has started.
    code = (
        "import os, runpy, signal, sys, threading\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # ignored in background jobs
        f"sys.argv = ['fittingroom', *{ENDLESS}]\n"
        f"threading.Timer({after}, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "runpy.run_module('fittingroom', run_name='__main__')\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    # The second: before Python reached us.
    assert process.returncode in (130, -signal.SIGINT), process.stderr
    assert process.returncode != 130 or "Traceback" not in process.stderr


@POSIX
@pytest.mark.parametrize(
    "interrupted",
    [
        "os.kill(os.getpid(), signal.SIGINT)",
        # Within a callback of C code, as imports have them: nobody can catch what is raised there.
        "weakref.finalize(Screen(), os.kill, os.getpid(), signal.SIGINT)\n"
        "        while True: time.sleep(0.01)",
    ],
)
def test_ctrl_c_is_heard_while_the_command_line_sets_itself_up(interrupted, tmp_path):
    code = (
        "import io, os, signal, sys, time, weakref\n"
        "class Screen(io.StringIO):\n"
        "    def reconfigure(self, errors):\n"
        f"        {interrupted}\n"
        "sys.stdout = Screen()\n"
        "from fittingroom.cli import main\n"
        "main()\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    assert process.returncode == 130, process.stderr
    assert process.stderr == "Stopped.\n"


@POSIX
def test_a_second_command_that_trains_the_same_says_so_and_harms_nothing(cli, tmp_path):
    arguments = ["train", "ann", "--data", "sample", "--threads", "1", "--set", "epochs=40"]
    with start(tmp_path, *arguments) as first:
        wait_for(first, tmp_path, "runs/*/checkpoint.safetensors")
        first.send_signal(signal.SIGSTOP)  # in the middle of it, however fast it is
        code, _, err = cli(*arguments, "--resume")
        assert code == 1
        assert "Another process is training" in err
        first.send_signal(signal.SIGCONT)
    assert first.returncode == 0


def test_a_comparison_that_was_killed_ends_as_one_that_was_not(cli, tmp_path):
    common = ["--data", "sample", "--threads", "1"]
    arguments = ["compare", "ann", "ann-fast", "--seeds", "1", *common]
    with start(tmp_path, *arguments) as first:
        wait_for(first, tmp_path, "runs/*/history.jsonl", 2)  # in the second, one is finished
        first.kill()
    assert cli(*arguments)[0] == 0
    assert cli(*arguments, "--runs", "alone", "--out", "beside")[0] == 0
    found = {run.folder.name: run.folder for run in list_runs(tmp_path / "runs")}
    expected = {run.folder.name: run.folder for run in list_runs(tmp_path / "alone")}
    assert found.keys() == expected.keys()
    for name, folder in found.items():
        for file in ("model.safetensors", "model.onnx", "validation.npz"):
            assert (folder / file).read_bytes() == (expected[name] / file).read_bytes()


@pytest.mark.parametrize("asked", [True, False])
def test_an_error_that_compiled_code_makes_of_ctrl_c_is_no_error(monkeypatch, capsys, asked):
    def import_half_of_it(**_options):
        raise ImportError("initialization failed")

    # As the signal's handler does, whose own exception such an import swallows.
    monkeypatch.setattr("fittingroom.cli._received", [signal.SIGINT] if asked else [])
    monkeypatch.setattr("fittingroom.cli.app.app", import_half_of_it)
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        if asked:
            for command, words in (("recipes", ""), ("train", "--resume"), ("compare", "--fresh")):
                assert run([command]) == 130
                said = capsys.readouterr().err
                assert said.startswith("Stopped.")
                assert words in said
        else:
            assert run(["recipes"]) == 1
            assert "initialization failed. See `fittingroom doctor`" in capsys.readouterr().err
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)
