import importlib.metadata
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from fittingroom.classes import GARMENTS
from fittingroom.cli.app import COMMANDS, GROUPS, app
from fittingroom.data import recognise
from fittingroom.metrics import wilson
from fittingroom.recipes import RECIPES, recipe_of
from fittingroom.runs.stored import write_manifest

from ..conftest import written


def test_train_evaluate_report_and_list(cli, tmp_path):
    settings = ("--data", "sample", "--threads", "1", "--set", "epochs=2", "--set", "keep=last")
    code, out, err = cli("train", "tiny", *settings)
    assert code == 0
    assert "(epoch 2 of 2 is kept)" in out
    (shown,) = re.findall(r"validation accuracy (\S+ \(\S+\)) in", out)
    assert f"validation {shown}" in err  # the last epoch is the one kept
    code, out, _ = cli("train", "tiny", *settings, "--resume", "--json")
    trained = json.loads(out)
    assert (trained["recipe"], trained["seed"], trained["best_epoch"]) == ("tiny", 0, 2)

    code, out, _ = cli("evaluate", trained["run"], "--threads", "1", "--json")
    assert code == 0
    (scores,) = json.loads(out)
    assert scores["run"] == trained["run"]
    accuracy = scores["accuracy"]
    assert 0 < accuracy["low"] < accuracy["value"] < accuracy["high"] < 1
    assert "Ankle boot" in cli("evaluate", trained["run"])[1]

    _, out, _ = cli("runs", "--json")
    (listed,) = json.loads(out)
    assert listed["state"] == "finished"
    test = wilson(round(500 * accuracy["value"]), 500)
    assert listed["test_accuracy"] == {"sample": test.as_dict()}
    validation = wilson(round(167 * listed["validation_accuracy"]["value"]), 167)
    assert validation.percent == shown
    assert listed["validation_accuracy"] == validation.as_dict()
    _, out, err = cli("runs")
    assert "\x1b" not in out + err  # off a terminal
    (row,) = [line for line in out.splitlines() if "tiny" in line]
    assert len(row.rstrip()) <= 80
    assert re.findall(r"\d+\.\d\d%(?: \(\d+\.\d–\d+\.\d\))?", row) == [
        validation.percent,
        test.percent,
    ]
    code, out, _ = cli("report", trained["run"], "--out", "here", "--threads", "1")
    assert code == 0
    assert (tmp_path / "here" / "index.html").exists()
    assert "here" in out


def test_compare_prints_the_verdict_and_the_page(cli):
    options = ("--data", "sample", "--threads", "1", "--seeds", "1")
    code, out, _ = cli("compare", "tiny", "ann-fast", *options)
    assert code == 0
    lines = out.rstrip().splitlines()
    assert "Of these trained models" in lines[-6]  # the verdict, three findings, how many more
    assert [line.partition("]")[0][:1] for line in lines[-5:-2]] == ["["] * 3
    assert lines[-2].endswith("in the report.")
    assert lines[-1].endswith("report/index.html")


def test_help_names_every_command_in_a_group_with_an_example_that_parses(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = cli("--help")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    named = {name for examples in GROUPS.values() for name in examples}
    assert named == set(COMMANDS)
    for group, examples in GROUPS.items():
        assert f" {group} " in out
        for name, example in examples.items():
            command = typer.main.get_group(app).commands[name]
            with command.make_context(name, shlex.split(example)[1:]):
                pass
            assert f"Example: fittingroom {example}" in " ".join(cli(name, "--help")[1].split())


def test_verify_says_whether_a_claim_holds(cli):
    code, out, _ = cli("verify", "tiny", "--claim", "0.5", "--data", "sample")
    assert code == 0
    assert "The claim of 50.00% for tiny is exceeded" in " ".join(out.split())
    tests = re.findall(r" (\d+\.\d\d)% \(\d+\.\d–\d+\.\d\) ", out)
    assert len(tests) == 5
    assert all(wilson(round(5 * float(test)), 500).percent in out for test in tests)
    wide = ("--margin", "90", "--json")
    code, out, _ = cli("verify", "tiny", "--claim", "0.99", "--data", "sample", *wide)
    assert code == 0
    assert json.loads(out)["verdict"] == "reproduced"
    code, _, err = cli("verify", "tiny", "--claim", "88.34", "--data", "sample")
    assert code == 2
    assert "such as 0.8834" in err


def test_reproduce_says_whether_the_results_are_the_same(cli, run_copy):
    code, out, err = cli("reproduce", str(run_copy))
    assert code == 0
    assert run_copy.name in out
    assert "tiny, seed 0: done" in err
    path = run_copy / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    code, _, err = cli("reproduce", str(run_copy))
    assert code == 1
    assert "was changed" in err
    for revision, verdict, expected in (("0" * 12, "explained", 0), (None, "unexplained", 1)):
        values = json.loads((run_copy / "environment.json").read_text())
        values["revision"] = revision
        (run_copy / "environment.json").write_text(json.dumps(values))
        write_manifest(run_copy)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("fittingroom.runs.environment.code_revision", lambda: None)
            code, out, _ = cli("reproduce", str(run_copy), "--json")
        assert (json.loads(out)["verdict"], code) == (verdict, expected)


def test_audit_prints_what_it_found_and_where_to_look(cli, tmp_path):
    options = ("--data", "sample", "--recipe", "logreg", "--threads", "1", "--folds")
    code, out, _ = cli("audit", *options, "2")
    assert code == 0
    assert "Doubtful labels" in out
    assert "Of 2,500 labels in sample" in out
    code, out, err = cli("audit", *options, "2", "--json")
    assert code == 0
    assert "Using the finished audit" in err
    values = json.loads(out)
    assert (tmp_path / values["page"]).is_file()
    assert values["basis"]["folds"] == 2
    assert len(values["doubtful"]) == sum(values["counts"]["doubtful"].values())
    assert cli("audit", *options, "1")[0] == 2


def test_cv_prints_accuracy_over_all_training_images(cli):
    options = ("cv", "logreg", "--data", "sample", "--threads", "1", "--folds", "2")
    code, out, _ = cli(*options)
    assert code == 0
    assert re.search(r"logreg +1 +8\d\.\d\d% +\d\d\.\d\d–\d\d\.\d\d% +0\.\d{3} \(", out)
    code, out, err = cli(*options, "--json")
    values = json.loads(out)
    assert (values["images"], values["folds"], values["pairs"]) == (2000, 2, [])
    assert "using 2 finished folds" in err


def test_what_tune_found_is_taken_by_train_and_summary(cli, tmp_path):
    arguments = (
        *("tune", "ann-fast", "--trials", "2", "--seeds", "0", "--data", "sample"),
        *("--threads", "1", "--vary", "learning_rate", "--vary", "batch_size", "--out", "found"),
    )
    code, out, _ = cli(*arguments)
    assert code == 0
    assert "learning_rate" in out
    assert "To train it: fittingroom train found/tuned.json" in out
    _, out, _ = cli(*arguments, "--json")
    values = json.loads(out)
    assert len(values["trials"]) == 2
    assert (tmp_path / values["page"]).is_file()
    assert not (tmp_path / "runs").exists()
    code, out, _ = cli("train", values["recipe_file"], "--data", "sample", "--set", "epochs=1")
    assert code == 0
    assert "ann-fast-tuned-s0-" in out
    _, out, _ = cli("summary", values["recipe_file"])
    assert out.startswith("ann-fast-tuned: ")


def test_data_show_counts_and_overwrites_no_sheet(cli, tmp_path):
    sheet, show = tmp_path / "mine.png", ("data", "show", "--data", "sample", "--sheet", "mine.png")
    assert "2,000 training images in 10 classes, and 500 test images.\n" in cli(*show)[1]
    drawn = sheet.read_bytes()
    sheet.write_bytes(b"mine")
    assert "was left as it is" in cli(*show)[1]
    assert json.loads(cli(*show, "--json")[1])["sheet"] is None
    assert sheet.read_bytes() == b"mine"
    assert cli(*show, "--force")[0] == 0
    assert sheet.read_bytes() == drawn


def test_data_that_only_looks_like_fashion_mnist_is_warned_about(
    cli, sample, tmp_path, monkeypatch
):
    monkeypatch.setattr(recognise, "_SIZES", (2000, 500))
    training, test = (each.take(each.indices) for each in (sample.training(), sample.open_test()))
    training.labels[:6] = (training.labels[:6] + 1) % 10
    written(tmp_path / "changed", (training, test), GARMENTS)
    shown = json.loads(cli("data", "show", "--data", "changed", "--json")[1])
    assert shown["description"].startswith("The data is changed (IDX files): not the official")
    assert shown["description"].endswith("with changes: 6 of 2,500 labels differ.")
    _, _, err = cli("train", "tiny", "--data", "changed", "--set", "epochs=x")
    assert f"Warning: {shown['description']}" in err


def test_recipes_and_summary(cli):
    code, out, _ = cli("recipes")
    assert code == 0
    for recipe in RECIPES.values():
        (row,) = (line.split() for line in out.splitlines() if line.split()[:1] == [recipe.name])
        if recipe.claim:
            assert re.fullmatch(r"\d\d\.\d\d%", row[1])
            assert f"{row[1]} test accuracy" in recipe.claim
            assert "after" not in recipe.claim or f"after {' '.join(row[2:-1])} of" in recipe.claim
    assert "712,960 multiply-adds an image: 2 views of 356,480" in cli("recipes", "ann")[1]
    code, out, _ = cli("recipes", "--json")
    assert {"ann", "cnn"} <= {recipe["name"] for recipe in json.loads(out)}
    assert [recipe["name"] for recipe in json.loads(out)] == list(RECIPES)
    Path("mine.json").write_text(cli("recipes", "tiny", "--json")[1])
    assert recipe_of("mine.json") == RECIPES["tiny"]
    assert cli("recipes", "tiny")[1].count("multiply-adds an image") == 1
    code, out, _ = cli("summary", "tiny", "--json")
    layers = json.loads(out)["layers"]
    assert [layer["layer"] for layer in layers][:2] == ["Conv", "BatchNorm"]
    assert layers[0]["parameters"] == 8 * 16
    code, out, _ = cli("summary", "tiny")
    assert "8 × 7 × 7" in out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("train", "cnnn"), 1, "Did you mean 'cnn'"),
        (("train", "tiny", "--set", "epoch=1", "--data", "sample"), 2, "Did you mean 'epochs'"),
        (("train", "tiny", "--set", "epochs", "--data", "sample"), 2, "--set name=value"),
        (("train", "tiny", "--data", "absent"), 1, "absent"),
        (("train", "tiny", "--device", "tpu", "--data", "sample"), 2, "tpu"),
        (("train", "tiny", "--seed", "one"), 2, "--seed"),
        (("export", "--to", "pdf", "--out", "a"), 2, "'--to': 'pdf' is not one of keras"),
        (("train",), 2, "recipe"),
        (("summary", "nothing"), 1, "nothing"),
        (("evaluate", "absent"), 1, "no run folder"),
        (("trian",), 2, "trian"),
        (("tune", "ann", "--data", "sample", "--vary", "learning-rate"), 2, "'learning_rate'"),
        (("train", "none.json", "--data", "sample"), 1, "none.json can't be read: No such file"),
    ],
)
def test_a_mistake_gets_one_message_and_its_exit_code(cli, arguments, code, words):
    received, out, err = cli(*arguments)
    assert received == code
    assert words in err
    assert out == ""


def test_no_code_of_a_file_reaches_the_terminal(cli, run_copy):
    summary = run_copy / "summary.json"
    summary.write_text(json.dumps({"\x1b[2J": 1}))
    write_manifest(run_copy)
    code, _, error = cli("evaluate", str(run_copy))
    assert code == 1
    assert "\x1b" not in error
    assert "[2J" in error


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


def test_classical_recipes_show_their_settings(cli):
    assert json.loads(cli("summary", "logreg", "--json")[1])["model"]["strength"] == 0.1
    assert "learning_rate" in cli("summary", "forest")[1]
    command = ("train", "logreg", "--data", "sample", "--set", "model.iterations=5")
    code, out, _ = cli(*command)
    assert code == 0
    assert "epoch" not in out
    assert json.loads(cli(*command, "--resume", "--json")[1])["best_epoch"] is None
    code, _, err = cli("train", "logreg", "--data", "sample", "--device", "cuda")
    assert code == 2
    assert "cpu" in err


def test_doctor_and_version(cli, monkeypatch, tmp_path):
    monkeypatch.setenv("FITTINGROOM_DATA", str(tmp_path / "absent"))
    code, out, _ = cli("doctor", "--json")
    assert code == 0
    values = json.loads(out)
    extras = values["extras"]
    assert [extras[name] for name in ("core", "train", "tune", "serve")] == ["complete"] * 4
    declared = importlib.metadata.metadata("fittingroom").get_all("Provides-Extra") or ()
    assert set(extras) == {"core", *declared}
    assert values["threads"] >= 1
    assert "absent" in values["data"]["FITTINGROOM_DATA, used before all others"]
    assert cli("doctor")[1].rstrip().splitlines()[-1].startswith("Ready. ")
    assert "No runs in runs" in cli("runs")[2]
    assert cli("--version")[1].startswith("fittingroom 0.")


DLL = "DLL load failed while importing it: The specified module could not be found."


@pytest.mark.slow
@pytest.mark.parametrize("package", ["onnxruntime", "numpy"])
def test_a_broken_package_is_named_by_doctor_and_by_one_sentence_elsewhere(tmp_path, package):
    (tmp_path / f"{package}.py").write_text(f"raise ImportError({DLL!r})")
    paths = os.pathsep.join([str(tmp_path), *sys.path])

    def call(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "fittingroom", *arguments],
            env=os.environ | {"PYTHONPATH": paths},
            capture_output=True,
            text=True,
            timeout=600,
        )

    for command in ("predict x.png", "serve", "evaluate a"):
        done = call(*command.split())
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"Error: A package can't be loaded: {DLL} See `fittingroom doctor`.\n"
    extras = json.loads(call("doctor", "--json").stdout)["extras"]
    assert f"{package} is broken: {DLL} Install the Microsoft Visual C++" in extras["core"]
    assert extras["docs"] == "complete"
