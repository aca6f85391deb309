"""Read what a run folder says about itself, which may be untrusted."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fittingroom.errors import RunChangedError
from fittingroom.safe_io import Refusal, read_json

_MOST_CLASSES = 256
_LONGEST_NAME = 200
# It becomes the name of a folder.
_DATA_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_TYPES = {"seed": int, "time": str, "versions": dict, "device": str, "threads": int, "data": dict}
_DATA_TYPES = {
    "name": str,
    "classes": list,
    "hashes": dict,
    "test_hashes": dict,
    "folder": str,
    "official": bool,
    "training": int,
    "validation": int,
}


def stored_json(path: Path) -> dict[str, Any]:
    """A mapping that was stored as JSON.

    Raises:
        RunChangedError: the file is missing, a link, too large, or holds something else.
    """
    try:
        values = read_json(path)
    except OSError as error:
        raise RunChangedError(f"{path} can't be read: {error.strerror or error}.") from error
    except Refusal as error:
        raise RunChangedError(str(error)) from error
    if not isinstance(values, dict):
        raise RunChangedError(f"{path} must hold names and values. It holds something else.")
    return values


def stored_environment(folder: Path) -> dict[str, Any]:
    """``environment.json``, with the names and types that other code relies on.

    Raises:
        RunChangedError: the file cannot be read, or a value is missing or has another type.
    """
    path = folder / "environment.json"
    values = stored_json(path)
    _check_types(path, values, _TYPES, "")
    data = values["data"]
    _check_types(path, data, _DATA_TYPES, "data.")
    classes = data["classes"]
    checks = {
        "name": _DATA_NAME.fullmatch(data["name"]),
        "classes": 2 <= len(classes) <= _MOST_CLASSES and all(map(_is_name, classes)),
        "training": data["training"] > 0,
        "validation": data["validation"] > 0,
    }
    for name, holds in checks.items():
        if not holds:
            raise _wrong(path, f"data.{name}", data[name])
    return values


def check_inside(folder: Path, run: Path) -> None:
    """Check that a folder below a run's is inside of it, and no link leads elsewhere.

    Raises:
        RunChangedError: it is not.
    """
    if not folder.resolve().is_relative_to(run.resolve()):
        raise RunChangedError(f"{folder} leads elsewhere, out of {run}. Remove the link.")


def _check_types(path: Path, values: Mapping[str, Any], types: dict[str, type], at: str) -> None:
    for name, kind in types.items():
        if type(values.get(name)) is not kind:
            raise _wrong(path, at + name, values.get(name))


def _is_name(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text) <= _LONGEST_NAME and text.isprintable()


def _wrong(path: Path, name: str, value: object) -> RunChangedError:
    received = repr(value)[:_LONGEST_NAME]
    return RunChangedError(f"{path} has an impossible {name}: {received}. Train again.")
