"""The models inside the package: one of photos, one of Fashion-MNIST; their files and numbers."""

import hashlib
import json
from pathlib import Path
from typing import Any

from fittingroom.errors import ExportError
from fittingroom.predict.model import Model
from fittingroom.safe_io.models import trust_known

FOLDER = Path(__file__).parent / "model"
# Each with the file of its numbers, and how many images a check of it would let it take at once.
_FILES = {"photo": ("photo.json", 2), "cnn-tiny": ("numbers.json", 125)}
PACKAGED = tuple(_FILES)
# What an accuracy was measured on, in words.
ON_PHOTOS = "photos by people it was not trained on"
ON_TEST_IMAGES = "test images of Fashion-MNIST"


def packaged(threads: int | None = None) -> Model:
    """The model of photos; it leaves images in Fashion-MNIST's own format to ``cnn-tiny``."""

    def small() -> Model:
        return Model(packaged_model("cnn-tiny"), name="cnn-tiny", threads=threads)

    return Model(packaged_model("photo"), name="photo", threads=threads, small=small)


def packaged_model(name: str) -> Path:
    """The path of a model inside the package, checked against its manifest."""
    file = "photo.onnx" if name == "photo" else "model.onnx"
    path = FOLDER / file
    manifest = _read_json("manifest.json")
    try:
        received = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise _damaged(error) from error
    if received != manifest["files"][file]["sha256"]:
        raise _damaged(f"{file} was changed")
    trust_known(received, _FILES[name][1])
    return path


def packaged_numbers(name: str) -> dict[str, Any]:
    """What is known of a model inside the package.

    Of ``cnn-tiny``: ``recipe``, ``seed``, ``parameters``, ``validation_accuracy``,
    ``test_accuracy``, ``test_interval`` and more. Of ``photo``: ``parameters``, and ``correct``,
    ``answered`` and ``answered_correct`` with their intervals, on photos of new senders.
    """
    return _read_json(_FILES[name][0])


def _read_json(name: str) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(error) from error
    return values


def _damaged(reason: object) -> ExportError:
    return ExportError(
        f"The model inside the package, in {FOLDER}, is damaged: {reason}. Install the package "
        "again, or name a model with --model."
    )
