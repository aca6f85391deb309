"""Cross-validation: every training image by a model that was trained without it."""

import json
from typing import Any

import numpy as np
import pytest

from fittingroom.comparison import SeedScores, accuracy_interval
from fittingroom.data import Dataset, fold_numbers, make_folds
from fittingroom.errors import RunChangedError, UsageError
from fittingroom.jobs import cv
from fittingroom.jobs.cv import cross_validate
from fittingroom.jobs.folds import FoldModel
from fittingroom.jobs.session import Session
from fittingroom.metrics import fit_temperature, log_loss
from fittingroom.predictions import Predictions, log_softmax
from fittingroom.recipes import recipe_named
from fittingroom.runs import list_runs, read_openings


@pytest.fixture
def made(monkeypatch):
    """Stands in for trainings: the folds asked for. Of logreg a tenth is wrong, of others more."""
    asked = []

    def train_folds(recipe, training, classes, folds, seed, place, listener, done):
        for fold, split in enumerate(make_folds(training, folds, classes, seed)):
            if fold in done:
                continue
            asked.append((recipe.name, seed, fold))
            held_out, generator = split.validation, np.random.default_rng([seed, fold])
            share = (0.1 if recipe.name == "logreg" else 0.2) + 0.01 * seed
            wrong = generator.random(len(held_out)) < share
            said = ((held_out.labels + wrong) % len(classes)).astype(np.uint8)
            logs = log_softmax(5 * np.eye(len(classes))[said]).astype(np.float32)
            predictions = Predictions(held_out.labels, said, logs, held_out.indices, classes)
            no_model: Any = None
            yield FoldModel(fold, predictions, no_model, 3, 0.5)

    monkeypatch.setattr(cv, "train_folds", train_folds)
    return asked


def test_models_are_trained_and_the_test_set_stays_closed(sample, tiny, tmp_path, monkeypatch):
    def fail(self: Dataset):
        raise AssertionError("opened")

    monkeypatch.setattr(Dataset, "open_test", fail)
    session = Session(data=sample, runs=tmp_path, threads=1)
    found = cross_validate(tiny, folds=2, session=session)
    (predictions,) = found.entrants[0].predictions
    assert (predictions.labels == sample.training().labels).all()
    assert 0.4 < found.comparison.models[0].accuracy.value == predictions.correct.mean() < 0.9
    assert (read_openings(tmp_path), list_runs(tmp_path)) == ((), ())
    (folder,) = tmp_path.glob("cv-2-tiny-s0-*")
    assert json.loads((folder / "fold-1.json").read_text())["recipe"]["keep"] == "last"


def test_only_missing_folds_are_trained(made, sample, tmp_path):
    session = Session(data=sample, runs=tmp_path, threads=1)
    first = cross_validate("logreg", folds=3, session=session)
    assert made == [("logreg", 0, 0), ("logreg", 0, 1), ("logreg", 0, 2)]
    made.clear()
    (path,) = tmp_path.glob("cv-3-logreg-s0-*/fold-1.npz")
    path.unlink()
    (path.parent / "manifest.json").unlink()  # as it was before this fold was finished
    again = cross_validate(["logreg"], folds=3, session=session)
    assert made == [("logreg", 0, 1)]
    assert again.as_dict() == first.as_dict()
    made.clear()
    cross_validate("logreg", folds=2, session=session)
    cross_validate("logreg", folds=3, fresh=True, session=session)
    assert len(made) == 2 + 3
    path.write_bytes(path.with_name("fold-0.npz").read_bytes())
    with pytest.raises(RunChangedError, match=r"fold-1\.npz .* Cross-validate again, with --fresh"):
        cross_validate("logreg", folds=3, session=session)


def test_a_folds_own_labels_choose_no_temperature(made, sample, tmp_path):
    session, training = Session(data=sample, runs=tmp_path, threads=1), sample.training()
    found = cross_validate("logreg", folds=2, session=session)
    numbers, kept = fold_numbers(training.labels, 2), sorted(tmp_path.glob("cv-*/fold-?.npz"))
    raw = [np.asarray(Predictions.read(path).log_probabilities) for path in kept]
    expected = np.zeros((len(training), 10), np.float32)
    for fold in (0, 1):
        temperature = fit_temperature(raw[1 - fold], training.labels[numbers != fold])
        expected[numbers == fold] = log_softmax(raw[fold] / temperature)
    (predictions,) = found.entrants[0].predictions
    assert np.array_equal(np.asarray(predictions.log_probabilities), expected)
    assert found.log_losses == (log_loss(training.labels, expected),)
    assert found.comparison.sentence.startswith("Accuracy of logreg on 2,000 held-out images: 90.")


def test_recipes_are_compared_by_image_over_seeds(made, sample, tiny, tmp_path):
    session = Session(data=sample, runs=tmp_path, threads=1)
    found = cross_validate(["logreg", tiny], folds=2, seeds=3, session=session)
    logreg, other = found.entrants
    assert found.comparison.models[0].accuracy == accuracy_interval(SeedScores.of(logreg.correct))
    values = json.loads(json.dumps(found.as_dict()))
    (pair,) = values["pairs"]
    gap = other.correct.mean() - logreg.correct.mean()
    assert pair["difference"]["value"] == pytest.approx(gap)
    # A single new training is another thing than a cross-validation of two.
    assert (pair["level"], pair["verdict"], pair["p_better"]) == ("recipes", "worse", None)
    assert "tiny reaches 78.93% mean accuracy on the 2,000 held-out images" in values["sentence"]
    assert "Each recipe was cross-validated 3 times" in values["sentence"]
    assert values["sentence"].endswith("The test set was not opened.")
    # Every seed has folds of its own, so even logreg differs.
    assert not logreg.deterministic
    assert len(set(found.comparison.models[0].per_seed)) == 3


@pytest.mark.parametrize(
    ("recipes", "options", "words"),
    [
        (["logreg"], {"folds": 1}, "1 folds are not possible"),
        (["logreg"], {"seeds": 0}, "at least 1 seed, not 0"),
        (["logreg", recipe_named("logreg")], {}, "two models named 'logreg'"),
        (["logreg"], {"margin": 1.0}, "margin is 1"),
    ],
)
def test_what_cannot_be_cross_validated_is_refused(made, sample, tmp_path, recipes, options, words):
    with pytest.raises(UsageError, match=words):
        cross_validate(recipes, session=Session(data=sample, runs=tmp_path), **options)
    assert (made, list(tmp_path.iterdir())) == ([], [])
