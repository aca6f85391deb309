"""Hostile run folders, weights and recipes."""

import hashlib
import json
import os
import struct
from dataclasses import asdict
from typing import Any

import numpy as np

from fittingroom.networks import Dense, Flatten
from fittingroom.predictions import Predictions
from fittingroom.recipes import Recipe
from fittingroom.runs import Epoch
from fittingroom.runs.stored import write_manifest
from tests.hostile.models import honest
from tests.hostile.reading import Hostile, stored

CLASSES = tuple("abcdefghij")
DATA = {
    "name": "sample",
    "official": False,
    "source": {"path": "/nowhere", "test": None, "invert": "auto"},
    "classes": list(CLASSES),
    "hashes": {"train-images-idx3-ubyte": "0"},
    "test_hashes": {"t10k-images-idx3-ubyte": "0"},
    "training": 9,
    "validation": 1,
}
ENVIRONMENT = {
    "seed": 0,
    "time": "",
    "device": "cpu",
    "threads": 1,
    "versions": {"numpy": "2"},
    "data": DATA,
}
SUMMARY = {
    "best_epoch": 1,
    "validation_accuracy": 0.1,
    "seconds": 1.0,
    "parameters": 7850,
    "operations": 7840,
    "temperature": 1.0,
    "export_difference": 0.0,
    "model_bytes": 1,
}
EPOCH = asdict(Epoch(1, 1.0, 1.0, 0.5, 1.0, 0.5, 0.1))
RECIPE = Recipe(name="tiny", title="Made up", network=(Flatten(), Dense(10))).to_json()


def made(folder, **texts):
    """A run that nobody trained, some of its files exchanged, with a manifest that fits them."""
    folder.mkdir(parents=True)
    files = {
        "recipe.json": RECIPE,
        "environment.json": ENVIRONMENT,
        "history.jsonl": EPOCH,
        "summary.json": SUMMARY,
    }
    for name, values in files.items():
        text = texts.get(name.partition(".")[0], json.dumps(values))
        content = text if isinstance(text, bytes) else text.encode()
        (folder / name).write_bytes(content)
    (folder / "model.onnx").write_bytes(honest)
    said = np.arange(10, dtype=np.uint8)
    predictions = Predictions(said, said, None, np.arange(10), CLASSES)
    (folder / "validation.npz").write_bytes(predictions.to_bytes())
    write_manifest(folder)
    return folder


def with_files(**texts):
    return lambda path: made(path, **texts)


def environment(**changes):
    data = changes.pop("data", {})
    return with_files(environment=json.dumps({**ENVIRONMENT, **changes, "data": {**DATA, **data}}))


def manifest(edit):
    """A run whose manifest was edited: its values in place, or another text."""

    def make(path):
        made(path)
        values = json.loads((path / "manifest.json").read_text())
        text = edit(values["files"])
        (path / "manifest.json").write_text(text or json.dumps(values))

    return make


def names(*added: str):
    """A manifest that names other things too."""
    entry = {"sha256": hashlib.sha256(b"").hexdigest(), "bytes": 0}
    return manifest(lambda files: files.update(dict.fromkeys(added, entry)))


def exchanged(name: str, exchange):
    """A run of which one file is something else."""

    def make(path):
        made(path)
        (path / name).rename(path.parent / "outside")
        exchange(path / name)

    return make


def link(path):
    path.symlink_to(path.parent.parent / "outside")


def sparse(path):
    with path.open("wb") as stream:
        stream.truncate(2**42)


def scores_elsewhere(path):
    """The scores are a link to a folder outside."""
    made(path)
    outside = path.parent / "outside"
    (outside / "sample").mkdir(parents=True)
    write_manifest(outside / "sample")
    (path / "evaluations").symlink_to(outside)


def network(*layers):
    return with_files(recipe=json.dumps({**RECIPE, "network": layers}))


DEEP = "[" * 100_000 + "]" * 100_000
layer: dict[str, Any] = {"layer": "Flatten"}
for _ in range(300):
    layer = {"layer": "Dense", "units": layer}
RUNS = [
    Hostile("no manifest of ours", manifest(lambda files: "[]")),
    Hostile("a manifest in a manifest", manifest(lambda files: DEEP), "JSON"),
    Hostile("a manifest of terabytes", exchanged("manifest.json", sparse), "at most"),
    Hostile("a manifest that is a link", exchanged("manifest.json", link), "symbolic link"),
    Hostile("names above", names("../../etc/passwd"), "plain file names"),
    Hostile("a name with NUL", names("a\0b"), "plain file names"),
    Hostile("a thousand names", names(*map(str, range(2000))), "at most 1,000 files"),
    Hostile("a model of terabytes", manifest(lambda files: files["model.onnx"].update(bytes=2**42)), "no size"),
    Hostile("weights that are a pipe", exchanged("model.onnx", os.mkfifo)),
    Hostile("a recipe that is not named", manifest(lambda files: files.pop("recipe.json") and None), "recipe.json"),
    Hostile("scores that are a link", scores_elsewhere, "leads elsewhere"),
    Hostile("scores in a folder above", environment(data={"name": "../../x"}), "data.name"),
    Hostile("a million classes", environment(data={"classes": ["x"] * 10**6}), "classes are allowed"),
    Hostile("a seed that is none", environment(seed="0; rm -rf /"), "seed"),
    Hostile("infinite seconds", with_files(summary='{"seconds": Infinity}'), "Infinity"),
    Hostile("no temperature", with_files(summary=json.dumps({**SUMMARY, "temperature": 0})), ""),
    Hostile("digits without end", with_files(summary='{"seconds": ' + "9" * 10**6 + "}"), "digits"),
    Hostile("an accuracy beyond all", with_files(summary=json.dumps({**SUMMARY, "validation_accuracy": 1e308})), "impossible"),
    Hostile("parameters of 400 digits", with_files(summary=json.dumps({**SUMMARY, "parameters": 10**400})), "impossible"),
    Hostile("seconds of 300 digits", with_files(history=json.dumps({**EPOCH, "seconds": 1e300})), "history.jsonl"),
    Hostile("a seed of 4,300 digits", environment(seed=10**4299), "seed"),
    Hostile("validation images of 400 digits", environment(data={"validation": 10**400}), "data.validation"),
    Hostile("resumed at no epoch", environment(resumed=[{}]), "resumed"),
    Hostile("an epoch in an epoch", with_files(history=DEEP), "history.jsonl"),
    Hostile("ten megabytes of history", with_files(history="{}\n" * 2_500_000), "at most"),
    Hostile("a layer that runs code", network({"layer": "Lambda", "code": "x"}), "Lambda"),
    Hostile("layers in layers", network(layer), ""),
    Hostile("a title that moves the cursor", with_files(recipe=json.dumps({**RECIPE, "title": "\x1b[2Jx"})), "title"),
    Hostile("a name above", with_files(recipe=json.dumps({**RECIPE, "name": "../x"})), "name"),
]  # fmt: skip


def weights(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(shape, ends, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": ends}


WEIGHTS = [
    Hostile(name, stored(content), ".safetensors file")
    for name, content in {
        "empty": b"",
        "a header of exabytes": weights(b"{}", length=2**63),
        "a header of a hundred megabytes": weights(b"{" + b" " * 10**8 + b"}"),
        "lists in lists": weights(DEEP.encode()),
        "places beyond the file": weights({"a": entry([2**30], [0, 2**32])}, bytes(4)),
        "a type that there is not": weights({"a": entry([1], [0, 4], "object")}, bytes(4)),
    }.items()
]  # fmt: skip


def recipe(content: str):
    """A file under a name that is taken for a recipe's."""

    def make(path):
        path.with_suffix(".json").write_text(content)
        return path.with_suffix(".json")

    return make


def recipe_of_holes(path):
    sparse(path.with_suffix(".json"))
    return path.with_suffix(".json")


RECIPES = [
    Hostile("lists in lists", recipe(DEEP), "JSON"),
    Hostile("a terabyte of holes", recipe_of_holes, "at most"),
    Hostile("layers in layers", recipe(json.dumps({**RECIPE, "network": layer})), ""),
    Hostile("an engine that is a list", recipe(json.dumps({**RECIPE, "engine": ["x"]})), "engine"),
]  # fmt: skip
