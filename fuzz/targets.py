"""What is fuzzed: each target takes bytes of a stranger, and may answer with typed errors only.

A crash is any other exception, more than two seconds, or more memory than libFuzzer's limit.
"""

import contextlib
import json
import shutil
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from fittingroom.data import idx
from fittingroom.errors import FittingRoomError
from fittingroom.external_predictions import read_external
from fittingroom.predictions import Predictions
from fittingroom.runs import (
    Checkpoint,
    Epoch,
    checkpoints,
    list_runs,
    open_run,
    read_checkpoint,
    read_openings,
)
from fittingroom.runs.manifests import write_manifest

_FOLDER = Path(tempfile.mkdtemp(prefix="fittingroom-fuzz-"))
_LABELS = np.arange(10, dtype=np.uint8)
_CLASSES = tuple(f"class {label}" for label in range(10))
_NAMES = (
    *("recipe.json", "environment.json", "history.jsonl", "summary.json"),
    *("model.onnx", "validation.npz"),
)
_SEPARATOR = b"\n--\n"
# Of any content the same: what comes after the hash is what is fuzzed.
checkpoints._digest = lambda arrays: np.zeros(32, np.uint8)


def idx_file(data: bytes) -> None:
    """The IDX reader, as images and as labels; gzipped where the first byte is odd."""
    path = _FOLDER / "file"
    gzipped = bool(data[:1]) and data[0] & 1 == 1
    path.write_bytes(_gzip(data[1:]) if gzipped else data[1:])
    for read in (idx.read_images, idx.read_labels):
        with contextlib.suppress(FittingRoomError):
            read(path)


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
    """Both readers of predictions: those of this project, and those from elsewhere."""
    path = _FOLDER / "predictions"
    path.write_bytes(data)
    with contextlib.suppress(FittingRoomError):
        read_external(path, labels=_LABELS, indices=np.arange(10), classes=_CLASSES)
    with contextlib.suppress(FittingRoomError):
        Predictions.read(path)


def checkpoint(data: bytes) -> None:
    """The reader of checkpoints, and what lists the unfinished run that has one."""
    folder = _FOLDER / "begun" / "run-s0"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / checkpoints.CHECKPOINT).write_bytes(data)
    with contextlib.suppress(FittingRoomError):
        found = read_checkpoint(folder)
        assert found is not None
        assert [epoch.epoch for epoch in found.history] == list(range(1, len(found.history) + 1))
        assert sum(array.nbytes for array in found.arrays.values()) <= len(data)
    list_runs(folder.parent)


def model(data: bytes) -> None:
    """The rule for ONNX models; what it lets in, ONNX Runtime runs, in this process."""
    from fittingroom.predict import Predictor

    with contextlib.suppress(FittingRoomError):
        Predictor(data, threads=1).log_probabilities(np.zeros((2, 28, 28), np.uint8))


def photo(data: bytes) -> None:
    """The photo decoder's front: what it lets through, Pillow decodes within its limits."""
    from fittingroom.photos import read_photo

    with contextlib.suppress(FittingRoomError):
        image = read_photo(data).image
        assert image.shape == (28, 28)
        assert image.dtype == np.uint8


TARGETS: dict[str, Callable[[bytes], None]] = {
    "idx": idx_file,
    "run": run_folder,
    "checkpoint": checkpoint,
    "predictions": predictions,
    "photo": photo,
    "model": model,
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
        case "checkpoint":
            yield _checkpoint()
        case "photo":
            yield from _photos()
        case "model":
            yield from _models()


def _gzip(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=31)
    return packer.compress(content) + packer.flush()


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
        "folder": "/nowhere",
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


def _checkpoint() -> bytes:
    arrays = {"step": np.array(3), "weights.0": np.ones((2, 3), np.float32)}
    history = tuple(Epoch(number, 1.5, 0.5, 0.5, 0.5, 0.5, 0.1) for number in (1, 2))
    checkpoints.write_checkpoint(_FOLDER, Checkpoint(history, arrays))
    return (_FOLDER / checkpoints.CHECKPOINT).read_bytes()


def _archives() -> Iterator[bytes]:
    import io

    logs = np.log(np.full((10, 10), 0.1, np.float32))
    said = Predictions(_LABELS, _LABELS, logs, np.arange(10), _CLASSES)
    stream = io.BytesIO()
    said.write(stream)
    yield stream.getvalue()
    stream = io.BytesIO()
    np.savez(stream, labels=_LABELS, predicted=_LABELS)
    yield stream.getvalue()


def _photos() -> Iterator[bytes]:
    import io

    from PIL import Image

    picture = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 4)
    for kind in ("PNG", "JPEG", "WEBP"):
        stream = io.BytesIO()
        picture.save(stream, kind)
        yield stream.getvalue()


def _models() -> Iterator[bytes]:
    """Small graphs that answer, each with one more node, of the operators that have most to say."""
    from onnx import TensorProto, helper, numpy_helper

    def made(
        kind: str, inputs: str, *arrays: object, domain: str = "", **attributes: object
    ) -> bytes:
        constants = {f"c{place}": np.asarray(array) for place, array in enumerate(arrays)}
        constants |= {"begin": np.array([0]), "end": np.array([10]), "axis": np.array([1])}
        nodes = [
            helper.make_node("Cast", ["pictures"], ["pixels"], to=TensorProto.FLOAT),
            helper.make_node("Cast", ["pictures"], ["whole"], to=TensorProto.INT64),
            helper.make_node("Flatten", ["pixels"], ["flat"]),
            helper.make_node("Unsqueeze", ["pixels", "axis"], ["planes"]),
            helper.make_node(kind, inputs.split(","), ["z"], domain=domain, **attributes),
            helper.make_node("Slice", ["flat", "begin", "end", "axis"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"]),
        ]
        taken = helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["N", 28, 28])
        ends = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 10])
            for name in ("logits", "probabilities")
        ]
        # What nobody asks for is not computed.
        ends.append(helper.make_empty_tensor_value_info("z"))
        held = [numpy_helper.from_array(array, name) for name, array in constants.items()]
        graph = helper.make_graph(nodes, "", [taken], ends, held)
        sets = [helper.make_opsetid("", 20), helper.make_opsetid("ai.onnx.ml", 3)]
        return helper.make_model(graph, opset_imports=sets, ir_version=9).SerializeToString()

    single, ones = np.float32, np.ones
    yield made("Div", "whole,c0", 2)
    yield made("Mod", "whole,c0", 3)
    yield made("Conv", "planes,c0", ones((1, 1, 3, 3), single), group=1, pads=[1, 1, 1, 1])
    yield made("ConvTranspose", "planes,c0", ones((1, 1, 3, 3), single), strides=[2, 2], group=1)
    yield made("MaxPool", "planes", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    yield made("AveragePool", "planes", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    yield made("LayerNormalization", "pixels,c0,c0", ones(28, single), axis=-1)
    yield made("BatchNormalization", "planes,c0,c0,c0,c0", ones(1, single))
    yield made("GRU", "pixels,c0,c1", *(ones((1, 6, k), single) for k in (28, 2)), hidden_size=2)
    yield made("Gather", "flat,c0", [1, 2], axis=1)
    yield made("GatherND", "flat,c0", [[0, 2]])
    yield made("ScatterElements", "flat,c0,c1", [[1, 2]], ones((1, 2), single), axis=1)
    yield made("ScatterND", "flat,c0,c1", [[0, 2]], ones(1, single))
    yield made("Slice", "flat,c0,c1,c2,c3", [9], [1], [1], [-2])
    yield made("Split", "flat", axis=1, num_outputs=1)
    yield made("Pad", "pixels,c0", [0, 1, 2, 0, 3, 4], mode="edge")
    yield made("Resize", "planes,,c0", np.array([1, 1, 1.5, 0.5], single), mode="linear")
    yield made("OneHot", "c0,c1,c2", [1, 2], 5, [0, 1])
    yield made("CumSum", "flat,c0", 1)
    yield made("Trilu", "pixels,c0", 2)
    yield made("Einsum", "pixels,pixels", equation="nij,nkj->nik")
    yield made("ReduceMean", "whole,c0", [1])
    tree = {"nodes_treeids": [0] * 3, "nodes_nodeids": [0, 1, 2], "nodes_featureids": [0] * 3}
    tree |= {"nodes_truenodeids": [1, 0, 0], "nodes_falsenodeids": [2, 0, 0]}
    tree |= {"target_treeids": [0, 0], "target_nodeids": [1, 2], "target_ids": [0, 0]}
    yield made(
        "TreeEnsembleRegressor",
        "flat",
        domain="ai.onnx.ml",
        nodes_values=[0.5, 0.0, 0.0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"],
        target_weights=[1.0, 2.0],
        n_targets=1,
        **tree,
    )
