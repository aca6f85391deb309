"""Check Fashion-MNIST's files one by one, as downloads need it."""

from pathlib import Path

from fittingroom.data import official
from fittingroom.data.content import FileInvalidError
from fittingroom.data.official import FILE_NAMES, TEST, TRAINING
from fittingroom.data.readers import idx


def missing(folder: Path) -> list[str]:
    """The names of Fashion-MNIST's files that a folder doesn't have, plain or ``.gz``."""
    found = idx.find_files(folder)
    return [name for name in FILE_NAMES if name not in found or not _is_official(found[name], name)]


def check_official(path: Path, name: str) -> None:
    """Raise an error unless a file has the content of one of Fashion-MNIST's.

    Raises:
        DataInvalidError: it doesn't.
    """
    images = name in (TRAINING.images, TEST.images)
    received = (idx.read_images(path) if images else idx.read_labels(path)).sha256
    expected = official.FASHION_MNIST.hashes[name]
    if received != expected:
        reason = f"has other content: its SHA-256 is {received[:16]}…, not {expected[:16]}…"
        raise FileInvalidError(path, reason)


def _is_official(path: Path, name: str) -> bool:
    try:
        check_official(path, name)
    except FileInvalidError:
        return False
    return True
