import json
import shutil

import numpy as np
import pytest

import fittingroom
from fittingroom.errors import ExportError
from fittingroom.predict import packaged
from fittingroom.runs.stored import check_manifest


def test_the_packages_models_are_small_and_as_the_manifest_says():
    check_manifest(packaged.FOLDER)
    assert packaged.packaged_model("cnn-tiny").stat().st_size <= 600_000
    assert packaged.packaged_model("photo").stat().st_size <= 6_000_000


def test_the_packages_numbers_are_those_of_its_model():
    numbers, model = packaged.packaged_numbers("cnn-tiny"), fittingroom.load("cnn-tiny")
    assert model.name == numbers["name"]
    assert model.classes == fittingroom.GARMENTS
    assert numbers["unsure"] == model.thresholds.unsure
    assert numbers["unknown"] == model.thresholds.unknown
    assert numbers["bytes"] == packaged.packaged_model("cnn-tiny").stat().st_size
    low, high = numbers["test_interval"]
    assert low < numbers["test_accuracy"] < high
    recipe = json.loads((packaged.FOLDER / "recipe.json").read_text(encoding="utf-8"))
    assert recipe["name"] == numbers["recipe"]


def test_the_packages_model_names_garments_and_refuses_noise(sample):
    test, model = sample.open_test(), fittingroom.load("cnn-tiny", threads=1)
    said = model.answers(test.images)
    accuracy = packaged.packaged_numbers("cnn-tiny")["test_accuracy"]
    assert (said.label == test.labels).mean() == pytest.approx(accuracy, abs=0.05)
    assert (said.abstain == 2).mean() < 0.05
    noise = np.random.default_rng(0).integers(0, 256, (200, 28, 28), dtype=np.uint8)
    assert (model.answers(noise).abstain == 2).mean() > 0.5


def test_a_changed_model_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / "model"
    shutil.copytree(packaged.FOLDER, folder)
    monkeypatch.setattr(packaged, "FOLDER", folder)
    for name, file in (("photo", "photo.onnx"), ("cnn-tiny", "model.onnx")):
        path = folder / file
        path.write_bytes(path.read_bytes() + b"x")
        with pytest.raises(ExportError, match="was changed"):
            packaged.packaged_model(name)
        path.unlink()
        with pytest.raises(ExportError, match="Install the package again"):
            packaged.packaged_model(name)
