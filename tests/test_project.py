"""The files that a public project has around its code: readable, and of one version."""

import ast
import re
import tomllib
from pathlib import Path

import yaml

import fittingroom
from tools.licences import PAGE, pinned

ROOT = Path(__file__).parents[1]


def load(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_the_version_is_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == fittingroom.__version__
    cited = load("CITATION.cff")
    assert cited["version"] == fittingroom.__version__
    released = rf"^## {re.escape(fittingroom.__version__)} \({cited['date-released']}\)$"
    assert re.search(released, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert cited["authors"] == project["authors"]
    bibtex = ROOT / "src/fittingroom/reporting/templates/cite.bib.jinja"
    assert f"year = {{{cited['date-released'][:4]}}}" in bibtex.read_text(encoding="utf-8")


def test_the_workflow_tests_every_system_and_python_by_make_targets_that_exist():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    jobs = load(".github/workflows/tests.yml")["jobs"]
    matrix = jobs["test"]["strategy"]["matrix"]
    assert [os.split("-")[0] for os in matrix["os"]] == ["ubuntu", "macos", "windows"]
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]
    runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    named = re.findall(r"^make ([a-z-]+)", "\n".join(runs), re.MULTILINE)
    assert named
    assert set(named) <= set(targets)


def test_the_hooks_before_a_commit_are_local():
    (repository,) = load(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    assert {"ruff-check", "ruff-format", "mypy"} == {hook["id"] for hook in repository["hooks"]}


def test_every_template_for_an_issue_has_its_head():
    for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.md"):
        head = yaml.safe_load(path.read_text(encoding="utf-8").split("---\n")[1])
        assert {"name", "about", "labels"} == set(head)


def test_no_message_names_a_page_that_an_installed_package_has_not():
    package = ROOT / "src" / "fittingroom"
    for path in package.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        lone = {id(each.value) for each in nodes if isinstance(each, ast.Expr)}  # docstrings
        texts = (each for each in nodes if isinstance(each, ast.Constant) and id(each) not in lone)
        assert not any("docs/" in str(each.value) for each in texts), path
    for path in package.rglob("*.jinja"):
        assert not re.search(r"(?<!/blob/main/)docs/", path.read_text("utf-8")), path


def test_the_page_of_licences_lists_every_pin():
    rows = re.findall(r"^\| (\S+) \| (\S+) \| \S.* \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert rows == [("package", "version"), *pinned()]
