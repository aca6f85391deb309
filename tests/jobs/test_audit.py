import dataclasses
import json
import shutil

import numpy as np
import pytest

from fittingroom.auditing import Audit, doubtful_labels
from fittingroom.data import Dataset, ImageSet, find_dataset
from fittingroom.engines import engine_named
from fittingroom.errors import FittingRoomError, RecipeError, TrainingError, UsageError
from fittingroom.jobs.audit import audit, out_of_fold
from fittingroom.jobs.evaluate import evaluate
from fittingroom.jobs.report import report
from fittingroom.jobs.session import Session
from fittingroom.predictions import Predictions
from fittingroom.recipes import recipe_of
from fittingroom.runs import list_runs, read_openings
from fittingroom.runs.stored import check_manifest
from tests.data.files import small_arrays, write_arrays


@pytest.fixture(scope="module")
def audited(sample: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """One audit of the sample, shared."""
    runs = tmp_path_factory.mktemp("audited")
    return audit(recipe="logreg", folds=2, session=Session(data=sample, runs=runs, threads=1))


def test_it_leaves_a_finished_folder_beside_the_runs(audited, sample):
    check_manifest(audited.folder)
    names = {"audit.json", "environment.json", "training.npz", "test.npz", "index.html"}
    assert {path.name for path in audited.folder.iterdir()} == {*names, "manifest.json"}
    values = json.loads((audited.folder / "audit.json").read_text())
    assert values == audited.values
    said = Predictions.read(audited.folder / "training.npz")
    assert (said.labels == sample.training().labels).all()
    assert values["accuracy"]["value"] == pytest.approx(said.correct.mean())
    assert 0.7 < values["accuracy"]["value"] < 0.9
    assert list_runs(audited.folder.parent) == ()  # it is no run


def test_the_opening_is_logged_once_and_the_audit_used_again(audited, sample, monkeypatch):
    runs = audited.folder.parent
    (logged,) = read_openings(runs)
    assert (logged.run, logged.purpose, logged.recipe) == (audited.folder.name, "audit", "logreg")

    def fail(self: Dataset) -> ImageSet:
        raise AssertionError("opened again")

    monkeypatch.setattr(Dataset, "open_test", fail)
    again = audit(recipe="logreg", folds=2, session=Session(data=sample, runs=runs, threads=1))
    assert again.folder == audited.folder
    assert len(read_openings(runs)) == 1
    with pytest.raises(AssertionError, match="opened again"):
        audit(recipe="logreg", folds=3, session=Session(data=sample, runs=runs, threads=1))


def test_the_opening_is_logged_before_the_test_set_is_read(tmp_path, sample, monkeypatch):
    def look(self: Dataset) -> ImageSet:
        assert len(read_openings(tmp_path)) == 1
        raise RecipeError("far enough")

    monkeypatch.setattr(Dataset, "open_test", look)
    with pytest.raises(RecipeError, match="far enough"):
        audit(recipe="logreg", folds=2, session=Session(data=sample, runs=tmp_path, threads=1))
    (folder,) = tmp_path.glob("audit-*")
    assert "far enough" in (folder / "failure.json").read_text()


def test_each_image_is_judged_by_a_model_that_never_saw_it(sample, tiny, monkeypatch):
    engine, splits = engine_named("pytorch"), []
    fit = engine.fit

    def spy(recipe, split, **rest):
        splits.append(split)
        return fit(recipe, split, **rest)

    monkeypatch.setattr(engine, "fit", spy)
    training, test = sample.training(), sample.open_test()
    quick = dataclasses.replace(tiny, epochs=1)
    place = engine.device("cpu", 1)
    said = out_of_fold(quick, training, test, sample.classes, folds=3, seed=0, place=place)
    assert (said.training.indices == training.indices).all()
    assert (said.test.indices == test.indices).all()
    assert said.epochs == (1, 1, 1)
    held_back = np.concatenate([split.validation.indices for split in splits])
    assert sorted(held_back) == list(range(len(training)))
    seen = {image.tobytes() for split in splits for image in split.training.images}
    seen |= {image.tobytes() for split in splits for image in split.validation.images}
    assert not seen & {image.tobytes() for image in test.images}
    # Nor do the test set's labels reach what is said of it.
    shuffled = ImageSet(test.images, test.labels[::-1].copy(), test.indices)
    again = out_of_fold(quick, training, shuffled, sample.classes, folds=3, seed=0, place=place)
    for one, other in ((said.training, again.training), (said.test, again.test)):
        assert one.log_probabilities is not None
        assert other.log_probabilities is not None
        assert (one.log_probabilities == other.log_probabilities).all()


def test_the_images_held_back_choose_no_epoch(sample, tiny, tmp_path, monkeypatch):
    recipes = []

    def stop(recipe, split, **rest):
        recipes.append(recipe)
        raise TrainingError("far enough")

    monkeypatch.setattr(engine_named("pytorch"), "fit", stop)
    assert tiny.keep == "best accuracy"
    with pytest.raises(FittingRoomError, match="far enough"):
        audit(recipe=tiny, folds=2, session=Session(data=sample, runs=tmp_path, threads=1))
    with pytest.raises(FittingRoomError, match="far enough"):
        audit(session=Session(data=sample, runs=tmp_path, threads=1))
    assert [(recipe.name, recipe.keep, recipe.epochs) for recipe in recipes] == [
        ("tiny", "last", 3),
        ("cnn", "last", 3),
    ]


def test_flipped_labels_are_found(sample):
    training, test = sample.training(), sample.open_test()
    generator = np.random.default_rng(0)
    flipped = generator.choice(len(training), 40, replace=False)
    labels = training.labels.copy()
    labels[flipped] = (labels[flipped] + generator.integers(1, 10, 40)) % 10
    place = engine_named("sklearn").device("cpu", 1)
    said = out_of_fold(
        recipe_of("logreg"),
        dataclasses.replace(training, labels=labels),
        test,
        sample.classes,
        folds=3,
        seed=0,
        place=place,
    )
    assert said.training.probabilities is not None
    doubted = doubtful_labels(labels, said.training.probabilities)["position"]
    assert np.isin(flipped, doubted).mean() > 0.8
    # Among the most doubtful they stand in the front.
    assert np.isin(doubted[:40], flipped).mean() > 0.4


def test_all_test_images_copied_into_training_are_flagged(sample, tmp_path):
    training, test = sample.training(), sample.open_test()
    images = training.images.copy()
    images[np.arange(100) * 7] = test.images[:100]
    arrays = (images, training.labels, test.images, test.labels)
    write_arrays(tmp_path / "data", dict(zip(small_arrays([0], [0]), arrays, strict=True)))
    data = find_dataset(tmp_path / "data")
    session = Session(data=data, runs=tmp_path / "runs", threads=1)
    found = audit(recipe="logreg", folds=2, session=session)
    assert set(range(100)) <= set(found.values["test_near_training"])
    assert found.values["counts"]["identical"]["across"] == 100
    assert len(found.values["test_near_training"]) <= 101  # and hardly another one


def test_the_report_shows_accuracy_without_what_misleads(audited, run_copy, sample, tmp_path):
    index = report([run_copy], out=tmp_path / "report", session=Session(data=sample, threads=1))
    assert "fittingroom audit" in index.read_text()
    assert json.loads((index.parent / "results.json").read_text())["audit"] is None
    shutil.copytree(audited.folder, run_copy.parent / audited.folder.name)
    index = report([run_copy], out=tmp_path / "report", session=Session(data=sample, threads=1))
    values = json.loads((index.parent / "results.json").read_text())["audit"]
    assert values["name"] == audited.folder.name
    raw, near, doubtful = values["subsets"]
    evaluation = evaluate(run_copy, session=Session(data=sample)).evaluation
    assert raw["accuracies"][0]["value"] == evaluation.accuracy.value
    wrong = [row["index"] for row in audited.values["doubtful"] if row["set"] == "test"]
    kept = ~np.isin(np.arange(500), wrong)
    right = evaluation.predictions.correct[kept].mean()
    assert doubtful["accuracies"][0]["value"] == pytest.approx(right)
    assert doubtful["left_out"] == len(wrong) == 500 - doubtful["images"]
    assert near["left_out"] == len(audited.values["test_near_training"])
    page = (index.parent / "audit.html").read_bytes()
    assert page.endswith(audited.page.read_bytes())
    assert b"Content-Security-Policy" in page[:200]


def test_too_few_folds_and_a_model_that_may_have_seen_the_images_are_refused(
    sample, tiny, tmp_path
):
    import torch

    session = Session(data=sample, runs=tmp_path, threads=1)
    with pytest.raises(UsageError, match="folds"):
        audit(recipe=tiny, folds=1, session=session)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    with pytest.raises(UsageError, match="may have seen the images"):
        audit(recipe=model, session=session)
    assert list(tmp_path.iterdir()) == []
