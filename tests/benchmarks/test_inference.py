import json

import numpy as np
import pytest

from benchmarks import inference, inference_page
from benchmarks.peers import speed


def test_the_committed_page_is_that_of_the_committed_numbers():
    path = inference.OUT / "inference.json"
    measured = json.loads(path.read_text(encoding="utf-8"))
    assert path.with_suffix(".md").read_text(encoding="utf-8") == inference_page.page(measured)


@pytest.mark.slow
def test_every_peer_that_is_there_gives_the_same_answers(tmp_path):
    trial = ("--networks", "cnn", "--repeats", "1", "--calls", "0.01", "--out", str(tmp_path))
    assert inference.main([*trial, "--tensorflow-python", "none", "--openvino-python", "none"]) == 0
    measured = json.loads((tmp_path / "inference.json").read_text())
    network = measured["networks"]["cnn"]
    there = {peer: found for peer, found in network["peers"].items() if found is not None}
    assert set(there) == {"fittingroom", "onnxruntime-asleep", "keras-torch", "pytorch"}
    for found in there.values():
        assert found["largest_difference"] < 1e-4
        assert all(rates[0] > 0 for rates in found["pictures_per_second"].values())
        assert found["single_seconds"]["p50"] <= found["single_seconds"]["p99"]
        assert found["peak_memory_mb"] > 30
    assert network["starts"]["keras-tensorflow"] is None
    assert 0 < network["starts"]["fittingroom"][0] < network["starts"]["keras-torch"][0]
    page = (tmp_path / "inference.md").read_text()
    assert "| Keras `predict`, TensorFlow | not installed |" in page
    rate = measured["summary"]["cnn"]["peers"]["fittingroom"]["pictures_per_second"]["32"]
    assert f"{rate:,.0f}" in page


def test_speed_counts_pictures_and_calls():
    sizes = []

    def answer(pictures, size):
        sizes.append((len(pictures), size))
        return np.zeros((len(pictures), 10), np.float32)

    pictures = np.zeros((7, 28, 28), np.uint8)
    measured = speed(answer, pictures, repeats=3, calls=0.5)
    assert {size: len(rates) for size, rates in measured["pictures_per_second"].items()} == {
        "1": 3,
        "32": 3,
        "1000": 3,
    }
    assert (30 * 32, 32) in sizes
    assert sizes[-1] == (1, 1)


def test_a_summary_is_of_medians_and_over_keras():
    found = {
        "fittingroom": {"pictures_per_second": {"32": [9.0, 10.0, 90.0]}},
        "keras-tensorflow": {"pictures_per_second": {"32": [2.0, 2.5, 3.0]}},
        "openvino": None,
    }
    network = {"operations": 10**9, "peers": found, "starts": {"fittingroom": [0.1, 0.3, 0.2]}}
    measured = {"ceilings": {"products_gflops": {"a": 40.0, "b": 7.0}}, "networks": {"n": network}}
    summary = inference.summarise(measured)["n"]
    assert set(summary["peers"]) == {"fittingroom", "keras-tensorflow"}
    assert summary["peers"]["fittingroom"]["over_keras"] == {"32": 4.0}
    assert summary["peers"]["fittingroom"]["ceiling_share"] == {"32": 0.5}
    assert summary["starts"] == {"fittingroom": 0.2}


def test_a_trial_may_not_write_where_the_results_are(capsys):
    with pytest.raises(SystemExit):
        inference.main(["--calls", "0.1"])
    assert "--out of its own" in capsys.readouterr().err
