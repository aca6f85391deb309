"""A recipe's file: as a search or a run leaves it, or a stranger."""

import json

import pytest

from fittingroom.errors import RecipeError
from fittingroom.recipes import RECIPES, recipe_of


@pytest.mark.parametrize("name", ["cnn", "forest"])
def test_a_recipe_s_file_gives_the_recipe(name, tmp_path):
    path = tmp_path / "some.json"
    path.write_text(json.dumps(RECIPES[name].to_json()))
    assert recipe_of(str(path)) == recipe_of(path) == RECIPES[name]
    longer = recipe_of(path, title="Another title")
    assert longer.title == "Another title"


def test_a_run_s_recipe_is_one(trained):
    assert recipe_of(trained.folder / "recipe.json") == trained.recipe


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[]", "holds no recipe"),
        ('{"epochs": 3}', "holds no recipe"),
        ('{"network": []}', "can't be read"),
        ('{"network": [], "name": "\\u001b[2J"}', "`name` must be a text"),
    ],
)
def test_other_files_get_a_clear_error(tmp_path, content, words):
    path = tmp_path / "some.json"
    path.write_text(content)
    with pytest.raises(RecipeError, match=words):
        recipe_of(path)
