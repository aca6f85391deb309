"""What a Ray cluster gives: trainings on one and on two workers, and images.

    python -m benchmarks.cluster [--recipes ann cnn-fast] [--seeds 4] [--out docs/results]

Recipes × seeds on one and on two workers of one processor each. The efficiency is the time on one
over twice the time on two: whole trainings with export and checks, without starting Ray and the
workers' imports, which are stated too. All weights must be those of a training alone without Ray.
Last, images through a cluster: how many a second, and how memory grows with their number. Writes
cluster.json and cluster.md; ends with 1 if weights differ. Nothing else should run meanwhile.
"""

import argparse
import contextlib
import dataclasses
import hashlib
import logging
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from PIL import Image

from benchmarks import measure
from benchmarks.measure import Measured, render
from fittingroom.data import find_dataset
from fittingroom.jobs.cluster.shards import classify_shards
from fittingroom.jobs.cluster.trainings import train_on_cluster
from fittingroom.jobs.seeds import Trainer
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.recipes import BaseRecipe, recipe_of
from fittingroom.runs import describe_environment

BAR = 0.9
_OBJECT_STORE = 512 * 2**20

Trainings = Sequence[tuple[BaseRecipe, int]]


def everything(options: argparse.Namespace, stored: Measured) -> Iterator[Measured]:
    """All of it, in about the time of twice all trainings on one processor."""
    dataset = find_dataset(options.data)
    recipes = [recipe_of(name) for name in options.recipes]
    if options.epochs:  # a trial
        recipes = [recipe.with_settings({"epochs": str(options.epochs)}) for recipe in recipes]
    trainings = [(recipe, seed) for recipe in recipes for seed in range(options.seeds)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def session(runs: str) -> Session:
            return Session(data=dataset, runs=folder / runs, device="cpu", threads=1)

        two = on_workers(2, trainings, session("two"))
        one = on_workers(1, trainings, session("one"))
        alone = {
            f"{recipe.name}, seed 0": _hash(train(recipe, session=session("here")).folder)
            for recipe in recipes
        }
        images = dataset.open_test().images
        images = [
            classified(images, options.images // 5, folder / "few"),
            classified(images, options.images, folder / "many"),
            classified(images, 20 * options.images, folder / "most", shards=20),
            classified(images, options.photos, folder / "photos", side=1000),
        ]
    hashes, others = one.pop("hashes"), [two.pop("hashes"), alone]
    import ray

    yield {
        "recipes": options.recipes,
        "seeds": options.seeds,
        "trainings": len(trainings),
        "one": one,
        "two": two,
        "efficiency": one["seconds"] / (2 * two["seconds"]),
        "efficiency_with_start": sum(one.values()) / (2 * sum(two.values())),
        "images": images,
        "same_weights": all(each.items() <= hashes.items() for each in others),
        "hashes": hashes,
        "environment": describe_environment(),
        "ray": ray.__version__,
    }


def on_workers(count: int, trainings: Trainings, session: Session) -> Measured:
    """All trainings on so many workers of one processor, their imports done before."""
    began = time.perf_counter()
    with _ray(count), train_on_cluster(session, fresh=False) as trainer:
        short: Any = trainings[-1][0]
        warm_up = dataclasses.replace(short, name="warm-up", epochs=1)
        # More than there are workers, so that each gets one.
        for wait in [trainer(warm_up, seed, "cpu") for seed in range(2 * count)]:
            wait()
        started = time.perf_counter()
        hashes = outcomes(trainer, trainings)
        ended = time.perf_counter()
    return {"start_seconds": started - began, "seconds": ended - started, "hashes": hashes}


def outcomes(trainer: Trainer, trainings: Trainings) -> dict[str, str]:
    """Hand over all trainings, and wait for the hashes of their weights."""
    waiting = [(recipe, seed, trainer(recipe, seed, "cpu")) for recipe, seed in trainings]
    return {f"{recipe.name}, seed {seed}": _hash(wait().folder) for recipe, seed, wait in waiting}


def _hash(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def classified(
    images: Any, count: int, folder: Path, *, side: int = 28, shards: int = 10
) -> Measured:
    """Images as files, classified on two workers of one processor.

    Args:
        images: uint8 ``(N, 28, 28)``, repeated as often as needed.
        count: how many files.
        folder: where to.
        side: of each, in pixels: 28 for PNG as they are, more for photos in JPEG on white.
        shards: in so many.
    """
    (folder / "images").mkdir(parents=True)
    for number in range(count):
        image = images[number % len(images)]
        path = folder / "images" / f"{number:07d}"
        if side == 28:
            Image.fromarray(image).save(path.with_suffix(".png"))
        else:
            photo = Image.fromarray(255 - image).resize((side, side))
            photo.save(path.with_suffix(".jpg"))
    with _ray(2), _peak_memory() as peak:
        began = time.perf_counter()
        out = folder / "answers"
        shard = max(count // shards, 1)
        classify_shards([str(folder / "images")], out, shard=shard)
        seconds = time.perf_counter() - began
    return {
        "images": count,
        "side": side,
        "shards": len(list(out.glob("*.parquet"))),
        "seconds": seconds,
        "bytes_an_image": sum(path.stat().st_size for path in out.glob("*.parquet")) / count,
        "peak_memory_mb": {name: value / 1e6 for name, value in peak.items()},
    }


@contextlib.contextmanager
def _peak_memory() -> Iterator[dict[str, int]]:
    """The most that this process and the largest worker held meanwhile, in bytes."""
    peak = {"here": 0, "worker": 0}
    ended, here = threading.Event(), psutil.Process()

    def look() -> None:
        while not ended.wait(0.1):
            peak["here"] = max(peak["here"], here.memory_full_info().uss)
            for process in psutil.process_iter():
                with contextlib.suppress(psutil.Error, IndexError):
                    if process.cmdline()[0].startswith("ray::_classify"):
                        peak["worker"] = max(peak["worker"], process.memory_full_info().uss)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield peak
    finally:
        ended.set()
        looking.join()


@contextlib.contextmanager
def _ray(processors: int) -> Iterator[None]:
    """Ray on this machine alone, with so many processors."""
    import ray

    ray.init(
        "local",
        num_cpus=processors,
        object_store_memory=_OBJECT_STORE,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        yield
    finally:
        ray.shutdown()


page = partial(render, "cluster", bar=BAR)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = measure.parser(__doc__)
    parser.add_argument("--recipes", nargs="+", default=["ann", "cnn-fast"])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--images", type=int, default=10_000, help="of 28×28, in PNG")
    parser.add_argument("--photos", type=int, default=200, help="of 1000×1000, in JPEG")
    parser.add_argument("--epochs", type=int, help="for a trial: of every recipe; needs --out")
    options = measure.parse(parser, arguments, trial=("epochs",))
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # loopback alone
    return 0 if measure.run("cluster", options, everything, page)["same_weights"] else 1


if __name__ == "__main__":
    sys.exit(main())
