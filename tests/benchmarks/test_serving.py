import copy
import json

import pytest

from benchmarks import serving
from benchmarks.serving_page import page


@pytest.mark.slow
def test_a_trial_measures_the_real_server_and_writes_its_page(tmp_path):
    trial = ("--seconds", "2", "--soak-minutes", "0.05", "--out", str(tmp_path))
    assert serving.main(trial) == 0
    measured = json.loads((tmp_path / "serving.json").read_text())
    for pictures in ("1", "32"):
        loads = measured["loads"][pictures]
        assert loads["capacity"] > 0
        assert set(loads["closed"]["statuses"]) == {"200"}
        for name in serving.LOADS:
            load = loads[name]
            assert load["lost"] == load["unanswered"] == 0
            assert set(load["statuses"]) <= {"200", "429"}
            assert load["answered"]["p50"] <= load["answered"]["p99"]
            due = round(load["offered"] * load["seconds"])
            assert load["answered"]["count"] + load["refused"]["count"] == due
        assert set(measured["empty"][pictures]["statuses"]) == {"200"}
    assert len(measured["soak"]["resident_mb"]) == 10
    written = (tmp_path / "serving.md").read_text()
    assert f"{measured['loads']['32']['closed']['answered']['a_second']:,.0f}" in written


def test_a_trial_does_not_overwrite_what_was_measured(capsys):
    with pytest.raises(SystemExit):
        serving.main(["--seconds", "1"])
    assert "--out" in capsys.readouterr().err


def load(a_second, p99, **more):
    answered = {"count": 100, "a_second": a_second, "p50": p99 / 2, "p99": p99}
    refused = {"count": 0, "a_second": 0.0}
    return {"answered": answered, "refused": refused, "processor_ms_a_request": 0.2} | more


def made_up():
    loads = {
        "capacity": 2_500.0,
        "closed": load(2_500.0, 0.020),
        "half": load(1_250.0, 0.008, offered=1_250.0),
        "high": load(2_000.0, 0.010, offered=2_000.0),
        "twice": load(2_400.0, 0.019, offered=5_000.0),
    }
    return {
        "model": "cnn-fast",
        "seconds": 10.0,
        "processors": [0, 1],
        "environment": {"processor": "a processor", "python": "3.13"},
        "loads": {"1": loads, "32": copy.deepcopy(loads)},
        "empty": {"1": load(9_000.0, 0.01), "32": load(7_000.0, 0.01)},
        "soak": {"minutes": 10, "resident_mb": [100.0, 101.0], "growth_mb": 1.0},
    }


def test_the_page_says_which_bars_are_reached():
    measured = made_up()
    assert "not reached" not in page(measured)
    assert "- ≥ 10,000 pictures a second: reached, 80,000." in page(measured)
    assert "1.9 times" in page(measured)
    measured["loads"]["1"]["capacity"] = 1_999.0
    measured["loads"]["1"]["half"]["answered"]["p99"] = 0.021
    measured["loads"]["1"]["twice"]["answered"]["p99"] = 0.0201
    written = page(measured)
    assert written.count("**not reached**") == 3
    assert "- ≥ 2,000 pictures a second: **not reached**, 1,999." in written
    assert "- p99 ≤ 20 ms at half load: **not reached**, 21.0 ms." in written
