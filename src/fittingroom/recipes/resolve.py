"""Whatever a person names or hands over → the recipe that trains it."""

import dataclasses
import functools
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from fittingroom.errors import RecipeError, UsageError, did_you_mean
from fittingroom.recipes.base import BaseRecipe
from fittingroom.recipes.catalogue import recipe_named
from fittingroom.recipes.classical import ClassicalRecipe
from fittingroom.recipes.fingerprint import copier, layers_of, numbers_of, sha256, source_of
from fittingroom.recipes.frameworks import EngineName, before_own_code, framework_of
from fittingroom.recipes.loading import NamedInFile, folder_first, is_file_and_name, load
from fittingroom.recipes.own import OwnModel
from fittingroom.recipes.recipe import Recipe
from fittingroom.recipes.stored import is_recipe_file, read_recipe
from fittingroom.safe_io import Refusal, refuse_model_file

# Names that say nothing: the file's own name says more.
_USUAL = ("build", "model", "recipe")
# Fields of a recipe that are no settings: they follow from the model, or were measured.
_NO_SETTINGS = ("network", "model", "engine", "claim")


def recipe_of(model: Any, **settings: Any) -> BaseRecipe:
    """The recipe of a model: one of the catalogue, or one for your own model.

    ::

        recipe_of("cnn", epochs=3)
        recipe_of("my_file.py:build", name="mine", epochs=5, optimizer="muon")
        recipe_of(MyModule)          # an nn.Module's class, called without arguments
        recipe_of(my_keras_model)    # a model, trained from the weights that it has

    What a model takes and gives:

    - an ``nn.Module`` takes float32 ``(N, 1, 28, 28)`` from 0 to 1, and gives logits ``(N, K)``;
    - a Keras model takes float32 of its own ``input_shape``, ``(N, …)`` with 784 values for each
      image, from 0 to 1, and gives probabilities or logits ``(N, K)``;
    - a scikit-learn classifier takes float32 ``(N, 784)`` from 0 to 1, and has ``predict_proba``
      or ``decision_function``.

    Args:
        model: a recipe; the name of one in the catalogue; ``"tuned.json"``, a recipe's file, as
            `fittingroom tune` and every run leave one; ``"my_file.py:build"``; a model, which is
            copied and never changed; or a function or class that builds one when it is called
            without arguments. A name in a Python file may be any of these.
        settings: the recipe's fields by name, such as ``name``, ``title`` and ``epochs``.

    Raises:
        UsageError: none of these, or there is no such setting.
        RecipeError: there is no such recipe or file, or a value does not fit a setting.
        OwnCodeError: the person's code raises an error.
    """
    if isinstance(model, BaseRecipe):
        recipe = model
    elif isinstance(model, str | Path):
        text = str(model)
        try:
            refuse_model_file(Path(text))
        except Refusal as error:
            raise UsageError(str(error)) from error
        if is_recipe_file(text):
            recipe = read_recipe(Path(text))
        else:
            recipe = _from_file(load(text)) if is_file_and_name(text) else recipe_named(text)
    else:
        recipe = _own_recipe(model)
    return _with(recipe, settings)


def is_model(thing: object) -> bool:
    """Whether something that is no text is a model, or a function or class that may build one."""
    return callable(thing) or framework_of(thing) is not None


def _from_file(found: NamedInFile) -> BaseRecipe:
    """The recipe of what a file names; while its model is built, its folder comes first."""
    folder = found.file.parent
    recipe = found.value
    if not isinstance(recipe, BaseRecipe):
        stem = found.file.stem
        name = stem if found.name in _USUAL else f"{stem}-{found.name}"
        with folder_first(folder):
            recipe = _own_recipe(found.value, f"{found.file.name}:{found.name}", name)
    own = recipe.own
    if own is None:
        return recipe
    build = own.build

    def build_there() -> Any:
        with folder_first(folder):
            return build() if build else None

    return recipe.with_own(dataclasses.replace(own, sha256=found.sha256, build=build_there))


def _own_recipe(thing: Any, origin: str = "", name: str = "") -> BaseRecipe:
    """The recipe of a model, or of what builds one.

    Args:
        thing: the model, function or class.
        origin: where it comes from; found out if it is empty.
        name: of the recipe; found out if it is empty.
    """
    before_own_code()
    engine = framework_of(thing)
    if engine is not None:
        kind = type(thing)
        origin = origin or f"{kind.__module__}.{kind.__qualname__}"
        build = copier(thing, engine, origin)
        own = OwnModel(
            origin,
            sha256(source_of(thing)),
            f"{layers_of(thing, engine)}\n{numbers_of(thing, engine)}",
            fixed=engine != "sklearn",
            build=build,
        )
        return _recipe(own, engine, name or kind.__name__)
    if not callable(thing):
        raise UsageError(
            f"{origin or repr(thing)} is no model, but an object of the type "
            f"{type(thing).__name__}. Give an nn.Module, a Keras model or a scikit-learn "
            "classifier, a function or class that builds one, a recipe, or the name of one."
        )
    inner = thing.func if isinstance(thing, functools.partial) else thing
    called = getattr(inner, "__name__", type(inner).__name__)
    origin = origin or f"{inner.__module__}.{getattr(inner, '__qualname__', called)}"
    _check_callable(thing, origin)
    own = OwnModel(origin, sha256(source_of(thing)), build=thing)
    built = own.fresh()  # shows whose model it is
    engine = framework_of(built)
    if engine is None:
        raise UsageError(
            f"{origin} gives an object of the type {type(built).__name__}. It must give an "
            "nn.Module, a Keras model or a scikit-learn classifier."
        )
    own = dataclasses.replace(own, layers=layers_of(built, engine))
    return _recipe(own, engine, name or called)


def _recipe(own: OwnModel, engine: EngineName, name: str) -> BaseRecipe:
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-_")[:50] or "own"
    title = f"Own model: {own.origin}"
    if engine == "sklearn":
        return ClassicalRecipe(name=plain, title=title, model=own)
    return Recipe(name=plain, title=title, network=own, engine=engine)


def _with(recipe: BaseRecipe, settings: dict[str, Any]) -> BaseRecipe:
    fields = dataclasses.fields(cast(Any, recipe))
    known = [field.name for field in fields if field.name not in _NO_SETTINGS]
    for name in settings:
        if name not in known:
            raise UsageError(
                f"A recipe has no setting '{name}'. Its settings are {', '.join(known)}."
                + did_you_mean(name, known)
            )
    try:
        return dataclasses.replace(cast(Any, recipe), **settings)
    except (TypeError, AttributeError) as error:
        given = ", ".join(f"{name}={value!r}" for name, value in settings.items())
        raise RecipeError(f"A value doesn't fit its setting in {given}: {error}.") from error


def _check_callable(thing: Callable[[], Any], origin: str) -> None:
    """Check that something can be called without arguments."""
    try:
        parameters = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):  # compiled code has no signature; calling it will tell
        return
    starred = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    needed = [
        each.name for each in parameters if each.default is each.empty and each.kind not in starred
    ]
    if needed:
        raise UsageError(
            f"{origin} can't be called without arguments: it needs {', '.join(needed)}. Give them "
            "a default, or write a function that fills them in: `def build(): return …`."
        )
