"""Your own models in the jobs: run folders, runs used again, seeds, exports."""

import dataclasses
import json
from typing import Any

import pytest
import safetensors.numpy
from sklearn.linear_model import LogisticRegression
from torch import nn

from fittingroom import recipe_of
from fittingroom.engines.keras.backend import load_keras
from fittingroom.errors import RecipeError, UsageError
from fittingroom.jobs.compare import compare, leave_winner
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.jobs.verify import verify
from fittingroom.runs import list_runs, open_run
from tests.conftest import Listener

pytestmark = pytest.mark.slow

keras = load_keras()

FILE = """
from torch import nn

def build():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
"""


class Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(784, 10)

    def forward(self, x):
        return self.last(x.flatten(1))


def linear_keras():
    return keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10)])


def linear_sklearn():
    return LogisticRegression(max_iter=10, tol=1e9)


class Written(keras.Model):  # type: ignore[misc,name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.flatten, self.last = keras.layers.Flatten(), keras.layers.Dense(10)

    def call(self, images):
        return self.last(self.flatten(images))


@pytest.fixture
def here(sample, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "fittingroom.jobs.compare.write", lambda out, *rest, **more: (out / "index.html", ())
    )
    (tmp_path / "report").mkdir()
    return {"session": Session(sample, tmp_path / "runs", threads=1)}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "nets.py"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize(
    ("model", "engine", "files"),
    [
        (Linear, "pytorch", {"model.safetensors"}),
        (linear_keras, "keras", {"model.safetensors", "model.keras", "best_model.h5"}),
        (linear_sklearn, "sklearn", set()),
    ],
)
def test_each_kind_leaves_a_run_like_any_other(model, engine, files, here):
    settings = {} if engine == "sklearn" else {"epochs": 1}
    recipe = recipe_of(model, name="mine", **settings)
    run = train(recipe, **here)
    again = open_run(run.folder)
    assert again.recipe == recipe
    assert again.recipe.key == recipe.key
    assert again.recipe.engine == engine
    assert again.summary.parameters == 7850
    assert again.summary.operations == 7840
    assert again.summary.export_difference < 1e-5
    assert again.summary.validation_accuracy == pytest.approx(again.history[-1].val_accuracy)
    assert {path.name for path in run.folder.iterdir()} == files | {
        "recipe.json",
        "environment.json",
        "history.jsonl",
        "model.onnx",
        "validation.npz",
        "summary.json",
        "manifest.json",
    }
    stored = json.loads((run.folder / "recipe.json").read_text(encoding="utf-8"))
    own = stored["model" if engine == "sklearn" else "network"]
    assert own["origin"].startswith("tests.jobs.test_own.")
    assert len(own["sha256"]) == 64
    if files:
        weights = safetensors.numpy.load_file(run.folder / "model.safetensors")
        assert float(weights["pixels.deviation"]) == 255


def test_a_recipe_read_from_a_run_is_not_trained(here):
    run = train(recipe_of(Linear, epochs=1), **here)
    with pytest.raises(RecipeError, match="holds no code"):
        train(open_run(run.folder).recipe, **here)
    assert len(list_runs(here["session"].folder)) == 1


def test_finished_runs_are_used_again_until_the_code_changes(file, here, tmp_path):
    entrants = [f"{file}:build", recipe_of(linear_sklearn)]
    places = {**here, "out": tmp_path / "report", "seeds": 1}
    outcome = compare(entrants, **places)
    assert [model.name for model in outcome.comparison.models] == ["nets", "linear_sklearn"]
    assert compare(entrants, **places).runs[0].folder == outcome.runs[0].folder
    assert len(list_runs(here["session"].folder)) == 2
    file.write_text(FILE.replace("nn.Linear(784, 10)", "nn.Linear(784, 10, bias=False)"))
    compare(entrants, **places)
    assert len(list_runs(here["session"].folder)) == 3


def test_a_single_model_is_one_entrant_however_many_layers_it_has(here, tmp_path):
    module: Any = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    with pytest.raises(UsageError, match="two recipes or runs, not 1"):
        compare(module, **{**here, "out": tmp_path / "report"})


@pytest.mark.parametrize("model", [Linear, linear_keras], ids=["module", "keras"])
def test_a_model_with_weights_of_its_own_is_trained_once(model, here):
    found = verify(recipe_of(model(), epochs=1), 0.5, seeds=2, **here)
    assert [run.seed for run, _ in found.per_seed] == [0]
    assert found.verdict == "not judged"


def test_a_winner_that_cannot_be_one_of_keras_is_said_if_it_is_a_network(here, tmp_path):
    session = here["session"]
    entrants = [recipe_of(Linear, epochs=1), recipe_of(linear_sklearn)]
    outcome = compare(entrants, out=tmp_path / "report", seeds=1, **here)
    groups = {model.name: model for model in outcome.comparison.models}
    for (name, model), group in zip(groups.items(), outcome.evaluated, strict=True):
        listener = Listener()
        alone = dataclasses.replace(outcome.comparison, models=(model,))
        heard = dataclasses.replace(session, progress=listener)
        leave_winner(tmp_path / "report", alone, {name: group}, heard)
        assert [words.split(":")[0] for words in listener.heard] == (
            ["No Keras model beside the report"] if group[0].recipe == "Linear" else []
        )
    assert not list((tmp_path / "report").glob("best_model.*"))


def test_other_numbers_of_classes_are_what_the_model_must_give(three_classes, tmp_path):
    with pytest.raises(RecipeError, match=r"shape \(2, 10\).*logits of shape \(2, 3\)"):
        train(Linear, session=Session(data=three_classes, runs=tmp_path / "runs", threads=1))
    run = train(
        linear_sklearn, session=Session(data=three_classes, runs=tmp_path / "runs", threads=1)
    )
    assert len(run.classes) == 3
