import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import drawings, photo_scenes, photos, photos_page
from benchmarks.photo_scenes import SCENES
from fittingroom.predict import Predictor

COMMITTED = Path(__file__).parents[2] / "docs" / "results" / "photos.json"


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_a_photo_is_the_same_each_time_and_shows_the_garment(scene, sample):
    picture = sample.open_test().images[0]
    one, other = (photo_scenes.render(picture, scene, np.random.default_rng(3)) for _ in range(2))
    assert one.dtype == np.uint8
    assert one.ndim == 3
    assert min(one.shape[:2]) >= 56
    assert (one == other).all()
    assert one.std() > 5


def test_enlarged_alone_it_is_what_the_naive_way_undoes(sample):
    picture = sample.open_test().images[0]
    photo = photo_scenes.render(picture, SCENES[0], np.random.default_rng(0))
    assert photo.shape == (224, 224, 3)
    undone = photo_scenes.naive(photo, invert=True).astype(int)
    assert np.abs(undone - picture).mean() < 8
    assert (photo_scenes.naive(photo, invert=False) == 255 - undone).all()


def test_bars_are_held_against_what_was_measured():
    def row(bar, clean, naive):
        return {
            "bar": bar,
            "against_clean": {"value": clean, "low": clean, "high": clean},
            "against_best_naive": {"value": naive, "low": naive, "high": naive},
        }

    scenes = {
        "good": row("plain", -0.029, 0.0),
        "far": row("plain", -0.031, 0.1),
        "hard": row("", -0.5, 0.1),
        "below": row("", -0.5, -0.001),
    }
    missed = photos_page.fallen_short({"scenes": scenes})
    assert [each.split(":")[0] for each in missed] == ["far", "below"]


@pytest.mark.slow
def test_it_runs_on_the_sample(tmp_path: Path, trained):
    arguments = [
        "--model",
        str(trained.model_path),
        "--data",
        "sample",
        "--pictures",
        "20",
        "--out",
    ]
    names = [SCENES[0].name, SCENES[1].name]
    arguments += [str(tmp_path), "--processes", "1", "--fonts", str(tmp_path), "--scenes", *names]
    assert photos.main(arguments) == 0
    measured = json.loads((tmp_path / "photos.json").read_text())
    assert list(measured["scenes"]) == names
    assert measured["drawings"]["missing"] == sorted(drawings.FILES)
    page = (tmp_path / "photos.md").read_text()
    assert "none of their fonts" in page
    assert all(name in page for name in names)
    model = Predictor(trained.folder / "model.onnx")
    assert drawings.score(model, tmp_path)["fonts"] == {}


@pytest.mark.skipif(not COMMITTED.exists(), reason="nothing is measured yet")
def test_the_page_shows_the_measurement():
    measured = json.loads(COMMITTED.read_text(encoding="utf-8"))
    assert COMMITTED.with_suffix(".md").read_text(encoding="utf-8") == photos_page.page(measured)
    assert list(measured["scenes"]) == [scene.name for scene in SCENES]
