import json

import numpy as np
import pytest

from fittingroom.auditing import DoubtfulLabels, SimilarPairs, audit_from_dict
from fittingroom.errors import RunChangedError
from tests.auditing.made_up import made_up


def test_positions_are_places_in_the_sets():
    audit = made_up()
    assert audit.place(39) == ("training", 39)
    assert audit.place(40) == ("test", 0)
    assert audit.test_indices(np.array([59, 3, 41])).tolist() == [1, 19]


def test_near_duplicates_of_training_are_found_also_through_a_copy():
    # 0 is a copy of a training image, 4 is alike to one, and 9 is a copy of 4.
    assert made_up().near_training.tolist() == [0, 4, 9]
    assert made_up().doubtful_test.tolist() == [2, 5]
    # A test image alike to the copy of a training image is alike to training.
    pairs = SimilarPairs(
        np.array([5, 5]), np.array([40, 41]), np.ones(2, np.float32), np.array([True, False])
    )
    assert made_up(pairs=pairs).near_training.tolist() == [0, 1]


def test_counts_are_by_set():
    assert made_up().counts() == {
        "doubtful": {"training": 1, "test": 2},
        "near_duplicates": {"within training": 1, "across": 2, "within test": 2},
        "identical": {"within training": 0, "across": 1, "within test": 1},
        "test_near_training": {"test": 3},
        "outliers": {"training": 1, "test": 1},
    }


def test_json_has_the_documented_names():
    values = made_up().as_dict()
    assert values["doubtful"][0] == {
        "set": "test",
        "index": 5,
        "given": 0,
        "suggested": 1,
        "given_probability": 0.01,
        "suggested_probability": 0.999,
    }
    assert values["near_duplicates"][2] == {
        "a": {"set": "training", "index": 5},
        "b": {"set": "test", "index": 0},
        "similarity": 1.0,
        "identical": True,
    }
    assert values["outliers"][0] == {"set": "test", "index": 19, "distance": pytest.approx(1.2)}
    assert values["test_near_training"] == [0, 4, 9]
    assert values["outlier_fence"] == 1.0
    assert values["basis"]["classes"] == ["shirt", "coat", "bag"]


def test_what_is_written_is_read_back():
    audit = made_up()
    values = json.loads(json.dumps(audit.as_dict(), allow_nan=False))
    assert audit_from_dict(values).as_dict() == audit.as_dict()
    assert audit_from_dict(values).basis == audit.basis
    none = np.zeros(0, np.int64)
    without = made_up(doubtful=DoubtfulLabels(none, none, none, np.zeros(0), np.zeros(0)))
    assert audit_from_dict(without.as_dict()).as_dict() == without.as_dict()


@pytest.mark.parametrize("change", [{"format": 1}, {"basis": {}}, {"doubtful": [{"set": "x"}]}])
def test_other_json_is_refused(change):
    with pytest.raises(RunChangedError, match="fittingroom audit --fresh"):
        audit_from_dict(made_up().as_dict() | change)
