import json

import numpy as np
import pytest

from fittingroom.comparison import SeedScores, accuracy_interval, judge_claim
from fittingroom.errors import RecipeError, UsageError
from fittingroom.jobs.session import Session
from fittingroom.jobs.verify import verify
from fittingroom.metrics import wilson
from fittingroom.numbers import percent_range
from fittingroom.recipes import recipe_named
from fittingroom.runs import list_runs, open_run


@pytest.fixture
def check(tiny, sample, tmp_path):
    def call(claim, **options):
        return verify(
            tiny, claim, session=Session(data=sample, runs=tmp_path, threads=1), **options
        )

    return call


def test_a_claim_is_judged_by_the_seeds_on_its_test_images(check, tmp_path):
    first = check(0.1, seeds=3)
    assert first.verdict == "exceeded"
    low, high = first.one_training.low, first.one_training.high
    mean = first.accuracy.value
    assert check(mean, seeds=3, margin=high - low).verdict == "reproduced"
    assert check(mean, seeds=3, margin=0).verdict == "compatible, not confirmed"
    assert check(high + 1e-9, seeds=3).verdict == "not reproduced"
    assert len(list_runs(tmp_path)) == 3  # finished runs are used again
    judged = judge_claim(0.1, [each.value for _, each in first.per_seed], 0.005)
    assert (first.verdict, first.mean, first.one_training) == judged


def test_the_interval_is_that_of_the_comparison(check, tmp_path):
    verification = check(0.9, seeds=3)
    said = [open_run(each.folder).read_predictions("sample") for each in list_runs(tmp_path)]
    correct = [each.correct for each in said if each is not None]
    assert verification.accuracy == accuracy_interval(SeedScores.of(np.stack(correct)))


def test_the_sentence_says_verdict_reason_and_data(check):
    one, two, three = check(0.9, seeds=1), check(0.9, seeds=2), check(0.9, seeds=3)
    assert "The claim of 90.00% for tiny is not judged. One training gives" in one.sentence
    assert "The mean of 2 trainings is" in two.sentence
    assert "It takes three trainings or more" in two.sentence
    assert "for tiny is not reproduced. The mean of 3 trainings is" in three.sentence
    assert f"{percent_range(three.mean, 2)}), " in three.sentence
    assert f"may give {percent_range(three.one_training, 2)} (95% prediction" in three.sentence
    near = check(three.accuracy.value, seeds=3, margin=0.2).sentence
    assert "The whole interval is within the margin of 20.00 points." in near
    assert "Data: sample (" in one.sentence


def test_the_outcome_is_plain_json(check):
    values = json.loads(json.dumps(check(0.9, seeds=1).as_dict(), allow_nan=False))
    assert (values["verdict"], values["margin"], values["mean"]) == ("not judged", 0.005, None)
    assert values["seeds"][0]["environment"]["data"]["name"] == "sample"
    only = values["seeds"][0]
    assert wilson(round(500 * only["accuracy"]["value"]), 500).as_dict() == only["accuracy"]
    assert len(values["seeds"][0]["history"]) == 3


def test_a_recipe_that_is_the_same_with_every_seed_is_trained_once(sample, tmp_path):
    logreg = recipe_named("logreg").with_settings({"model.iterations": "5"})
    verification = verify(logreg, 0.9, session=Session(data=sample, runs=tmp_path, threads=1))
    assert verification.verdict == "not reproduced"
    assert "Every seed gives the same: " in verification.sentence
    values = verification.as_dict()
    assert values["seeds"][0]["epochs"] is values["seeds"][0]["best_epoch"] is None


@pytest.mark.parametrize("claim", [0, 1, 88.34, -0.1, float("nan")])
def test_a_claim_outside_0_to_1_is_wrong_usage(check, claim):
    with pytest.raises(UsageError, match=r"such as 0\.8834"):
        check(claim)


def test_no_seeds_and_unknown_recipes_are_refused(check, sample, tmp_path):
    with pytest.raises(UsageError, match="at least 1 seed"):
        check(0.9, seeds=0)
    with pytest.raises(RecipeError, match="Did you mean 'cnn'"):
        verify("cnnn", 0.9, session=Session(data=sample, runs=tmp_path))
