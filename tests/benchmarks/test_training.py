import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import processes, table, training
from benchmarks.processes import ROOT
from benchmarks.table import Table, code_digest, correct_of
from benchmarks.training_page import recipes_table
from fittingroom.comparison import SeedScores, accuracy_interval
from fittingroom.runs import read_openings


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """Call the benchmark on made-up measurements; what its file then holds."""
    monkeypatch.setattr(training, "whole_epochs", lambda: 20)

    def call(*arguments: str, code: int = 0):
        out = tmp_path / "results"
        assert training.main([*arguments, "--out", str(out), "--runs", str(tmp_path / "r")]) == code
        return json.loads((out / "training.json").read_text())

    return call


# No peers, and no TensorFlow whatever there is in this folder.
ALONE = ("--no-peers", "--tensorflow-python", "none")
TWO = ("--recipes", "ann", "cnn", "--seeds", "2", "--tensorflow-python", sys.executable)


def test_seeds_take_turns_and_every_row_has_the_predecessor_s_epoch_of_its_sitting(worker, bench):
    measured = bench(*TWO)
    assert worker.asked == [
        "ceilings",
        ("keras-cnn", "tensorflow"),
        ("keras-cnn", "torch"),
        ("tutorial", 0),
        ("ann", 0),
        ("cnn", 0),
        ("ann", 1),
        ("cnn", 1),
    ]
    assert measured["sittings"][0]["predecessor"]["tensorflow"]["epoch_seconds"] == 40
    ann = measured["recipes"]["ann"]
    assert ann["seconds"] == 8.5
    assert ann["predecessor_epochs"] == pytest.approx(8.5 / 40)
    assert ann["factor"] == pytest.approx(20 / (8.5 / 40))
    assert ann["ceiling_share"] == pytest.approx(ann["gflops"] / 100)


def test_the_interval_is_that_of_the_comparison_over_seeds_and_pictures(worker, bench):
    measured = bench(*TWO)
    rows = [row for row in measured["rows"] if row["recipe"] == "cnn"]
    correct = correct_of(rows)
    assert correct.mean(axis=1).tolist() == [row["test_accuracy"] for row in rows]
    expected = accuracy_interval(SeedScores.of(correct))
    assert measured["recipes"]["cnn"]["interval"] == [expected.low, expected.high]
    (verdict,) = measured["verdicts"]
    assert verdict.startswith("cnn is better than ann: on average")
    assert "2 trainings of each" in verdict


@pytest.mark.parametrize(
    ("shares", "expected", "quiet"),
    [((0.0, 0.04, 0.3), 8.5, True), ((0.2, 0.1, 0.3), 9.0, False), ((None, None, None), 9.0, True)],
)
def test_seconds_are_those_of_a_quiet_machine_where_there_are_any(
    worker, bench, monkeypatch, shares, expected, quiet
):
    trained = worker._trained

    def beside_others(name, seed, ends):
        return {**trained(name, seed, ends), "others_share": shares[seed]}

    monkeypatch.setattr(worker, "_trained", beside_others)
    # Seeds 0, 1 and 2 take 8, 9 and 10 s.
    measured = bench(*ALONE, "--recipes", "ann", "--seeds", "3")
    ann = measured["recipes"]["ann"]
    assert ann["seconds"] == pytest.approx(expected)
    assert (ann["quiet"], ann["seeds"]) == (quiet, [0, 1, 2])
    (row,) = (line for line in recipes_table(measured) if "`ann`" in line)
    assert ("≤ " in row) is not quiet


def test_what_others_computed_meanwhile_is_a_share_of_all_processors():
    processors = os.cpu_count() or 1
    assert processes.others_share((100.0, 5.0), (100.0 + 6 * processors, 5.0 + 4), 10.0) == (
        pytest.approx((6 * processors - 4) / (10 * processors))
    )
    assert processes.others_share((100.0, 5.0), (103.0, 9.0), 10.0) == 0
    assert processes.others_share(None, None, 10.0) is None


def test_broken_off_it_keeps_what_is_finished_and_goes_on_in_a_new_sitting(worker, bench):
    worker.broken_off_at = ("cnn", 0)
    first = bench(*TWO, code=130)
    assert [row["recipe"] for row in first["rows"]] == ["tutorial", "ann"]
    worker.broken_off_at = None
    worker.asked.clear()
    second = bench(*TWO)
    # The predecessor's epoch anew; its peer on PyTorch once on one machine.
    assert worker.asked[:2] == ["ceilings", ("keras-cnn", "tensorflow")]
    assert worker.asked[2:] == [("cnn", 0), ("ann", 1), ("cnn", 1)]
    assert second["rows"][:2] == first["rows"]
    assert [row["sitting"] for row in second["rows"]] == [0, 0, 1, 1, 1]
    worker.asked.clear()
    assert bench(*TWO)["rows"] == second["rows"]
    assert worker.asked == []


def test_a_sitting_without_a_row_leaves_no_trace(worker, bench):
    worker.broken_off_at = ("tutorial", 0)
    assert training.main([*TWO, "--out", "/nowhere/at/all"]) == 130
    worker.broken_off_at = None
    assert len(bench(*TWO)["sittings"]) == 1


def test_another_machine_s_rows_keep_their_own_sitting(worker, bench):
    bench("--recipes", "ann", "--seeds", "1", "--no-peers")
    worker.processor = "Another"
    measured = bench("--recipes", "ann", "--seeds", "2", "--no-peers")
    used = [measured["sittings"][row["sitting"]]["environment"] for row in measured["rows"]]
    assert [each["processor"] for each in used] == ["A processor", "Another"]


@pytest.mark.parametrize("change", ["code", "threads"])
def test_a_row_of_other_code_or_threads_is_measured_again(worker, bench, monkeypatch, change):
    one = ("--recipes", "ann", "cnn", "--seeds", "1", "--no-peers", "--threads")
    bench(*one, "1")
    worker.asked.clear()
    if change == "code":
        monkeypatch.setattr(training, "training_code", lambda engine, on_gpu: "other")
    ann_alone = ("--recipes", "ann", "--seeds", "1", "--no-peers", "--threads")
    measured = bench(*ann_alone, "1" if change == "code" else "2")
    assert ("ann", 0) in worker.asked
    # The other recipe's row is not thrown away, but it does not count.
    assert [row["recipe"] for row in measured["rows"]] == ["cnn", "ann"]
    assert list(measured["recipes"]) == ["ann"]


def test_comments_docstrings_and_resuming_are_no_other_code(tmp_path):
    path = tmp_path / "code.py"
    digests = []
    for text in (
        "x = 1\n",
        '"""Says."""\n\nx = 1  # one\n',
        "x = 1\n\n\ndef go_on_from(start):\n    return start\n",
        "x = 2\n",
    ):
        path.write_text(text)
        digests.append(code_digest([path]))
    assert digests[0] == digests[1] == digests[2] != digests[3]
    assert table.training_code("pytorch") != table.training_code("keras")


def test_what_records_steps_is_code_of_a_gpu_s_rows_alone(tmp_path, monkeypatch):
    package = tmp_path / "fittingroom"
    shutil.copytree(table.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(table, "PACKAGE", package)

    def digests():
        return tuple(table.training_code("pytorch", on_gpu=gpu) for gpu in (False, True))

    of_processor, of_gpu = digests()
    folder = package / "engines" / "pytorch"
    for name, old, new in (
        ("cuda.py", "_WARM_UP = 3", "_WARM_UP = 4"),
        ("training.py", "        self._predict()  #", "        #"),
    ):
        whole = (folder / name).read_text()
        assert old in whole
        (folder / name).write_text(whole.replace(old, new))
        processor, gpu = digests()
        assert (processor, gpu != of_gpu) == (of_processor, True)
        (folder / name).write_text(whole)
    whole = (folder / "optimizers.py").read_text()
    (folder / "optimizers.py").write_text(whole + "\nx = 1\n")
    assert all(new != old for new, old in zip(digests(), (of_processor, of_gpu), strict=True))


def test_no_row_is_begun_that_would_not_end_in_time(worker, bench, capsys):
    bench("--recipes", "ann", "--seeds", "1", *ALONE)  # a row takes 60 s
    worker.asked.clear()
    measured = bench("--recipes", "ann", "cnn", "--seeds", "2", *ALONE, "--minutes", "0.5")
    assert worker.asked == ["ceilings", ("cnn", 0)]  # unknown: begun; then known, and too long
    said = capsys.readouterr().out
    assert "ann, seed 1: left out, it takes about 60 s" in said
    assert "cnn, seed 1: left out, it takes about 60 s" in said
    assert len(measured["rows"]) == 2
    worker.asked.clear()
    bench("--recipes", "ann", "cnn", "--seeds", "2", *ALONE, "--minutes", "0.5")
    assert worker.asked == []  # nothing fits, so the machine is not measured either


def test_a_training_that_broke_down_is_told_and_not_tried_again(worker, bench, tmp_path):
    worker.failing = ("ann", 1)
    measured = bench(*TWO)
    assert measured["recipes"]["ann"]["seeds"] == [0]
    assert "`ann`, seed 1: no number" in (tmp_path / "results" / "training.md").read_text()
    worker.asked.clear()
    bench(*TWO)
    assert worker.asked == []


def test_without_tensorflow_the_ratio_is_left_out_and_that_is_said(worker, bench, tmp_path, capsys):
    measured = bench("--recipes", "ann", "--seeds", "1", "--tensorflow-python", "none")
    assert measured["recipes"]["ann"]["predecessor_epochs"] is None
    assert measured["recipes"]["ann"]["factor"] is None
    assert "no TensorFlow here" in capsys.readouterr().out
    page = (tmp_path / "results" / "training.md").read_text()
    assert "| no TensorFlow |" in page


def test_the_page_shows_every_recipe_and_every_seed(worker, bench, tmp_path):
    measured = bench(*TWO)
    page = (tmp_path / "results" / "training.md").read_text()
    for name, each in measured["recipes"].items():
        assert f"**{each['accuracy']:.2%}**" in page
        low, high = each["interval"]
        assert f"{low:.2%}–{high:.2%}" in page
        for seed in each["seeds"]:
            assert re.search(rf"^\| {name} \| {seed} \| ", page, re.MULTILINE)
    assert "![Test accuracy against training time](training.png)" in page
    with Image.open(tmp_path / "results" / "training.png") as picture:
        assert picture.size > (1000, 600)


def test_held_to_avx2_it_writes_files_of_their_own(worker, tmp_path):
    arguments = ["--recipes", "ann", "--seeds", "1", "--avx2", "--out", str(tmp_path)]
    assert training.main([*arguments, "--runs", str(tmp_path / "r")]) == 0
    assert json.loads((tmp_path / "training-avx2.json").read_text())["instructions"] == "AVX2"
    assert (tmp_path / "training-avx2.md").exists()


ON_GPU = ("--device", "cuda", "--recipes", "cnn", "gpu-best", "--seeds", "1")


def test_on_a_gpu_it_writes_files_of_their_own_and_says_what_the_gpu_took(
    worker, tmp_path, monkeypatch
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    places = ("--out", str(tmp_path), "--runs", str(tmp_path / "r"))
    arguments = [*ON_GPU, "--tensorflow-python", sys.executable, *places]
    assert training.main(arguments) == 0
    assert worker.devices == {
        ("keras-cnn", "tensorflow"): "cpu",
        ("keras-cnn", "torch"): "cuda",
        ("cnn", None): "cuda",
        ("gpu-best", None): "cuda",
    }
    measured = json.loads((tmp_path / "training-cuda.json").read_text())
    assert [row["conditions"]["device"] for row in measured["rows"]] == ["cuda"] * 2
    assert measured["recipes"]["cnn"]["device_peak_memory_mb"] == 900
    page = (tmp_path / "training-cuda.md").read_text()
    assert "| A GPU, " in page
    assert "500 MB, GPU 900 MB" in page
    assert "- gpu-best, seed 0: 1.5 s of warm-up on the GPU" in page
    assert "best matrix product of the sitting on the GPU" in page
    assert (tmp_path / "training-cuda.png").exists()
    worker.asked.clear()
    assert training.main(arguments) == 0
    assert worker.asked == []


@pytest.mark.parametrize(
    ("added", "words"),
    [
        (["--avx2"], "without --device cuda"),
        (["--recipes", "cnn", "forest"], "for recipes of PyTorch, not forest"),
        ([], "finds no GPU here"),
    ],
)
def test_what_no_gpu_does_is_no_row_of_one(capsys, monkeypatch, added, words):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit):
        training.main([*ON_GPU, *added])
    assert words in capsys.readouterr().err


def test_a_trial_may_not_write_where_the_results_are(capsys):
    with pytest.raises(SystemExit):
        training.main(["--data", "sample"])
    assert "--out of its own" in capsys.readouterr().err


def test_labels_of_the_picture_do_not_lie_on_each_other():
    from matplotlib.text import Annotation

    from benchmarks.frontier import Point, frontier

    crowd = [
        Point(f"recipe-{place}", "dense", 10 * 1.15**place, 0.91 + 0.001 * place, (0.905, 0.925))
        for place in range(9)
    ]
    figure = frontier(crowd, 40.0)
    (axes,) = figure.axes
    labels = [
        text.get_window_extent()
        for text in axes.texts
        if isinstance(text, Annotation) and text.get_text()
    ]
    assert len(labels) == 9
    touching = [
        (one, two)
        for place, one in enumerate(labels)
        for two in labels[:place]
        if one.overlaps(two)
    ]
    assert not touching


ANN = (
    *("--data", "sample", "--epochs", "1", "--recipes", "ann", "--threads", "1"),
    *("--tensorflow-python", "none", "--no-peers"),
)


def start(out: Path, *arguments: str) -> "subprocess.Popen[str]":
    places = ("--out", str(out), "--runs", str(out / "runs"))
    return subprocess.Popen(
        [sys.executable, "benchmarks/training.py", *ANN, *arguments, *places],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.slow
def test_end_to_end_killed_after_the_first_row_and_gone_on_with(tmp_path):
    process = start(tmp_path, "--seeds", "9")
    stored = tmp_path / "training.json"
    until = time.monotonic() + 120
    while not stored.exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    kept = Table.load(stored, "").rows
    assert kept

    again = start(tmp_path, "--seeds", str(len(kept) + 1))
    said, _ = again.communicate(timeout=120)
    assert again.returncode == 0, said
    measured = json.loads(stored.read_text())
    assert measured["rows"][: len(kept)] == kept
    assert [row["sitting"] for row in measured["rows"]] == [0] * len(kept) + [1]
    for row in measured["rows"]:
        assert row["test_accuracy"] == (500 - len(row["mistakes"].split())) / 500
        assert row["peak_memory_mb"] > 100
        assert 0 < row["seconds"] < row["wall_seconds"]
        assert {"epoch", "seconds", "val_accuracy"} <= row["history"][0].keys()
    assert max(measured["sittings"][0]["ceilings"]["products_gflops"].values()) > 1
    assert np.isfinite(measured["recipes"]["ann"]["accuracy"])
    scored = {opening.run for opening in read_openings(tmp_path / "runs")}
    assert scored >= {row["run"] for row in measured["rows"]}
    assert (tmp_path / "training.md").exists()
    assert (tmp_path / "training.png").exists()
