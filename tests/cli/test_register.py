"""Plans are registered before the test set is opened, and what they lack is exploratory."""

import json
import re
from types import SimpleNamespace
from typing import Any

import pytest

from fittingroom.errors import RunChangedError, UsageError
from fittingroom.jobs.evaluate import evaluate
from fittingroom.jobs.register import departures, plan_in_words, register
from fittingroom.jobs.report import report
from fittingroom.jobs.session import Session
from fittingroom.recipes import recipe_named
from fittingroom.runs import open_run, read_openings, read_plans

PLAN: dict[str, Any] = {
    "recipes": ["logreg", "forest"],
    "seeds": 3,
    "primary": ["forest", "logreg"],
    "margin_points": 1,
    "looks": [2, 3],
}
TINY = ["tiny", "logreg"]


def write(folder, **changed):
    path = folder / "plan.json"
    path.write_text(json.dumps({**PLAN, **changed}))
    return path


def test_what_no_plan_had_is_exploratory(cli, run_copy, sample, tmp_path):
    runs, run = run_copy.parent, run_copy.name
    session = Session(data=sample, runs=runs, threads=1)
    register(write(tmp_path), session)
    (plan,) = read_plans(runs)
    keys = {name: recipe_named(name).key for name in PLAN["recipes"]}
    assert plan == {"time": plan["time"], "data": "sample", **PLAN, "recipes": keys}
    _, out, _ = cli("evaluate", str(run_copy), "--data", "sample", "--threads", "1")
    sentence = f"Exploratory: {run} was not registered before the test set was opened."
    assert sentence in out
    page = report([run_copy], out=tmp_path / "report", session=session)
    results = json.loads((page.parent / "results.json").read_text())
    assert sentence in [each["sentence"] for each in results["findings"]]
    with pytest.raises(UsageError, match=f"was opened for {run} at"):
        register(write(tmp_path, recipes=TINY, primary=TINY), session)
    assert len(read_plans(runs)) == 1


def test_a_verified_claim_without_a_plan_is_exploratory(cli, sample, tmp_path):
    runs = tmp_path / "runs"
    said = ("verify", "logreg", "--claim", "0.5", "--data", "sample", "--runs", str(runs))
    assert json.loads(cli(*said, "--json")[1])["exploratory"] == []  # without plans
    others = ["forest", "ann"]
    register(write(tmp_path, recipes=others, primary=others), Session(data=sample, runs=runs))
    _, out, _ = cli(*said)
    assert re.search(r"Exploratory: logreg-s0-\w+ was not registered before the test set", out)


def test_what_a_plan_had_is_registered(cli, run_copy, sample, tiny, tmp_path):
    runs = run_copy.parent
    code, out, _ = cli("register", str(write(tmp_path)), "--data", "sample", "--runs", str(runs))
    assert code == 0
    assert json.loads((runs / "registered.jsonl").read_text())["hash"] in out
    register(write(tmp_path, recipes=TINY, primary=TINY), Session(data=sample, runs=runs))
    evaluate(run_copy, session=Session(data=sample, threads=1))
    assert [each.registered for each in read_openings(runs)] == [True]
    page = report([run_copy], out=tmp_path / "report", session=Session(data=sample, runs=runs))
    said = json.loads(page.with_name("results.json").read_text())["plan"]
    assert "tiny and logreg with 3 seeds each, with looks after 2 and 3. Its primary pair" in said
    assert "its margin 1.00 points. The comparison departs from it: the plan is about" in said
    assert said in page.read_text()
    assert said in page.with_name("README.md").read_text()
    plans = runs / "registered.jsonl"
    registered = plans.read_text()
    for changed in (
        registered.replace('"margin_points": 1', '"margin_points": 2'),
        "{" + registered,
    ):
        plans.write_text(changed)
        with pytest.raises(RunChangedError, match=r"registered\.jsonl was changed"):
            read_openings(runs)


def test_a_comparison_that_departs_from_its_plan_says_where(run_copy, sample):
    run = open_run(run_copy)
    plan = {**PLAN, "recipes": {"tiny": run.recipe.key, "logreg": ""}, "primary": TINY}
    comparison: Any = SimpleNamespace(pairs=[SimpleNamespace(margin=0.005)])
    assert departures(plan, [[run]], comparison) == [
        "the plan is about tiny against logreg",
        "the plan's margin is 1.00 points, not 0.50",
        "the plan looks after 2 and 3 seeds, not after 1 of tiny",
    ]
    plan |= {"primary": ["tiny", "tiny"], "margin_points": 0.5, "looks": [1]}
    assert departures(plan, [[run]], comparison) == []
    assert plan_in_words(plan | {"time": ""}, []).endswith("points. It was kept.")


def test_what_was_opened_before_the_first_plan_was_not_registered(run_copy, sample, tmp_path):
    runs = run_copy.parent
    evaluate(run_copy, session=Session(data=sample, threads=1))
    assert [each.registered for each in read_openings(runs)] == [None]
    register(write(tmp_path), Session(data=sample, runs=runs))
    assert [each.registered for each in read_openings(runs)] == [False]


@pytest.mark.parametrize(
    "changed",
    [
        {"seeds": 0, "looks": []},
        {"seeds": 10**9, "looks": [10**9]},
        {"primary": ["logreg", "logreg"]},
        {"primary": ["logreg", "cnn"]},
        {"recipes": ["logreg", "forest", "logreg"]},
        {"margin_points": 100},
        {"looks": [3, 2, 3]},
        {"looks": [2, 4]},
        {"looks": []},
        {"looks": ["a"]},
        {"more": 1},
    ],
)
def test_an_impossible_plan_is_refused(sample, tmp_path, changed):
    with pytest.raises(UsageError, match=r"isn't a plan. Write one like \{"):
        register(write(tmp_path, **changed), Session(data=sample, runs=tmp_path / "runs"))
    assert not (tmp_path / "runs").exists()
