"""``my_file.py:build`` → what the file calls ``build``, by executing the file."""

import ast
import contextlib
import importlib.util
import re
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fittingroom.errors import UsageError, did_you_mean
from fittingroom.recipes.fingerprint import sha256
from fittingroom.recipes.frameworks import before_own_code, check_keras_backend
from fittingroom.recipes.own_code import own_code

_IMPORTS_KERAS = re.compile(r"^\s*(?:import|from)\s+keras\b", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class NamedInFile:
    """What a name in a file stands for.

    Attributes:
        value: the function, class, model or recipe.
        name: its name in the file.
        file: the file.
        sha256: of the file's text, as it was executed.
    """

    value: Any
    name: str
    file: Path
    sha256: str


def is_file_and_name(text: str) -> bool:
    """Whether a text looks like ``my_file.py:build``, and not like a recipe's name."""
    return ":" in text or text.endswith(".py")


def load(text: str) -> NamedInFile:
    """Execute a person's file and look up a name in it.

    The file is executed as a module of its own, and may import modules of its folder.

    Args:
        text: path and name, ``"folder/my_file.py:build"``; the last colon separates them.

    Raises:
        UsageError: there is no such file or no such name in it, or KERAS_BACKEND names a backend
            that cannot train.
        MissingExtraError: KERAS_BACKEND names a backend that is not installed.
        OwnCodeError: the code raises an error.
    """
    place, colon, name = text.rpartition(":")
    if not colon or not name.isidentifier():
        place, name = text.rstrip(":"), ""
    path = Path(place)
    if not path.is_file():
        near = [each.name for each in path.parent.glob("*.py")]
        raise UsageError(
            f"There is no file {place}. Give a Python file and a name in it, such as "
            f"my_file.py:build.{did_you_mean(path.name, near)}"
        )
    try:
        source = importlib.util.decode_source(path.read_bytes())
    except (UnicodeDecodeError, SyntaxError) as error:
        raise UsageError(f"{path} isn't a Python file in UTF-8: {error}.") from error
    with own_code(f"reading {path}"):
        known = _defined(source, str(path))
    if not name:
        best = did_you_mean("build", known) or did_you_mean("model", known)
        hint = best.replace("Did you mean '", f"Did you mean '{place}:")
        raise UsageError(
            f"'{text}' names no model. Add a colon and a name that the file defines: "
            f"{', '.join(known) or 'there is none'}.{hint}"
        )
    before_own_code()
    if _IMPORTS_KERAS.search(source) and "keras" not in sys.modules:
        check_keras_backend()
    digest = sha256(source)
    module = types.ModuleType(f"{path.stem}_{digest[:8]}")
    module.__file__ = str(path.resolve())
    # Known by name before it is executed: dataclasses and Keras look up a class's module.
    sys.modules[module.__name__] = module
    with folder_first(path.resolve().parent), own_code(f"loading {path}"):
        exec(compile(source, module.__file__, "exec", dont_inherit=True), module.__dict__)
    if not hasattr(module, name):
        raise UsageError(
            f"{path} defines no '{name}', but {', '.join(known) or 'nothing'}."
            + did_you_mean(name, known)
        )
    return NamedInFile(getattr(module, name), name, Path(module.__file__), digest)


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
