import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import fittingroom
from benchmarks import unknown
from benchmarks.strangers import strangers

RESULTS = Path(__file__).parents[2] / "docs" / "results"


def test_strangers_are_pictures_and_the_same_each_time():
    first, again, other = strangers(12), strangers(12), strangers(12, seed=1)
    assert len(first) == 6
    for name, pictures in first.items():
        assert pictures.shape == (12, 28, 28)
        assert pictures.dtype == np.uint8
        assert (pictures == again[name]).all()
        assert (pictures != other[name]).any()
        assert all(picture.std() > 1 for picture in pictures)  # none is blank


def test_auroc_is_scikit_learns():
    generator = np.random.default_rng(0)
    garments, others = generator.integers(0, 9, 200) / 1.0, generator.integers(3, 12, 90) / 1.0
    truth = np.repeat([0, 1], [len(garments), len(others)])
    expected = roc_auc_score(truth, np.concatenate([garments, others]))
    assert unknown.auroc(garments, others) == pytest.approx(expected)


def test_the_measurement_holds_together():
    values = unknown.measure(fittingroom.load(threads=1), "sample", 20, 0)
    garments = values["garments"]
    whole = sum(garments[name]["value"] for name in ("answered", "unsure", "unknown"))
    assert whole == pytest.approx(1)
    shares = [row["answered"] for row in values["coverage"]]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    last = values["coverage"][-1]
    assert last["accuracy"] == pytest.approx(garments["accuracy"]["value"])
    assert values["strangers"]["all of these"]["pictures"] == 120
    assert values["strangers"]["noise"]["auroc"] > 0.5


def test_the_page_is_that_of_the_committed_numbers():
    values = json.loads((RESULTS / "unknown.json").read_text(encoding="utf-8"))
    assert (RESULTS / "unknown.md").read_text(encoding="utf-8") == unknown.page(values)
