"""What follows from the trials of a search."""

import json
import math

import numpy as np
import pytest

from fittingroom.comparison import SeedScores, seed_difference
from fittingroom.metrics import wilson
from fittingroom.tuning import Retrained, Trial
from tests.tuning.made_up import made_up


def test_the_best_is_the_most_accurate_and_the_earlier_of_equals():
    search = made_up()
    assert search.best.number == 3
    tied = made_up({4: {"accuracy": 0.9}})
    assert tied.best.number == 3
    assert search.start is search.trials[0]
    assert search.accuracy_of(search.best) == wilson(450, 500)


def test_a_trial_that_was_ended_early_or_broke_down_is_never_the_best():
    search = made_up()
    assert {trial.state for trial in search.trials} == {"complete", "pruned", "failed"}
    assert all(trial.state == "complete" for trial in search.complete)
    assert search.count("pruned") == search.count("failed") == 1
    none = made_up({0: {"state": "failed", "accuracy": None, "seconds": None}})
    assert none.start is None
    assert none.best.number == 3


def test_the_frontier_is_what_no_other_trial_is_beyond():
    search = made_up()
    edge = search.frontier
    ends = {each.number: (each.seconds or 0.0, each.accuracy or 0.0) for each in search.complete}
    for trial in search.complete:
        seconds, accuracy = ends[trial.number]
        beaten = any(
            other[0] <= seconds and other[1] >= accuracy and other != (seconds, accuracy)
            for other in ends.values()
        )
        assert (trial in edge) is not beaten
    assert edge[-1] is search.best


def test_the_tuned_recipe_is_the_best_trial_s_under_another_name():
    search = made_up()
    tuned = search.tuned
    assert tuned.name == "tiny-tuned"
    assert tuned.to_json()["learning_rate"] == search.best.settings["learning_rate"]
    assert tuned.key == search.recipe_of(search.best).key != search.recipe.key
    kept = made_up({0: {"accuracy": 0.99}})
    assert kept.tuned.key == kept.recipe.key


def test_gain_and_spread_are_those_of_the_comparison_and_of_normal_theory():
    random = np.random.default_rng(0)
    start, best = random.random((4, 500)) < 0.8, random.random((4, 500)) < 0.9
    again = Retrained.of((1, 2, 3, 4), start, best)
    expected = seed_difference(SeedScores.of(start), SeedScores.of(best)).interval()
    assert again.gain == expected
    each = [rows.mean(axis=1).var(ddof=1) for rows in (start, best)]
    assert again.spread.value == pytest.approx(math.sqrt(np.mean(each)))
    # 6 degrees of freedom: the quantiles 1.2373 and 14.4494 of a printed table.
    assert again.spread.low == pytest.approx(again.spread.value * math.sqrt(6 / 14.4494), rel=1e-4)
    assert again.spread.high == pytest.approx(again.spread.value * math.sqrt(6 / 1.2373), rel=1e-4)


def test_it_is_plain_json():
    values = json.loads(json.dumps(made_up().as_dict(), allow_nan=False))
    assert values["best"] == 3
    assert values["validation_accuracy"]["value"] == 0.9
    assert values["retrained"]["seeds"] == [1, 2, 3]
    assert len(values["trials"]) == 6
    assert values["tuned"]["name"] == "tiny-tuned"


def test_a_trial_without_an_accuracy_has_none_to_tell():
    with pytest.raises(ValueError, match="trial 9 is pruned"):
        made_up().accuracy_of(Trial(9, {}, "pruned", 3))
