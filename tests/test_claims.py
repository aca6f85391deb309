import numpy as np
import pytest
from scipy import stats

from fittingroom.comparison import judge_claim

# Mean 0.9, standard deviation 0.002.
FIVE = [0.8975, 0.8985, 0.9, 0.9015, 0.9025]


def test_the_intervals_are_student_s_and_reproduced_is_two_one_sided_tests():
    for claim in np.linspace(0.89, 0.91, 41):
        verdict, mean, one = judge_claim(claim, FIVE, 0.005)
        tests = [
            stats.ttest_1samp(FIVE, claim - 0.005, alternative="greater").pvalue,
            stats.ttest_1samp(FIVE, claim + 0.005, alternative="less").pvalue,
        ]
        assert (verdict == "reproduced") == (max(tests) < 0.025)
    expected = stats.ttest_1samp(FIVE, 0).confidence_interval()
    assert mean is not None
    assert one is not None
    assert (mean.low, mean.high) == pytest.approx(tuple(expected))
    assert (one.high - 0.9) / (mean.high - 0.9) == pytest.approx(np.sqrt(1 + 5))


@pytest.mark.parametrize(
    ("claim", "margin", "verdict"),
    [
        (0.9, 0.001, "compatible, not confirmed"),  # evidence that is missing confirms nothing
        (0.905, 0.005, "compatible, not confirmed"),
        (0.91, 0.005, "not reproduced"),
        (0.89, 0.005, "exceeded"),
        (0.91, 0.02, "reproduced"),  # more than seeds explain, and it does not matter
    ],
)
def test_a_claim_passes_by_being_near_and_falls_by_being_no_training_s(claim, margin, verdict):
    assert judge_claim(claim, FIVE, margin)[0] == verdict


def test_few_trainings_judge_nothing_unless_every_seed_gives_the_same():
    assert [judge_claim(0.1, FIVE[:some], 0.005)[0] for some in (1, 2)] == ["not judged"] * 2
    same = [judge_claim(each, [0.9], 0.005, deterministic=True)[0] for each in (0.8, 0.904, 0.906)]
    assert same == ["exceeded", "reproduced", "not reproduced"]
