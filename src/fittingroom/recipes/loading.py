"""``my_file.py:build`` → what the file calls ``build``, by executing the file."""

import contextlib
import hashlib
import importlib.util
import inspect
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fittingroom.errors import UsageError, did_you_mean
from fittingroom.recipes.frameworks import before_own_code
from fittingroom.recipes.own import own_code


def load(text: str) -> tuple[Any, str, Path, str]:
    """Execute your file and look up a name in it.

    The file is executed as a module of its own, and may import modules of its folder.

    Args:
        text: path and name, ``"folder/my_file.py:build"``; the last colon separates them.

    Returns:
        The function, class, model or recipe, its name, its file, and the SHA-256 of the file's
        text as it was executed.

    Raises:
        UsageError: there is no such file or no such name in it.
        OwnCodeError: the code raises an error.
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
    with folder_first(path.parent), own_code(f"loading {place}"):
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
def folder_first(folder: Path) -> Iterator[None]:
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
