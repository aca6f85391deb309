import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from fittingroom.cli import run
from fittingroom.metrics import wilson
from fittingroom.recipes import RECIPES
from fittingroom.runs import list_runs, read_checkpoint
from fittingroom.runs.history import read_history
from fittingroom.runs.manifests import write_manifest


@pytest.fixture
def cli(capsys, tmp_path, monkeypatch, tiny):
    """Runs a command in an empty folder: its exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(RECIPES, "tiny", tiny)

    def call(*arguments: str):
        code = run(list(arguments))
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out, captured.err

    return call


def test_train_evaluate_report_and_list(cli, tmp_path):
    code, out, _ = cli("train", "tiny", "--data", "sample", "--set", "epochs=1", "--json")
    assert code == 0
    trained = json.loads(out)
    assert (trained["recipe"], trained["seed"], trained["best_epoch"]) == ("tiny", 0, 1)

    code, _, err = cli("evaluate", trained["run"], "--threads", "0")
    assert code == 2
    assert "Choose from 1 to" in err
    code, out, _ = cli("evaluate", trained["run"], "--threads", "1", "--json")
    assert code == 0
    (scores,) = json.loads(out)
    assert scores["run"] == trained["run"]
    accuracy = scores["accuracy"]
    assert 0 < accuracy["low"] < accuracy["value"] < accuracy["high"] < 1

    code, out, err = cli("train", "tiny", "--data", "sample", "--set", "keep=last")
    assert "(epoch 3 of 3 is kept)" in out
    (shown,) = re.findall(r"validation accuracy (\S+ \(\S+\)) in", out)
    assert f"validation {shown}" in err  # the last epoch is the one kept
    assert shown == wilson(round(1.67 * float(shown.split("%")[0])), 167).percent
    shutil.rmtree(out.split(":")[0])

    code, out, _ = cli("runs", "--json")
    (listed,) = json.loads(out)
    assert listed["state"] == "finished"
    assert listed["test_accuracy"]["sample"] == pytest.approx(scores["accuracy"]["value"])
    code, out, _ = cli("runs")
    test = wilson(round(500 * scores["accuracy"]["value"]), 500)
    assert listed["test_interval"] == {"sample": {"low": test.low, "high": test.high}}
    validation = wilson(round(167 * listed["validation_accuracy"]), 167)
    assert listed["validation_interval"] == {"low": validation.low, "high": validation.high}
    (row,) = [line for line in out.splitlines() if "tiny" in line]
    assert re.findall(r"\d+\.\d\d%(?: \(\d+\.\d–\d+\.\d\))?", row) == [
        validation.percent,
        test.percent,
    ]
    code, out, _ = cli("evaluate", trained["run"])
    assert code == 0
    assert "Ankle boot" in out
    code, out, _ = cli("report", trained["run"], "--out", "here", "--threads", "1")
    assert code == 0
    assert (tmp_path / "here" / "index.html").exists()
    assert "here" in out


def test_compare_prints_the_contract(cli):
    code, out, _ = cli(*("compare", "tiny", "ann", "--data", "sample", "--threads", "1", "--json"))
    assert code == 0
    values = json.loads(out)
    (pair,) = values["pairs"]
    assert {"a", "b", "level", "difference", "mcnemar", "verdict"} <= set(pair)
    assert [model["name"] for model in values["models"]] == ["tiny", "ann"]
    code, out, _ = cli("compare", "tiny", "ann", "--data", "sample")
    assert code == 0
    assert out.rstrip().endswith("report/index.html")


def test_verify_says_whether_a_claim_holds(cli):
    code, out, _ = cli("verify", "tiny", "--claim", "0.5", "--data", "sample")
    assert code == 0
    assert "The claim of 50.00% for tiny is exceeded" in " ".join(out.split())
    (test,) = re.findall(r" (\d+\.\d\d)% \(\d+\.\d–\d+\.\d\) ", out)
    assert wilson(round(5 * float(test)), 500).percent in out
    assert "cover the test pictures alone" in out
    code, out, _ = cli("verify", "tiny", "--claim", "0.99", "--data", "sample", "--json")
    assert code == 0
    assert json.loads(out)["finding"] == "not reached"
    command = ("verify", "ann", "--claim", "0.99", "--data", "sample", "--epochs", "1")
    code, out, _ = cli(*command)
    assert code == 0
    assert "trainings were cut: seed 0 to 1." in out
    code, _, err = cli("verify", "logreg", "--claim", "0.9", "--epochs", "5", "--data", "sample")
    assert code == 2
    assert "trained in one go" in err
    code, _, err = cli("verify", "tiny", "--claim", "88.34", "--data", "sample")
    assert code == 2
    assert "such as 0.8834" in err


def test_reproduce_says_whether_the_same_came_out(cli, tmp_path):
    code, out, _ = cli("train", "tiny", "--data", "sample", "--set", "epochs=1", "--threads", "1")
    (folder,) = (tmp_path / "runs").glob("tiny-*")
    code, out, err = cli("reproduce", str(folder))
    assert code == 0
    assert out.startswith(f"{folder.name} is reproduced: trained again, it gave the same weights")
    assert "tiny, seed 0: done" in err
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
    assert len(list_runs(tmp_path / "runs")) == 1

    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    code, _, err = cli("reproduce", str(folder))
    assert code == 1
    assert "it was changed" in err
    for revision, finding, expected in (("0" * 12, "explained", 0), (None, "unexplained", 1)):
        values = json.loads((folder / "environment.json").read_text())
        values["revision"] = revision
        (folder / "environment.json").write_text(json.dumps(values))
        write_manifest(folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("fittingroom.runs.environment.code_revision", lambda: None)
            code, out, _ = cli("reproduce", str(folder), "--json")
        outcome = json.loads(out)
        assert (outcome["finding"], code) == (finding, expected)
        assert outcome["predictions"]["identical"]
        assert not outcome["weights"]["identical"]
        assert outcome["history"] == {
            "identical": True,
            "first_difference": None,
            "epochs": [1, 1],
        }
    code, _, err = cli("reproduce", str(folder), "--device", "abacus")
    assert code == 2
    assert "this machine's devices" in err


def test_recipes_and_summary(cli):
    code, out, _ = cli("recipes")
    assert code == 0
    assert "ann:" in out
    assert "cnn:" in out
    assert "356,480 multiply-adds a picture, and as many for its mirror image." in out
    assert "for its mirror image and for each of four shifts of both." in out  # of cnn-best
    code, out, _ = cli("recipes", "--json")
    assert {"ann", "cnn"} <= {recipe["name"] for recipe in json.loads(out)}
    code, out, _ = cli("summary", "tiny", "--json")
    layers = json.loads(out)["layers"]
    assert [layer["layer"] for layer in layers][:2] == ["Conv", "BatchNorm"]
    assert layers[0]["parameters"] == 8 * 16
    code, out, _ = cli("summary", "tiny")
    assert "8 × 7 × 7" in out


def test_doctor(cli):
    code, out, _ = cli("doctor", "--json")
    assert code == 0
    values = json.loads(out)
    assert values["extras"] == {"core": "complete", "train": "complete", "tune": "complete"}
    assert values["threads"] >= 1
    assert cli("doctor")[0] == 0


def test_an_empty_folder_of_runs_is_said(cli):
    code, out, err = cli("runs")
    assert (code, out) == (0, "")
    assert "No runs in runs" in err


def test_classical_recipes_show_their_settings(cli):
    code, out, _ = cli("recipes")
    assert code == 0
    assert "hog-svm: Histograms of oriented gradients" in out
    code, out, _ = cli("summary", "hog-svm", "--json")
    assert json.loads(out)["model"]["kind"] == "HogSvm"
    code, out, _ = cli("summary", "forest")
    assert code == 0
    assert "learning_rate" in out
    command = ("train", "logreg", "--data", "sample", "--set", "model.iterations=5", "--json")
    code, out, _ = cli(*command)
    assert code == 0
    assert json.loads(out)["recipe"] == "logreg"
    assert json.loads(out)["best_epoch"] is None
    code, out, _ = cli(*command[:-1])
    assert code == 0
    assert "epoch" not in out
    code, _, err = cli("train", "logreg", "--data", "sample", "--device", "cuda")
    assert code == 2
    assert "Expected the device cpu" in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("train", "cnnn"), 1, "Did you mean 'cnn'"),
        (("train", "tiny", "--set", "epoch=1", "--data", "sample"), 2, "Did you mean 'epochs'"),
        (("train", "tiny", "--set", "epochs", "--data", "sample"), 2, "--set name=value"),
        (("train", "tiny", "--set", "epochs=x", "--data", "sample"), 2, "a whole number"),
        (("train", "tiny", "--data", "absent"), 1, "absent"),
        (("train", "tiny", "--seed", "-1", "--data", "sample"), 2, "whole number from 0"),
        (("train", "tiny", "--device", "tpu", "--data", "sample"), 2, "this machine's devices"),
        (("train", "tiny", "--seed", "one"), 2, "--seed"),
        (("train",), 2, "recipe"),
        (("summary", "nothing"), 1, "Expected one of the recipes"),
        (("evaluate", "absent"), 1, "Expected a run folder"),
        (("report", "absent"), 1, "Expected a run folder"),
        (("compare", "tiny", "--data", "sample"), 2, "two recipes or runs"),
        (("trian",), 2, "trian"),
    ],
)
def test_a_mistake_gets_one_message_and_its_exit_code(cli, arguments, code, words):
    received, out, err = cli(*arguments)
    assert received == code
    assert words in err
    assert out == ""


def test_unfinished_and_changed_runs_get_one_message(cli, run_copy):
    (run_copy / "model.onnx").write_bytes(b"")
    code, _, err = cli("evaluate", str(run_copy))
    assert code == 1
    assert "was changed" in err
    (run_copy / "manifest.json").unlink()
    code, _, err = cli("evaluate", str(run_copy))
    assert code == 1
    assert "did not end" in err
    code, out, err = cli("runs", "--runs", str(run_copy.parent))
    assert code == 0
    assert "unfinished" in out


def test_no_code_of_a_file_reaches_the_terminal(cli, run_copy):
    summary = run_copy / "summary.json"
    summary.write_text(json.dumps({"\x1b[2J": 1}))
    write_manifest(run_copy)
    code, _, error = cli("evaluate", str(run_copy))
    assert code == 1
    assert "\x1b" not in error
    assert "[2J" in error


def test_a_full_disk_gets_one_message(cli, full_disk):
    full_disk()
    code, _, err = cli("train", "tiny", "--data", "sample")
    assert code == 1
    assert "No space left" in err


def test_a_runs_folder_that_is_a_file_gets_one_message(cli, tmp_path):
    (tmp_path / "runs").write_text("a file")
    code, _, err = cli("train", "tiny", "--data", "sample")
    assert code == 1
    assert "name a folder that you may write to" in err


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to whole consoles only")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_training_in_one_sentence_on_how_to_go_on(number, tmp_path):
    arguments = (
        "train",
        "ann",
        "--data",
        "sample",
        "--set",
        "epochs=9999",
        "--set",
        "patience=9999",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "fittingroom", *arguments],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 600
    while not list(tmp_path.glob("runs/*/history.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 128 + number
    assert "The same command goes on from the last checkpoint: `train` with `--resume`" in err
    assert "Traceback" not in err
    (listed,) = list_runs(tmp_path / "runs")
    assert listed.state == "unfinished"
    assert read_checkpoint(listed.folder) is not None


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGSTOP")
def test_a_second_command_that_trains_the_same_says_so_and_harms_nothing(cli, tmp_path):
    arguments = ["train", "ann", "--data", "sample", "--threads", "1", "--set", "epochs=40"]
    with subprocess.Popen([sys.executable, "-m", "fittingroom", *arguments], cwd=tmp_path) as first:
        while not list(tmp_path.glob("runs/*/checkpoint.safetensors")):
            assert first.poll() is None
            time.sleep(0.001)
        first.send_signal(signal.SIGSTOP)  # in the middle of it, however fast it is
        code, _, err = cli(*arguments, "--resume")
        assert code == 1
        assert "another process is at it" in err
        first.send_signal(signal.SIGCONT)
    assert first.returncode == 0
    code, _, _ = cli(*arguments, "--runs", "alone")
    (run,), (alone,) = (list_runs(tmp_path / name) for name in ("runs", "alone"))
    for name in ("model.safetensors", "model.onnx", "validation.npz"):
        assert (run.folder / name).read_bytes() == (alone.folder / name).read_bytes()


@pytest.mark.slow
def test_a_comparison_that_was_killed_goes_on_and_ends_as_one_that_was_not(cli, tmp_path):
    common = ["--data", "sample", "--threads", "1"]
    arguments = ["compare", "ann", "cnn-fast", "--seeds", "2", *common]
    with subprocess.Popen([sys.executable, "-m", "fittingroom", *arguments], cwd=tmp_path) as first:
        # In the second training, with one finished.
        while len(list(tmp_path.glob("runs/*/history.jsonl"))) < 2:
            assert first.poll() is None
            time.sleep(0.001)
        first.kill()
    assert {each.state for each in list_runs(tmp_path / "runs")} == {"finished", "unfinished"}
    assert cli(*arguments)[0] == 0
    assert cli(*arguments, "--runs", "alone", "--out", "beside")[0] == 0
    found = {run.folder.name: run.folder for run in list_runs(tmp_path / "runs")}
    expected = {run.folder.name: run.folder for run in list_runs(tmp_path / "alone")}
    assert found.keys() == expected.keys()
    assert len(found) == 4
    for name, folder in found.items():
        for file in ("model.safetensors", "model.onnx", "validation.npz"):
            assert (folder / file).read_bytes() == (expected[name] / file).read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to whole consoles only")
def test_a_training_that_nobody_listens_to_any_more_finishes_its_epoch(tmp_path):
    # As `fittingroom train ann 2>&1 | tee log`, of which Ctrl-C ends tee too.
    arguments = "train ann --data sample --set epochs=9999 --set patience=9999"
    process = subprocess.Popen(
        [sys.executable, "-m", "fittingroom", *arguments.split()],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    deadline = time.monotonic() + 600
    while not list(tmp_path.glob("runs/*/history.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert process.stdout is not None
    process.stdout.close()
    process.send_signal(signal.SIGINT)
    assert process.wait(600) == 130
    (listed,) = list_runs(tmp_path / "runs")
    checkpoint = read_checkpoint(listed.folder)
    assert checkpoint is not None
    assert read_history((listed.folder / "history.jsonl").read_text()) == checkpoint.history


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to whole consoles only")
@pytest.mark.parametrize("after", [0.15, 0.4, 0.8])
def test_ctrl_c_is_heard_at_any_moment(tmp_path, after):
    arguments = ("train", "ann", "--data", "sample", "--set", "epochs=9999")
    process = subprocess.Popen(
        [sys.executable, "-m", "fittingroom", *arguments],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=600)
    assert process.returncode in (130, -signal.SIGINT)  # the second: before Python reached us
    assert process.returncode != 130 or "Traceback" not in err


@pytest.mark.parametrize("asked", [True, False])
def test_an_error_that_compiled_code_makes_of_ctrl_c_is_no_error(monkeypatch, capsys, asked):
    def import_half_of_it(**_options):
        raise ImportError("initialization failed")

    # As the signal's handler does, whose own exception such an import swallows.
    monkeypatch.setattr("fittingroom.cli._signals", [signal.SIGINT] if asked else [])
    monkeypatch.setattr("fittingroom.cli.app.app", import_half_of_it)
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        if asked:
            assert run(["recipes"]) == 130
            assert capsys.readouterr().err == "Stopped.\n"  # nothing that could go on
            for command, way in (
                (["train", "ann"], "the same command with `--resume` goes on"),
                (["train", "ann", "--resume"], "the same command goes on"),
                (["compare", "ann", "cnn"], "the same command goes on"),
            ):
                assert run(command) == 130
                assert way in capsys.readouterr().err
        else:
            with pytest.raises(ImportError):
                run(["recipes"])
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)


def test_a_terminal_that_knows_few_letters_is_served(trained):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "fittingroom", "summary", "cnn"],
        env=environment,
        capture_output=True,
        check=True,
        timeout=600,
    )
    assert b"24 ? 14 ? 14" in done.stdout


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
def test_output_that_cannot_be_written_gets_one_message():
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "fittingroom", "recipes"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=600,
        )
    assert done.returncode != 0
    assert "No space left" in done.stderr


def test_runs_are_listed_with_their_intervals_in_the_core_install(trained):
    without = "import sys; sys.modules['scipy'] = None; from fittingroom.cli import run; "
    done = subprocess.run(
        [sys.executable, "-c", f"{without}run(['runs', '--runs', {str(trained.folder.parent)!r}])"],
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    right = round(167 * trained.summary.validation_accuracy)
    assert wilson(right, 167).percent in done.stdout


def test_the_version_is_told(cli):
    code, out, _ = cli("--version")
    assert code == 0
    assert out.startswith("fittingroom 0.")


def test_doctor_tells_of_data_named_from_outside(cli, monkeypatch, tmp_path):
    monkeypatch.setenv("FITTINGROOM_DATA", str(tmp_path / "absent"))
    code, out, _ = cli("doctor", "--json")
    assert code == 0
    assert "absent" in json.loads(out)["data"]["FITTINGROOM_DATA, used before all others"]


def test_output_off_a_terminal_is_plain(cli, trained, tmp_path):
    shutil.copytree(trained.folder, tmp_path / "runs" / trained.name)
    _, out, err = cli("runs")
    assert "\x1b" not in out + err


def test_the_module_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "fittingroom", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    assert "compare" in done.stdout
