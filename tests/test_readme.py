"""The commands of the README and of the documentation exist; the cheap ones run; figures are the
measured ones."""

import json
import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

from fittingroom.cli import run
from fittingroom.engines import engine_named
from fittingroom.recipes import RECIPES, settable_names
from tools.state_results import for_readme, state_claims

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", DOCS / "index.md"]
PAGES += sorted([*(DOCS / "how-to").glob("*.md"), *(DOCS / "methods").glob("*.md")])
RESULTS = DOCS / "results"
MEASURED = json.loads((RESULTS / "training.json").read_text(encoding="utf-8"))


def commands() -> list[str]:
    """Each ``fittingroom …`` line of an indented block, its comment cut off."""
    found: dict[str, None] = {}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for line in re.findall(r"^    (?:\.venv/bin/)?fittingroom (.*)$", text, re.MULTILINE):
            line = line.partition(" > ")[0]
            found[shlex.join(shlex.split(line, comments=True))] = None
    return list(found)


@pytest.mark.parametrize("line", commands())
def test_every_command_and_its_options_exist(line, capsys):
    arguments = shlex.split(line)
    words = [word for word in arguments if not word.startswith("-")]
    depth = 2 if words[:1] == ["data"] else 1
    assert run([*words[:depth], "--help"]) == 0
    known = capsys.readouterr().out
    for option in (word for word in arguments if word.startswith("--")):
        assert option.split("=")[0] in known
    for setting in re.findall(r"--set (\S+)=", line):
        if words[1] in RECIPES:
            assert setting in settable_names(RECIPES[words[1]])


def cheap() -> list[str]:
    """Those that train nothing, and that the sample and one photo are enough for."""
    alone = ("recipes", "summary", "data show", "predict shoe.jpg")
    return [line for line in commands() if line.startswith(alone) and not re.search("/|my-", line)]


@pytest.mark.parametrize("line", cheap())
def test_the_cheap_ones_run(line, sample, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FITTINGROOM_DATA", "sample")
    Image.fromarray(255 - sample.training().images[0]).resize((280, 280)).save("shoe.jpg")
    assert run(shlex.split(line)) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_named_exists(page):
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"(?:^    |`)make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE)
    assert set(named) <= set(targets)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_every_image_and_link_leads_somewhere(name):
    """`make docs` checks those of the pages below docs/."""
    text = (ROOT / name).read_text(encoding="utf-8")
    for link in re.findall(r'\]\(([^)#]+)|src="([^"]+)"', text):
        target = "".join(link)
        assert "://" in target or (ROOT / target).exists(), target


def test_requirements_pin_everything_and_pyproject_nothing():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith(("#", "-"))]
    assert all(re.match(r"[A-Za-z0-9_.-]+==[^=\s]+", line) for line in pins)
    project = (ROOT / "pyproject.toml").read_text()
    assert not re.search(r'^    "[a-z0-9_-]+==', project, re.MULTILINE)


def test_the_results_are_the_committed_measurement():
    stated = README.split("tools/state_results.py -->\n")[1].split("\n<!-- end of results")[0]
    assert stated == for_readme(MEASURED)


def test_the_claims_are_what_was_measured(tmp_path):
    catalogue = ROOT / "src" / "fittingroom" / "recipes" / "catalogue.py"
    path = tmp_path / "catalogue.py"
    path.write_text(re.sub(r"\n    claim=_claim\([^)]*\),", "", catalogue.read_text()))
    state_claims(path, MEASURED)
    assert path.read_text() == catalogue.read_text()


@pytest.mark.slow
@pytest.mark.real_data
def test_the_committed_model_is_the_one_of_the_table(real):
    engine_named("keras")  # chooses Keras' backend
    import keras

    path = ROOT / "best_model.h5"
    assert path.stat().st_size <= 3_000_000
    model = keras.models.load_model(path, compile=False)
    test = real.open_test()
    right = (model.predict(test.images, batch_size=1000, verbose=0).argmax(1) == test.labels).mean()
    (row,) = (each for each in MEASURED["rows"] if (each["recipe"], each["seed"]) == ("cnn", 0))
    assert right == pytest.approx(row["test_accuracy"], abs=1e-4)
