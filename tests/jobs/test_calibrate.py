"""A person's own images choose when a model abstains, or show that no threshold will do."""

import pytest
from PIL import Image

from fittingroom.classes import GARMENTS
from fittingroom.data import find_dataset
from fittingroom.errors import PredictionsError, UsageError
from fittingroom.jobs.calibrate import calibrate
from fittingroom.jobs.load import load


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The sample's test images, in folders that are named a little otherwise than the classes."""
    root = tmp_path_factory.mktemp("own")
    images = find_dataset("sample").open_test()
    for number, (image, label) in enumerate(zip(images.images, images.labels, strict=True)):
        name = GARMENTS[label].replace("/", "_").upper()
        (root / name).mkdir(exist_ok=True)
        Image.fromarray(image).save(root / name / f"{number}.png")
    (root / "Skirt").mkdir()
    Image.fromarray(images.images[0]).save(root / "Skirt" / "0.png")
    return root


def test_the_model_abstains_by_the_thresholds_that_were_chosen(folder, tmp_path):
    heard: list[str] = []
    found = calibrate(folder, out=tmp_path / "own.onnx", model="cnn-tiny", say=heard.append)
    assert "Skirt" in " ".join(heard)
    assert load(found.path).thresholds == found.thresholds
    assert found.thresholds != load("cnn-tiny").thresholds
    images = find_dataset("sample").open_test()
    abstains = load(found.path).answers(images.images).abstain
    assert found.images == len(images)
    assert (found.unsure, found.unknown) == ((abstains == 1).sum(), (abstains == 2).sum())
    assert found.answered_accuracy.value > 0.95


def test_no_threshold_will_do_where_the_folders_are_wrong(folder, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    for at, name in enumerate(sorted(each.name for each in folder.iterdir())):
        turned = sorted(each.name for each in folder.iterdir())[at - 1]
        (wrong / name).symlink_to(folder / turned)
    with pytest.raises(PredictionsError, match="No threshold will do"):
        calibrate(wrong, out=tmp_path / "own.onnx", model="cnn-tiny")


def test_few_images_and_a_risk_that_is_no_share_are_refused(folder, tmp_path):
    with pytest.raises(UsageError, match="can't show"):
        calibrate(folder, out=tmp_path / "own.onnx", model="cnn-tiny", risk=1e-6)
    with pytest.raises(UsageError, match="between 0 and 1"):
        calibrate(folder, out=tmp_path / "own.onnx", risk=5)
    (tmp_path / "own.onnx").write_bytes(b"")
    with pytest.raises(UsageError, match="exists"):
        calibrate(folder, out=tmp_path / "own.onnx")
