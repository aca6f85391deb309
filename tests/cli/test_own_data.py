"""Every command on data of every form, of two, a few and many classes."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from PIL import Image, ImageOps
from starlette.testclient import TestClient

from fittingroom.data import Dataset
from fittingroom.export import web
from fittingroom.networks import Dense, Flatten
from fittingroom.recipes import RECIPES, Augmentation, recipe_named
from fittingroom.serve.application import create_application
from fittingroom.serve.models import load_models
from fittingroom.serve.settings import Settings
from tests.conftest import written
from tests.data.files import made
from tests.photos.corpus import encoded
from tests.serve.running import START_SECONDS, running


@pytest.fixture
def recipes(tiny, monkeypatch):
    """The names of recipes of all three engines that train in seconds."""
    plain = {"mirror": False, "augmentation": Augmentation(), "network": (Flatten(), Dense(10))}
    keras = dataclasses.replace(tiny, name="tiny-keras", engine="keras", **plain)
    monkeypatch.setitem(RECIPES, "tiny-keras", keras)
    quick = recipe_named("logreg").with_settings({"model.iterations": "10"})
    monkeypatch.setitem(RECIPES, "logreg", quick)
    return ["tiny", "tiny-keras", "logreg"]


def write_folders(folder: Path, data: Dataset, look: Callable[[Image.Image], Image.Image]) -> None:
    """Images by part and class, each after its `look`."""
    for part, images in (("train", data.training()), ("test", data.open_test())):
        for at, (image, label) in enumerate(zip(images.images, images.labels, strict=True)):
            inner = folder / part / data.classes[label]
            inner.mkdir(parents=True, exist_ok=True)
            look(Image.fromarray(image)).save(inner / f"{at}.png")


def idx(data: Dataset) -> None:
    written(Path("data"), (data.training(), data.open_test()), data.classes)


def colours(data: Dataset) -> None:
    """Dark on light, 32×32 pixels, in colour."""
    write_folders(
        Path("data"),
        data,
        lambda image: ImageOps.colorize(ImageOps.invert(image), "navy", "ivory").resize((32, 32)),
    )


def sizes(data: Dataset) -> None:
    """Images of various sizes."""
    generator = np.random.default_rng(0)
    write_folders(
        Path("data"), data, lambda image: image.resize(generator.integers(20, 61, 2).tolist())
    )


def digits(data: Dataset) -> None:
    """8×8 pixels, as scikit-learn's digits have."""
    arrays: dict[str, Any] = {"classes": np.array(data.classes)}
    for part, images in (("train", data.training()), ("test", data.open_test())):
        small = [np.asarray(Image.fromarray(each).resize((8, 8))) for each in images.images]
        arrays |= {f"x_{part}": np.stack(small), f"y_{part}": images.labels}
    Path("data").mkdir()
    np.savez("data/digits.npz", **arrays)


def medmnist(data: Dataset) -> None:
    """Three parts, in colour, and a column of labels."""
    arrays: dict[str, Any] = {"classes": np.array(data.classes)}
    halves = (data.training(), data.open_test(), data.open_test())
    for part, images in zip(("train", "val", "test"), halves, strict=True):
        arrays[f"{part}_images"] = np.repeat(images.images[..., None], 3, axis=3)
        arrays[f"{part}_labels"] = images.labels[:, None]
    Path("data").mkdir()
    np.savez("data/med.npz", **arrays)


def assert_is_own(values: dict[str, Any]) -> None:
    assert values["data"].startswith("unknown-")
    assert "not the official Fashion-MNIST" in values["data_description"]
    assert "Do not compare its numbers with published ones." in values["data_description"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kinds", "write"), [(2, colours), (4, sizes), (10, digits), (26, medmnist), (100, idx)]
)
def test_each_command_takes_data_of_any_form(kinds, write, cli, recipes, monkeypatch):
    monkeypatch.setattr(web, "read_package", lambda *_: dict.fromkeys(_[-1], b"wasm"))
    data = made(kinds, each=max(12, 300 // kinds), test=12)
    write(data)
    options = ["--data", "data", *(["--classes", "data.txt"] if write is idx else [])]

    def done(*arguments: str) -> str:
        code, out, err = cli(*arguments)
        assert code == 0, err
        return out

    assert "kind 2" in done("data", "show", *options)
    values = json.loads(done("compare", *recipes, *options, "--seeds", "1", "--json"))
    assert [each["name"] for each in values["models"]] == recipes
    assert_is_own(values)
    assert values["failures"] == []
    assert all(each["accuracy"]["value"] > 1.5 / kinds for each in values["models"])
    file = next(Path("data").glob("test/*/*.png"), None)
    content = encoded(data.open_test().images[1], "PNG") if file is None else file.read_bytes()
    Path("kind.png").write_bytes(content)
    for run in json.loads(done("runs", "--json")):
        folder, engine = run["run"], RECIPES[run["recipe"]].engine
        (answer,) = json.loads(f"[{done('predict', 'kind.png', '--model', folder, '--json')}]")
        assert answer["class"] in data.classes
        assert len(answer["top"]) == min(3, kinds)
        network = () if engine == "sklearn" else ("keras", "h5", "safetensors")
        for format_ in ("onnx", *network):
            done("export", folder, "--to", format_, "--out", f"{run['recipe']}.{format_}")
        done("export", folder, "--to", "web", "--out", f"site-{run['recipe']}")
        with TestClient(
            create_application(load_models([Path(folder)]), Settings(seconds=600))
        ) as client:
            asked = client.post("/v1/classify?details=true", files=[("images", content)])
        assert asked.json()["answers"][0]["class"] == answer["class"]
    with running("--model", folder) as server:
        url = f"{server.address}v1/classify"
        asked = httpx2.post(url, files=[("images", content)], timeout=START_SECONDS)
        assert asked.json()["answers"][0]["class"] == answer["class"]
    printed = done("evaluate", folder, *options)
    assert ("30 lowest recalls" in printed) == (kinds == 100)
    assert_is_own(json.loads(done("evaluate", folder, *options, "--json"))[0])
    assert_is_own(json.loads(done("verify", "logreg", "--claim", "0.5", *options, "--json")))
    again = json.loads(done("reproduce", folder, *options, "--json"))
    assert_is_own(again)
    assert again["verdict"] == "identical"
    audited = json.loads(done("audit", "--recipe", "tiny", "--folds", "2", *options, "--json"))
    assert np.isfinite(audited["accuracy"]["value"])
    done("tune", "tiny", "--trials", "2", "--vary", "batch_size", "--seeds", "0", *options)
