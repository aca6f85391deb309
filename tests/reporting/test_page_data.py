"""What the page's script answers from: the same numbers as tables, figures and results."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from fittingroom.evaluation import ModelReport
from fittingroom.predictions import Float32, UInt8
from fittingroom.reporting.page_data import page_data
from tests.reporting.conftest import IMAGES, images, predictions, report


def unpacked(base: str, kind: str = "<u2") -> npt.NDArray[Any]:
    return np.frombuffer(base64.b64decode(base), kind)


def of(page: Path) -> dict[str, Any]:
    text = page.read_text(encoding="utf-8").split('id="page-data">')[1].split("</script>")[0]
    data: dict[str, Any] = json.loads(text)
    return data


def test_the_page_and_the_results_have_the_same_numbers(
    page: Path, models: list[ModelReport]
) -> None:
    data, results = of(page), json.loads((page.parent / "results.json").read_text("utf-8"))
    at, labels = unpacked(data["at"], "<u4"), unpacked(data["labels"])
    assert sorted(at) == list(range(IMAGES))
    for told, stored, model in zip(data["models"], results["models"], models, strict=True):
        said = model.evaluation.predictions
        assert told["confusion"] == stored["evaluation"]["confusion"]
        counted = np.zeros((10, 10), int)
        np.add.at(counted, (labels, unpacked(told["predicted"])), 1)
        assert counted.tolist() == told["confusion"]
        assert counted.sum(axis=1).tolist() == model.evaluation.frame()["support"].tolist()
        shown, probabilities = at[: data["shown"]], said.probabilities
        assert probabilities is not None
        likeliest = unpacked(told["likeliest"]).reshape(-1, 3)
        assert (likeliest[:, 0] == said.predicted[shown]).all()
        top = unpacked(told["shares"]).reshape(-1, 3)[:, 0] / 1e4
        assert top == pytest.approx(probabilities[shown].max(axis=1), abs=1e-4)
        assert set(np.flatnonzero(~said.correct)) <= set(shown)


def test_each_image_is_at_its_place_in_the_sheet(page: Path) -> None:
    data = of(page)
    with Image.open(io.BytesIO(base64.b64decode(data["sheet"].partition(",")[2]))) as sheet:
        grey = 255 - np.asarray(sheet.convert("L")).astype(int)
    at = unpacked(data["at"], "<u4")
    for place in (0, 61, data["shown"] - 1):
        row, column = divmod(place, data["across"])
        drawn = grey[28 * row : 28 * row + 28, 28 * column : 28 * column + 28]
        assert np.abs(drawn - images(IMAGES)[at[place]]).max() <= 8  # of 256 shades


def test_the_map_is_of_features_or_of_log_probabilities() -> None:
    model = report("ann", predictions(0.8, 1))

    def features(given: ModelReport, some: UInt8) -> Float32 | None:
        line = np.arange(len(some), dtype=np.float32)
        return np.stack([line, 2 * line, 0 * line], axis=1)

    (told,) = json.loads(page_data([model], images(IMAGES), features, tsne=None))["models"]
    assert "two principal components, shows 100% of the variance of its features" in told["plane"]
    first, second = unpacked(told["map"]).reshape(-1, 2).T
    assert first[[0, -1]].tolist() in ([0, 65535], [65535, 0])
    assert np.ptp(second) <= 1  # all on one line
    (told,) = json.loads(page_data([model], images(IMAGES), lambda *_: None, tsne=None))["models"]
    assert "log-probabilities" in told["plane"]


def test_the_map_may_be_by_tsne_of_the_first_fifty_components() -> None:
    model, given = report("ann", predictions(0.8, 1)), []

    def tsne(components: Float32) -> Float32:
        given.append(components.shape)
        return components[:, 1::-1]

    def features(model: ModelReport, some: UInt8) -> Float32:
        return np.random.default_rng(0).normal(size=(len(some), 60)).astype(np.float32)

    told, plain = (
        json.loads(page_data([model], images(IMAGES), features, by))["models"][0]
        for by in (tsne, None)
    )
    assert given == [(IMAGES, 50)]
    assert told["plane"] == "By t-SNE of its features: distances between far groups mean nothing."
    assert (unpacked(told["map"])[::2] != unpacked(plain["map"])[::2]).any()


def test_a_model_without_probabilities_has_neither_bars_nor_map(odd_page: Path) -> None:
    (told,) = of(odd_page)["models"]
    assert told.keys() == {"name", "key", "confusion", "predicted"}
    assert "<" not in odd_page.read_text("utf-8").split('id="page-data">')[1].split("</script>")[0]


def test_every_cell_has_images_when_there_is_no_room_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fittingroom.reporting.page_data._SHOWN", 70)
    monkeypatch.setattr("fittingroom.reporting.page_data._MISTAKES", 40)
    models = [report("ann", predictions(0.5, 1)), report("cnn", predictions(0.8, 2))]
    data = json.loads(page_data(models, images(IMAGES), lambda *_: None, tsne=None))
    shown = set(unpacked(data["at"], "<u4")[: data["shown"]].tolist())
    for model in models:
        said = model.evaluation.predictions
        assert said.log_probabilities is not None
        sure = said.log_probabilities.max(axis=1)
        for true, predicted in np.argwhere(model.evaluation.confusion):
            cell = np.flatnonzero((said.labels == true) & (said.predicted == predicted))
            first = cell[np.argmin(sure[cell]) if true == predicted else np.argmax(sure[cell])]
            assert first in shown
