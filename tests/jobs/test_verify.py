import json

import numpy as np
import pytest

from fittingroom.comparison import SeedScores, accuracy_interval
from fittingroom.errors import RecipeError, UsageError
from fittingroom.jobs.session import Session
from fittingroom.jobs.verify import verify
from fittingroom.metrics import wilson
from fittingroom.recipes import recipe_named
from fittingroom.runs import list_runs, open_run


@pytest.fixture
def check(tiny, sample, tmp_path):
    def call(claim, **options):
        return verify(
            tiny, claim, session=Session(data=sample, runs=tmp_path, threads=1), **options
        )

    return call


def test_a_claim_is_compared_with_the_interval_over_seeds_and_images(check, tmp_path):
    first = check(0.1, seeds=2)
    assert first.verdict == "exceeded"
    assert len(first.per_seed) == 2
    low, high = first.accuracy.low, first.accuracy.high
    assert check((low + high) / 2, seeds=2).verdict == "reproduced"
    assert check(high + 1e-9, seeds=2).verdict == "not reached"
    assert check(low - 1e-9, seeds=2).verdict == "exceeded"
    assert len(list_runs(tmp_path)) == 2  # finished runs are used again


def test_the_interval_is_that_of_the_comparison(check, tmp_path):
    verification = check(0.9, seeds=3)
    said = [open_run(each.folder).read_predictions("sample") for each in list_runs(tmp_path)]
    correct = [each.correct for each in said if each is not None]
    assert verification.accuracy == accuracy_interval(SeedScores.of(np.stack(correct)))


def test_the_sentence_says_claim_measure_and_scope(check):
    one, two = check(0.9), check(0.9, seeds=2)
    assert "The claim of 90.00% for tiny is not reached" in one.sentence
    assert "trained once" in one.sentence
    assert "mean of 2 seeds" in two.sentence
    assert f"{one.accuracy.value:.2%}" in one.sentence
    assert "Data: sample (" in one.sentence


def test_the_outcome_is_plain_json(check):
    values = json.loads(json.dumps(check(0.9).as_dict(), allow_nan=False))
    assert values["verdict"] == "not reached"
    assert values["seeds"][0]["environment"]["data"]["name"] == "sample"
    only = values["seeds"][0]
    assert wilson(round(500 * only["accuracy"]["value"]), 500).as_dict() == only["accuracy"]
    assert len(values["seeds"][0]["history"]) == 3


def test_a_model_without_epochs_has_none_in_its_outcome(sample, tmp_path):
    logreg = recipe_named("logreg").with_settings({"model.iterations": "5"})
    verification = verify(logreg, 0.9, session=Session(data=sample, runs=tmp_path, threads=1))
    assert " s a training. Data: sample" in verification.sentence
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
