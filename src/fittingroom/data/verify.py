"""Check a known data set's files one by one, as downloads need it."""

import hashlib
from pathlib import Path

from fittingroom.data.content import FileInvalidError
from fittingroom.data.dataset import hash_idx
from fittingroom.data.official import FILE_NAMES, TEST, TRAINING, KnownSet
from fittingroom.data.readers import idx


def missing(folder: Path, known: KnownSet) -> list[str]:
    """The names of a known data set's files that a folder doesn't have, plain or ``.gz``."""
    found = idx.find_files(folder)
    return [name for name in FILE_NAMES if name not in found or not _is(known, found[name], name)]


def check(path: Path, name: str, known: KnownSet) -> None:
    """Raise an error unless a file is one of a known data set's.

    Raises:
        DataInvalidError: it doesn't.
    """
    expected = known.hashes[name]
    if known.packed:
        with path.open("rb") as stored:
            received = hashlib.file_digest(stored, "sha256").hexdigest()
    else:
        images = name in (TRAINING.images, TEST.images)
        received = hash_idx(idx.read_images(path) if images else idx.read_labels(path))
    if received != expected:
        reason = f"has other content: its SHA-256 is {received[:16]}…, not {expected[:16]}…"
        raise FileInvalidError(path, reason)


def _is(known: KnownSet, path: Path, name: str) -> bool:
    try:
        check(path, name, known)
    except FileInvalidError:
        return False
    return True
