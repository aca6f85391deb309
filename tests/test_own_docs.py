"""``docs/how-to/own-model.md``: its examples, commands and Python, on the embedded sample."""

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

import fittingroom
from fittingroom.cli import run

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "how-to" / "own-model.md").read_text(encoding="utf-8")
EXAMPLES = ("own_torch", "own_keras", "own_sklearn")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of the examples, where runs are left and used again."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copytree(ROOT / "docs" / "examples", folder / "docs" / "examples")
    sklearn = folder / "docs" / "examples" / "own_sklearn.py"
    sklearn.write_text(sklearn.read_text().replace("max_iter=60", "max_iter=60, tol=1"))
    return folder


@pytest.fixture
def cli(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)

    def call(*arguments):
        code = run(list(arguments))
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return captured.out

    return call


def commands():
    found = re.findall(r"^    fittingroom (.*)$", PAGE, re.MULTILINE)
    return [shlex.split(line) for line in found]


def short(arguments):
    """A command of the page on the sample, and with one epoch where it says how many."""
    extra = [] if arguments[0] == "summary" else ["--data", "sample", "--threads", "1"]
    extra += ["--seeds", "1"] if arguments[0] == "compare" else []
    return [re.sub(r"^epochs=\d+$", "epochs=1", word) for word in arguments] + extra


@pytest.mark.parametrize(
    "arguments", [each for each in commands() if each[0] != "compare"], ids=" ".join
)
def test_every_other_command_of_the_page_runs(arguments, cli):
    assert cli(*short(arguments))


def test_the_page_has_its_commands():
    named = [arguments[0] for arguments in commands()]
    assert named == ["train", "summary", "compare", "verify", "train"]


def test_all_three_are_in_one_report_with_a_recipe_of_the_catalogue(cli, folder):
    (arguments,) = (each for each in commands() if each[0] == "compare")
    models = json.loads(cli(*short(arguments), "--json"))["models"]
    assert [model["name"] for model in models] == ["ann", *EXAMPLES]
    page = (folder / "report" / "index.html").read_text(encoding="utf-8")
    assert all(f"{name}.py:build" in page for name in EXAMPLES)  # their titles


def test_the_python_of_the_page_runs(folder, monkeypatch, sample):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FITTINGROOM_DATA", "sample")
    session = fittingroom.Session(data=sample, threads=1)
    for name, more in (("train", {}), ("compare", {"seeds": 1})):
        job = getattr(fittingroom, name)
        monkeypatch.setattr(
            fittingroom, name, lambda what, job=job, more=more: job(what, session=session, **more)
        )
    told: dict[str, Any] = {}
    exec(compile(code, "own-model.md", "exec"), told)
    assert [model.name for model in told["outcome"].comparison.models] == ["ann", "linear-muon"]
