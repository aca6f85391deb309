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
    """The path of the model inside the package, held against its manifest.

    Raises:
        ExportError: it is not there, or is not the one that was put there.
    """
    path = FOLDER / _NAMED
    try:
        manifest = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
        expected = manifest["files"][_NAMED]["sha256"]
        received = hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ExportError(
            f"Expected the package's own model in {FOLDER}. Received: {error}. Install the "
            "package again, or name a model by --model."
        ) from error
    if received != expected:
        raise ExportError(
            f"Expected {path} with the SHA-256 {expected[:12]}…. Received {received[:12]}…: it was "
            "changed. Install the package again, or name a model by --model."
        )
    trust_known(received, _AT_ONCE)
    return path


def packaged_numbers() -> dict[str, Any]:
    """What is known of the model inside the package: `name`, `recipe`, `seed`, `parameters`,
    `validation_accuracy`, `test_accuracy`, `test_interval` and more.

    Raises:
        ExportError: the file is not there.
    """
    try:
        values: dict[str, Any] = json.loads((FOLDER / "numbers.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ExportError(
            f"Expected the numbers of the package's own model in {FOLDER}. Received: {error}. "
            "Install the package again."
        ) from error
    return values
