"""What many tests stand on: the sample, a recipe that trains in a second, and one trained run."""

import contextlib
import os
import shutil
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest

# Two test processes on two processors: with a thread a processor in each, they would slow each
# other down. Libraries read this when they are imported; what fittingroom asks for, below.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from fittingroom.data import Dataset, ImageSet, Source, Split, find_dataset
from fittingroom.data.content import Content, Part
from fittingroom.data.read import make_dataset
from fittingroom.errors import DataError
from fittingroom.jobs.progress import Advance, Silence
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.networks import BatchNorm, Conv, Dense, Flatten, MaxPool, ReLU
from fittingroom.predictions import UInt8
from fittingroom.recipes import Augmentation, Recipe
from fittingroom.runs import Run
from tests.data.files import made

# A test must not depend on how busy the machine is.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

TINY = Recipe(
    name="tiny",
    title="A network that trains in a second",
    network=(
        Conv(8, kernel=4, stride=4, bias=False),
        BatchNorm(),
        ReLU(),
        MaxPool(2),
        Flatten(),
        Dense(10),
    ),
    epochs=3,
    batch_size=50,
    learning_rate=0.02,
    augmentation=Augmentation(flip=True, shift=1),
    mirror=True,
)


class Listener(Silence):
    """Keeps what a job says, and may do something at an epoch."""

    def __init__(self, at_epoch: Callable[[int], None] = lambda number: None) -> None:
        self.heard: list[str] = []
        self._at_epoch = at_epoch

    def say(self, sentence: str) -> None:
        self.heard.append(sentence)

    @contextlib.contextmanager
    def track(self, description: str, total: int) -> Iterator[Advance]:
        yield lambda done, words: self._at_epoch(done)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Tests see no data but what they name, and keep none for later."""
    monkeypatch.delenv("FITTINGROOM_DATA", raising=False)
    kept = tmp_path_factory.getbasetemp()
    monkeypatch.setattr("fittingroom.data.parsed.cache_folder", lambda name: kept / name)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """What is trained without a word on threads takes one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fittingroom.engines.available_processors", lambda: 1)
        yield


@pytest.fixture(scope="session")
def sample() -> Dataset:
    return find_dataset("sample")


@pytest.fixture(scope="session")
def real() -> Dataset:
    """The real data, from wherever it is on this machine; never from the network."""
    try:
        dataset = find_dataset(fetch=False)
    except DataError as error:
        pytest.skip(f"the real Fashion-MNIST was not found: {error}")
    if not dataset.official:
        pytest.skip(f"the data that is named here is {dataset.name}, not the real Fashion-MNIST")
    return dataset


@pytest.fixture(scope="session")
def sample_split(sample: Dataset) -> Split:
    return sample.split(TINY.split)


@pytest.fixture
def tiny() -> Recipe:
    return TINY


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, sample: Dataset) -> Run:
    """One finished run, shared: copy it before changing anything."""
    return train(
        TINY, session=Session(data=sample, runs=tmp_path_factory.mktemp("trained"), threads=1)
    )


@pytest.fixture(scope="session")
def of_26(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run on 26 classes that are no garments, shared."""
    runs = tmp_path_factory.mktemp("of-26")
    return train(TINY, session=Session(data=made(26), runs=runs, threads=1))


def written(folder: Path, halves: Iterable[ImageSet], classes: Sequence[str]) -> Dataset:
    """A training and a test set as a folder of four files, taken as unknown data."""
    folder.mkdir()
    for prefix, half in zip(("train", "t10k"), halves, strict=True):
        header = struct.pack(">IIII", 0x803, len(half), 28, 28)
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(header + half.images.tobytes())
        header = struct.pack(">II", 0x801, len(half))
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(header + half.labels.tobytes())
    names = folder.with_suffix(".txt")
    names.write_text("\n".join(classes))
    return find_dataset(folder, classes=names)


@pytest.fixture(scope="session")
def colours() -> UInt8:
    """Dark on light, in colour, of 32×32 pixels: 40 of each of two kinds."""
    images = np.random.default_rng(0).integers(200, 256, (80, 32, 32, 3), np.uint8)
    images[:40, 8:24, 4:28] //= 8
    images[40:, 4:28, 12:20] //= 5
    return images


@pytest.fixture(scope="session")
def of_colours(tmp_path_factory: pytest.TempPathFactory, colours: UInt8) -> Run:
    """A run on these."""
    part = Part(colours, np.repeat([0, 1], 40))
    dataset = make_dataset(Content(part, part), Source(None), ("wide", "tall"))
    return train(
        TINY, session=Session(data=dataset, runs=tmp_path_factory.mktemp("colours"), threads=1)
    )


@pytest.fixture
def three_classes(sample: Dataset, tmp_path: Path) -> Dataset:
    """The sample's first three classes, as a folder of other data."""
    halves = (
        half.take(np.flatnonzero(half.labels < 3))
        for half in (sample.training(), sample.open_test())
    )
    return written(tmp_path / "three", halves, ("top", "trouser", "pullover"))


@pytest.fixture
def run_copy(trained: Run, tmp_path: Path) -> Path:
    """The folder of a finished run that a test may harm."""
    folder = tmp_path / "runs" / trained.name
    shutil.copytree(trained.folder, folder, ignore=shutil.ignore_patterns("evaluations"))
    return folder


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch):
    """Every flush to the disk fails from now on, as on a full one."""

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    def start() -> None:
        monkeypatch.setattr(os, "fsync", fail)

    return start


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, for a module's tests of pages, and closed after them: a process drives one at a
    time, and runs no other event loop meanwhile."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream"],
            timeout=600_000,  # milliseconds, on a machine that does other things too
        )
        yield chromium
        chromium.close()
