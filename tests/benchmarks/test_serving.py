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
    packaged, fast = measured["models"]
    assert packaged["name"] == "cnn-tiny"
    assert fast["name"].startswith("cnn-fast")
    for model in (packaged, fast):
        assert set(model["raw"]) == {"1", "32", "256"}
        assert all(rate > 0 for rate in model["raw"].values())
        for pictures in ("1", "32"):
            loads = model["loads"][pictures]
            assert loads["capacity"] > 0
            assert set(loads["closed"]["statuses"]) <= {"200", "429"}
            for name in serving.LOADS:
                load = loads[name]
                assert load["lost"] == load["unanswered"] == 0
                assert set(load["statuses"]) <= {"200", "429"}
                assert load["answered"]["p50"] <= load["answered"]["p99"]
                due = round(load["offered"] * load["seconds"])
                assert load["answered"]["count"] + load["refused"]["count"] == due
    for pictures in ("1", "32"):
        assert set(measured["empty"][pictures]["statuses"]) == {"200"}
    low, high = packaged["soak"]["slope_interval"]
    assert low <= packaged["soak"]["slope_mb_per_hour"] <= high
    assert len(packaged["soak"]["resident_mb"]) > 10
    assert "soak" not in fast
    written = (tmp_path / "serving.md").read_text()
    assert f"{packaged['loads']['32']['closed']['answered']['a_second']:,.0f}" in written


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
    soak = {
        "minutes": 10,
        "seconds": [100.0, 600.0],
        "resident_mb": [100.0, 101.0],
        "slope_mb_per_hour": 0.5,
        "slope_interval": [-1.0, 2.0],
    }
    return {
        "seconds": 10.0,
        "processors": [0, 1],
        "environment": {"processor": "a processor", "python": "3.13"},
        "models": [
            {
                "name": "cnn-fast",
                "title": "A model",
                "raw": {"1": 20_000.0, "32": 100_000.0},
                "loads": {"1": loads, "32": copy.deepcopy(loads)},
                "soak": soak,
            }
        ],
        "empty": {"1": load(9_000.0, 0.01), "32": load(7_000.0, 0.01)},
    }


def test_the_page_says_which_bars_are_reached():
    measured = made_up()
    assert "not reached" not in page(measured)
    assert "- ≥ 10,000 pictures a second: reached, 80,000." in page(measured)
    assert "The model alone gives 100,000; the service, 80% of that." in page(measured)
    assert "+0.50 MB an hour (95% -1.00 to +2.00" in page(measured)
    assert "reached, at most +0.33 MB" in page(measured)
    assert "1.9 times" in page(measured)
    (model,) = measured["models"]
    model["loads"]["1"]["capacity"] = 1_999.0
    model["loads"]["1"]["half"]["answered"]["p99"] = 0.021
    model["loads"]["1"]["twice"]["answered"]["p99"] = 0.0201
    model["soak"]["slope_interval"] = [5.0, 7.0]  # 1.2 MB in ten minutes
    written = page(measured)
    assert written.count("**not reached**") == 4
    assert "- ≥ 2,000 pictures a second: **not reached**, 1,999." in written
    assert "- p99 ≤ 20 ms at half load: **not reached**, 21.0 ms." in written


def test_the_page_says_where_the_model_alone_is_slower_than_the_bar():
    measured = made_up()
    (model,) = measured["models"]
    model["raw"] = {"1": 4_000.0, "32": 6_000.0}
    model["loads"]["32"]["capacity"] = 150.0
    written = page(measured)
    assert "4,800, which the model alone does not reach either." in written
    assert "The model alone gives 6,000; the service, 80% of that." in written
