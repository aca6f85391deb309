"""Real photos in five folds by sender, and what models say that never saw a fold's senders.

Photos are divided by who sent them: those of one person show the same garments on the same floor.
Bags have no sender; those with consecutive numbers, often cut from one photo, count as one's. One
kind of other garment, skirts, is never trained on.
"""

import csv
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import photo_scenes
from benchmarks.measure import ROOT, environment, say
from fittingroom.errors import PhotoError
from fittingroom.metrics.checks import Float64
from fittingroom.photos import open_photo
from fittingroom.predict import Predictor
from fittingroom.predictions import Float32, UInt8

FOLDS = 5
NEVER = "Skirt"
CORRECTIONS = ROOT / "tools" / "photo_corrections.csv"
_TRAINER = "tools.make_photo_model"
_CHUNK = 50

Names = npt.NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class Photos:
    """The photos, in the order of their lists.

    Attributes:
        paths: where they are.
        original: the collection's own label, ``(N,)``.
        given: the garment by the list, ``(N,)``; ``other garment`` is none of the ten.
        corrected: the same with mislabelled ones corrected.
        sender: int64 ``(N,)``; negative for a group of bags.
        fold: int64 ``(N,)``.
    """

    paths: Sequence[Path]
    original: Names
    given: Names
    corrected: Names
    sender: npt.NDArray[np.int64]
    fold: npt.NDArray[np.int64]

    @property
    def files(self) -> Names:
        """Their names."""
        return np.array([path.name for path in self.paths])

    def take(self, rows: npt.NDArray[Any]) -> "Photos":
        """Some of them."""
        kept = [self.paths[row] for row in np.arange(len(self.paths))[rows]]
        columns = (self.original, self.given, self.corrected, self.sender, self.fold)
        return Photos(kept, *(column[rows] for column in columns))


def read_photos(folder: Path) -> Photos:
    """The lists, and which fold each photo is in."""
    from sklearn.model_selection import StratifiedGroupKFold

    rows = []
    for part, name in (("images", "labels.csv"), ("bags", "bags.csv")):
        with (folder / name).open(encoding="utf-8", newline="") as lines:
            rows += [{"original": "Bag", "part": part, **row} for row in csv.DictReader(lines)]
    with CORRECTIONS.open(encoding="utf-8", newline="") as lines:
        right = {row["file"]: row["garment"] for row in csv.DictReader(lines)}
    given = [row["garment"] for row in rows]
    sender = np.array(
        [
            int(row["sender"]) if "sender" in row else at - 9999 - int(row["file"][:3])
            for at, row in enumerate(rows)
        ]
    )
    fold = np.zeros(len(rows), np.int64)
    divide = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for number, (_, held_out) in enumerate(divide.split(given, given, sender)):
        fold[held_out] = number
    return Photos(
        paths=[folder / row["part"] / row["file"] for row in rows],
        original=np.array([row["original"] for row in rows]),
        given=np.array(given),
        corrected=np.array([right.get(row["file"], row["garment"]) for row in rows]),
        sender=sender,
        fold=fold,
    )


def train(
    folder: Path, photos: Photos, runs: Iterable[tuple[int, int]], work: Path, at_once: int
) -> None:
    """Train the models that are missing: for each ``(fold, seed)``, without the fold's senders.

    A model stays as long as the trainer's files, its seed and its photos are the same.
    """
    code = b"".join(path.read_bytes() for path in sorted((ROOT / "tools").glob("*photo*.*")))
    jobs = []
    for fold, seed in runs:
        without = photos.files[(photos.fold == fold) | (photos.original == NEVER)]
        settings = {
            "trainer": hashlib.sha256(code).hexdigest(),
            "without": hashlib.sha256("\n".join(without).encode()).hexdigest(),
            "seed": seed,
        }
        out = model_of(work, fold, seed)
        kept = out.with_suffix(".json")
        if out.exists() and kept.exists() and json.loads(kept.read_text()) == settings:
            continue
        names = out.with_suffix(".without.txt")
        names.write_text("\n".join(without) + "\n")
        options = {"photos": folder, "without": names, "seed": seed, "out": out}
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        jobs.append((out, settings, [sys.executable, "-m", _TRAINER, *words]))
    # More threads a training would only wait for each other.
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(_trained, jobs))


def _trained(job: tuple[Path, dict[str, Any], Sequence[str]]) -> None:
    out, settings, command = job
    say(f"Training {out.stem}.")
    subprocess.run(command, check=True, cwd=ROOT, env=environment({"OMP_NUM_THREADS": "1"}))
    out.with_suffix(".json").write_text(json.dumps(settings))


def model_of(work: Path, fold: int, seed: int) -> Path:
    return work / f"fold{fold}-seed{seed}.onnx"


def float32_of(model: Path) -> Path:
    return model.with_suffix(".float32.onnx")


@dataclass(frozen=True, eq=False)
class Opened:
    """Photos as each way of asking takes them.

    Attributes:
        colour: uint8 ``(N, H, W, 3)``, for the photo model.
        converted, negated, as_is: uint8 ``(N, 28, 28)``: by the project's conversion, and by the
            naive ways of :func:`benchmarks.photo_scenes.naive`.
        refused: bool ``(N,)``, whether the conversion found no garment; black then.
    """

    colour: UInt8
    converted: UInt8
    negated: UInt8
    as_is: UInt8
    refused: npt.NDArray[np.bool_]


def open_all(
    sources: Sequence[Path | UInt8], shape: Sequence[int], kept: Path, workers: int
) -> Opened:
    """Open and convert photos; kept in a file, since this takes minutes."""
    if not kept.exists():
        chunks = [sources[at : at + _CHUNK] for at in range(0, len(sources), _CHUNK)]
        with ProcessPoolExecutor(workers) as pool:
            parts = list(pool.map(partial(opened, shape=tuple(shape)), chunks))
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        with kept.with_suffix(".part").open("wb") as file:
            np.savez(file, *columns)
        kept.with_suffix(".part").replace(kept)
    with np.load(kept) as stored:
        return Opened(*(stored[name] for name in stored.files))


def opened(sources: Sequence[Path | UInt8], shape: tuple[int, ...]) -> list[npt.NDArray[Any]]:
    """The columns of :class:`Opened` for some photos."""
    colour, small = np.zeros((len(sources), *shape), np.uint8), []
    for at, source in enumerate(sources):
        photo = open_photo(source)
        colour[at] = photo.resized(*shape[:2])
        try:
            converted, refused = photo.converted().image, False
        except PhotoError:
            converted, refused = np.zeros((28, 28), np.uint8), True
        naive = [photo_scenes.naive(photo.pixels, invert=invert) for invert in (True, False)]
        small.append((converted, *naive, np.array(refused)))
    return [colour, *(np.stack(column) for column in zip(*small, strict=True))]


def log_probabilities(model: Path, images: UInt8) -> Float64:
    """Of the ten classes and of none of them, at the model's own temperature: ``(N, 11)``."""
    logits, none = Predictor(model, threads=1).run(("logits", "ood_score"), images)
    return joined(logits, none)


def joined(logits: Float32, none: Float32) -> Float64:
    """The logs of eleven probabilities, from log-probabilities of ten and that of none."""
    other = np.clip(none.astype(np.float64), 1e-12, 1 - 1e-7)[:, None]
    ten = logits.astype(np.float64)
    ten -= np.logaddexp.reduce(ten, axis=1, keepdims=True)
    return np.concatenate([ten + np.log1p(-other), np.log(other)], axis=1)
