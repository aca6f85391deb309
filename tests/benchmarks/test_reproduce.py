import json
from typing import Any

import pytest

from benchmarks import reproduce


def row(alone=10, same=5000) -> dict[str, Any]:
    said = {"by": "PyTorch", "device": "cpu", "threads": 1, "identical": False}
    return {
        "recipe": "a",
        "epochs": 2,
        "half_precision": True,
        "alone": {"identical": alone, "repeats": 10},
        "beside": {"identical": 10, "repeats": 10},
        "others_share": {"alone": 0.1, "beside": 0.9},
        "same_weights": [{**said, "difference": 2e-7, "same": same, "pictures": 5000}],
        "trained_with_other_threads": [],
    }


def test_one_repeat_that_differs_or_one_class_in_a_thousand_is_a_failure():
    assert reproduce.met([row()])
    assert reproduce.met([row(same=4995)])
    assert not reproduce.met([row(), row(alone=9)])
    assert not reproduce.met([row(), row(same=4994)])


def test_a_page_says_that_no_gpu_was_asked_only_where_none_was():
    environment = {"processor": "p", "python": "3", "versions": {}}
    measured: dict[str, Any] = {
        "environment": environment,
        "threads": 2,
        "data": "sample",
        "rows": [row()],
    }
    assert "nothing on this page has been run on one" in reproduce.page(measured)
    measured["rows"][0]["same_weights"][0]["device"] = "cuda"
    assert "CUDA is among them" in reproduce.page(measured)


@pytest.mark.slow
def test_everything_runs_on_the_sample(tmp_path):
    arguments = ["--data", "sample", "--recipes", "ann-fast", "--repeats", "2", "--epochs", "1"]
    arguments += ["--threads", "1", "--other-threads", "2", "--out", str(tmp_path)]
    assert reproduce.main(arguments) == 0
    measured = json.loads((tmp_path / "reproduce.json").read_text())
    (only,) = measured["rows"]
    assert only["alone"] == only["beside"] == {"identical": 2, "repeats": 2}
    asked = {(each["by"], each["threads"]) for each in only["same_weights"]}
    assert asked == {(by, count) for by in ("ONNX Runtime", "PyTorch") for count in (1, 2)}
    assert all(each["difference"] < 1e-4 for each in only["same_weights"])
    (other,) = only["trained_with_other_threads"]
    assert (other["threads"], other["finding"] in ("identical", "explained")) == (2, True)
    assert "2 of 2" in (tmp_path / "reproduce.md").read_text()
