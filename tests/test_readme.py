"""What the README says holds: its commands exist, its files are there, its links lead there."""

import json
import re
import shlex
from pathlib import Path

import pytest

from benchmarks.training_page import short_table
from fittingroom.cli import run
from fittingroom.recipes import RECIPES, settable_names

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> list[list[str]]:
    """Each ``fittingroom …`` line of an indented block, its comment cut off."""
    found = re.findall(r"^    (?:\.venv/bin/)?fittingroom (.*)$", README, re.MULTILINE)
    return [shlex.split(line, comments=True) for line in found]


def test_there_are_commands():
    assert len(commands()) >= 8


@pytest.mark.parametrize("arguments", commands(), ids=" ".join)
def test_every_command_and_its_options_exist(arguments, capsys):
    words = [word for word in arguments if not word.startswith("-")]
    depth = 2 if words[0] == "data" else 1
    assert run([*words[:depth], "--help"]) == 0
    known = capsys.readouterr().out
    for option in (word for word in arguments if word.startswith("--")):
        assert option.split("=")[0] in known
    for setting in re.findall(r"--set (\S+)=", " ".join(arguments)):
        assert setting in settable_names(RECIPES[words[1]])
    if words[0] in ("train", "summary"):
        assert words[1] in RECIPES


def test_every_make_target_named_exists():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"(?:^    |`)make ([a-z-]+)", README, re.MULTILINE)
    assert named
    assert set(named) <= set(targets)


def test_every_picture_and_link_leads_somewhere():
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in link:
            assert (ROOT / link).exists(), link


def test_the_tree_lists_every_module_once():
    listed = re.findall(r"^[│ ]*[├└]── (\S+\.py)\b", README, re.MULTILINE)
    package = ROOT / "src" / "fittingroom"
    modules = [path.name for path in package.rglob("*.py") if path.name != "__init__.py"]
    assert sorted(listed) == sorted([*modules, "__init__.py"])  # the package's own is a door


def test_requirements_pin_everything_and_pyproject_nothing():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith(("#", "-"))]
    assert all(re.match(r"[A-Za-z0-9_.-]+==[^=\s]+", line) for line in pins)
    assert "torch==2.13.0" in pins
    project = (ROOT / "pyproject.toml").read_text()
    assert not re.search(r'^    "[a-z0-9_-]+==', project, re.MULTILINE)


@pytest.mark.parametrize("name", ["ann", "cnn"])
def test_the_figures_are_those_of_the_committed_measurement(name):
    measured = json.loads((ROOT / "docs" / "results" / "defaults.json").read_text())
    (model,) = (each for each in measured["comparison"]["models"] if each["name"] == name)
    runs = [run for run in measured["runs"] if run["recipe"] == name]
    low, high = model["interval"]
    seconds = sum(run["seconds"] for run in runs) / len(runs)
    row = (
        f"| `{name}` | **{model['accuracy']:.2%}** | {low:.2%}–{high:.2%} | {seconds:.0f} s "
        f"| {runs[0]['parameters']:,} |"
    )
    assert row in README
    claim = RECIPES[name].claim
    assert f"{model['accuracy']:.2%}" in claim
    assert f"{seconds:.0f} s" in claim


def test_the_verdict_is_the_measured_one():
    measured = json.loads((ROOT / "docs" / "results" / "defaults.json").read_text())
    assert measured["comparison"]["sentence"] in " ".join(README.split())


def test_the_table_of_the_frontier_is_the_committed_measurement():
    stored = ROOT / "docs" / "results" / "training.json"
    if not stored.exists():
        pytest.skip("the frontier is not measured yet")
    for line in short_table(json.loads(stored.read_text(encoding="utf-8"))):
        assert line in README


def test_nothing_is_left_to_be_filled_in():
    assert not re.search(r"@[A-Z0-9]+@", README)
    for recipe in RECIPES.values():
        for path in re.findall(r"\b(?:docs|benchmarks)/\S+\.\w+", recipe.claim):
            assert (ROOT / path).exists()
