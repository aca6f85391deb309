"""What benchmarks compute of what they measured."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks import (
    audit,
    halves,
    inference,
    inference_peers,
    photo_scenes,
    reproduce,
    scaling,
    unknown,
)
from benchmarks.made_data import write_set
from benchmarks.statistics import Line, verdict
from benchmarks.strangers import strangers
from fittingroom.auditing import unit_images
from fittingroom.data import find_dataset
from fittingroom.data.official import TEST, TRAINING
from tests.auditing.made_up import made_up


def test_audit_flips_as_many_labels_as_asked_to_others():
    labels = (np.arange(3000) % 10).astype(np.uint8)
    before = labels.copy()
    chosen = audit.flip(labels, 10, np.random.default_rng(0))
    assert len(chosen) == 30
    assert np.flatnonzero(labels != before).tolist() == chosen.tolist()
    assert labels.max() < 10


def test_audit_scores_count_what_was_planted():
    # Doubted: test 5 and 2 (45 and 42), training 7; planted: 45, 8 and 7; 42 is doubted anyway.
    clean = made_up(doubtful=[(42, 2, 0, 0.2, 0.7)])
    scores = audit.score(made_up(), np.array([7, 8, 45]), clean)
    assert (scores["planted"], scores["flagged"]) == (3, 3)
    assert scores["recall"]["value"] == pytest.approx(2 / 3)
    assert scores["recall_by_set"]["training"]["value"] == 0.5
    assert scores["recall_by_set"]["test"]["value"] == 1
    assert scores["precision"]["value"] == pytest.approx(2 / 3)
    assert scores["precision_of_new"]["value"] == 1
    assert scores["precision_of_first"]["value"] == pytest.approx(2 / 3)


def test_inference_is_summarised_by_medians_and_ratios_to_keras():
    found = {
        "fittingroom": {"images_per_second": {"32": [9.0, 10.0, 90.0]}},
        "keras-tensorflow": {"images_per_second": {"32": [2.0, 2.5, 3.0]}},
        "openvino": None,
    }
    network = {"peers": found, "starts": {"fittingroom": [0.1, 0.3, 0.2], "openvino": None}}
    summary = inference.summarise({"networks": {"n": network}})["n"]
    assert set(summary["peers"]) == {"fittingroom", "keras-tensorflow"}
    assert summary["peers"]["fittingroom"]["over_keras"] == {"32": 4.0}
    assert summary["starts"] == {"fittingroom": 0.2}


def test_inference_counts_images_and_calls():
    sizes = []

    def answer(images, size):
        sizes.append((len(images), size))
        return np.zeros((len(images), 10), np.float32)

    images = np.zeros((7, 28, 28), np.uint8)
    measured = inference_peers.speed(answer, images, repeats=3, calls=0.5)
    rates = measured["images_per_second"]
    assert {size: len(each) for size, each in rates.items()} == {"1": 3, "32": 3, "1000": 3}
    assert (30 * 32, 32) in sizes
    assert sizes[-1] == (1, 1)


@pytest.mark.parametrize("scene", photo_scenes.SCENES, ids=lambda scene: scene.name)
def test_photos_are_the_same_each_time(scene, sample):
    image = sample.open_test().images[0]
    one, other = (photo_scenes.render(image, scene, np.random.default_rng(3)) for _ in range(2))
    assert (one == other).all()
    assert min(one.shape[:2]) >= 56
    assert one.std() > 5


def test_photos_only_enlarged_are_undone_by_the_naive_way(sample):
    image = sample.open_test().images[0]
    photo = photo_scenes.render(image, photo_scenes.SCENES[0], np.random.default_rng(0))
    undone = photo_scenes.naive(photo, invert=True).astype(int)
    assert np.abs(undone - image).mean() < 8


def reproduced(alone=10, same=5000) -> dict[str, Any]:
    return {
        "alone": {"identical": alone, "repeats": 10},
        "beside": {"identical": 10, "repeats": 10},
        "same_weights": [{"same_class": same, "images": 5000}],
    }


def test_reproduce_fails_for_one_other_repeat_or_more_than_one_class_in_a_thousand():
    assert reproduce.met([reproduced()])
    assert reproduce.met([reproduced(same=4995)])
    assert not reproduce.met([reproduced(), reproduced(alone=9)])
    assert not reproduce.met([reproduced(), reproduced(same=4994)])


def test_halves_compares_each_image_with_the_others_of_training(sample):
    points = unit_images(sample.training().images[:60])
    similar, places = halves.nearest(points, 40)
    products = points @ points[:40].T
    np.fill_diagonal(products, -1)
    expected = np.argsort(-products, axis=1)[:, :10]
    np.testing.assert_array_equal(np.sort(places), np.sort(expected))
    np.testing.assert_allclose(-np.sort(-similar), -np.sort(-products)[:, :10], atol=1e-6)


def test_halves_weighs_bins_as_the_second_set_does():
    values, others = np.array([1.0, 1, 0, 0, 0, 0]), np.array([1.0, 0, 0, 0])
    bins, other_bins = np.array([0, 0, 1, 1, 1, 1]), np.array([0, 0, 0, 1])
    plain = halves.gap(values, others, bins * 0, other_bins * 0)
    assert plain["value"] == pytest.approx(1 / 3 - 1 / 4)
    error = 1.96 * np.sqrt(values.var() / 6 + others.var() / 4)
    assert plain["high"] - plain["value"] == pytest.approx(error)
    binned = halves.gap(values, others, bins, other_bins)
    assert binned["value"] == pytest.approx(3 / 4 * (1 - 1 / 3))
    assert binned["high"] - binned["value"] == pytest.approx(1.96 * np.sqrt(9 / 16 * 2 / 9 / 3))


def test_made_data_is_cut_or_repeated_in_order(tmp_path):
    image_set = find_dataset("sample").training()
    write_set(tmp_path, TRAINING, image_set.images, image_set.labels, 4500)
    write_set(tmp_path, TEST, image_set.images, image_set.labels, 30)
    dataset = find_dataset(tmp_path)
    places = np.arange(4500) % len(image_set)
    np.testing.assert_array_equal(dataset.training().images, image_set.images[places])
    np.testing.assert_array_equal(dataset.training().labels, image_set.labels[places])
    np.testing.assert_array_equal(dataset.open_test().images, image_set.images[:30])


def test_scaling_is_between_sizes_and_leaves_out_what_it_takes_to_begin():
    rows = [
        {"recipe": "a", "images": 1000, "seconds": 2.0, "peak_memory_mb": 300.0},
        {"recipe": "b", "images": 1000, "seconds": 9.0, "peak_memory_mb": 1.0},
        {"recipe": "a", "images": 100_000, "seconds": 200.0, "peak_memory_mb": 399.0},
    ]
    assert scaling.growth("a", rows) == {
        "bytes_an_image": pytest.approx(1000),
        "seconds_an_image": pytest.approx([0.002]),
    }


def test_statistics_that_are_too_wide_are_told_from_those_that_err_too_often():
    covers = Line("p", "s", "m", 0.95, 0.002, (0.94, 0.96), 10_000)
    assert verdict(covers) == "met"
    assert verdict(replace(covers, share=0.963)) == "within twice its error"
    assert verdict(replace(covers, share=0.99)) == "**missed**: too wide"
    assert verdict(replace(covers, share=0.92)) == "**missed**"
    assert verdict(replace(covers, share=0.07, target=(0.0, 0.055))) == "**missed**"
    assert verdict(replace(covers, target=None)) == ""


def test_unknown_images_are_the_same_each_time():
    first, again, other = strangers(12), strangers(12), strangers(12, seed=1)
    for name, images in first.items():
        assert images.shape == (12, 28, 28)
        assert (images == again[name]).all()
        assert (images != other[name]).any()
        assert all(image.std() > 1 for image in images)  # none is blank


def test_unknown_auroc_is_scikit_learns():
    generator = np.random.default_rng(0)
    clothes, others = generator.integers(0, 9, 200) / 1.0, generator.integers(3, 12, 90) / 1.0
    truth = np.repeat([0, 1], [len(clothes), len(others)])
    expected = roc_auc_score(truth, np.concatenate([clothes, others]))
    assert unknown.auroc(clothes, others) == pytest.approx(expected)
