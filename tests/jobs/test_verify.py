import json

import pytest

from fittingroom.comparison import SeedScores, accuracy_interval
from fittingroom.errors import RecipeError, UsageError
from fittingroom.jobs.verify import verify
from fittingroom.runs import list_runs, open_run


@pytest.fixture
def check(tiny, sample, tmp_path):
    def call(claim, **options):
        return verify(tiny, claim, data=sample, runs=tmp_path, threads=1, **options)

    return call


def test_a_claim_is_held_against_the_interval_over_seeds_and_pictures(check):
    first = check(0.5, seeds=2)
    assert first.finding == "exceeded"
    assert len(first.per_seed) == 2
    low, high = first.accuracy.low, first.accuracy.high
    assert check((low + high) / 2, seeds=2).finding == "reproduced"
    assert check(high + 1e-9, seeds=2).finding == "not reached"
    assert check(low - 1e-9, seeds=2).finding == "exceeded"


def test_the_interval_is_that_of_the_comparison(check, tmp_path):
    import numpy as np

    verification = check(0.9, seeds=3)
    correct = []
    for listed in list_runs(tmp_path):
        predictions = open_run(listed.folder).read_predictions("sample")
        assert predictions is not None
        correct.append(predictions.correct)
    assert verification.accuracy == accuracy_interval(SeedScores.of(np.stack(correct)))


def test_finished_runs_are_used_again(check, tmp_path):
    check(0.9, seeds=1)
    check(0.8, seeds=2)
    assert len(list_runs(tmp_path)) == 2


def test_a_cut_is_said_and_leaves_the_full_recipe_s_runs_alone(check):
    cut = check(0.9, epochs=1)
    assert cut.cut == 1
    assert "cut to 1 epochs" in cut.sentence
    assert [len(run.history) for run in cut.runs] == [1]
    whole = check(0.9, epochs=99)
    assert whole.cut is None
    assert [len(run.history) for run in whole.runs] == [3]


def test_the_sentence_says_claim_measure_and_scope(check):
    one, two = check(0.9), check(0.9, seeds=2)
    assert "The claim of 90.00% for tiny is not reached" in one.sentence
    assert "one fitted model" in one.sentence
    assert "mean over 2 seeds" in two.sentence
    assert f"{one.accuracy.value:.2%}" in one.sentence


def test_the_outcome_is_plain_json(check):
    values = json.loads(json.dumps(check(0.9).as_dict(), allow_nan=False))
    assert values["finding"] == "not reached"
    assert values["seeds"][0]["environment"]["data"]["name"] == "sample"
    assert len(values["seeds"][0]["history"]) == 3


@pytest.mark.parametrize("claim", [0, 1, 88.34, -0.1, float("nan")])
def test_a_claim_outside_0_to_1_is_wrong_usage(check, claim):
    with pytest.raises(UsageError, match=r"such as 0\.8834"):
        check(claim)


def test_no_seeds_and_unknown_recipes_are_refused(check, sample, tmp_path):
    with pytest.raises(UsageError, match="at least 1 seed"):
        check(0.9, seeds=0)
    with pytest.raises(RecipeError, match="Did you mean 'cnn'"):
        verify("cnnn", 0.9, data=sample, runs=tmp_path)
