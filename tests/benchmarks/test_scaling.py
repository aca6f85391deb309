import json

import numpy as np
import pytest

from benchmarks import scaling
from fittingroom.data import find_dataset
from fittingroom.data.official import TEST, TRAINING


def test_the_committed_page_is_that_of_the_committed_numbers():
    path = scaling.OUT / "scaling.json"
    measured = json.loads(path.read_text(encoding="utf-8"))
    assert path.with_suffix(".md").read_text(encoding="utf-8") == scaling.page(measured)


def test_pictures_are_cut_or_repeated_in_order(tmp_path):
    half = find_dataset("sample").training()
    scaling.write_idx(tmp_path, TRAINING, half.images, half.labels, 4500)
    scaling.write_idx(tmp_path, TEST, half.images, half.labels, 30)
    dataset = find_dataset(tmp_path, allow_unknown=True)
    repeated = dataset.training()
    assert len(repeated) == 4500
    places = np.arange(4500) % len(half)
    np.testing.assert_array_equal(repeated.images, half.images[places])
    np.testing.assert_array_equal(repeated.labels, half.labels[places])
    np.testing.assert_array_equal(dataset.open_test().images, half.images[:30])


def test_growth_is_between_sizes_and_leaves_out_what_it_takes_to_begin():
    rows = [
        {"recipe": "a", "pictures": 1000, "seconds": 2.0, "peak_memory_mb": 300.0},
        {"recipe": "b", "pictures": 1000, "seconds": 9.0, "peak_memory_mb": 1.0},
        {"recipe": "a", "pictures": 100_000, "seconds": 200.0, "peak_memory_mb": 399.0},
    ]
    assert scaling.growth("a", rows) == {
        "bytes_a_picture": pytest.approx(1000),
        "seconds_a_picture": pytest.approx([0.002]),
    }


@pytest.mark.slow
def test_memory_grows_by_the_pictures_and_little_else(tmp_path):
    sizes = ["--pictures", "20000", "220000", "--recipes", "ann", "--threads", "1"]
    assert scaling.main([*sizes, "--data", "sample", "--out", str(tmp_path)]) == 0
    measured = json.loads((tmp_path / "scaling.json").read_text())
    # A copy of the pictures would make it 1,568 and more.
    assert 784 <= measured["recipes"]["ann"]["bytes_a_picture"] < 1100
    assert "| ann | 220,000 | " in (tmp_path / "scaling.md").read_text()
