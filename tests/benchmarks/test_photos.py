"""What the benchmark of photos counts, and how it chooses when the model abstains."""

import numpy as np
import pytest
from scipy import stats

from benchmarks import photo_folds, photo_measures
from benchmarks.photo_rule import ERROR, OTHER, SHOE, Rule, choose, p_value, right_class, safe
from fittingroom.classes import GARMENTS

COAT, SHIRT, SANDAL = (GARMENTS.index(name) for name in ("Coat", "Shirt", "Sandal"))


def test_each_measure_counts_what_it_says():
    names = np.array(["Coat", "Shirt", SHOE, "Bag", OTHER, OTHER])
    predicted = np.array([SHIRT, SHIRT, SANDAL, COAT, COAT, COAT])
    found = photo_measures.measures(
        names, np.array([1, 1, 2, 3, 3, 4]), predicted, np.array([0, 0, 1, 2, 2, 0])
    )
    assert found["correct"]["value"] == 2 / 4  # the shirt, and a shoe that may be any
    assert found["kind"]["value"] == 3 / 4
    assert found["answered"]["value"] == 2 / 4
    assert found["answered_correct"]["value"] == 1 / 2
    assert found["unknown"]["value"] == 1 / 4
    assert found["rejected"]["value"] == 1 / 2
    assert found["correct_of_senders"]["value"] == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert found["classes"][SHOE]["photos"] == 1


def test_an_interval_takes_the_photos_of_a_sender_together():
    random, everything = np.random.default_rng(0), np.ones(400, bool)
    sender = np.repeat(np.arange(40), 10)
    alike = (random.random(40) < 0.5)[sender]  # all of a sender's photos right, or none
    wide = photo_measures.share(alike, everything, sender)
    narrow = photo_measures.share(alike, everything, np.arange(400))
    ratio = (wide["high"] - wide["low"]) / (narrow["high"] - narrow["low"])
    assert ratio == pytest.approx(np.sqrt(10), rel=0.15)


def test_a_rule_divides_eleven_probabilities_into_ten_and_none():
    logs = np.log(np.full((1, 11), 0.5 / 10))
    logs[0, -1] = np.log(0.5)
    ten, none = Rule(1.0, 0.5, 0.2).apply(logs)
    np.testing.assert_allclose(ten, 0.1)
    np.testing.assert_allclose(none, 0.5)
    assert Rule(1.0, 0.05, 0.6).abstain(logs).tolist() == [0]
    assert Rule(1.0, 0.05, 0.4).abstain(logs).tolist() == [2]
    assert Rule(1.0, 0.5, 0.6).abstain(logs).tolist() == [1]


def test_the_chosen_threshold_keeps_the_promise_for_the_photos_that_chose_it():
    random = np.random.default_rng(0)
    truth = random.integers(0, 10, 4000)
    names, sender = np.array(GARMENTS)[truth], np.repeat(np.arange(400), 10)
    logits = random.normal(size=(4000, 11)) * 1.5
    logits[np.arange(4000), truth] += 4
    logs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    rule = choose(logs, names, sender)
    ten, _ = rule.apply(logs)
    answered = rule.abstain(logs) == 0
    assert 0.3 < answered.mean() < 1
    assert 0 < (~right_class(names, ten.argmax(axis=1))[answered]).mean() < 0.08


def test_skewed_losses_are_not_called_safe_more_often_than_allowed():
    random = np.random.default_rng(1)
    # One sender in fifteen loses much; the mean of all is exactly what the promise allows.
    losses = np.where(random.random((8000, 235)) < 1 / 15, 0.7, -0.05)
    found = np.mean([p_value(each) <= ERROR for each in losses])
    assert 0.07 < found < 0.115
    student = stats.ttest_1samp(losses, 0, axis=1, alternative="less").pvalue
    assert np.mean(student <= ERROR) > 0.12  # so Hall's transformation is worth its lines


def test_without_skewness_the_p_value_is_that_of_the_normal_distribution():
    half = np.array([-1.2, -0.7, -0.1, 0.1])
    values = np.concatenate([half, -0.8 - half])  # symmetric about -0.4
    expected = stats.norm.cdf(values.mean() / values.std() * np.sqrt(len(values)))
    assert p_value(values) == pytest.approx(expected)


def test_thresholds_pass_up_to_the_first_that_fails():
    good = np.tile([-0.08, -0.04], 50)
    assert safe(np.stack([good, good, -good, good])) == 2
    assert safe(np.stack([-good, good])) == 0
    assert safe(np.stack([good[:20], good[:20]])) == 0  # twenty senders show nothing


def test_folds_divide_senders_and_have_all_photos(tmp_path):
    for part in ("images", "bags"):
        (tmp_path / part).mkdir()
    lines = [f"{n}.jpg,{n // 4},T-Shirt,{GARMENTS[n % 10]}" for n in range(200)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,sender,original,garment", *lines]))
    (tmp_path / "bags.csv").write_text("file,garment\n001.jpg,Bag\n002.jpg,Bag\n009.jpg,Bag\n")
    photos = photo_folds.read_photos(tmp_path)
    assert len(photos.paths) == 203
    assert set(photos.fold) == set(range(5))
    for sender in np.unique(photos.sender):
        assert len(set(photos.fold[photos.sender == sender])) == 1
    # Consecutive numbers of bags are one group.
    assert len(np.unique(photos.sender[-3:])) == 2
