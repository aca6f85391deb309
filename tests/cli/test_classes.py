"""Every command on data of two, a few and many classes."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from fittingroom.export import web
from fittingroom.networks import Dense, Flatten
from fittingroom.recipes import RECIPES, Augmentation, recipe_named
from tests.conftest import written
from tests.data.files import made


@pytest.fixture
def recipes(tiny, monkeypatch):
    """The names of recipes of all three engines that train in seconds."""
    plain = {"mirror": False, "augmentation": Augmentation(), "network": (Flatten(), Dense(10))}
    keras = dataclasses.replace(tiny, name="tiny-keras", engine="keras", **plain)
    monkeypatch.setitem(RECIPES, "tiny-keras", keras)
    quick = recipe_named("logreg").with_settings({"model.iterations": "10"})
    monkeypatch.setitem(RECIPES, "logreg", quick)
    return ["tiny", "tiny-keras", "logreg"]


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [2, 26, 100])
def test_each_command_takes_any_number_of_classes(kinds, cli, recipes, tmp_path, monkeypatch):
    monkeypatch.setattr(web, "read_package", lambda *_: dict.fromkeys(_[-1], b"wasm"))
    data = made(kinds, each=max(12, 300 // kinds), test=12)
    written(tmp_path / "data", (data.training(), data.open_test()), data.classes)
    options = ["--data", "data", "--classes", "data.txt"]

    def done(*arguments: str) -> str:
        code, out, err = cli(*arguments)
        assert code == 0, err
        return out

    assert "kind 2" in done("data", "show", *options)
    values = json.loads(done("compare", *recipes, *options, "--json"))
    assert [each["name"] for each in values["models"]] == recipes
    assert values["failures"] == []
    assert all(each["accuracy"]["value"] > 1.5 / kinds for each in values["models"])
    Image.fromarray(data.open_test().images[1]).save("kind.png")
    for run in json.loads(done("runs", "--json")):
        folder, engine = run["run"], RECIPES[run["recipe"]].engine
        (answer,) = json.loads(f"[{done('predict', 'kind.png', '--model', folder, '--json')}]")
        assert answer["class"] in data.classes
        assert len(answer["top"]) == min(3, kinds)
        network = () if engine == "sklearn" else ("keras", "h5", "safetensors")
        for format_ in ("onnx", *network):
            done("export", folder, "--to", format_, "--out", f"{run['recipe']}.{format_}")
        done("export", folder, "--to", "web", "--out", f"site-{run['recipe']}")
    printed = done("evaluate", folder, "--data", "data", "--classes", "data.txt")
    assert ("30 lowest recalls" in printed) == (kinds == 100)
    audited = json.loads(done("audit", "--recipe", "tiny", "--folds", "2", *options, "--json"))
    assert np.isfinite(audited["accuracy"]["value"])
    done("tune", "tiny", "--trials", "2", "--vary", "batch_size", "--seeds", "0", *options)
