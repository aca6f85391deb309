"""Whatever a person names or hands over → the recipe that trains it."""

import dataclasses
import functools
import inspect
import re
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from fittingroom.errors import RecipeError, UsageError, did_you_mean
from fittingroom.recipes.base import BaseRecipe
from fittingroom.recipes.catalogue import recipe_named
from fittingroom.recipes.classical import ClassicalRecipe
from fittingroom.recipes.frameworks import (
    EngineName,
    before_own_code,
    framework_of,
    same_random_state,
)
from fittingroom.recipes.loading import Loaded, folder_first, is_file_and_name, load
from fittingroom.recipes.objects import copier, layers_of, state_of
from fittingroom.recipes.own import OwnModel
from fittingroom.recipes.recipe import Recipe
from fittingroom.recipes.sources import source_of
from fittingroom.recipes.stored import is_recipe_file, read_recipe
from fittingroom.recipes.tracebacks import is_theirs
from fittingroom.safe_io import Refusal, refuse_model_file

# Names that say nothing: the file's own name says more.
_USUAL = ("build", "model", "recipe")
# Fields of a recipe that are no settings: they follow from the model, or were measured.
_NO_SETTINGS = ("network", "model", "engine", "claim")


def recipe_of(model: Any, **settings: Any) -> BaseRecipe:
    """The recipe of a model: one of the catalogue, or one of a person's own.

    ::

        recipe_of("cnn", epochs=3)
        recipe_of("my_file.py:build", name="mine", epochs=5, optimizer="muon")
        recipe_of(MyModule)          # an nn.Module's class, called without arguments
        recipe_of(my_keras_model)    # a model, trained from the weights that it has

    What a model takes and gives:

    - an ``nn.Module`` takes float32 ``(N, 1, 28, 28)`` from 0 to 1, and gives logits ``(N, K)``;
    - a Keras model takes float32 of its own ``input_shape``, ``(N, …)`` with 784 values a
      picture, from 0 to 1, and gives probabilities or logits ``(N, K)``;
    - a scikit-learn classifier takes float32 ``(N, 784)`` from 0 to 1, and has ``predict_proba``
      or ``decision_function``.

    Args:
        model: a recipe; the name of one in the catalogue; ``"tuned.json"``, a recipe's file, as
            `fittingroom tune` and every run leave one; ``"my_file.py:build"``; a model, which is
            copied and never changed; or a function or class that builds one when it is called
            without arguments. What a Python file names may be any of these.
        settings: the recipe's fields by name, ``name`` and ``title`` among them.

    Raises:
        UsageError: none of these, or no such setting.
        RecipeError: no recipe of that name or in that file, or a value that a setting cannot take.
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


def _from_file(loaded: Loaded) -> BaseRecipe:
    folder = loaded.file.parent
    value = loaded.value
    if isinstance(value, BaseRecipe):
        own = value.own
        return value if own is None else value.with_own(_in_folder(own, folder))
    texts = {str(loaded.file): loaded.text}
    stem = loaded.file.stem
    name = stem if loaded.name in _USUAL else f"{stem}-{loaded.name}"
    with folder_first(folder):
        recipe = _own_recipe(value, f"{loaded.file.name}:{loaded.name}", name, texts)
    own = recipe.own
    return recipe if own is None else recipe.with_own(_in_folder(own, folder))


def _in_folder(own: OwnModel, folder: Path) -> OwnModel:
    """The model with its folder first while it is built, as its code may import from there."""
    build = own.build

    def build_there() -> Any:
        with folder_first(folder):
            return build() if build else None

    return dataclasses.replace(own, build=build_there if build else None)


def _own_recipe(
    thing: Any, origin: str = "", name: str = "", texts: dict[str, str] | None = None
) -> BaseRecipe:
    """The recipe of a model, or of what builds one.

    Args:
        thing: the model, function or class.
        origin: where it comes from, in words; found out where it is empty.
        name: of the recipe; found out where it is empty.
        texts: of files that it is known by.
    """
    before_own_code()
    engine = framework_of(thing)
    if engine is not None:
        kind = type(thing)
        origin = origin or f"{kind.__module__}.{kind.__qualname__}"
        with same_random_state():
            build = copier(thing, engine, origin)
            source = f"{source_of(thing, texts)}\n{state_of(thing, engine)}"
        fixed = engine != "sklearn"
        own = OwnModel(origin, source, fixed=fixed, build=build)
        return _recipe(own, engine, name or kind.__name__)
    if not callable(thing):
        raise UsageError(
            "Expected a model (an nn.Module, a Keras model or a scikit-learn classifier), a "
            "function or class that builds one, a recipe, or the name of one. Received "
            f"{f'{origin}, ' if origin else ''}an object of the type {type(thing).__name__}."
        )
    origin = origin or _origin(thing)
    _check_callable(thing, origin)
    own = OwnModel(origin, source_of(thing, texts), build=thing)
    with same_random_state():
        built = own.fresh()  # to see whose it is
    engine = framework_of(built)
    if engine is None:
        raise UsageError(
            f"Expected {origin} to give an nn.Module, a Keras model or a scikit-learn classifier. "
            f"Received an object of the type {type(built).__name__}."
        )
    own = dataclasses.replace(own, layers=layers_of(built, engine))
    return _recipe(own, engine, name or _called(thing))


def _recipe(own: OwnModel, engine: EngineName, name: str) -> BaseRecipe:
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-_")[:50] or "own"
    title = f"One's own model: {own.origin}"
    if engine == "sklearn":
        return ClassicalRecipe(name=plain, title=title, model=own)
    return Recipe(name=plain, title=title, network=own, engine=engine)


def _with(recipe: BaseRecipe, settings: dict[str, Any]) -> BaseRecipe:
    fields = dataclasses.fields(cast(Any, recipe))
    known = [field.name for field in fields if field.name not in _NO_SETTINGS]
    for name in settings:
        if name not in known:
            raise UsageError(
                f"Expected settings of {', '.join(known)}. Received '{name}'."
                + did_you_mean(name, known)
            )
    try:
        return dataclasses.replace(cast(Any, recipe), **settings)
    except (TypeError, AttributeError) as error:
        given = ", ".join(f"{name}={value!r}" for name, value in settings.items())
        raise RecipeError(
            f"Expected values of the types that a recipe's fields have. Received {given}: {error}."
        ) from error


def _check_callable(thing: Callable[[], Any], origin: str) -> None:
    """Check that something can be called without arguments."""
    try:
        parameters = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):  # compiled code does not tell; calling it will
        return
    starred = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    needed = [
        each.name for each in parameters if each.default is each.empty and each.kind not in starred
    ]
    if needed:
        raise UsageError(
            f"Expected {origin} to build a model without arguments. Received one that needs "
            f"{', '.join(needed)}. Give them a default, or write a function that fills them in: "
            "`def build(): return …`."
        )


def _origin(thing: Any) -> str:
    """``my_file.py:build`` for what stands in a person's file, otherwise the qualified name."""
    inner = thing.func if isinstance(thing, functools.partial) else thing
    if not isinstance(inner, types.FunctionType | type):
        inner = getattr(inner, "__func__", type(inner))
    try:
        file = inspect.getsourcefile(inner) or ""
    except (TypeError, OSError):
        file = ""
    if Path(file).is_file() and is_theirs(file):
        return f"{Path(file).name}:{inner.__qualname__}"
    return f"{inner.__module__}.{inner.__qualname__}"


def _called(thing: Any) -> str:
    inner = thing.func if isinstance(thing, functools.partial) else thing
    return str(getattr(inner, "__name__", type(inner).__name__))
