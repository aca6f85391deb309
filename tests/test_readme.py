"""What the README says holds: its commands exist, its files are there, its links lead there."""

import json
import re
import shlex
from pathlib import Path

import pytest

from benchmarks.training_page import seconds, short_table
from fittingroom.cli import run
from fittingroom.engines import engine_named
from fittingroom.recipes import RECIPES, settable_names

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULTS = ROOT / "docs" / "results"
MEASURED = json.loads((RESULTS / "training.json").read_text(encoding="utf-8"))
HELD_BACK = json.loads((RESULTS / "training-avx2.json").read_text(encoding="utf-8"))


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


def test_requirements_pin_everything_and_pyproject_nothing():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith(("#", "-"))]
    assert all(re.match(r"[A-Za-z0-9_.-]+==[^=\s]+", line) for line in pins)
    assert "torch==2.13.0" in pins
    project = (ROOT / "pyproject.toml").read_text()
    assert not re.search(r'^    "[a-z0-9_-]+==', project, re.MULTILINE)


@pytest.mark.parametrize("name", [name for name in MEASURED["recipes"] if name in RECIPES])
def test_a_claim_is_what_was_measured(name):
    measured = MEASURED["recipes"][name]
    claim = RECIPES[name].claim
    assert f"{measured['accuracy']:.2%}" in claim
    assert f"{measured['seconds']:.0f} s" in claim
    assert f"seeds 0 to {len(measured['seeds']) - 1}" in claim or measured["seeds"] == [0]
    if name in HELD_BACK["recipes"]:
        assert f"{HELD_BACK['recipes'][name]['seconds']:.0f} s with AVX2" in claim


def result(name):
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def test_speeds_are_those_that_were_measured():
    told = " ".join(README.split())
    for name, measured in HELD_BACK["recipes"].items():
        bound = "" if measured["quiet"] else "at most "
        said = f"`{name}` {bound}{seconds(measured['seconds'])}"
        assert said in told.replace(" takes ", " ")
    answers, network = result("inference")["summary"]["cnn"], result("inference")["networks"]["cnn"]
    ours = answers["peers"]["fittingroom"]
    assert f"`cnn` names {ours['pictures_per_second']['32']:,.0f} pictures a second" in told
    assert f"{ours['over_keras']['32']:.1f} times as many as Keras" in told
    single = network["peers"]["fittingroom"]["single_seconds"]["p50"]
    assert f"single picture in {1000 * single:.2f} ms" in told
    first, keras = (answers["starts"][name] for name in ("fittingroom", "keras-tensorflow"))
    assert f"answers after {first:.2f} s, one of Keras after {keras:.2f} s" in told
    grown = result("scaling")["recipes"]["cnn"]["bytes_a_picture"]
    assert f"`cnn` {grown:.0f} bytes of memory for each" in told


def test_the_trainings_of_a_report_take_what_is_said():
    both = [
        sum(measured["recipes"][name]["seconds"] for name in ("ann", "cnn"))
        for measured in (MEASURED, HELD_BACK)
    ]
    assert max(both) < 90
    told = (
        "The two trainings of a report take {:.0f} s on two processor cores with bfloat16, {:.0f} s"
    )
    assert told.format(*both) in " ".join(README.split())


def test_the_predecessor_s_epoch_took_what_is_said():
    def epochs(sittings: set[int]) -> list[float]:
        kinds = [MEASURED["sittings"][each]["predecessor"]["tensorflow"] for each in sittings]
        return sorted(each["epoch_seconds"] for each in kinds)

    told = " ".join(README.split())
    rows = MEASURED["rows"]
    networks = [name for name, recipe in RECIPES.items() if recipe.engine == "pytorch"]
    ours = epochs({row["sitting"] for row in rows if row["recipe"] in networks})
    assert f"took {ours[0]:.0f} to {ours[-1]:.0f} s in the sittings of this project's" in told
    (loop,) = epochs({row["sitting"] for row in rows if row["recipe"] == "tutorial"})
    assert f"and {loop:.0f} s in that of the tutorial's loop" in told
    fast = epochs({0, 1})
    assert f"more than twice as fast, {fast[0]:.0f} and {fast[1]:.0f} s" in told
    every = epochs(set(range(len(MEASURED["sittings"]))))
    assert f"differ by a factor of up to {every[-1] / every[0]:.1f}" in told
    products = [max(s["ceilings"]["products_gflops"].values()) for s in MEASURED["sittings"]]
    assert min(products[:2]) > 2 * max(
        products[row["sitting"]] for row in rows if row["recipe"] in networks
    )
    verified = json.loads((RESULTS / "verify-keras-cnn.json").read_text(encoding="utf-8"))
    assert f"| 30, in {verified['seeds'][0]['history'][-1]['seconds']:,.0f} s |" in README


@pytest.mark.parametrize("name", ["keras-ann", "keras-cnn"])
def test_the_verified_claims_are_the_committed_ones(name):
    path = RESULTS / f"verify-{name}.json"
    verified = json.loads(path.read_text(encoding="utf-8"))
    low, high = verified["interval"]
    assert f"{verified['accuracy']:.2%} ({low:.2%}–{high:.2%})" in README
    assert f"[{verified['finding']}](docs/results/{path.name})" in README
    assert f"{verified['claim']:.2%}" in README
    assert not verified["cut"]
    assert all(seed["epochs"] == len(seed["history"]) for seed in verified["seeds"])


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


def test_the_verdict_is_the_measured_one():
    (verdict,) = (
        each for each in MEASURED["verdicts"] if each.startswith("cnn is better than ann")
    )
    assert verdict in " ".join(README.split())


def test_the_table_is_the_committed_measurement():
    for line in short_table(MEASURED):
        assert line in README


def test_nothing_is_left_to_be_filled_in():
    assert not re.search(r"@[A-Z0-9]+@", README)
    for recipe in RECIPES.values():
        for path in re.findall(r"\b(?:docs|benchmarks)/\S+\.\w+", recipe.claim):
            assert (ROOT / path).exists()
