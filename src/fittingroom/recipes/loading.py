"""``my_file.py:build`` → what the file calls ``build``, after executing the file."""

import ast
import contextlib
import hashlib
import re
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fittingroom.errors import UsageError, did_you_mean
from fittingroom.recipes.frameworks import before_own_code, check_keras_backend
from fittingroom.recipes.sources import file_text
from fittingroom.recipes.tracebacks import own_code

_IMPORTS_KERAS = re.compile(r"^\s*(?:import|from)\s+keras\b", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class Loaded:
    """What a name in a file stands for.

    Attributes:
        value: the function, class, model or recipe.
        name: its name in the file.
        file: the file.
        text: the file's text, as it was executed.
    """

    value: Any
    name: str
    file: Path
    text: str


def is_file_and_name(text: str) -> bool:
    """Whether a text looks like ``my_file.py:build``, and not like a recipe's name."""
    return ":" in text or text.endswith(".py")


def load(text: str) -> Loaded:
    """Execute a person's file and look up a name in it.

    The file is executed as a module of its own, with its folder first where modules are sought.
    Modules of that folder that it imports are forgotten again, so that those of another folder
    may have the same names.

    Args:
        text: path and name, ``"folder/my_file.py:build"``; the last colon parts them.

    Raises:
        UsageError: no colon, no such file, no such name in it, or a KERAS_BACKEND for its Keras
            that cannot train.
        MissingExtraError: a KERAS_BACKEND that is not installed.
        OwnCodeError: the code raises an error.
    """
    place, colon, name = text.rpartition(":")
    if not colon or not name.isidentifier():
        place, name = text.rstrip(":"), ""
    path = Path(place)
    if not path.is_file():
        folder = path.parent
        near = [each.name for each in folder.glob("*.py")] if folder.is_dir() else []
        raise UsageError(
            f"Expected a Python file and a name in it, such as my_file.py:build. Received "
            f"'{text}': there is no file {place}.{did_you_mean(path.name, near)}"
        )
    try:
        source = file_text(path)
    except (UnicodeDecodeError, SyntaxError) as error:
        raise UsageError(
            "Expected a Python file in UTF-8, or in the encoding that it declares. Received "
            f"{path}, which is none: {error}."
        ) from error
    with own_code(f"reading {path}"):
        known = _defined(source, str(path))
    if not name:
        best = did_you_mean("build", known) or did_you_mean("model", known)
        hint = best.replace("Did you mean '", f"Did you mean '{place}:")
        raise UsageError(
            f"Expected a file and, after a colon, one of the names that it defines: "
            f"{', '.join(known) or 'none'}. Received '{text}'.{hint}"
        )
    before_own_code()
    if _IMPORTS_KERAS.search(source) and "keras" not in sys.modules:
        check_keras_backend()
    module = types.ModuleType(f"{path.stem}_{hashlib.sha256(source.encode()).hexdigest()[:8]}")
    module.__file__ = str(path.resolve())
    # Known by name before it is executed, as dataclasses and Keras look up a class's module.
    sys.modules[module.__name__] = module
    with folder_first(path.resolve().parent), own_code(f"loading {path}"):
        exec(compile(source, module.__file__, "exec", dont_inherit=True), module.__dict__)
    if not hasattr(module, name):
        raise UsageError(
            f"Expected one of the names that {path} defines: {', '.join(known) or 'none'}. "
            f"Received '{name}'.{did_you_mean(name, known)}"
        )
    return Loaded(getattr(module, name), name, Path(module.__file__), source)


@contextlib.contextmanager
def folder_first(folder: Path) -> Iterator[None]:
    """Seek modules in a folder first; those imported from there are forgotten again."""
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # the code within may have changed it
            sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            inside = file is not None and Path(file).resolve().is_relative_to(folder)
            if inside and not any(part.endswith("-packages") for part in Path(str(file)).parts):
                del sys.modules[name]


def _defined(source: str, file: str) -> list[str]:
    """Names of the functions, classes and values that a file defines at its top level."""
    names: list[str] = []
    for statement in ast.parse(source, file).body:
        match statement:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.append(name)
            case ast.Assign(targets=targets):
                names += [target.id for target in targets if isinstance(target, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.append(name)
    return [name for name in names if not name.startswith("_")]
