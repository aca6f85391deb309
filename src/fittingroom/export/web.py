"""Models → a static folder: the page, with the models running in the visitor's browser.

It is the page of ``fittingroom serve``, with another ``backend.js`` and the JSON file
``site.json``. ONNX Runtime's WebAssembly build runs the same ONNX files as everywhere else. The
folder works on any static host: all addresses are relative, one thread needs no special headers,
and the page itself unpacks what is compressed. By its Content-Security-Policy the page reaches
nothing but its own host.
"""

import base64
import gzip
import hashlib
import io
import json
import re
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
from fittingroom.predictions import Float32, UInt8
from fittingroom.runs import replace_output

_RUNTIME = (
    "onnxruntime-web",
    "1.30.0",
    "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
)
_RUNTIME_FILES = ("dist/ort.wasm.bundle.min.mjs", "dist/ort-wasm-simd-threaded.wasm")
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
    learning: Mapping[str, object] | None  # how it learned, as a run gives it
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
    of_garments = any(name.startswith("features") for name in content)
    if of_garments:
        content |= _sheet(known)
    site = {
        "models": entries,
        "samples": _samples(to_try) if of_garments else [],
        "known": known.labels.tolist() if of_garments else None,
        "bytes": {name: len(data) for name, data in content.items()},
    }
    content["site.json"] = json.dumps(site, ensure_ascii=False, separators=(",", ":")).encode()
    _let_start(content)
    replace_output(out, content)
    return {name: len(data) for name, data in content.items()}


def _add(model: WebModel, number: str, content: dict[str, bytes]) -> dict[str, object]:
    """Put a model's files into the folder, the small one's beside it, and give its entry."""
    entry = {**model.facts, "file": f"model{number}.onnx"}
    content[f"model{number}.onnx"] = model.onnx
    if model.features is not None:
        entry["features"] = f"features{number}.bin"
        content[f"features{number}.bin"] = model.features.astype("<f4").tobytes()
    if model.learning is not None:
        entry["learning"] = f"learning{number}.json"
        content[f"learning{number}.json"] = json.dumps(model.learning).encode()
    if model.small is not None:
        entry["small"] = _add(model.small, f"{number}-small", content)
    return entry


def _let_start(content: dict[str, bytes]) -> None:
    """Let the page ask for its scripts all at once, and keep its files for when it is offline."""
    scripts = [name for name in content if re.fullmatch(r"(?!start|offline|watch)\w+\.js", name)]
    links = "".join(f'<link rel="modulepreload" href="{name}">\n' for name in scripts)
    links += '<link rel="preload" href="site.json" as="fetch" crossorigin>\n</head>'
    content["index.html"] = content["index.html"].replace(b"</head>", links.encode())
    digest = hashlib.sha256(b"".join(content.values())).hexdigest()
    files = [name for name in content if not name.endswith((".txt", "LICENSE", "offline.js"))]
    site = json.dumps({"version": digest, "files": ["./", *files]}).encode()
    content["offline.js"] = content["offline.js"].replace(b'{ version: "", files: [] }', site)


def _program() -> dict[str, bytes]:
    """The page, and what runs models in the browser."""
    content = {
        file.relative_to(page.FOLDER).as_posix(): file.read_bytes()
        for file in sorted(page.FOLDER.rglob("*.*"))
        if file.suffix not in (".py", ".pyc") and file.name not in _SERVER_ONLY
    }
    program = read_package(*_RUNTIME, _RUNTIME_FILES)
    script, wasm = (program[name] for name in _RUNTIME_FILES)
    texts = Path(onnxruntime.__file__).parent
    return {
        **content,
        "backend.js": _BACKEND,
        "onnxruntime/ort.wasm.bundle.min.js": script,  # some hosts do not know `.mjs`
        "onnxruntime/ort-wasm-simd-threaded.wasm.gz": gzip.compress(wasm, mtime=0),
        **{f"onnxruntime/{name}": (texts / name).read_bytes() for name in _RUNTIME_TEXTS},
    }


def _samples(to_try: ImageSet) -> list[dict[str, object]]:
    """Images for the rail, as ``/v1/samples`` of the service gives them."""
    pairs = zip(to_try.images, to_try.labels.tolist(), strict=True)
    return [
        {"class": GARMENTS[label], "label": label, "image": base64.b64encode(_png(image)).decode()}
        for image, label in pairs
    ]


def _sheet(known: ImageSet) -> dict[str, bytes]:
    """The known garments side by side, and their licence."""
    rows = -(-len(known.images) // _COLUMNS)
    cells = np.zeros((rows * _COLUMNS, 28, 28), np.uint8)
    cells[: len(known.images)] = known.images
    sheet = cells.reshape(rows, _COLUMNS, 28, 28).swapaxes(1, 2).reshape(rows * 28, _COLUMNS * 28)
    licence = resources.files("fittingroom").joinpath("data", "sample", "LICENSE.txt").read_bytes()
    return {"garments.png": _png(sheet), "garments-LICENSE.txt": licence}


def _png(image: UInt8) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG", optimize=True)
    return stream.getvalue()
