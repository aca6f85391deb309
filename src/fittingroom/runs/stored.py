"""Read what a run folder says about itself, which may be untrusted.

``manifest.json`` has the SHA-256 and size of each file. It is written last, and checked on reading.
"""

import hashlib
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from fittingroom.classes import check_class_names
from fittingroom.errors import DataError, RunChangedError
from fittingroom.project import VERSION
from fittingroom.runs.checkpoints import CHECKPOINT
from fittingroom.runs.files import as_json, write_file
from fittingroom.safe_io import Refusal, open_plain, read_json

MANIFEST = "manifest.json"
# Of each file.
MOST_BYTES = 4 * 2**30
_FORMAT = 1
_RESTORE = "Restore the folder, or train again."
_MOST_FILES = 1000
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")

_MOST = 2**53  # beyond it, JSON's readers differ
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
    "data.source": dict,
    "data.official": bool,
    "data.training": int,
    "data.validation": int,
}


def stored_json(path: Path) -> dict[str, Any]:
    """A mapping that was stored as JSON."""
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
    """``environment.json``, with the names and types that other code relies on."""
    path = folder / "environment.json"
    values = stored_json(path)
    data = values.get("data")
    inner = data if isinstance(data, dict) else {}
    of_data = [name for name in _TYPES if name.startswith("data.")]
    flat = values | {name: inner.get(name.removeprefix("data.")) for name in of_data}
    wrong = [name for name, kind in _TYPES.items() if type(flat.get(name)) is not kind]
    if not wrong:
        resumed = values.get("resumed", [])
        checks = {
            "data.name": _DATA_NAME.fullmatch(flat["data.name"]),
            **{name: 0 <= flat[name] < _MOST for name in ("seed", "threads")},
            **{name: 0 < flat[name] < _MOST for name in ("data.training", "data.validation")},
            "resumed": isinstance(resumed, list)
            and all(isinstance(e, dict) and type(e.get("after_epoch")) is int for e in resumed),
        }
        wrong = [name for name, holds in checks.items() if not holds]
    if wrong:
        received = repr(flat.get(wrong[0]))[:200]
        raise RunChangedError(f"{path} has an impossible {wrong[0]}: {received}. Train again.")
    try:
        classes = check_class_names(flat["data.classes"])
    except DataError as error:
        raise RunChangedError(f"{path}: {error} Train again.") from error
    return values | {"data": inner | {"classes": list(classes)}}


def check_manifest(folder: Path, needed: Collection[str] = (), advice: str = _RESTORE) -> None:
    """Check every file that a folder's manifest names, and that it names the needed ones."""
    files = _entries(folder)
    absent = [name for name in needed if name not in files]
    if absent:
        raise RunChangedError(f"There is no {absent[0]} in the manifest of {folder}. {advice}")
    for name, (digest, size) in files.items():
        try:
            with open_plain(folder / name, size) as stream:
                same = hashlib.file_digest(stream, "sha256").hexdigest() == digest
        except OSError as error:
            raise RunChangedError(
                f"{folder / name} is missing or can't be read: {error.strerror or error}. {advice}"
            ) from error
        except Refusal as error:
            raise RunChangedError(f"{error} {advice}") from error
        if not same:
            raise RunChangedError(
                f"{folder / name} was changed: its SHA-256 isn't the one in the manifest. {advice}"
            )


def write_manifest(folder: Path) -> None:
    """Write a folder's manifest of all plain files in it, which makes the folder a finished one."""
    files = {}
    for path in sorted(folder.iterdir()):
        others = path.name in (MANIFEST, CHECKPOINT) or path.name.startswith(".")
        if path.is_file() and not others:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            files[path.name] = {"sha256": digest, "bytes": path.stat().st_size}
    write_file(folder / MANIFEST, as_json({"format": _FORMAT, "files": files}))


def _entries(folder: Path) -> dict[str, tuple[str, int]]:
    """SHA-256 and size by name: few enough plain names, of bounded size each."""
    path = folder / MANIFEST
    manifest = stored_json(path)
    files = manifest.get("files")
    found = manifest.get("format")
    if found != _FORMAT:
        raise RunChangedError(
            f"{path} is of format {ascii(found)[:40]}; fittingroom {VERSION} reads format "
            f"{_FORMAT}. Use the version that wrote the folder, as environment.json there names "
            "it, or train again."
        )
    if not isinstance(files, dict):
        raise RunChangedError(f"{path} names no files. Restore it, or train again.")
    entries = {}
    for name, values in files.items():
        if not _FILE_NAME.fullmatch(name) or not isinstance(values, dict):
            raise RunChangedError(f"{path} must have plain file names. It has {name[:99]!r}.")
        size = values.get("bytes")
        if type(size) is not int or not 0 <= size <= MOST_BYTES:
            raise RunChangedError(f"{path} has no size of {name}. Restore it, or train again.")
        entries[name] = (values.get("sha256", ""), size)
    if len(entries) > _MOST_FILES:
        raise RunChangedError(
            f"{path} may name at most {_MOST_FILES:,} files. It names {len(entries):,}."
        )
    return entries
