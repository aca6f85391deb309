"""The classical models, on the embedded sample with settings that train in a second."""

import dataclasses
import functools

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from fittingroom.engines import engine_named
from fittingroom.errors import DataInvalidError, RecipeError
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.predictions import softmax
from fittingroom.recipes import recipe_named
from fittingroom.runs import open_run
from tests.data.files import made
from tests.engines import own_models

ENGINE = engine_named("sklearn")
fit = functools.partial(own_models.fit, ENGINE)
SMALL = {
    "logreg": {"model.iterations": "30"},
    "forest": {"model.rounds": "5", "model.leaves": "8", "model.learning_rate": "0.5"},
}


def small(name: str):
    return recipe_named(name).with_settings(SMALL[name])


@pytest.mark.parametrize(("name", "accuracy"), [("logreg", 0.8), ("forest", 0.65)])
def test_each_recipe_leaves_a_run_like_any_other(name, accuracy, sample, tmp_path):
    run = train(small(name), session=Session(data=sample, runs=tmp_path, threads=1))
    again = open_run(run.folder)
    assert again.recipe == small(name)
    assert again.summary.validation_accuracy > accuracy
    assert again.summary.export_difference < 1e-4
    assert (again.summary.best_epoch, len(again.history)) == (1, 1)
    assert again.history[0].val_accuracy == pytest.approx(again.summary.validation_accuracy)
    assert again.summary.parameters > 1000
    assert not (run.folder / "model.safetensors").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_the_graph_gives_what_the_estimator_gives_and_a_seed_the_same_graph(name, sample_split):
    (fitted, _), (again, _), (other, _) = (fit(small(name), sample_split, n) for n in (0, 0, 1))
    assert fitted.core.graph == again.core.graph
    assert name == "logreg" or fitted.core.graph != other.core.graph
    own_models.assert_the_graph_gives_the_same(fitted, sample_split)


@pytest.mark.parametrize("each", [15, 60])
@pytest.mark.parametrize("name", SMALL)
def test_two_classes_have_a_logit_each_however_few_images_there_are(name, each):
    split = made(2, each=each).split(small(name).split)
    fitted, _ = fit(small(name), split)
    assert (fitted.logits.argmax(1) == split.validation.labels).mean() > 0.9
    own_models.assert_the_graph_gives_the_same(fitted, split)
    if name == "logreg":  # the difference is scikit-learn's own decision function
        images, labels = split.training.images.reshape(-1, 784) / 255, split.training.labels
        own = LogisticRegression(C=0.1, max_iter=30).fit(images.astype(np.float32), labels)
        expected = own.predict_proba(split.validation.images.reshape(-1, 784) / 255)
        np.testing.assert_allclose(softmax(fitted.logits), expected, atol=1e-4)


def test_a_class_without_training_images_is_refused(sample_split):
    training = sample_split.training
    training = training.take(np.flatnonzero(training.labels != 3))
    with pytest.raises(DataInvalidError, match="1 of the data's 10 classes have no"):
        fit(small("logreg"), dataclasses.replace(sample_split, training=training))


def test_a_recipe_with_a_network_is_refused(tiny, sample_split):
    with pytest.raises(RecipeError, match="Use the engine 'pytorch'"):
        fit(dataclasses.replace(tiny, engine="sklearn"), sample_split)
