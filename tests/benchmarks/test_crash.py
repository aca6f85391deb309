"""The small version of the crash benchmark, in a process of its own, since it forks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import processes
from benchmarks.crash_faults import Moment

ROOT = Path(__file__).parents[2]


def crash(tmp_path, *arguments):
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "crash.py"), "--out", str(tmp_path), *arguments],
        env=processes.environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads((tmp_path / "crash.json").read_text())


def test_the_moment_of_a_death_is_told_by_what_was_written():
    moment = Moment()
    assert moment.words == "before its folder"
    with moment.writing("recipe.json"):
        assert moment.words == "while writing the recipe and environment"
    assert moment.words == "before the first checkpoint"
    with moment.writing("history.jsonl"):
        pass
    assert moment.words == "before the first checkpoint"
    with moment.writing("checkpoint.safetensors"):
        assert moment.words == "while writing a checkpoint"
    assert moment.words == "in an epoch"
    with moment.writing("model.onnx"):
        assert moment.words == "while writing a result"
    assert moment.words == "in the export"
    with moment.writing("manifest.json"):
        pass
    assert moment.words == "after the manifest"


@pytest.mark.slow
def test_a_training_that_is_killed_at_random_goes_on_to_the_same_bytes(tmp_path):
    part = crash(tmp_path, "--parts", "kills", "--kills", "30", "--epochs", "2")["parts"]["kills"]
    assert part["count"] == 30
    assert part["failures"] == []
    assert sum(part["fell"].values()) == 30
    assert "30 SIGKILLs" in (tmp_path / "crash.md").read_text()


@pytest.mark.slow
def test_no_operation_of_scoring_that_fails_harms_the_run(tmp_path):
    part = crash(tmp_path, "--parts", "scores", "--epochs", "1", "--every", "3")["parts"]["scores"]
    assert part["failures"] == []
    assert part["counts"]["error"] == part["counts"]["death"] == part["operations"] // 3 > 2
    assert "scoring a finished run" in (tmp_path / "crash.md").read_text()


@pytest.mark.slow
def test_no_write_flush_or_rename_that_fails_loses_anything(tmp_path):
    part = crash(tmp_path, "--parts", "failures", "--epochs", "1")["parts"]["failures"]
    assert part["failures"] == []
    # Nine files, each opened, written, flushed twice, renamed, its folder opened and flushed.
    assert part["counts"]["error"] == part["counts"]["death"] == part["operations"] >= 9 * 7
    assert part["counts"]["half"] == part["counts"]["half death"] >= 9


@pytest.mark.slow
def test_a_full_disk_and_a_read_only_folder_lose_nothing(tmp_path):
    arguments = ("--parts", "full", "read-only", "--epochs", "1", "--every", "5")
    parts = crash(tmp_path, *arguments)["parts"]
    assert parts["full"]["failures"] == parts["read-only"]["failures"] == []
    assert parts["full"]["refused_by_limit"] == parts["full"]["file_limits"] > 5
    assert parts["read-only"]["refused"] > 5
