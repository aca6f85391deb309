import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fittingroom.errors import ExportError
from fittingroom.predict import ABSTENTIONS, Thresholds, abstain

FINITE = st.floats(-1e6, 1e6)


def reasons(probabilities, scores, thresholds):
    given = np.array(probabilities, np.float32), np.array(scores, np.float32)
    return [ABSTENTIONS[reason] for reason in abstain(*given, thresholds)]


def test_a_sure_garment_is_answered_and_unknown_comes_before_unsure():
    rule = Thresholds(unsure=0.7, unknown=2.0)
    probabilities = [[0.8, 0.2], [0.6, 0.4], [0.6, 0.4], [0.99, 0.01]]
    received = reasons(probabilities, [1.0, 1.0, 3.0, 3.0], rule)
    assert received == [None, "unsure", "unknown", "unknown"]


def test_a_score_that_is_no_number_is_no_garment():
    assert reasons([[0.9, 0.1]], [math.nan], Thresholds(0.5, math.inf)) == ["unknown"]


@given(st.floats(0, 1), FINITE | st.just(math.inf))
@settings(deadline=None)
def test_thresholds_come_back_from_metadata_as_they_were(unsure, unknown):
    thresholds = Thresholds(unsure, unknown)
    assert Thresholds.from_metadata(thresholds.to_metadata()) == thresholds


@pytest.mark.parametrize("metadata", [{}, {"thresholds": "7"}, {"thresholds": "{}"}])
def test_a_model_without_thresholds_is_told_from_one_with(metadata):
    with pytest.raises(ExportError, match="no thresholds"):
        Thresholds.from_metadata(metadata)


@given(
    st.lists(st.tuples(st.floats(0.5, 1, width=32), st.floats(-5, 5, width=32)), min_size=1),
    st.floats(0.5, 1),
    st.floats(0, 0.2),
)
@settings(deadline=None)
def test_a_stricter_rule_never_answers_more(images, unsure, more):
    probabilities = np.array([[share, 1 - share] for share, _ in images], np.float32)
    scores = np.array([score for _, score in images], np.float32)
    lenient = abstain(probabilities, scores, Thresholds(unsure, 1.0)) == 0
    strict = abstain(probabilities, scores, Thresholds(unsure + more, 1.0 - more)) == 0
    assert not (strict & ~lenient).any()
