"""A few facts of the real data; skipped where it is not on this machine."""

import numpy as np
import pytest

from fittingroom.classes import GARMENTS
from fittingroom.data import SplitRule, official
from fittingroom.data.find import missing

pytestmark = pytest.mark.real_data


def test_the_real_data_is_official(real):
    assert (real.name, real.official, real.classes) == ("fashion-mnist", True, GARMENTS)
    assert missing(real.path, official.FASHION_MNIST) == []


def test_the_default_split_is_the_pinned_one(real):
    split = real.split(SplitRule("stratified", "1/12"))
    assert (len(split.training), len(split.validation)) == (55_000, 5_000)
    assert np.bincount(split.validation.labels).tolist() == [500] * 10
    assert split.index_hash == "ac7651709754e5e5deebf695620536fa664fb98264ceff20788a2716a3d24147"


def test_the_test_set_has_a_thousand_of_each_class(real):
    assert np.bincount(real.open_test().labels).tolist() == [1000] * 10
