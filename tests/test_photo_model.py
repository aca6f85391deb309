"""The tool that makes the model of photos: its downloads, and the graph that it writes."""

import csv
import hashlib
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

from tests.data.mirror import Mirror
from tools import make_photo_model as tool


@pytest.fixture
def rows(tmp_path: Path) -> list[dict[str, str]]:
    """Photos of noise in ``tmp_path / "images"``, and their rows of the list."""
    random, found = np.random.default_rng(0), []
    (tmp_path / "images").mkdir()
    for number in range(24):
        path = tmp_path / "images" / f"{number}.jpg"
        Image.fromarray(random.integers(0, 256, (40, 30 + number, 3), np.uint8)).save(path)
        row = {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        name = [*tool.CLASSES, "shoe"][number % 12]
        found.append(row | {"sender": str(number // 4), "garment": name})
    return found


def test_only_listed_photos_that_are_missing_are_downloaded(tmp_path, rows):
    mirror = Mirror(tmp_path / "images", "good")
    try:
        for _ in range(2):
            tool.download(tmp_path / "out", rows[:3], mirror.address)
    finally:
        mirror.stop()
    assert sorted(mirror.requested) == ["0.jpg", "1.jpg", "2.jpg"]
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_a_photo_with_other_content_is_refused(tmp_path, rows):
    mirror = Mirror(tmp_path / "images", "portal")
    try:
        with pytest.raises(ValueError, match="SHA256"):
            tool.download(tmp_path / "out", rows[:1], mirror.address)
    finally:
        mirror.stop()
    assert not list((tmp_path / "out").iterdir())


def test_the_list_names_each_photo_once_and_corrects_only_those():
    listed = [row["file"] for row in tool.read_list("photos.csv")]
    assert len(listed) == len(set(listed)) == 4115
    corrected = tool.read_list("photo_corrections.csv")
    assert {row["file"] for row in corrected} <= set(listed)
    assert {row["garment"] for row in corrected} <= {*tool.CLASSES, "shoe"}


def test_the_graph_answers_as_the_network_and_is_the_same_again(
    tmp_path, rows, sample, monkeypatch
):
    for name, value in {"SIDE": 64, "TRAINED": 64, "SOME": 2, "SHOTS": 1, "THINGS": 1}.items():
        monkeypatch.setattr(tool, name, value)
    (tmp_path / "bags").mkdir()
    shutil.copy(tmp_path / "images" / "0.jpg", tmp_path / "bags" / "bag.jpg")
    with (tmp_path / "bags.csv").open("w") as stream:
        csv.writer(stream).writerows([["file"], ["bag.jpg"]])
    things = [tmp_path / "images" / "1.jpg"]
    photos = tool.Photos(tmp_path, rows, things, frozenset({"2.jpg"}))
    assert photos.labels.shape == (25, 11)  # without one, with a bag and a thing
    assert photos.labels.sum(1).tolist().count(3) == 2  # two shoes that may be any of three
    known = sample.training()
    shots = torch.tensor(known.images), torch.tensor(known.labels).long()

    net = tool.train(photos, shots, seed=0, steps=2)
    again = tool.train(photos, shots, seed=0, steps=2)
    small = tool.build(net, 0.5, {})
    assert small == tool.build(again, 0.5, {})

    images = photos.pixels[:5, :64, :64]
    names = ("logits", "probabilities", "features", "ood_score", "evidence")
    whole, approximate = (
        dict(
            zip(
                names,
                onnxruntime.InferenceSession(each).run(names, {"images": images}),
                strict=True,
            )
        )
        for each in (tool.build(net, 0.5, {}, whole=True), small)
    )
    with torch.no_grad():
        eleven = (net(torch.tensor(images).permute(0, 3, 1, 2) / 255) / 0.5).softmax(1).numpy()
    garments = eleven[:, :10] / eleven[:, :10].sum(1, keepdims=True)
    np.testing.assert_allclose(whole["probabilities"], garments, atol=1e-4)
    np.testing.assert_allclose(whole["ood_score"], eleven[:, 10], atol=1e-4)
    np.testing.assert_allclose(approximate["probabilities"], garments, atol=0.02)
    # A logit is the mean of its evidence and its bias, but for one number an image.
    bias = (net.answer.bias.detach().numpy() / 0.5)[:10]
    rest = whole["logits"] - whole["evidence"].mean((2, 3)) - bias
    np.testing.assert_allclose(rest, np.broadcast_to(rest[:, :1], rest.shape), atol=1e-4)
