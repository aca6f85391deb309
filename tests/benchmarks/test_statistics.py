"""The benchmarks of the statistics run, and say what they should; nobody asks their clocks."""

import json
import subprocess
import sys

import pytest

from benchmarks import comparison_speed
from benchmarks.processes import ROOT

pytestmark = pytest.mark.slow


def run(name, *arguments):
    command = [sys.executable, str(ROOT / "benchmarks" / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_simulation_runs_as_make_calls_it(tmp_path):
    run("statistics.py", "--quick", "--only", "fitted", "--out", str(tmp_path))
    lines = json.loads((tmp_path / "statistics.json").read_text(encoding="utf-8"))["lines"]
    assert {line["method"] for line in lines} >= {"Tango's interval", "McNemar, exact"}
    assert all(0.9 < line["share"] < 1 for line in lines if line["method"] == "Tango's interval")


def test_a_whole_comparison_stays_below_its_bar_of_memory():
    measured = json.loads(run("comparison_speed.py", "--here"))
    assert set(measured) == {"seconds", "evaluation_seconds", "comparison_seconds", "megabytes"}
    assert 50 < measured["megabytes"] < comparison_speed.MEGABYTES
