"""The benchmarks of the statistics run, and say what they should; nobody asks their clocks."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from benchmarks import comparison_speed
from benchmarks.processes import ROOT
from benchmarks.statistics import Line, markdown, verdict

DOCS = ROOT / "docs"


def test_the_committed_page_is_that_of_the_committed_measurement():
    measured = json.loads((DOCS / "results" / "statistics.json").read_text(encoding="utf-8"))
    page = (DOCS / "results" / "statistics.md").read_text(encoding="utf-8")
    assert page == markdown(measured["parts"])
    assert not any(part["quick"] for part in measured["parts"].values())


def test_what_is_too_wide_is_told_from_what_errs_too_often():
    covers = Line("p", "s", "m", 0.95, 0.002, (0.94, 0.96), 10_000)
    assert verdict(covers) == "met"
    assert verdict(replace(covers, share=0.963)) == "within twice its error"
    assert verdict(replace(covers, share=0.99)) == "**missed**: too wide"
    assert verdict(replace(covers, share=0.92)) == "**missed**"
    assert verdict(replace(covers, share=0.07, target=(0.0, 0.055))) == "**missed**"
    assert verdict(replace(covers, target=None)) == ""


def test_what_covers_too_seldom_or_errs_too_often_is_said_to_fall_short():
    measured = json.loads((DOCS / "results" / "statistics.json").read_text(encoding="utf-8"))
    lines = [Line(**each) for part in measured["parts"].values() for each in part["lines"]]
    missed = {each.method for each in lines if verdict(each) == "**missed**"}
    short = (
        (DOCS / "methods" / "statistics.md")
        .read_text(encoding="utf-8")
        .split("## What falls short")[1]
    )
    for method in missed:
        assert f"**{method}**" in short


def run(name, *arguments):
    command = [sys.executable, str(ROOT / "benchmarks" / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_simulation_runs_as_make_calls_it(tmp_path):
    run("statistics.py", "--quick", "--only", "fitted", "--out", str(tmp_path))
    path = tmp_path / "statistics.json"
    lines = json.loads(path.read_text(encoding="utf-8"))["parts"]["fitted"]["lines"]
    assert {line["method"] for line in lines} >= {"Tango's interval", "McNemar, exact"}
    assert all(0.9 < line["share"] < 1 for line in lines if line["method"] == "Tango's interval")
    page = (tmp_path / "statistics.md").read_text(encoding="utf-8")
    assert all(f"{100 * line['share']:.2f}% ± " in page for line in lines)


@pytest.mark.slow
def test_a_part_measured_alone_keeps_the_others(tmp_path):
    other = {"seed": 1, "quick": False, "seconds": 1.0, "lines": []}
    path = tmp_path / "statistics.json"
    path.write_text(json.dumps({"parts": {"model": other, "gone": other}}), encoding="utf-8")
    run("statistics.py", "--quick", "--only", "fitted", "--out", str(tmp_path))
    parts = json.loads(path.read_text(encoding="utf-8"))["parts"]
    assert list(parts) == ["fitted", "model"]
    assert parts["model"] == other


@pytest.mark.slow
def test_a_whole_comparison_stays_below_its_bar_of_memory():
    measured = json.loads(run("comparison_speed.py", "--here"))
    assert set(measured) == {"seconds", "evaluation_seconds", "comparison_seconds", "megabytes"}
    assert 50 < measured["megabytes"] < comparison_speed.MEGABYTES
