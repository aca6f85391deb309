import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fittingroom.auditing import outliers


def test_what_lies_beyond_the_fence_is_one_furthest_first():
    found = outliers(np.array([1, 2, 3, 4, 5, 6, 7, 8, 15, 20], np.float32))
    assert found.fence == pytest.approx(3.25 + 4.5 + 1.5 * 4.5)  # quartiles 3.25 and 7.75
    assert found.positions.tolist() == [9, 8]
    assert found.distances.tolist() == [20, 15]
    assert len(found) == 2


@given(st.lists(st.floats(0, 2, width=32), min_size=1, max_size=50), st.floats(0.5, 3, width=32))
def test_the_unit_of_distance_does_not_matter(distances, factor):
    far = np.array(distances, np.float32)
    one, other = outliers(far), outliers(far * np.float32(factor))
    near_fence = np.abs(far - one.fence) < 1e-5
    assert set(one.positions) ^ set(other.positions) <= set(np.flatnonzero(near_fence))


def test_equal_distances_have_none():
    assert len(outliers(np.ones(20, np.float32))) == 0
