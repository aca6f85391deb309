import numpy as np
import pytest

from fittingroom.auditing import outliers


def test_what_lies_beyond_the_fence_is_one_furthest_first():
    found = outliers(np.array([1, 2, 3, 4, 5, 6, 7, 8, 15, 20], np.float32))
    assert found.fence == pytest.approx(3.25 + 4.5 + 1.5 * 4.5)  # quartiles 3.25 and 7.75
    assert found.positions.tolist() == [9, 8]
    assert found.distances.tolist() == [20, 15]
    assert len(found) == 2
    assert len(outliers(np.ones(20, np.float32))) == 0
