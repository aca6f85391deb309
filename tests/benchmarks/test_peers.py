"""Every peer's script says what it needs, and trainings of peers become a table."""

import argparse
import sys

import pytest

from benchmarks import measure, peers

FAST = '''"""A nearest mean.

https://example.org/means
"""

# /// script
# dependencies = ["numpy==2.0"]
# ///
import numpy as np


def fit(images, labels, seed, budget):
    # A comment is no line of code.
    return np.stack([images[labels == k].mean(0) for k in range(10)])


def predict(model, images):
    away = np.abs(images[:, None] - model).sum((2, 3))
    return away.argmin(1)
'''
SLOW = FAST.replace("away.argmin(1)", "[] [1]")


def test_every_script_says_what_it_needs():
    assert {"keras_cnn", "fastai_course", "autogluon", "fittingroom_cnn"} <= peers.SCRIPTS.keys()
    for name in peers.SCRIPTS:
        assert all(
            "==" in each or "fittingroom" in each for each in peers.wants(name)["dependencies"]
        )
        assert 4 < peers.lines_of(name) < 80
    assert {name for name in peers.SCRIPTS if peers.wants(name).get("budget")} == {
        "autogluon",
        "flaml",
    }


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    """Two peers that predict, and one that fails."""
    files = {"means": FAST, "again": FAST.replace("A nearest", "Another"), "broken": SLOW}
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setattr(peers, "SCRIPTS", {name: tmp_path / f"{name}.py" for name in files})
    monkeypatch.setattr(peers, "installed", lambda name, folder: (sys.executable, 12.0))
    monkeypatch.setattr(
        peers, "measured_predecessor", lambda options, backend: {"epoch_seconds": 40.0}
    )


def test_peers_are_trained_once_and_compared(scripts, tmp_path):
    options = argparse.Namespace(
        peers=list(peers.SCRIPTS),
        seeds=2,
        data="sample",
        threads=1,
        runs=tmp_path / "runs",
        environments=tmp_path,
    )
    *_, measured = peers.everything(options, {})
    rows = {(row["peer"], row["seed"]): row for row in measured["rows"]}
    assert len(rows) == 5  # what failed is not tried again
    assert "IndexError" in rows["broken", 0]["failure"]
    assert list(peers.everything(options, measured)) == []
    for table in measured["tables"].values():
        assert [each["name"] for each in table["models"]] == ["means", "again"]
        first, second = table["models"]
        assert first["accuracy"] == second["accuracy"]
        assert 0.4 < first["accuracy"]["value"] < 0.9
    page = peers.page(measured)
    assert "| [A nearest mean](https://example.org/means) (2.0) | " in page
    assert "IndexError" in page
    assert peers.lines_of("means") == 6


def test_what_takes_longer_than_the_budget_is_left_out(scripts):
    rows = [{"peer": "means", "seed": seed, "budget": 600, "wall_seconds": 61} for seed in (1, 0)]
    assert peers.within(rows, "means", 60) == []
    assert [row["seed"] for row in peers.within(rows, "means", 600)] == [0, 1]


def test_a_process_that_takes_too_long_is_ended():
    with pytest.raises(measure.MeasurementError, match="did not finish within 1 seconds"):
        measure.in_process("subprocess:call", limit=1, args=["sleep", "60"])
