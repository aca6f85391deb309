"""Read what a run folder says about itself, which may be untrusted."""

import re
from pathlib import Path
from typing import Any

from fittingroom.errors import RunChangedError
from fittingroom.safe_io import Refusal, read_json

_MOST_CLASSES = 256
_LONGEST_NAME = 200
# It becomes the name of a folder.
_DATA_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_TYPES = {
    "seed": int,
    "time": str,
    "versions": dict,
    "device": str,
    "threads": int,
    "data": dict,
    "data.name": str,
    "data.classes": list,
    "data.hashes": dict,
    "data.test_hashes": dict,
    "data.folder": str,
    "data.official": bool,
    "data.training": int,
    "data.validation": int,
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
    data = values.get("data")
    inner = data if isinstance(data, dict) else {}
    of_data = [name for name in _TYPES if name.startswith("data.")]
    flat = values | {name: inner.get(name.removeprefix("data.")) for name in of_data}
    wrong = [name for name, kind in _TYPES.items() if type(flat.get(name)) is not kind]
    if not wrong:
        classes = flat["data.classes"]
        checks = {
            "data.name": _DATA_NAME.fullmatch(flat["data.name"]),
            "data.classes": 2 <= len(classes) <= _MOST_CLASSES and all(map(_is_name, classes)),
            "data.training": flat["data.training"] > 0,
            "data.validation": flat["data.validation"] > 0,
        }
        wrong = [name for name, holds in checks.items() if not holds]
    if wrong:
        received = repr(flat.get(wrong[0]))[:_LONGEST_NAME]
        raise RunChangedError(f"{path} has an impossible {wrong[0]}: {received}. Train again.")
    return values


def _is_name(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text) <= _LONGEST_NAME and text.isprintable()
