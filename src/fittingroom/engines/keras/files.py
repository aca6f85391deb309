"""Keras models as files that plain Keras loads."""

import tempfile
from pathlib import Path
from typing import Any, Literal

from fittingroom.engines.keras.backend import load_keras
from fittingroom.engines.own import quietly, reason_of

keras = load_keras()


def file_content(model: Any, kind: Literal["keras", "h5"], *, check: bool = False) -> bytes:
    """The model as Keras' own archive, or as the older HDF5 file.

    A compiled model's loss, metrics and optimizer go with it.

    Args:
        model: a Keras model.
        kind: which of the two.
        check: load the file once; whatever error Keras then raises passes through.
    """
    with quietly(), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model.{kind}"  # Keras goes by the ending
        model.save(path)
        if check:
            keras.models.load_model(path)
        return path.read_bytes()


def saved_files(model: Any) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """The model as ``model.keras`` and ``best_model.h5``, and a sentence on each that is left out.

    A file is left out if Keras cannot load it, as with layers of your own.
    """
    files: dict[str, bytes] = {}
    notes: list[str] = []
    kinds: dict[str, Literal["keras", "h5"]] = {"model.keras": "keras", "best_model.h5": "h5"}
    for name, kind in kinds.items():
        try:
            files[name] = file_content(model, kind, check=True)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run has its other files
            notes.append(f"{name} is left out, since Keras could not load it: {reason_of(error)}")
    return files, tuple(notes)
