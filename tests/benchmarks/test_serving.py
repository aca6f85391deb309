"""The page of the measured service says which bars are reached."""

from typing import Any

from benchmarks.serving import page


def load(a_second: float, p99: float, **more: Any) -> dict[str, Any]:
    answered = {"count": 100, "a_second": a_second, "p50": p99 / 2, "p99": p99}
    refused = {"count": 0, "a_second": 0.0}
    return {"answered": answered, "refused": refused, "processor_ms_a_request": 0.2} | more


def measured(capacity: float, twice: float, slope: float) -> dict[str, Any]:
    loads = {
        "images": 1,
        "capacity": capacity,
        "closed": load(capacity, 0.020),
        "half": load(capacity / 2, 0.008, offered=capacity / 2),
        "high": load(0.8 * capacity, 0.010, offered=0.8 * capacity),
        "twice": load(capacity, twice, offered=2 * capacity),
    }
    return {
        "model": "a model",
        "seconds": 10.0,
        "processors": [0, 1],
        "environment": {"processor": "a processor", "python": "3.13"},
        "raw": {"1": 5_000.0, "32": 10_000.0},
        "loads": {"one": loads, "photo": loads},
        "soak": {
            "minutes": 10,
            "resident_mb": [100.0, 101.0],
            "slope_mb_per_hour": slope,
            "slope_interval": [slope - 1, slope + 1],
        },
    }


def test_the_page_says_which_bars_are_reached():
    good = page(measured(2_500, twice=0.019, slope=0.5))
    assert "not reached" not in good
    assert "≥ 2,000 images a second: reached, 2,500." in good
    assert "25% of the model alone" in good
    assert "1.9 times" in good
    assert "+0.50 MB an hour (95% -0.50 to +1.50" in good
    bad = page(measured(1_999, twice=0.021, slope=7.0))  # 1.3 MB in ten minutes
    assert bad.count("**not reached**") == 4  # a photo has no bar for its rate
    assert "≥ 2,000 images a second: **not reached**, 1,999." in bad
