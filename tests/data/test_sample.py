import importlib.util
import zlib
from pathlib import Path

import numpy as np
import pytest

from fittingroom.classes import GARMENTS
from fittingroom.data import find_dataset
from fittingroom.data.find import SAMPLE_FOLDER
from fittingroom.data.official import FILE_NAMES

# Another version may pack the same content into other bytes.
MADE_WITH_ZLIB = "1.2.13"


def test_the_sample_is_balanced():
    dataset = find_dataset("sample")
    assert (dataset.name, dataset.official, dataset.classes) == ("sample", False, GARMENTS)
    assert np.bincount(dataset.training().labels).tolist() == [200] * 10
    assert np.bincount(dataset.open_test().labels).tolist() == [50] * 10


@pytest.mark.slow
@pytest.mark.real_data
def test_the_sample_is_made_again_from_the_real_data(real, tmp_path):
    path = Path(__file__).parents[2] / "tools" / "make_sample.py"
    spec = importlib.util.spec_from_file_location("make_sample", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.make_sample(tmp_path, real.path)
    assert find_dataset(tmp_path).name == "sample"
    if zlib.ZLIB_RUNTIME_VERSION == MADE_WITH_ZLIB:
        for name in FILE_NAMES:
            made, embedded = tmp_path / f"{name}.gz", SAMPLE_FOLDER / f"{name}.gz"
            assert made.read_bytes() == embedded.read_bytes()
