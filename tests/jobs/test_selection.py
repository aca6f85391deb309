"""Nothing that is chosen before the test half is opened can have read its labels.

Each recipe is trained twice, on data that differs in its test half alone: every label another one,
and every image too. What training leaves must be the same to the last byte. The tests of the test
itself show that it would be seen if an engine, the choice of the epoch or the temperature did read
them.
"""

import contextlib
import json
import struct
from dataclasses import dataclass, replace

import numpy as np
import pytest

from fittingroom.classes import GARMENTS
from fittingroom.data import Dataset, ImageSet, find_dataset
from fittingroom.engines.pytorch.training import PyTorchEngine
from fittingroom.jobs import finish
from fittingroom.jobs.evaluate import evaluate
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.metrics import fit_temperature
from fittingroom.networks import Dense, Flatten
from fittingroom.recipes import ClassicalRecipe, Recipe, recipe_named

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


@dataclass(frozen=True)
class Data:
    """A folder of data, and what its test labels are: what a cheat would read."""

    dataset: Dataset
    test_labels: np.ndarray


def written(folder, training, test):
    """The two halves as a folder of four files, taken as data of somebody's own."""
    folder.mkdir()
    for prefix, images, labels in (("train", *training), ("t10k", *test)):
        header = struct.pack(">IIII", 0x803, len(images), 28, 28)
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        header = struct.pack(">II", 0x801, len(labels))
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(header + labels.tobytes())
    names = folder.with_suffix(".txt")
    names.write_text("\n".join(GARMENTS))
    return find_dataset(folder, allow_unknown=True, classes=names)


@pytest.fixture
def halves(sample):
    training, test = sample.training(), sample.open_test()
    return (training.images, training.labels), (test.images, test.labels)


@pytest.fixture
def two(halves, tmp_path):
    """The same training half twice, with nothing in common in the test half."""
    training, (images, labels) = halves
    other = ((labels + 1 + np.arange(len(labels)) % 9) % 10).astype(np.uint8)
    return (
        Data(written(tmp_path / "one", training, (images, labels)), labels),
        Data(written(tmp_path / "two", training, (images[::-1].copy(), other)), other),
    )


def left_by(data, recipe, runs):
    """What training leaves, by file: all of it but times and the names of the data."""
    folder = train(recipe, session=Session(data=data.dataset, runs=runs, threads=1)).folder
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
def test_another_test_half_leaves_the_same_run(name, two, tiny, tmp_path):
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


@contextlib.contextmanager
def reading(monkeypatch, kind, holder):
    """One part of training reads the test labels for as long as this lasts."""
    with monkeypatch.context() as patch:
        if kind == "temperature":
            patch.setattr(
                finish,
                "fit_temperature",
                lambda logits, labels: (
                    fit_temperature(logits, labels)
                    + float((logits.argmax(1) == holder[0][: len(logits)]).mean())
                ),
            )
        else:
            real = PyTorchEngine.fit

            def fit_engine(self, recipe, split, **options):
                test = holder[0][: len(split.validation.labels)]
                if kind == "checkpoint":  # chosen, and stopped early, by the test labels
                    half = split.validation
                    split = replace(split, validation=ImageSet(half.images, test, half.indices))
                else:  # trained on them
                    labels = split.training.labels.copy()
                    labels[: len(test)] = test
                    half = split.training
                    split = replace(split, training=ImageSet(half.images, labels, half.indices))
                return real(self, recipe, split, **options)

            patch.setattr(PyTorchEngine, "fit", fit_engine)
        yield


@pytest.mark.parametrize("kind", ["temperature", "checkpoint", "training"])
def test_it_would_be_seen_if_training_read_test_labels(kind, two, tiny, tmp_path, monkeypatch):
    recipe = replace(tiny, epochs=8, patience=1, learning_rate=0.2)
    left = []
    for number, data in enumerate(two):
        with reading(monkeypatch, kind, [data.test_labels]):
            left.append(left_by(data, recipe, tmp_path / str(number)))
    first, second = left
    assert any(first[file] != second[file] for file in first)
    assert first["model.onnx"] != second["model.onnx"]


@pytest.mark.parametrize("name", ["tiny", "logreg"])
def test_shuffled_training_labels_give_test_accuracy_at_chance(name, halves, tiny, tmp_path):
    (images, labels), test = halves
    recipe = tiny
    if name == "logreg":
        recipe = recipe_named("logreg").with_settings({"model.iterations": "10"})
    shuffled = np.random.default_rng(0).permutation(labels)
    data = written(tmp_path / "shuffled", (images, shuffled), test)
    run = train(recipe, session=Session(data=data, runs=tmp_path / "runs", threads=1))
    assert evaluate(run, session=Session(data=data, threads=1)).evaluation.accuracy.value <= 0.15


def test_permuting_classes_permutes_the_results_of_training(halves, tmp_path):
    """Of logistic regression, which starts from nothing and ends where its loss is least."""
    order = np.random.default_rng(1).permutation(10).astype(np.uint8)
    (images, labels), (test_images, test_labels) = halves
    recipe = recipe_named("logreg").with_settings({"model.iterations": "300"})
    # The other kind of split chooses class by class, in the order of the classes.
    assert isinstance(recipe, ClassicalRecipe)
    recipe = replace(recipe, split=replace(recipe.split, kind="last"))
    found = []
    for name, rename in (("plain", np.arange(10, dtype=np.uint8)), ("renamed", order)):
        halves = ((images, rename[labels]), (test_images, rename[test_labels]))
        data = written(tmp_path / name, *halves)
        run = train(recipe, session=Session(data=data, runs=tmp_path / "runs", threads=1))
        found.append(evaluate(run, session=Session(data=data, threads=1)).evaluation)
    plain, renamed = found
    # Where the solver stops depends on rounding; it may tip an image on the border.
    expected = order[plain.predictions.predicted]
    assert (renamed.predictions.predicted == expected).mean() > 0.99
    assert renamed.accuracy.value == pytest.approx(plain.accuracy.value, abs=0.005)
    for k, place in enumerate(order):
        assert renamed.per_class[place].recall.value == pytest.approx(
            plain.per_class[k].recall.value, abs=0.05
        )
