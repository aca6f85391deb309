import gc
import json
import warnings

import pytest

pytest.importorskip("ray", reason="Ray is not installed")

from benchmarks import cluster


@pytest.mark.slow
def test_nothing_is_lost_where_a_node_is_killed_half_way(tmp_path):
    trial = ["--data", "sample", "--recipes", "ann-fast", "--epochs", "30", "--seeds", "3"]
    sizes = ["--repeats", "3", "--pictures", "50", "--photos", "10"]
    assert cluster.main([*trial, *sizes, "--out", str(tmp_path)]) == 0
    # Ray waits for none of the processes that it ends.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    measured = json.loads((tmp_path / "cluster.json").read_text())
    assert measured["same_weights"]
    assert measured["repeats"] == {"ann-fast": [3, 3]}
    assert measured["killed"]["killed_after"] in (1, 2)
    assert len(measured["hashes"]) == measured["killed"]["trainings"] == 3
    assert 0 < measured["efficiency"] < 2
    assert 0 < measured["plain_efficiency"] < 2
    assert [each["broken"] for each in measured["pictures"]] == [0, 0, 0, 0]
    assert measured["pictures"][1]["peak_memory_mb"]["worker"] > 0
    assert "byte for byte" in (tmp_path / "cluster.md").read_text()
