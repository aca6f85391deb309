"""What a search may change in a recipe."""

import dataclasses
import re
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from fittingroom.engines.keras.training import check_recipe
from fittingroom.errors import UsageError
from fittingroom.networks import Dense, Dropout, Flatten, ReLU
from fittingroom.recipes import RECIPES, Recipe, recipe_from_json, recipe_of
from fittingroom.recipes.catalogue import ANN
from fittingroom.tuning import Setting, search_space, settings_of, with_values

IMAGES = 55_000
DOCS = Path(__file__).parents[2] / "docs" / "how-to" / "tune.md"


def space_of(recipe, **options):
    return search_space(recipe, images=IMAGES, **options)


@pytest.mark.parametrize("name", RECIPES)
def test_the_recipe_s_own_values_lie_within_and_give_the_recipe_itself(name):
    recipe = RECIPES[name]
    space = space_of(recipe)
    own = settings_of(recipe, space)
    assert [setting.name for setting in space] == list(own)
    for setting in space:
        assert setting.low <= own[setting.name] <= setting.high
        assert setting.low < setting.high
    assert with_values(recipe, own).key == recipe.key


@pytest.mark.parametrize("name", RECIPES)
@settings(max_examples=20)
@given(data=st.data())
def test_every_value_within_the_bounds_makes_a_recipe_that_can_be_stored(name, data):
    recipe = RECIPES[name]
    space = space_of(recipe)
    values = {
        setting.name: data.draw(st.booleans())
        if setting.kind == "switch"
        else data.draw(st.integers(int(setting.low), int(setting.high)))
        if setting.kind == "whole number"
        else data.draw(st.floats(setting.low, setting.high))
        for setting in space
    }
    tried = with_values(recipe, values)
    assert settings_of(tried, space) == pytest.approx(values)
    assert recipe_from_json(tried.to_json()) == tried
    if recipe.engine == "keras":
        assert isinstance(tried, Recipe)
        check_recipe(tried)  # nothing that Keras does not know


def test_rates_of_dropout_keep_their_proportion_wherever_they_are():
    network = (Flatten(), Dropout(0.1), Dense(784), ReLU(), Dropout(0.4), Dense(10))
    recipe = dataclasses.replace(ANN, network=network)
    assert settings_of(recipe, space_of(recipe))["dropout"] == 0.4
    changed = with_values(recipe, {"dropout": 0.2})
    assert isinstance(changed, Recipe)
    assert changed.layers[1] == Dropout(0.05)
    assert changed.layers[4] == Dropout(0.2)


def test_only_what_a_recipe_has_is_varied():
    fast = [setting.name for setting in space_of(RECIPES["ann-fast"])]
    assert "dropout" not in fast
    assert "augmentation.shift_probability" not in fast
    keras = [setting.name for setting in space_of(RECIPES["keras-cnn"])]
    assert "weight_decay" not in keras  # adam has none
    assert "warmup" not in keras  # the rate is constant
    assert "label_smoothing" not in keras
    assert "dropout" in keras


def test_vary_restricts_and_names_what_there_is():
    space = space_of(RECIPES["ann"], vary=["momentum", "learning_rate"])
    assert {setting.name for setting in space} == {"momentum", "learning_rate"}
    with pytest.raises(UsageError, match=r"Use one of learning_rate.*Did you mean 'momentum'"):
        space_of(RECIPES["ann"], vary=["momemtum"])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("learning_rate=0.001:0.1:log", ("number", 0.001, 0.1, True, ())),
        ("weight_decay=0:0.01", ("number", 0, 0.01, False, ())),
        ("epochs=2:20", ("whole number", 2, 20, False, ())),
        ("batch_size=128,256", ("whole number", 128, 1000, False, (128, 256, 1000))),
        ("dropout=0.2:0.3", ("number", 0.1, 0.3, False, ())),
    ],
)
def test_a_range_of_your_own_has_the_recipe_s_value_too(given, expected):
    name = given.partition("=")[0]
    assert space_of(RECIPES["ann"], vary=[given]) == (Setting(name, *expected),)


@pytest.mark.parametrize(
    "given",
    [
        *("learning_rate=", "learning_rate=a:b", "learning_rate=1", "learning_rate=1:2:3"),
        *("epochs=1.5:3", "momentum=0:2", "dropout=0:1.5", "weight_decay=0:1:log"),
        *("batch_size=128,256:log", "augmentation.flip=0:1"),
    ],
)
def test_a_wrong_range_is_told_with_what_to_write(given):
    with pytest.raises(
        UsageError, match=rf"^--vary {given} is no range .*Write learning_rate="
    ) as told:
        space_of(RECIPES["ann"], vary=[given])
    assert ("but must be in [0, 1)" in str(told.value)) == (
        given in ("momentum=0:2", "dropout=0:1.5")
    )


def test_a_custom_classifier_has_nothing_to_vary():
    from sklearn.naive_bayes import GaussianNB

    with pytest.raises(UsageError, match="no settings"):
        space_of(recipe_of(GaussianNB))


def test_the_documentation_lists_every_setting():
    text = DOCS.read_text(encoding="utf-8").partition("## What is varied")[2]
    listed = set(re.findall(r"^\| `([a-z_.]+)` \|", text, re.MULTILINE))
    known = {setting.name for recipe in RECIPES.values() for setting in space_of(recipe)}
    assert listed == known
