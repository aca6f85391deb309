"""Whatever names or builds a model, as a recipe: its engine, name, settings, and its key."""

import functools
import hashlib
import json
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from torch import nn

import fittingroom
from fittingroom.engines.keras.backend import load_keras
from fittingroom.errors import OwnCodeError, RecipeError, UsageError
from fittingroom.recipes import RECIPES, ClassicalRecipe, Recipe, recipe_from_json

keras = load_keras()
recipe_of: Any = fittingroom.recipe_of

FILE = """
from torch import nn

WIDTH = 8

class Net(nn.Module):
    def __init__(self, width=WIDTH):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(784, width), nn.Linear(width, 10))

    def forward(self, x):
        return self.layers(x)

def build():
    return Net()

def wide():
    return Net(32)

def needs(width, depth):
    return Net(width)

def broken():
    return {}["absent"]

def nothing():
    return 3

number = 3
model = Net()
"""


class Net(nn.Module):
    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(784, width), nn.Linear(width, 10))
        self.scale = 1.0

    def forward(self, x):
        return self.layers(x) * self.scale


def build_torch():
    return Net()


def build_keras():
    return keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10)])


def build_sklearn():
    return LogisticRegression()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "nets.py"
    path.write_text(FILE)
    return path


def key_after(path: Path, text: str, name: str = "build") -> str:
    path.write_text(textwrap.dedent(text))
    return recipe_of(f"{path}:{name}").key


@pytest.mark.parametrize(
    ("model", "engine", "name"),
    [
        (build_torch, "pytorch", "build_torch"),
        (Net, "pytorch", "Net"),
        (functools.partial(Net, width=6), "pytorch", "Net"),
        (lambda: Net(5), "pytorch", "lambda"),
        (build_keras, "keras", "build_keras"),
        (build_sklearn, "sklearn", "build_sklearn"),
        (Net(), "pytorch", "Net"),
        (build_keras(), "keras", "Sequential"),
        (build_sklearn(), "sklearn", "LogisticRegression"),
    ],
)
def test_a_model_or_what_builds_one_becomes_a_recipe(model, engine, name):
    recipe = recipe_of(model)
    assert (recipe.engine, recipe.name) == (engine, name)
    assert isinstance(recipe, ClassicalRecipe if engine == "sklearn" else Recipe)
    assert recipe.own is not None
    assert recipe.own.fixed == (isinstance(model, nn.Module | keras.Model))
    assert recipe.own.fresh() is not recipe.own.fresh()
    assert recipe.own.fresh() is not model


def test_copies_are_of_the_model_as_it_was():
    model: Any = Net()
    before = model.layers[1].weight.detach().clone()
    recipe = recipe_of(model)
    with torch.no_grad():
        model.layers[1].weight.zero_()
    assert recipe.own is not None
    assert torch.equal(recipe.own.fresh().layers[1].weight, before)
    one = build_keras()
    weights = [array.copy() for array in one.get_weights()]
    recipe = recipe_of(one)
    one.set_weights([array * 0 for array in weights])
    assert recipe.own is not None
    for array, expected in zip(recipe.own.fresh().get_weights(), weights, strict=True):
        np.testing.assert_array_equal(array, expected)


def test_names_of_the_catalogue_and_recipes_stay_what_they_are():
    assert recipe_of("cnn") == RECIPES["cnn"]
    assert recipe_of(RECIPES["forest"]) == RECIPES["forest"]
    assert recipe_of("ann", epochs=3, name="short").epochs == 3


@pytest.mark.parametrize(
    ("attribute", "name"),
    [("build", "nets"), ("model", "nets"), ("wide", "nets-wide"), ("Net", "nets-Net")],
)
def test_a_file_and_a_name_in_it_become_a_recipe(file, attribute, name):
    recipe = recipe_of(f"{file}:{attribute}", epochs=2, batch_size=50)
    assert (recipe.name, recipe.engine, recipe.epochs) == (name, "pytorch", 2)
    assert recipe.own is not None
    assert recipe.own.origin == f"nets.py:{attribute}"
    assert recipe.own.sha256 == hashlib.sha256(FILE.encode()).hexdigest()
    assert str(file.parent) not in json.dumps(recipe.to_json())
    assert recipe.title == f"Own model: nets.py:{attribute}"


def test_a_file_may_hold_a_recipe(tmp_path):
    path = tmp_path / "mine.py"
    text = "import fittingroom\n" + FILE
    text += "recipe = fittingroom.recipe_of(wide, name='mine', optimizer='muon', mirror=True)\n"
    path.write_text(text)
    recipe = recipe_of(f"{path}:recipe", epochs=1)
    assert isinstance(recipe, Recipe)
    assert (recipe.name, recipe.optimizer, recipe.epochs) == ("mine", "muon", 1)
    assert recipe.own is not None
    assert recipe.own.fresh().layers[1].out_features == 32


def test_a_file_may_import_from_its_own_folder_late_and_early(tmp_path):
    for folder, width in (("a", 5), ("b", 7)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "widths.py").write_text(f"WIDTH = {width}\n")
        (tmp_path / folder / "parts.py").write_text(
            f"from torch import nn\nclass Part(nn.Linear):\n    def __init__(self):\n"
            f"        super().__init__({width}, 10)\n"
        )
        (tmp_path / folder / "net.py").write_text(
            "from torch import nn\nfrom parts import Part\n"
            "def build():\n    import widths\n"
            "    return nn.Sequential(nn.Flatten(), nn.Linear(784, widths.WIDTH), Part())\n"
        )
    path = list(sys.path)
    recipes = [recipe_of(f"{tmp_path / folder / 'net.py'}:build") for folder in "ab"]
    assert [recipe.own.fresh()[1].out_features for recipe in recipes if recipe.own] == [5, 7]
    assert recipes[0].key != recipes[1].key  # net.py is the same, and the layers differ
    assert sys.path == path
    assert not {"widths", "parts"} & set(sys.modules)


def test_a_recipe_goes_to_json_and_back_without_its_code(file):
    for model in (f"{file}:build", Net(), build_keras, build_sklearn, build_sklearn()):
        recipe = recipe_of(model, name="mine")
        again = recipe_from_json(json.loads(json.dumps(recipe.to_json())))
        assert again == recipe
        assert again.key == recipe.key
        assert again.for_classes(3) == again
        assert again.own is not None
        with pytest.raises(RecipeError, match="holds no code"):
            again.own.fresh()


@pytest.mark.parametrize("change", [{"origin": 3}, {"code": "print()"}, {"build": "print()"}])
def test_impossible_stored_models_are_refused(change):
    values = recipe_of(build_torch).to_json()
    with pytest.raises(RecipeError, match="can't be read"):
        recipe_from_json(values | {"network": values["network"] | change})


def test_the_key_changes_with_the_code_and_with_nothing_else(file, tmp_path):
    first = recipe_of(f"{file}:build").key
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "nets.py").write_bytes(FILE.replace("\n", "\r\n").encode())
    assert recipe_of(f"{other / 'nets.py'}:build").key == first
    assert recipe_of(f"{file}:wide").key != first
    assert recipe_of(f"{file}:build", epochs=3).key != first
    assert recipe_of(f"{file}:build", name="other", title="Other").key == first
    assert key_after(file, FILE.replace("WIDTH = 8", "WIDTH = 9")) != first
    assert key_after(file, FILE) == first


def test_models_with_other_weights_or_settings_have_other_keys():
    torch.manual_seed(0)
    one, same = Net(), Net()
    same.load_state_dict(one.state_dict())
    assert recipe_of(one).key == recipe_of(same).key
    assert recipe_of(one).key != recipe_of(Net()).key
    assert recipe_of(LogisticRegression(C=1)).key == recipe_of(LogisticRegression(C=1)).key
    assert recipe_of(LogisticRegression(C=1)).key != recipe_of(LogisticRegression(C=2)).key
    piped = [
        make_pipeline(FunctionTransformer(function), LogisticRegression())
        for function in (np.sqrt, np.sqrt, build_torch)
    ]
    keys = [recipe_of(each).key for each in piped]
    assert keys[0] == keys[1] != keys[2]


def test_settings_are_checked(file):
    with pytest.raises(UsageError, match="Did you mean 'epochs'"):
        recipe_of(build_torch, epoch=3)
    with pytest.raises(RecipeError, match="epochs='3'"):
        recipe_of(build_torch, epochs="3")
    with pytest.raises(UsageError, match="settings are name, title, split"):
        recipe_of(build_sklearn, epochs=3)
    with pytest.raises(UsageError, match="no setting 'engine'"):
        recipe_of(build_torch, engine="keras")
    assert recipe_of(f"{file}:build").with_settings({"epochs": "4"}).epochs == 4
    with pytest.raises(UsageError, match="with one of split"):
        recipe_of(build_sklearn).with_settings({"model.origin": "x"})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("buld", "Did you mean 'build'"),
        ("needs", "missing a required argument: 'width'"),
        ("number", "an object of the type int"),
        ("nothing", r"nets\.py:nothing gives an object of the type int"),
    ],
)
def test_what_a_file_does_not_hold_is_wrong_usage(file, name, words):
    with pytest.raises(UsageError, match=words):
        recipe_of(f"{file}:{name}")


def test_texts_that_name_no_file_are_wrong_usage(file):
    folder = file.parent
    with pytest.raises(UsageError, match=r"no file .*net\.py\..* Did you mean 'nets\.py'"):
        recipe_of(f"{folder / 'net.py'}:build")
    for text in (str(file), f"{file}:"):
        with pytest.raises(UsageError, match=r"defines WIDTH, Net, build.*Did you mean 'build'"):
            recipe_of(text)
    with pytest.raises(UsageError, match=r"There is no file C:\\nets\\mine\.py"):
        recipe_of(r"C:\nets\mine.py:build")
    with pytest.raises(UsageError, match=r"There is no file"):
        recipe_of(f"{folder}:build")


@pytest.mark.parametrize("model", [3, None, KMeans(), object()])
def test_what_is_no_model_is_wrong_usage(model):
    with pytest.raises(UsageError, match=r"is no (model|classifier)"):
        recipe_of(model)


def test_a_model_that_cannot_be_copied_is_wrong_usage():
    class Whole(keras.Model):  # type: ignore[misc,name-defined]
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def call(self, x):
            return self.inner(x)

    with pytest.raises(UsageError, match="Give the function or class that builds it"):
        recipe_of(Whole(keras.layers.Dense(10)))
    module = Net()
    module.kept = module.layers(torch.ones(1, 784))  # a result, which has a history
    with pytest.raises(UsageError, match="Give the function or class that builds it"):
        recipe_of(module)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nothing_of_that_name\n", "ModuleNotFoundError: No module named"),
        ("def build(:\n", "SyntaxError"),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
    ],
)
def test_an_error_in_a_file_is_shown_with_its_place(tmp_path, text, words):
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(OwnCodeError) as caught:
        recipe_of(f"{path}:build")
    assert words in str(caught.value)
    assert "fittingroom/" not in str(caught.value)


def test_an_error_in_a_function_shows_your_lines_alone(file):
    with pytest.raises(OwnCodeError) as caught:
        recipe_of(f"{file}:broken")
    lines = str(caught.value).splitlines()
    number = FILE[: FILE.index("absent")].count("\n") + 1
    assert lines[1] == f'  File "{file}", line {number}, in broken'
    assert lines[-1] == "KeyError: 'absent'"


def test_errors_of_this_project_and_ctrl_c_pass_through(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("import fittingroom\nrecipe = fittingroom.recipe_of('cnn', epoch=3)\n")
    with pytest.raises(UsageError, match="Did you mean 'epochs'"):
        recipe_of(f"{path}:recipe")
    path.write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        recipe_of(f"{path}:recipe")


def test_layers_that_a_file_of_settings_decides_on_are_part_of_the_key(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(
        "from pathlib import Path\n"
        "from torch import nn\n\n"
        "def build():\n"
        "    width = int(Path('width.txt').read_text())\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(784, width), nn.Linear(width, 10))\n"
    )
    keys = []
    for width in (8, 16, 8):
        Path("width.txt").write_text(str(width))
        keys.append(recipe_of("net.py:build").key)
    assert keys[0] == keys[2] != keys[1]
