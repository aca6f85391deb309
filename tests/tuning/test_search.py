"""What follows from the trials of a search."""

import json
import math

import numpy as np
import pytest
from optuna.trial import TrialState

from fittingroom.comparison import SeedScores, seed_difference
from fittingroom.metrics import wilson
from fittingroom.tuning import Retrained, with_values
from tests.tuning.made_up import ENDED, made_up


def test_the_best_is_the_most_accurate_complete_trial_and_the_earlier_of_equals():
    search = made_up()
    assert search.best.number == 3
    assert search.start is not None
    assert search.start.number == 0
    assert search.accuracy_of(search.best) == wilson(450, 500)
    assert [len(search.of_state(state)) for state in (TrialState.PRUNED, TrialState.FAIL)] == [1, 1]


def test_the_tuned_recipe_is_the_best_trial_s_under_another_name():
    search = made_up()
    assert search.tuned.name == "tiny-tuned"
    assert search.tuned.to_json()["learning_rate"] == 0.032
    assert search.tuned.key == with_values(search.recipe, search.best.params).key
    kept = made_up([(0.99, 1.0), *ENDED[1:]])
    assert not kept.improved
    assert kept.tuned.key == kept.recipe.key
    assert made_up(["It broke.", *ENDED[1:]]).start is None


def test_gain_and_spread_are_those_of_the_comparison_and_of_normal_theory():
    random = np.random.default_rng(0)
    start, best = random.random((4, 500)) < 0.8, random.random((4, 500)) < 0.9
    again = Retrained.of((1, 2, 3, 4), start, best)
    assert again.gain == seed_difference(SeedScores.of(start), SeedScores.of(best)).interval()
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
    assert [trial["state"] for trial in values["trials"]].count("complete") == 4
    assert values["trials"][5]["error"] == ENDED[5]
    assert values["tuned"]["name"] == "tiny-tuned"
