import dataclasses
import functools

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from fittingroom import recipe_of
from fittingroom.data import SplitRule
from fittingroom.engines import engine_named
from fittingroom.engines.sklearn.own import build_own
from fittingroom.errors import ExportError, RecipeError
from fittingroom.predictions import softmax
from tests.data.files import made
from tests.engines import own_models

ENGINE = engine_named("sklearn")
fit = functools.partial(own_models.fit, ENGINE)
rehearse = functools.partial(own_models.rehearse, ENGINE)


def network():
    return make_pipeline(
        PCA(20, whiten=True), MLPClassifier((16,), learning_rate_init=0.02, tol=1e9)
    )


def trees():
    return ExtraTreesClassifier(5, max_depth=8)


MODELS = {
    "network": network,
    "trees": trees,
    "boosted trees": lambda: HistGradientBoostingClassifier(max_iter=5),
    "neighbours": lambda: KNeighborsClassifier(5),
    "support vectors": lambda: SVC(C=10),
    "ridge": RidgeClassifier,
    "large scores": lambda: SGDClassifier(max_iter=5, tol=None),
}


@pytest.fixture(scope="module")
def few(sample_split):
    """Of each class a hundred images, so that all of these models are quick."""
    training = sample_split.training
    first = [np.flatnonzero(training.labels == label)[:100] for label in range(10)]
    images = training.take(np.sort(np.concatenate(first)))
    return dataclasses.replace(sample_split, training=images)


def fitted_by_hand(recipe, few):
    """The same classifier, fitted by scikit-learn alone, and the validation set's pixels."""
    pixels, of_validation = (
        part.images.reshape(len(part), -1).astype(np.float32) / np.float32(255)
        for part in (few.training, few.validation)
    )
    return build_own(recipe.own, 0).fit(pixels, few.training.labels), of_validation


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_the_graph_gives_what_the_classifier_gives(model, few, capfd):
    recipe = recipe_of(model, name="mine")
    rehearse(recipe, few)
    fitted, history = fit(recipe, few)
    own_models.assert_the_graph_gives_the_same(fitted, few)
    accuracy = (fitted.logits.argmax(1) == few.validation.labels).mean()
    assert accuracy > 0.5
    assert len(history) == 1
    assert history[0].val_accuracy == pytest.approx(accuracy)
    assert fitted.core.parameters > 1000
    assert fitted.weights == {}
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["neighbours", "ridge", "support vectors", "large scores"])
def test_two_classes_have_a_logit_each(name, capfd):
    split = made(2, each=60).split(SplitRule("stratified", "1/4"))
    fitted, _ = fit(recipe_of(MODELS[name], name="mine"), split)
    own_models.assert_the_graph_gives_the_same(fitted, split)
    assert (fitted.logits.argmax(1) == split.validation.labels).mean() > 0.9
    assert capfd.readouterr() == ("", "")


def test_probabilities_are_those_of_scikit_learn(few):
    classifier = LogisticRegression(max_iter=10, tol=1e9)
    recipe = recipe_of(classifier)
    fitted, _ = fit(recipe, few)
    estimator, pixels = fitted_by_hand(recipe, few)
    expected = estimator.predict_proba(pixels)
    np.testing.assert_allclose(softmax(fitted.logits), expected, atol=1e-5)
    assert not hasattr(classifier, "coef_")  # it is left as it was


def test_parameters_and_operations_are_counted(few):
    recipe = recipe_of(trees)
    (fitted, _), (again, _), (other, _) = (fit(recipe, few, seed) for seed in (0, 0, 1))
    found = [each.tree_ for each in fitted_by_hand(recipe, few)[0].estimators_]
    assert fitted.core.operations == sum(tree.max_depth + 1 for tree in found)
    branches, leaves = (
        sum(int((inner == (tree.children_left >= 0)).sum()) for tree in found)
        for inner in (True, False)
    )
    assert fitted.core.parameters == 2 * branches + 10 * leaves
    assert fitted.core.graph == again.core.graph != other.core.graph
    of_network = fit(recipe_of(network), few)[0].core
    assert of_network.operations == 784 * 20 + 20 * 16 + 16 * 10


def test_open_random_states_get_the_seed_and_others_keep_theirs():
    recipe = recipe_of(lambda: make_pipeline(PCA(5), trees()), name="open")
    assert recipe.own is not None
    settings = build_own(recipe.own, 7).get_params()
    assert settings["pca__random_state"] == settings["extratreesclassifier__random_state"] == 7
    recipe = recipe_of(ExtraTreesClassifier(5, random_state=3))
    assert recipe.own is not None
    assert build_own(recipe.own, 7).random_state == 3


class Mine(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier of your own, in which a test puts what goes wrong."""

    def fit(self, pixels, labels):
        self.classes_ = np.unique(labels)
        return self


class Unable(Mine):
    def predict_proba(self, pixels):
        return np.full((len(pixels), 10), 0.1)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (
            lambda: make_pipeline(FunctionTransformer(np.sqrt), LogisticRegression(tol=1e9)),
            "FunctionTransformer is not supported",
        ),
        (
            lambda: VotingClassifier([("a", DecisionTreeClassifier())], voting="soft"),
            "flatten_transform",
        ),
        (Unable, r"it knows no Unable, or no step of it\..*--with predictions\.csv"),
    ],
    ids=["a function of your own", "an option that the converter lacks", "a class of your own"],
)
def test_what_cannot_be_converted_is_known_before_training(model, words, few, capfd):
    with pytest.raises(ExportError, match=f"skl2onnx can't turn .* into ONNX.*{words}"):
        rehearse(recipe_of(model, name="mine"), few)
    assert capfd.readouterr() == ("", "")


class Narrow(Mine):
    def predict_proba(self, pixels):
        return np.ones((len(pixels), 3))


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Narrow, r"predict_proba.*float64 of shape \(1000, 3\).*\(1000, 10\)"),
        (Mine, "neither predict_proba nor decision_function"),
        (
            lambda: SVC(decision_function_shape="ovo"),
            r"decision_function .*float64 of shape \(1000, 45\).*\(1000, 10\)",
        ),
    ],
)
def test_what_gives_no_answer_for_each_class_is_refused(model, words, few):
    with pytest.raises(RecipeError, match=words):
        rehearse(recipe_of(model, name="mine"), few)
