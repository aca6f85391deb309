"""Predictions from elsewhere in a comparison: by command and from Python, and what the log says."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from fittingroom.cli import run
from fittingroom.cli.results import POINTS
from fittingroom.comparison import MARGIN
from fittingroom.errors import PredictionsError, UsageError
from fittingroom.jobs.compare import compare
from fittingroom.jobs.evaluate import evaluate
from fittingroom.jobs.others import read_others
from fittingroom.jobs.session import Session
from fittingroom.predictions import Predictions
from fittingroom.runs import list_runs, read_openings
from tests.conftest import Listener


def test_the_command_and_the_package_have_the_same_margin():
    assert pytest.approx(MARGIN) == POINTS / 100


@pytest.fixture
def without_report(monkeypatch):
    """Drawing takes seconds, and most of these tests are not about it."""
    for job, result in (("write", (Path("index.html"), ())), ("leave_winner", None)):
        monkeypatch.setattr(
            f"fittingroom.jobs.compare.{job}", lambda *rest, result=result, **more: result
        )


@pytest.fixture
def join(run_copy, sample, tmp_path):
    """Compare entrants, the run by default, with external predictions."""

    def call(others, entrants=(run_copy,), **options):
        session = Session(data=sample, runs=run_copy.parent, threads=1)
        out = tmp_path / "report"
        return compare(list(entrants), others=others, session=session, out=out, **options)

    return call


@pytest.fixture
def truth(sample):
    return sample.open_test()


@pytest.fixture
def theirs(tmp_path, truth):
    """A table of somebody's predictions, correct for nine images in ten, without probabilities."""
    path = tmp_path / "theirs.csv"
    wrong = np.arange(len(truth)) % 10 == 0
    predicted = (truth.labels + wrong) % 10
    lines = [f"{i},{truth.labels[i]},{predicted[i]}" for i in range(len(truth))]
    path.write_text("\n".join(["index,label,predicted", *lines]))
    return path


def typed(value, kind):
    """Whether a JSON value is of the type that docs/how-to/scripts.md names."""
    if kind.endswith(" or `null`"):
        return value is None or typed(value, kind.removesuffix(" or `null`"))
    if kind.startswith("list of "):
        one = kind.removeprefix("list of ").removesuffix("s")
        return type(value) is list and all(typed(each, one) for each in value)
    if kind == "estimate":
        return list(value) == ["value", "low", "high"] and value["low"] <= value["high"]
    if kind == '`"fitted models"` or `"recipes"`':
        return value in ("fitted models", "recipes")
    types = {"string": str, "boolean": bool, "integer": int, "object": dict}
    return type(value) in ((int, float) if kind == "number" else (types[kind],))


def documented(heading):
    """Name → type of the table of docs/how-to/scripts.md that follows these words."""
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "scripts.md").read_text(
        encoding="utf-8"
    )
    table = page.split(heading, 1)[1].split("\n\n")[1]
    rows = [row.split(" | ") for row in table.splitlines()[2:]]
    return {
        name.strip("` "): kind
        for first, kind, *_ in rows
        for name in first.removeprefix("| ").split(", ")
    }


@pytest.mark.slow
def test_a_run_is_compared_with_external_predictions_and_scripts_can_read_it(
    run_copy, theirs, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    arguments = ["compare", str(run_copy), "--with", str(theirs), "--margin", "1", "--json"]
    assert run([*arguments, "--data", "sample", "--threads", "1"]) == 0
    printed = capsys.readouterr()
    values = json.loads(printed.out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    ours, other = values["models"]
    assert (ours["name"], other["name"], other["seeds"]) == ("tiny", "theirs", [])
    assert other["accuracy"]["value"] == 0.9
    (pair,) = values["pairs"]
    assert (pair["a"], pair["b"], pair["level"]) == ("tiny", "theirs", "fitted models")
    assert (pair["verdict"], pair["margin"]) == ("better", 0.01)
    assert "1.00 points, the smallest difference" in values["sentence"]
    assert "theirs has no probabilities, so its log loss" in " ".join(printed.err.split())
    assert {"no-probabilities", "too-few-seeds"} <= {each["code"] for each in values["findings"]}
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert "theirs gives no probabilities, so it has no curve" in page
    assert "External predictions, without probabilities" in page
    assert not list((tmp_path / "report").glob("best_model.*"))  # the winner is not from here

    parts = [
        ("One object.", values),
        *(("A **model**:", model) for model in values["models"]),
        ("A **pair**", pair),
    ]
    for heading, part in parts:
        names = documented(heading)
        assert list(part) == list(names)
        for name, kind in names.items():
            assert typed(part[name], kind), (name, part[name])
    assert {name: type(each) for name, each in pair["mcnemar"].items()} == {
        **dict.fromkeys(("a_only", "b_only"), int),
        **dict.fromkeys(("p_exact", "p_mid"), float),
    }
    for finding in values["findings"]:
        assert list(finding) == ["code", "about", "sentence", "advice"]
        assert typed(list(finding.values()), "list of strings")


@pytest.mark.usefixtures("without_report")
def test_each_file_is_logged_once_as_an_opening(run_copy, theirs, join):
    runs = run_copy.parent
    for _ in range(2):
        join([theirs])
    logged = [(each.run.split(" (")[0], each.purpose) for each in read_openings(runs)]
    assert sorted(logged) == [("theirs.csv", "compare --with"), (run_copy.name, "compare")]
    theirs.write_text(theirs.read_text() + "\n")  # another file, for all that anyone knows
    join(theirs)
    assert len(read_openings(runs)) == 3


@pytest.mark.usefixtures("without_report")
def test_predictions_in_memory_join_under_a_name(run_copy, sample, join):
    found = evaluate(run_copy, session=Session(data=sample, threads=1)).evaluation.predictions
    outcome = join({"again": found}, margin=0.3)
    (pair,) = outcome.comparison.pairs
    assert (pair.b, pair.difference.value, pair.verdict) == ("again", 0, "equivalent")
    assert len(outcome.evaluated) == 1


def test_what_is_not_called_by_its_likeliest_class_is_told(sample, tmp_path, truth):
    listener = Listener()
    shares = np.full((len(truth), 10), 0.01)
    likeliest = (truth.labels + (np.arange(len(truth)) < 7)) % 10  # another one for seven
    shares[np.arange(len(truth)), likeliest] = 0.91
    logs = np.log(shares).astype(np.float32)
    said = Predictions(truth.labels, truth.labels, logs, truth.indices, sample.classes)
    calm = Predictions(truth.labels, likeliest, logs, truth.indices, sample.classes)
    session = Session(sample, tmp_path / "runs", progress=listener)
    read_others([("theirs", said), ("calm", calm)], session)
    (sentence,) = listener.heard
    assert f"theirs predicts 7 of {len(truth):,} images as another class than" in sentence


@pytest.mark.usefixtures("without_report")
def test_files_alone_can_be_compared(theirs, sample, tmp_path, truth, join):
    perfect = Predictions(truth.labels, truth.labels, None, truth.indices, sample.classes)
    path = tmp_path / "perfect.npz"
    path.write_bytes(perfect.to_bytes())
    outcome = join([theirs, path], [])
    assert outcome.comparison.pairs[0].verdict == "better"


def test_a_file_that_does_not_fit_is_told_before_anything_is_trained(tiny, theirs, run_copy, join):
    theirs.write_text("\n".join(theirs.read_text().splitlines()[:-1]))
    with pytest.raises(PredictionsError, match="test image"):
        join([theirs], [dataclasses.replace(tiny, name="other")])
    assert len(list_runs(run_copy.parent)) == 1


def test_what_cannot_join_is_refused(theirs, sample, truth, join):
    with pytest.raises(UsageError, match="two models named 'tiny'"):
        join({"tiny": theirs})
    with pytest.raises(UsageError, match="two models named 'theirs'"):
        join([theirs, theirs])
    with pytest.raises(UsageError, match="two models named 'my model' and 'my-model'"):
        join({"my model": theirs, "my-model": theirs})
    with pytest.raises(UsageError, match="The margin is 5"):
        join([theirs], margin=5)
    with pytest.raises(UsageError, match="two recipes or runs"):
        join([])
    shifted = (truth.labels + 1) % 10
    for labels, indices, classes in (
        (shifted, truth.indices, sample.classes),
        (truth.labels, truth.indices[::-1], sample.classes),
        (truth.labels, truth.indices, tuple("abcdefghij")),
    ):
        with pytest.raises(PredictionsError, match="other classes, labels or indices"):
            join({"theirs": Predictions(labels, shifted, None, indices, classes)})
