"""A folder's manifest: SHA-256 and size of each file in it, written last, checked on reading."""

from collections.abc import Collection
from pathlib import Path

from fittingroom.errors import RunChangedError
from fittingroom.runs.checkpoints import CHECKPOINT
from fittingroom.runs.files import as_json, sha256, write_file
from fittingroom.runs.stored import read_manifest, stored_sha256

MANIFEST = "manifest.json"
_FORMAT = 1


def check_manifest(folder: Path, needed: Collection[str] = ()) -> None:
    """Check each file that a folder's manifest names, and that it names those that are needed.

    Raises:
        RunChangedError: one is missing, differs, or is none: a link, say, or a pipe.
    """
    files = read_manifest(folder / MANIFEST, _FORMAT)
    for name in needed:
        if name not in files:
            raise RunChangedError(
                f"Expected {name} in the manifest of {folder}. Received one without it. "
                "Take the folder back as it was written, or train again."
            )
    for name, entry in files.items():
        path = folder / name
        if not path.is_file():
            raise RunChangedError(f"Expected {name} in {folder}. Received nothing: it is missing.")
        size = path.stat().st_size
        # The sizes first: they bound what is read for the hash.
        if size != entry.size or stored_sha256(path, entry.size) != entry.sha256:
            raise RunChangedError(
                f"Expected {path} as it was written ({entry.size} bytes, SHA-256 "
                f"{entry.sha256[:12]}…). Received a file of {size} bytes that "
                "differs: it was changed. Take it back, or train again."
            )


def write_manifest(folder: Path) -> None:
    """Write a folder's manifest, over all plain files in it: from here on it is finished."""
    files = {
        path.name: {"sha256": sha256(path), "bytes": path.stat().st_size}
        for path in sorted(folder.iterdir())
        if path.is_file()
        and path.name not in (MANIFEST, CHECKPOINT)
        and not path.name.startswith(".")
    }
    write_file(folder / MANIFEST, as_json({"format": _FORMAT, "files": files}))
