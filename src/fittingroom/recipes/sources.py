"""What a person's code is known by: its text, and that of what it refers to."""

import functools
import hashlib
import importlib.util
import inspect
import types
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

from fittingroom.recipes.tracebacks import is_theirs

# A value that prints longer than this is known by a hash of what it prints.
_LONGEST = 300


def source_of(thing: Any, texts: Mapping[str, str] | None = None) -> str:
    """The text by which a function, class or object is known again.

    It is the text of the file in which each stands, or where there is none, as in a notebook, of
    the thing itself; then the same of the person's own functions, classes and modules that it
    refers to, and the values of its other global and enclosing variables. What is installed or
    comes with Python is left out.

    Args:
        thing: what to describe. Of an object, it is its class.
        texts: files' texts by name that come first, whatever refers to them.
    """
    texts = dict(texts or {})
    parts = list(texts.values())
    seen: set[int] = set()
    waiting = [("", thing)]
    while waiting:
        name, value = waiting.pop(0)
        if isinstance(value, functools.partial):
            parts.append(f"partial {value.args!r} {sorted(value.keywords.items())!r}")
            waiting.append(("", value.func))
        elif inspect.ismethod(value):
            waiting += [("", value.__func__), ("", value.__self__)]
        elif isinstance(value, types.FunctionType | types.ModuleType | type):
            if id(value) in seen or not _is_own(value):
                continue
            seen.add(id(value))
            file, text = _text(value)
            if not file or file not in texts:
                parts.append(text)
                texts[file] = text
            if not isinstance(value, types.ModuleType):
                waiting += _references(value)
        elif inspect.isbuiltin(value) or name.startswith("__"):
            continue
        elif name:
            parts.append(f"{name} = {_printed(value)}")
        else:
            waiting.append(("", type(value)))
    return "\n".join(parts)


def file_text(path: Path) -> str:
    """The text of a Python file, in the encoding that it declares.

    Raises:
        OSError: it cannot be read.
        SyntaxError: it declares an encoding that it does not have.
    """
    return importlib.util.decode_source(path.read_bytes())


def _file(value: Any) -> str:
    try:
        return inspect.getsourcefile(value) or ""
    except (TypeError, OSError):
        # Built in, or of a module that is forgotten; then its methods know where they stand.
        inside = next(_functions(value), None) if isinstance(value, type) else None
        return inside.__code__.co_filename if inside else ""


def _is_own(value: Any) -> bool:
    """Whether a function, class or module is a person's own; those without a file are."""
    if isinstance(value, types.FunctionType):
        return is_theirs(value.__code__.co_filename)
    file = _file(value)
    if file:
        return is_theirs(file)
    # A class of a notebook or of typed-in code; others without a file are built in.
    return isinstance(value, type) and value.__module__ == "__main__"


def _text(value: Any) -> tuple[str, str]:
    """The file in which something stands, where there is one, and its text."""
    file = _file(value)
    if file and Path(file).is_file():
        return file, file_text(Path(file))
    try:
        return "", inspect.getsource(value)
    except (OSError, TypeError):
        return "", f"{value.__qualname__}: {_compiled(value)}"


def _compiled(value: Any) -> str:
    """A hash of compiled code, for what has no text."""
    digest = hashlib.sha256()
    for function in _functions(value):
        for code in _codes(function.__code__):
            constants = [each for each in code.co_consts if not isinstance(each, types.CodeType)]
            digest.update(code.co_code + repr((constants, code.co_names)).encode())
    return digest.hexdigest()


def _references(value: Any) -> Iterator[tuple[str, Any]]:
    """What a function, or the functions of a class, refer to: names and values."""
    if isinstance(value, type):
        yield from ((base.__name__, base) for base in value.__bases__)
    for function in _functions(value):
        names = {name for code in _codes(function.__code__) for name in code.co_names}
        reached = {name: function.__globals__[name] for name in names & function.__globals__.keys()}
        for name, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        ):
            try:
                reached[name] = cell.cell_contents
            except ValueError:  # not yet set
                continue
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            yield f"{function.__name__} by default", default
        yield from sorted(reached.items(), key=lambda item: item[0])


def _functions(value: Any) -> Iterator[types.FunctionType]:
    if isinstance(value, types.FunctionType):
        yield value
        return
    for each in vars(value).values():
        inner = getattr(each, "__func__", getattr(each, "fget", each))  # methods and properties
        if isinstance(inner, types.FunctionType):
            yield inner


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _printed(value: Any) -> str:
    # A folder is no part of what a model is.
    text = value.name if isinstance(value, PurePath) else repr(value)
    if len(text) <= _LONGEST:
        return text
    return f"{type(value).__name__} {hashlib.sha256(text.encode()).hexdigest()}"
