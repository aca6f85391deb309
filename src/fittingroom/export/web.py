"""Models → a static folder: the page, with the models running in the visitor's browser.

It is the page of ``fittingroom serve``, with another ``backend.js`` and the JSON file
``site.json``. ONNX Runtime's WebAssembly build runs the same ONNX files as everywhere else. The
folder works on any static host: all addresses are relative, and one thread needs no special
headers. By its Content-Security-Policy the page reaches nothing but its own host.
"""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

from fittingroom import page
from fittingroom.classes import GARMENTS
from fittingroom.data.split import ImageSet
from fittingroom.export.npm import read_package
from fittingroom.predictions import Float32
from fittingroom.runs import replace_output

_RUNTIME = (
    "onnxruntime-web",
    "1.30.0",
    "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
)
# By their names in the folder: some hosts do not know that `.mjs` is a script.
_RUNTIME_FILES = {
    "ort.wasm.bundle.min.js": "dist/ort.wasm.bundle.min.mjs",
    "ort-wasm-simd-threaded.wasm": "dist/ort-wasm-simd-threaded.wasm",
}
# The npm package lacks the text of its licence; ONNX Runtime's Python package has it.
_RUNTIME_TEXTS = ("LICENSE", "ThirdPartyNotices.txt")

_SERVER_ONLY = {"server.js", "backend.js"}
_BACKEND = (
    b"// Answers come from the models beside this page, in the browser.\n"
    b'export { connect } from "./local.js";\n'
)
_COLUMNS = 50  # of the sheet of garments


@dataclass(frozen=True)
class WebModel:
    """A model as the page shows it.

    Features are those of the garments that photos are compared with, ``(G, D)``; None for a model
    of photos, or of other classes than the ten garments.
    """

    facts: Mapping[str, object]  # what the page reads of it in site.json
    onnx: bytes
    features: Float32 | None
    small: "WebModel | None" = None  # answers for images in the data set's own format


def write_site(
    out: Path, models: Sequence[WebModel], known: ImageSet, to_try: ImageSet
) -> dict[str, int]:
    """Write the static folder.

    Args:
        out: the folder, as :func:`fittingroom.runs.open_output` gives it.
        models: one or more, shown side by side.
        known: ``G`` training images, which similar garments are chosen from.
        to_try: images to try.

    Returns:
        The size in bytes of each file, by its name within the folder.
    """
    content = _program()
    numbers = ["", *(f"-{index}" for index in range(2, len(models) + 1))]
    entries = [_add(model, number, content) for model, number in zip(models, numbers, strict=True)]
    garments = None
    if any(name.startswith("features") for name in content):
        content |= _garments(known, to_try)
        garments = {
            "file": "garments.png",
            "classes": GARMENTS,
            "labels": [*known.labels.tolist(), *to_try.labels.tolist()],
            "known": len(known.labels),
        }
    site = {"models": entries, "garments": garments}
    content["site.json"] = json.dumps(site, ensure_ascii=False, indent=1).encode()
    replace_output(out, content)
    return {name: len(data) for name, data in content.items()}


def _add(model: WebModel, number: str, content: dict[str, bytes]) -> dict[str, object]:
    """Put a model's files into the folder, the small one's beside it, and give its entry."""
    entry = {**model.facts, "file": f"model{number}.onnx"}
    content[f"model{number}.onnx"] = model.onnx
    if model.features is not None:
        entry["features"] = f"features{number}.bin"
        content[f"features{number}.bin"] = model.features.astype("<f4").tobytes()
    if model.small is not None:
        entry["small"] = _add(model.small, f"{number}-small", content)
    return entry


def _program() -> dict[str, bytes]:
    """The page, and what runs models in the browser."""
    content = {
        file.relative_to(page.FOLDER).as_posix(): file.read_bytes()
        for file in page.FOLDER.rglob("*.*")
        if file.suffix not in (".py", ".pyc") and file.name not in _SERVER_ONLY
    }
    program = read_package(*_RUNTIME, _RUNTIME_FILES.values())
    texts = Path(onnxruntime.__file__).parent
    return {
        **content,
        "backend.js": _BACKEND,
        **{f"onnxruntime/{name}": program[packed] for name, packed in _RUNTIME_FILES.items()},
        **{f"onnxruntime/{name}": (texts / name).read_bytes() for name in _RUNTIME_TEXTS},
    }


def _garments(known: ImageSet, to_try: ImageSet) -> dict[str, bytes]:
    """All garments side by side on one sheet, and their licence."""
    images = np.concatenate([known.images, to_try.images])
    rows = -(-len(images) // _COLUMNS)
    cells = np.zeros((rows * _COLUMNS, 28, 28), np.uint8)
    cells[: len(images)] = images
    sheet = cells.reshape(rows, _COLUMNS, 28, 28).swapaxes(1, 2).reshape(rows * 28, _COLUMNS * 28)
    stream = io.BytesIO()
    Image.fromarray(sheet).save(stream, "PNG", optimize=True)
    licence = resources.files("fittingroom").joinpath("data", "sample", "LICENSE.txt").read_bytes()
    return {"garments.png": stream.getvalue(), "garments-LICENSE.txt": licence}
