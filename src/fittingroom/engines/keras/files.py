"""Keras models as the content of a file that plain Keras loads."""

import contextlib
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal


def file_content(model: Any, kind: Literal["keras", "h5"]) -> bytes:
    """The model as Keras' own archive, or as the older HDF5 file.

    A compiled model's loss, metrics and optimizer go with it.
    """
    with tempfile.TemporaryDirectory() as folder, _without_advice():
        path = Path(folder) / f"model.{kind}"  # Keras goes by the ending
        model.save(path)
        return path.read_bytes()


@contextlib.contextmanager
def _without_advice() -> Iterator[None]:
    """Keep Keras from advising against HDF5, which was asked for."""
    logger = logging.getLogger("absl")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
