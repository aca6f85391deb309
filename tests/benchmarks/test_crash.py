"""The small version of the crash benchmark, in a process of its own, since it forks."""

import json
import subprocess
import sys

import pytest

from benchmarks.measure import ROOT, environment


def crash(tmp_path, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.crash", "--out", str(tmp_path), *arguments],
        cwd=ROOT,
        env=environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads((tmp_path / "crash.json").read_text())["parts"]


@pytest.mark.slow
def test_a_training_that_is_killed_at_random_resumes_to_the_same_bytes(tmp_path):
    part = crash(tmp_path, "--parts", "kills", "--kills", "30", "--epochs", "2")["kills"]
    assert part["failures"] == []
    assert part["count"] == sum(part["fell"].values()) == 30
    assert len(part["fell"]) > 2


@pytest.mark.slow
def test_no_operation_that_fails_loses_anything(tmp_path):
    arguments = ("--parts", "failures", "scores", "--epochs", "1", "--every", "2")
    parts = crash(tmp_path, *arguments)
    for part in parts.values():
        assert part["failures"] == []
        assert part["counts"]["error"] == part["counts"]["death"] == part["operations"] // 2
        assert part["counts"]["half"] == part["counts"]["half death"] >= 1
    # Nine files, each opened, written, flushed twice, renamed, its folder opened and flushed.
    assert parts["failures"]["operations"] >= 9 * 7
