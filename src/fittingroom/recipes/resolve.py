"""A name, a file or a model of yours → the recipe that trains it."""

import contextlib
import dataclasses
import functools
import hashlib
import importlib.util
import inspect
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fittingroom.errors import RecipeError, UsageError, did_you_mean
from fittingroom.recipes.base import BaseRecipe
from fittingroom.recipes.catalogue import recipe_named
from fittingroom.recipes.classical import ClassicalRecipe
from fittingroom.recipes.frameworks import (
    before_own_code,
    copy_of,
    framework_of,
    layers_of,
    source_of,
    weights_hash,
)
from fittingroom.recipes.own import OwnModel, own_code
from fittingroom.recipes.recipe import Recipe
from fittingroom.recipes.stored import read_recipe
from fittingroom.safe_io import Refusal, refuse_model_file

# Names that say nothing: the file's own name says more.
_USUAL = ("build", "model", "recipe")


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
        OwnCodeError: your code raises an error.
    """
    if isinstance(model, BaseRecipe):
        recipe = model
    elif isinstance(model, str | Path):
        recipe = _named(str(model))
    else:
        recipe = _own_recipe(model)
    fields = (each.name for each in dataclasses.fields(recipe))
    known = [name for name in fields if name not in (recipe.trains, "engine", "claim")]
    for name in settings:
        if name not in known:
            raise UsageError(
                f"A recipe has no setting '{name}'. Its settings are {', '.join(known)}."
                + did_you_mean(name, known)
            )
    try:
        return dataclasses.replace(recipe, **settings)
    except (TypeError, AttributeError) as error:
        given = ", ".join(f"{name}={value!r}" for name, value in settings.items())
        raise RecipeError(f"A value doesn't fit its setting in {given}: {error}.") from error


def names_file(text: str) -> bool:
    """Whether a text looks like a file, ``my_file.py:build`` or ``tuned.json``, not like a name."""
    return ":" in text or text.endswith((".py", ".json"))


def _named(text: str) -> BaseRecipe:
    """The recipe that a text names: one of the catalogue, a stored one, or a name in a file."""
    try:
        refuse_model_file(Path(text))
    except Refusal as error:
        raise UsageError(str(error)) from error
    if not names_file(text):
        return recipe_named(text)
    if text.endswith(".json"):
        return read_recipe(Path(text))
    recipe, name, file, sha256 = _load(text)
    folder = file.parent
    if not isinstance(recipe, BaseRecipe):
        with _folder_first(folder):
            recipe = _own_recipe(
                recipe,
                f"{file.name}:{name}",
                file.stem if name in _USUAL else f"{file.stem}-{name}",
            )
    own = recipe.own
    if own is None:
        return recipe
    build = own.build

    def build_there() -> Any:
        with _folder_first(folder):
            return build() if build else None

    return recipe.with_own(dataclasses.replace(own, sha256=sha256, build=build_there))


def _own_recipe(thing: Any, origin: str = "", name: str = "") -> BaseRecipe:
    """The recipe of a model, or of what builds one; finds out origin and name that are empty."""
    before_own_code()
    inner = thing.func if isinstance(thing, functools.partial) else thing
    named = inner if hasattr(inner, "__qualname__") else type(inner)
    origin = origin or f"{named.__module__}.{named.__qualname__}"
    sha256 = hashlib.sha256(source_of(thing).encode()).hexdigest()
    engine = framework_of(thing)
    if engine is not None:
        layers = f"{layers_of(thing)}\n{weights_hash(thing)}"
        build = functools.partial(copy_of, _copy(thing, origin))
        own = OwnModel(origin, sha256, layers, fixed=engine != "sklearn", build=build)
    else:
        if not callable(thing):
            raise UsageError(
                f"{origin} is no model, but an object of the type {type(thing).__name__}. Give an "
                "nn.Module, a Keras model or a scikit-learn classifier, a function or class that "
                "builds one, a recipe, or the name of one."
            )
        _check_callable(thing, origin)
        own = OwnModel(origin, sha256, build=thing)
        built = own.fresh()  # shows whose model it is
        engine = framework_of(built)
        if engine is None:
            raise UsageError(
                f"{origin} gives an object of the type {type(built).__name__}. It must give an "
                "nn.Module, a Keras model or a scikit-learn classifier."
            )
        own = dataclasses.replace(own, layers=layers_of(built))
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", name or named.__name__).strip("-_")[:50] or "own"
    title = f"Own model: {origin}"
    if engine == "sklearn":
        return ClassicalRecipe(name=name, title=title, model=own)
    return Recipe(name=name, title=title, network=own, engine=engine)


def _copy(model: Any, origin: str) -> Any:
    """A copy of a model as it is now, whatever happens to it later."""
    try:
        return copy_of(model)
    except Exception as error:
        raise UsageError(
            f"{origin} can't be copied, and your own model is never changed: {error!r}. Give the "
            "function or class that builds it instead."
        ) from error


def _check_callable(thing: Any, origin: str) -> None:
    """Check that something can be called without arguments."""
    try:
        inspect.signature(thing).bind()
    except TypeError as error:
        raise UsageError(
            f"{origin} can't be called without arguments: {error}. Give them a default, or write "
            "a function that fills them in: `def build(): return …`."
        ) from error
    except ValueError:  # compiled code has no signature; calling it will tell
        return


def _load(text: str) -> tuple[Any, str, Path, str]:
    """Execute your file and look up a name in it.

    The file is executed as a module of its own, and may import modules of its folder.

    Returns:
        The function, class, model or recipe, its name, its file, and the SHA-256 of the file's
        text as it was executed.
    """
    place, colon, name = text.rpartition(":")
    if not colon or not name.isidentifier():
        place, name = text.rstrip(":"), ""
    path = Path(place).resolve()
    if not path.is_file():
        near = [each.name for each in path.parent.glob("*.py")]
        raise UsageError(
            f"There is no file {place}. Give a Python file and a name in it, such as "
            f"my_file.py:build.{did_you_mean(path.name, near)}"
        )
    with own_code(f"reading {place}"):
        source = importlib.util.decode_source(path.read_bytes())
    digest = hashlib.sha256(source.encode()).hexdigest()
    module = types.ModuleType(f"{path.stem}_{digest[:8]}")
    module.__file__ = str(path)
    # Known by name before it is executed: dataclasses and Keras look up a class's module.
    sys.modules[module.__name__] = module
    before_own_code()
    with _folder_first(path.parent), own_code(f"loading {place}"):
        exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)
    if not hasattr(module, name):
        known = _defined(module)
        hint = did_you_mean(name or "build", known) or did_you_mean("model", known)
        raise UsageError(
            f"'{text}' names no model. {place} defines {', '.join(known) or 'nothing'}: give one "
            f"after a colon, such as {place}:build.{hint}"
        )
    return getattr(module, name), name, path, digest


@contextlib.contextmanager
def _folder_first(folder: Path) -> Iterator[None]:
    """Search for modules in a folder first, and forget afterwards those imported from there.

    So files of two folders may import different modules of the same name.
    """
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # the code within may have removed it
            sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            file = Path(getattr(sys.modules[name], "__file__", None) or "/")
            # A virtual environment may be inside the folder.
            if file.is_relative_to(folder) and "site-packages" not in file.parts:
                del sys.modules[name]


def _defined(module: types.ModuleType) -> list[str]:
    """Names of the functions, classes and values that a module defines itself."""
    return [
        name
        for name, value in vars(module).items()
        if not (name.startswith("_") or inspect.ismodule(value))
        and getattr(value, "__module__", module.__name__) == module.__name__
    ]
