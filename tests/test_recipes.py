import contextlib
import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fittingroom.data import SplitRule
from fittingroom.errors import RecipeError, UsageError
from fittingroom.networks import Conv, check_classifier
from fittingroom.recipes import (
    RECIPES,
    Augmentation,
    BoostedForest,
    ClassicalRecipe,
    LogisticRegression,
    Recipe,
    differing_settings,
    recipe_from_json,
    recipe_named,
    settable_names,
)
from fittingroom.recipes.catalogue import CNN
from tests.networks_strategy import networks

recipes = st.builds(
    Recipe,
    name=st.sampled_from(["a", "b"]),
    title=st.text(st.characters(exclude_categories=("C", "Z")), max_size=9),
    network=networks(),
    epochs=st.integers(1, 99),
    learning_rate=st.floats(1e-6, 1),
    split=st.builds(SplitRule, st.sampled_from(["stratified", "last"]), st.just("1/5")),
    augmentation=st.builds(Augmentation, st.booleans(), st.integers(0, 8)),
    mirror=st.booleans(),
    shifts=st.booleans(),
)

classical_recipes = st.builds(
    ClassicalRecipe,
    name=st.sampled_from(["a", "b"]),
    title=st.text(st.characters(exclude_categories=("C", "Z")), max_size=9),
    model=st.one_of(
        st.builds(LogisticRegression, st.floats(1e-6, 1e6), st.integers(1, 999)),
        st.builds(BoostedForest, rounds=st.integers(1, 999), pixels=st.floats(0.01, 1)),
    ),
    split=st.builds(SplitRule, st.sampled_from(["stratified", "last"]), st.just("1/5")),
)
FOREST = recipe_named("forest")


@given(st.one_of(recipes, classical_recipes))
def test_stored_json_gives_a_recipe_of_its_kind_back(recipe):
    assert recipe_from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


@given(recipes)
def test_the_key_ignores_words_and_nothing_else(recipe):
    words = dataclasses.replace(recipe, name="c", title="t", claim="c")
    assert words.key == recipe.key
    assert dataclasses.replace(recipe, epochs=recipe.epochs + 1).key != recipe.key
    assert dataclasses.replace(recipe, mirror=not recipe.mirror).key != recipe.key
    assert dataclasses.replace(recipe, shifts=not recipe.shifts).key != recipe.key
    assert dataclasses.replace(recipe, hardest=recipe.hardest / 2).key != recipe.key


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_the_catalogue_holds_classifiers_that_fit_data_of_fewer_classes(recipe):
    assert recipe_from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    for classes in (3, 10):
        if isinstance(recipe, Recipe):
            check_classifier(recipe.for_classes(classes).layers, classes)
    assert recipe.for_classes(10) == recipe


def test_settings_are_read_by_the_field_s_type():
    cnn = recipe_named("cnn")
    assert isinstance(cnn, Recipe)
    recipe = cnn.with_settings(
        {
            "epochs": "3",
            "learning_rate": "0.5",
            "mirror": "false",
            "optimizer": "adamw",
            "augmentation.shift": "2",
            "split.validation": "1/5",
            "split.kind": "last",
        }
    )
    assert (recipe.epochs, recipe.learning_rate, recipe.mirror) == (3, 0.5, False)
    assert recipe.optimizer == "adamw"
    assert recipe.augmentation.shift == 2
    assert recipe.split == SplitRule("last", "1/5")


def test_a_layer_s_setting_is_changed_by_its_place():
    changed = CNN.with_settings({"layers.0.filters": "48", "epochs": "3"})
    first, *others = CNN.layers
    assert isinstance(first, Conv)
    assert changed.layers == (dataclasses.replace(first, filters=48), *others)
    assert differing_settings([CNN, changed, recipe_named("ann")]) == [
        f"layers.0.filters=24, epochs={CNN.epochs}",
        "layers.0.filters=48, epochs=3",
        "",
    ]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("epoch", "3", "Did you mean 'epochs'"),
        ("epochs", "three", "a whole number"),
        ("epochs", "0", r"in \[1, 1e38\)"),
        ("learning_rate", "fast", "not a finite number"),
        ("learning_rate", "nan", "a finite number"),
        ("weight_decay", "1e400", "a finite number"),
        ("learning_rate", "0", r"in \(0, 1e38\)"),
        ("mirror", "perhaps", "neither true nor false"),
        ("optimizer", "lion", "one of adam"),
        ("augmentation.shift", "9", r"in \[0, 8\]"),
        ("augmentation", "1", "augmentation.flip"),
        ("split.validation", "2/1", "--set split.validation=2/1"),
        ("network", "[]", "Use --set with one of"),
        ("filters", "48", r"or with layers\.0\.NAME for a layer"),
        ("layers.0.filter", "48", "Did you mean 'layers.0.filters'"),
        ("layers.99.units", "48", "can't be set"),
        ("layers.0.filters", "0", r"`Conv\.filters` is 0"),
    ],
)
def test_wrong_settings_are_wrong_usage(name, value, words):
    with pytest.raises(UsageError, match=words):
        recipe_named("cnn").with_settings({name: value})


@given(st.sampled_from(settable_names(recipe_named("cnn"))), st.text(max_size=8))
def test_any_setting_is_taken_or_refused_with_a_usage_error(name, text):
    with contextlib.suppress(UsageError):
        recipe_named("cnn").with_settings({name: text})


def test_adam_has_no_weight_decay():
    with pytest.raises(RecipeError, match=r"`weight_decay` is 0\.1, but must be 0 with"):
        dataclasses.replace(CNN, optimizer="adam", weight_decay=0.1)


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b", "-a", "a" * 51])
def test_a_name_that_makes_no_folder_is_refused(name):
    with pytest.raises(RecipeError, match="letters, digits"):
        dataclasses.replace(CNN, name=name)


def test_an_unknown_recipe_is_refused_with_a_suggestion():
    with pytest.raises(RecipeError, match="Did you mean 'cnn'"):
        recipe_named("cnnn")


def test_settings_of_a_classical_model_are_those_of_its_kind():
    recipe = FOREST.with_settings({"model.rounds": "300", "model.penalty": "0.5"})
    assert isinstance(recipe, ClassicalRecipe)
    assert recipe.model == BoostedForest(rounds=300, penalty=0.5, pixels=0.05)
    assert recipe.key != FOREST.key


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("epochs", "3", "model.rounds, model.leaves"),
        ("model.round", "3", "Did you mean 'model.rounds'"),
        ("model.leaves", "1", r"in \[2, 1e38\)"),
        ("model.strength", "1", "Use --set with one of"),
        ("engine", "pytorch", "Use --set with one of"),
    ],
)
def test_wrong_settings_of_a_classical_model_are_wrong_usage(name, value, words):
    with pytest.raises(UsageError, match=words):
        FOREST.with_settings({name: value})


def test_a_recipe_says_what_its_operations_are_and_whether_it_has_epochs():
    kinds = {recipe.name: (recipe.operation, recipe.in_one_go) for recipe in RECIPES.values()}
    assert kinds["cnn"] == kinds["keras-cnn"] == ("multiply-adds", False)
    assert kinds["logreg"] == ("multiply-adds", True)
    assert kinds["forest"] == ("comparisons", True)


@pytest.mark.parametrize(
    ("recipe", "change"),
    [
        (FOREST, {"model": None}),
        (FOREST, {"model": {"kind": "Forest"}}),
        (FOREST, {"model": {"kind": "BoostedForest", "trees": 3}}),
        (FOREST, {"engine": "pytorch"}),
        (FOREST, {"extra": 1}),
        (CNN, {"network": None}),
        (CNN, {"extra": 1}),
        (CNN, {"split": {"kind": "x"}}),
    ],
)
def test_json_that_is_no_recipe_is_refused(recipe, change):
    with pytest.raises(RecipeError):
        recipe_from_json(recipe.to_json() | change)
