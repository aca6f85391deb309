import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fittingroom.auditing import doubtful_labels
from fittingroom.errors import PredictionsError


@st.composite
def judged(draw):
    """Labels and probabilities that agree with most of them, as a useful model's do."""
    kinds, count = draw(st.integers(2, 6)), draw(st.integers(20, 200))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = generator.permutation(np.arange(count) % kinds)  # every class occurs
    logits = generator.normal(0, draw(st.floats(0.1, 3)), (count, kinds))
    logits[np.arange(count), labels] += draw(st.floats(0, 4))
    chances = np.exp(logits)
    return labels, chances / chances.sum(axis=1, keepdims=True)


@settings(deadline=None)
@given(judged())
def test_a_label_that_is_likeliest_is_never_doubtful_and_order_is_by_doubt(case):
    labels, chances = case
    doubtful = doubtful_labels(labels, chances)
    rows = doubtful["position"]
    assert (chances[rows].argmax(axis=1) == doubtful["suggested"]).all()
    assert (doubtful["suggested"] != doubtful["given"]).all()
    assert (doubtful["given"] == labels[rows]).all()
    assert doubtful["given_probability"].is_monotonic_increasing


def test_planted_wrong_labels_are_found_the_least_likely_first():
    truth = np.repeat([0, 1, 2], 30)
    chances = np.full((90, 3), 0.05)
    chances[np.arange(90), truth] = 0.9
    labels = truth.copy()
    labels[[3, 40]] = [1, 0]
    chances[40] = [0.02, 0.95, 0.03]
    doubtful = doubtful_labels(labels, chances)
    assert doubtful.to_dict("list") == {
        "position": [40, 3],
        "given": [0, 1],
        "suggested": [1, 0],
        "given_probability": [0.02, 0.05],
        "suggested_probability": [0.95, 0.9],
    }


def test_what_does_not_fit_is_refused():
    with pytest.raises(PredictionsError, match="2 numbers for 8 images"):
        doubtful_labels([0, 1], np.full((8, 3), 1 / 3))
