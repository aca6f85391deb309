"""What a run folder says of itself, checked as the word of a stranger."""

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from fittingroom.errors import RunChangedError
from fittingroom.safe_io import MEBIBYTE, Refusal, open_plain, read_json, read_whole

# All files that a manifest names, together: what is read to check their hashes.
MOST_BYTES = 512 * MEBIBYTE
_LARGEST_MANIFEST = MEBIBYTE
_LARGEST_TEXT = 4 * MEBIBYTE
_MOST_FILES = 1000
_MOST_CLASSES = 256
_LONGEST_NAME = 200
# In bytes, as file systems have it.
_LONGEST_FILE_NAME = 255
# It becomes the name of a folder.
_DATA_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """One file in a manifest.

    Attributes:
        sha256: of its content, in hexadecimal.
        size: in bytes.
    """

    sha256: str
    size: int


def stored_json(path: Path) -> dict[str, Any]:
    """A mapping that was stored as JSON.

    Raises:
        RunChangedError: the file is a link, too large, or holds something else.
    """
    try:
        values = read_json(path)
    except OSError as error:
        raise RunChangedError(
            f"Expected JSON in {path}. Received: {error.strerror or error}."
        ) from error
    except Refusal as error:
        raise RunChangedError(str(error)) from error
    if not isinstance(values, dict):
        raise RunChangedError(f"Expected names and values in {path}. Received something else.")
    return values


def stored_text(path: Path) -> str:
    """A text that was stored in UTF-8.

    Raises:
        ValueError: the file is a link, too large, or holds something else.
        OSError: it cannot be read.
    """
    return read_whole(path, _LARGEST_TEXT).decode("utf-8")


def stored_sha256(path: Path, size: int) -> str:
    """SHA-256 of a plain file's content, in hexadecimal.

    Raises:
        RunChangedError: the file is a link, a pipe or a device, or larger than its ``size``.
    """
    try:
        with open_plain(path, size) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except Refusal as error:
        raise RunChangedError(str(error)) from error


def read_manifest(path: Path, version: int) -> dict[str, Entry]:
    """The files that a manifest names, by their names.

    Raises:
        RunChangedError: it is none of this version, or names other things than plain files of its
            folder.
    """
    try:
        manifest = read_json(path, _LARGEST_MANIFEST)
    except OSError as error:
        raise RunChangedError(
            f"Expected JSON in {path}. Received: {error.strerror or error}."
        ) from error
    except Refusal as error:
        raise RunChangedError(str(error)) from error
    files = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(files, dict) or manifest.get("format") != version:
        raise RunChangedError(
            f"Expected a manifest of format {version} in {path.parent}. Received another one."
        )
    entries = {}
    for name, values in files.items():
        plain = Path(name).name == name and not re.search(r"[\\:\0]", name) and name not in "..."
        short = len(name.encode("utf-8", "surrogatepass")) <= _LONGEST_FILE_NAME
        if not plain or not short or not isinstance(values, dict):
            raise RunChangedError(
                f"Expected plain file names in the manifest of {path.parent}. Received "
                f"{name[:_LONGEST_NAME]!r}."
            )
        digest, size = values.get("sha256"), values.get("bytes")
        if (
            not isinstance(digest, str)
            or not _HASH.fullmatch(digest)
            or type(size) is not int
            or size < 0
        ):
            raise RunChangedError(
                f"Expected SHA-256 and size of {name[:_LONGEST_NAME]!r} in {path}. Received "
                "something else."
            )
        entries[name] = Entry(digest, size)
    total = sum(entry.size for entry in entries.values())
    if len(entries) > _MOST_FILES or total > MOST_BYTES:
        raise RunChangedError(
            f"Expected at most {_MOST_FILES:,} files of {MOST_BYTES // MEBIBYTE} MiB together in "
            f"{path.parent}. Received {len(entries):,} of {total:,} bytes."
        )
    return entries


def check_inside(folder: Path, run: Path) -> None:
    """Check that a folder of a run is in it, and no link leads elsewhere.

    Raises:
        RunChangedError: it is not.
    """
    way = [folder, *(each for each in folder.parents if each.is_relative_to(run) and each != run)]
    # No ".." can be in a name that check_environment passed; links can be on the disk.
    if run not in folder.parents or ".." in folder.parts or any(each.is_symlink() for each in way):
        raise RunChangedError(
            f"Expected scores in folders of {run} itself. Received {folder}, which leads elsewhere."
        )


def check_environment(values: Mapping[str, Any]) -> dict[str, Any]:
    """``environment.json``, of which later code relies on these names and types.

    Raises:
        TypeError, KeyError: others.
    """
    _require(type(values["seed"]) is int, "seed", values["seed"])
    _require(isinstance(values["time"], str), "time", values["time"])
    _require(_texts(values["versions"]), "versions", values["versions"])
    _require(isinstance(values["device"], str), "device", values["device"])
    _require(type(values["threads"]) is int, "threads", values["threads"])
    data = values["data"]
    _require(isinstance(data, dict), "data", data)
    name, classes = data["name"], data["classes"]
    _require(isinstance(name, str) and _DATA_NAME.fullmatch(name) is not None, "data.name", name)
    _require(
        isinstance(classes, list)
        and 2 <= len(classes) <= _MOST_CLASSES
        and all(
            isinstance(each, str) and 0 < len(each) <= _LONGEST_NAME and each.isprintable()
            for each in classes
        ),
        "data.classes",
        classes,
    )
    for key in ("hashes", "test_hashes"):
        _require(_texts(data[key]), f"data.{key}", data[key])
    _require(isinstance(data["folder"], str), "data.folder", data["folder"])
    _require(isinstance(data["official"], bool), "data.official", data["official"])
    for key in ("training", "validation"):
        _require(type(data[key]) is int and data[key] > 0, f"data.{key}", data[key])
    return dict(values)


def check_summary(summary: Any) -> None:
    """Check that every number of a ``Summary`` is a finite one.

    Raises:
        TypeError: something in it is not.
    """
    for number in astuple(summary):
        _require(
            type(number) in (int, float) and math.isfinite(number) and number >= 0,
            "each number of summary.json",
            number,
        )
    _require(summary.temperature > 0, "temperature", summary.temperature)


def _texts(values: Any) -> bool:
    return isinstance(values, dict) and all(isinstance(each, str) for each in values.values())


def _require(holds: bool, name: str, value: object) -> None:
    if not holds:
        raise TypeError(f"{name} is {repr(value)[:_LONGEST_NAME]}")
