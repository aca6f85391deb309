"""The model inside the package: where it is, and the numbers of the run that made it."""

import hashlib
import json
from pathlib import Path
from typing import Any

from fittingroom.errors import ExportError
from fittingroom.safe_io.models import trust_known

FOLDER = Path(__file__).parent / "model"
_NAMED = "model.onnx"
# So many images at a time, as a check of it would find.
_AT_ONCE = 125


def packaged_model() -> Path:
    """The path of the model inside the package, checked against its manifest."""
    path = FOLDER / _NAMED
    manifest = _read_json("manifest.json")
    try:
        received = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise _damaged(error) from error
    if received != manifest["files"][_NAMED]["sha256"]:
        raise _damaged(f"{_NAMED} was changed")
    trust_known(received, _AT_ONCE)
    return path


def packaged_numbers() -> dict[str, Any]:
    """The numbers of the model inside the package: ``name``, ``recipe``, ``seed``, ``parameters``,
    ``validation_accuracy``, ``test_accuracy``, ``test_interval`` and more.
    """
    return _read_json("numbers.json")


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
