"""Training reads nothing of the test set.

Each recipe is trained twice, on data that differs in the test set alone: every label and every
image is another one. What training leaves must be the same to the last byte.
"""

import json
from dataclasses import replace

import numpy as np
import pytest

from fittingroom.classes import GARMENTS
from fittingroom.data import ImageSet
from fittingroom.jobs.evaluate import evaluate
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.networks import Dense, Flatten
from fittingroom.recipes import Recipe, recipe_named
from tests.conftest import written

pytestmark = pytest.mark.slow

KERAS = Recipe(
    name="small",
    title="A network that Keras trains in a second",
    engine="keras",
    network=(Flatten(), Dense(10)),
    epochs=3,
    patience=1,
    optimizer="adam",
    schedule="constant",
)


@pytest.fixture
def two(sample, tmp_path):
    """The same training set twice, with nothing in common in the test sets."""
    training, test = sample.training(), sample.open_test()
    labels = ((test.labels + 1 + np.arange(len(test)) % 9) % 10).astype(np.uint8)
    other = ImageSet(test.images[::-1].copy(), labels, test.indices)
    return (
        written(tmp_path / "one", (training, test), GARMENTS),
        written(tmp_path / "two", (training, other), GARMENTS),
    )


def left_by(data, recipe, runs):
    """What training leaves, by file: all of it but times and the names of the data."""
    folder = train(recipe, session=Session(data=data, runs=runs, threads=1)).folder
    left: dict[str, object] = {
        path.name: path.read_bytes()
        for path in sorted(folder.iterdir())
        if path.suffix not in (".json", ".jsonl", ".keras", ".h5")
    }
    lines = (folder / "history.jsonl").read_text(encoding="utf-8").splitlines()
    left["history"] = [{**json.loads(line), "seconds": 0} for line in lines]
    left["summary"] = {**json.loads((folder / "summary.json").read_text()), "seconds": 0}
    return left


@pytest.mark.parametrize("name", ["tiny", "patient", "small", "logreg"])
def test_another_test_set_leaves_the_same_run(name, two, tiny, tmp_path):
    recipe = {
        "tiny": tiny,
        "patient": replace(tiny, epochs=8, patience=1, learning_rate=0.2),
        "small": KERAS,
        "logreg": recipe_named("logreg").with_settings({"model.iterations": "10"}),
    }[name]
    first, second = (left_by(each, recipe, tmp_path / str(k)) for k, each in enumerate(two))
    assert "model.onnx" in first
    for file in first:
        assert first[file] == second[file], file


@pytest.mark.parametrize("name", ["tiny", "logreg"])
def test_shuffled_training_labels_give_test_accuracy_at_chance(name, sample, tiny, tmp_path):
    training = sample.training()
    recipe = tiny
    if name == "logreg":
        recipe = recipe_named("logreg").with_settings({"model.iterations": "10"})
    labels = np.random.default_rng(0).permutation(training.labels)
    shuffled = ImageSet(training.images, labels, training.indices)
    data = written(tmp_path / "shuffled", (shuffled, sample.open_test()), GARMENTS)
    run = train(recipe, session=Session(data=data, runs=tmp_path / "runs", threads=1))
    assert evaluate(run, session=Session(data=data, threads=1)).evaluation.accuracy.value <= 0.15
