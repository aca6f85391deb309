"""What is fuzzed: each target takes untrusted bytes, and may answer with typed errors only.

Parsers of other projects (ONNX, Pillow, safetensors) are fuzzed there.

A crash is any other exception, more than two seconds, or more memory than libFuzzer's limit.
"""

import contextlib
import gzip
import io
import json
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from fittingroom.data.readers import idx
from fittingroom.errors import FittingRoomError
from fittingroom.external_predictions import read_external
from fittingroom.predictions import Predictions
from fittingroom.runs import list_runs, open_run, read_openings
from fittingroom.runs.stored import write_manifest

_FOLDER = Path(tempfile.mkdtemp(prefix="fittingroom-fuzz-"))
_LABELS = np.arange(10, dtype=np.uint8)
_CLASSES = tuple(f"class {label}" for label in range(10))
_NAMES = (
    *("recipe.json", "environment.json", "history.jsonl", "summary.json"),
    *("model.onnx", "validation.npz"),
)
_SEPARATOR = b"\n--\n"


def idx_file(data: bytes) -> None:
    """The IDX reader, as images and as labels; gzipped where the first byte is odd."""
    path = _FOLDER / "file"
    gzipped = bool(data[:1]) and data[0] & 1 == 1
    path.write_bytes(gzip.compress(data[1:], mtime=0) if gzipped else data[1:])
    for dimensions in (3, 1):
        with contextlib.suppress(FittingRoomError):
            idx.read_array(path, dimensions)


def run_folder(data: bytes) -> None:
    """The manifest and run reader: the first byte tells which files the bytes stand for.

    Zero: the manifest itself. Otherwise the run's other files, one after the other with a line of
    two dashes between them, and a manifest that fits them.
    """
    folder = _FOLDER / "runs" / "run"
    shutil.rmtree(folder.parent, ignore_errors=True)
    folder.mkdir(parents=True)
    if data[:1] in (b"", b"\0"):
        for name in _NAMES:
            (folder / name).write_bytes(b"{}")
        (folder / "manifest.json").write_bytes(data[1:])
    else:
        parts = data[1:].split(_SEPARATOR)
        for name, part in zip(_NAMES, [*parts, *[b"{}"] * len(_NAMES)], strict=False):
            (folder / name).write_bytes(part)
        write_manifest(folder)
    (folder.parent / "test-log.jsonl").write_bytes(data[1:])
    with contextlib.suppress(FittingRoomError):
        run = open_run(folder)
        # Whatever was let in can be used.
        assert all(isinstance(name, str) for name in run.classes)
        assert len(run.recipe.key) == 64
        assert json.dumps(run.recipe.to_json())
        assert f"{run.recipe.title}{run.summary.seconds:.1f}"
        with contextlib.suppress(FittingRoomError):
            run.validation.correct.mean()
    list_runs(folder.parent)
    with contextlib.suppress(FittingRoomError):
        read_openings(folder.parent)


def predictions(data: bytes) -> None:
    """Both readers of predictions: of this project's own, and of external ones."""
    path = _FOLDER / "predictions"
    path.write_bytes(data)
    with contextlib.suppress(FittingRoomError):
        read_external(path, labels=_LABELS, indices=np.arange(10), classes=_CLASSES)
    with contextlib.suppress(FittingRoomError):
        Predictions.read(path)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "idx": idx_file,
    "run": run_folder,
    "predictions": predictions,
}


def seeds(name: str) -> Iterator[bytes]:
    """A few inputs that a target takes, to start from; made anew each time, and small."""
    match name:
        case "idx":
            images = struct.pack(">IIII", 0x803, 2, 28, 28) + bytes(2 * 784)
            labels = struct.pack(">II", 0x801, 3) + bytes([1, 2, 3])
            yield from (kind + content for kind in (b"\0", b"\1") for content in (images, labels))
        case "run":
            yield from (b"\0" + _manifest(), b"\1" + _SEPARATOR.join(_run_files()))
        case "predictions":
            rows = "".join(f"{k},{k},{k}\n" for k in range(10))
            yield f"index,label,predicted\n{rows}".encode()
            yield ("index;label;predicted;" + ";".join(f"p{k}" for k in range(10))).encode()
            yield from _archives()


def _manifest() -> bytes:
    entry = {"sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}
    files = {name: {**entry, "bytes": 2} for name in _NAMES}
    return json.dumps({"format": 1, "files": files}).encode()


def _run_files() -> Iterator[bytes]:
    from fittingroom.networks import Dense, Flatten
    from fittingroom.recipes import Recipe

    recipe = Recipe(name="tiny", title="A seed", network=(Flatten(), Dense(10)))
    yield json.dumps(recipe.to_json()).encode()
    data = {
        "name": "sample",
        "official": False,
        "source": {"path": "/nowhere", "test": None, "invert": "auto"},
        "classes": list(_CLASSES),
        "hashes": {"train-images-idx3-ubyte": "0"},
        "test_hashes": {"t10k-images-idx3-ubyte": "0"},
        "training": 9,
        "validation": 1,
    }
    yield json.dumps({"seed": 0, "time": "", "versions": {"numpy": "2"}, "data": data}).encode()
    epoch = dict.fromkeys(("seconds", "train_loss", "train_accuracy", "val_loss"), 0.5)
    rest = {"val_accuracy": 0.5, "learning_rate": 0.1}
    yield json.dumps({"epoch": 1, **epoch, **rest}).encode()
    numbers = ("best_epoch", "validation_accuracy", "seconds", "parameters", "operations")
    others = ("temperature", "export_difference", "model_bytes")
    yield json.dumps(dict.fromkeys((*numbers, *others), 1)).encode()
    yield b"\x08\x09"
    yield next(_archives())


def _archives() -> Iterator[bytes]:
    logs = np.log(np.full((10, 10), 0.1, np.float32))
    said = Predictions(_LABELS, _LABELS, logs, np.arange(10), _CLASSES)
    yield said.to_bytes()
    stream = io.BytesIO()
    np.savez(stream, labels=_LABELS, predicted=_LABELS)
    yield stream.getvalue()
