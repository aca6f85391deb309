"""Plans are registered before the test set is opened, and what they lack is exploratory."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from fittingroom.errors import RunChangedError, UsageError
from fittingroom.jobs.evaluate import evaluate
from fittingroom.jobs.register import departures, register
from fittingroom.jobs.report import report
from fittingroom.jobs.session import Session
from fittingroom.recipes import recipe_named
from fittingroom.runs import open_run, read_openings, read_plans

PLAN: dict[str, Any] = {
    "recipes": ["logreg", "forest"],
    "seeds": 3,
    "primary": ["forest", "logreg"],
    "margin": 0.01,
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


def test_what_a_plan_had_is_registered(cli, run_copy, sample, tiny, tmp_path):
    runs = run_copy.parent
    code, out, _ = cli("register", str(write(tmp_path)), "--data", "sample", "--runs", str(runs))
    assert code == 0
    assert json.loads((runs / "registered.jsonl").read_text())["hash"] in out
    register(write(tmp_path, recipes=TINY, primary=TINY), Session(data=sample, runs=runs))
    evaluate(run_copy, session=Session(data=sample, threads=1))
    assert [each.registered for each in read_openings(runs)] == [True]
    plans = runs / "registered.jsonl"
    registered = plans.read_text()
    for changed in (registered.replace('"margin": 0.01', '"margin": 0.02'), "{" + registered):
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
    plan |= {"primary": ["tiny", "tiny"], "margin": 0.005, "looks": [1]}
    assert departures(plan, [[run]], comparison) == []


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
        {"margin": 5},
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
