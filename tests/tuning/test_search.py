"""What follows from the trials of a search."""

import json

import numpy as np
import pytest

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
    assert [trial.number for trial in search.complete] == [0, 1, 3, 4]


def test_the_tuned_recipe_is_the_best_trial_s_under_another_name():
    search = made_up()
    assert search.tuned.name == "tiny-tuned"
    assert search.tuned.to_json()["learning_rate"] == 0.032
    assert search.tuned.key == with_values(search.recipe, search.best.params).key
    kept = made_up([(0.99, 1.0), *ENDED[1:]])
    assert not kept.improved
    assert kept.tuned.key == kept.recipe.key
    assert made_up(["It broke.", *ENDED[1:]]).start is None


def test_the_gain_is_that_of_the_comparison():
    random = np.random.default_rng(0)
    start, best = random.random((4, 500)) < 0.8, random.random((4, 500)) < 0.9
    again = Retrained.of((1, 2, 3, 4), start, best)
    assert again.gain == seed_difference(SeedScores.of(start), SeedScores.of(best)).interval()
    assert again.best.value == pytest.approx(best.mean())


def test_it_is_plain_json():
    values = json.loads(json.dumps(made_up().as_dict(), allow_nan=False))
    assert values["best"] == 3
    assert values["validation_accuracy"]["value"] == 0.9
    assert values["retrained"]["seeds"] == [1, 2, 3]
    assert [trial["state"] for trial in values["trials"]].count("complete") == 4
    assert values["trials"][5]["error"] == ENDED[5]
    assert values["tuned"]["name"] == "tiny-tuned"
