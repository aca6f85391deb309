"""What a Ray cluster gives: trainings on one and on two workers, and with a machine that dies.

    python benchmarks/cluster.py [--recipes ann cnn-fast] [--seeds 4] [--out docs/results]

Recipe × seed over one and over two workers of one processor each: the efficiency is the time on one
over twice the time on two, whole trainings with export and checks, apart from starting Ray and the
workers' imports, which are stated too. The same in plain processes without Ray says what of it the
machine takes, whose processors share memory and caches. On the two workers each recipe's first seed
is then trained again and again, beside the others: every time the weights must be those of a
training alone without Ray. Then a cluster of three nodes on this one machine, of which one is killed
half-way: no training may be lost, and all weights must be those of before. Last, pictures through
Ray Data: how many a second, and how memory grows with their number. It writes ``cluster.json`` and
``cluster.md``. Nothing else should run meanwhile.
"""

import argparse
import contextlib
import dataclasses
import hashlib
import json
import logging
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import psutil
from PIL import Image

if __name__ == "__main__":
    # In place of this folder, whose statistics.py would hide Python's own.
    sys.path[0] = str(Path(__file__).parents[1])

from benchmarks import processes
from fittingroom.data import Dataset, find_dataset
from fittingroom.jobs.classify import find_pictures
from fittingroom.jobs.cluster.connection import connected, seen_by_all
from fittingroom.jobs.cluster.shards import classify_shards
from fittingroom.jobs.cluster.trainings import ClusterTrainer
from fittingroom.jobs.evaluate import evaluate
from fittingroom.jobs.progress import Advance, Silence
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.recipes import BaseRecipe, recipe_of
from fittingroom.runs import describe_environment, write_file

OUT = processes.ROOT / "docs" / "results"
BAR = 0.9
_OBJECT_STORE = 512 * 2**20


class Listener(Silence):
    """Counts trainings that go on from a checkpoint, and does something when told of an epoch.

    Attributes:
        resumed: what was said of each training that went on.
        on_epoch: called at each epoch that is told.
    """

    def __init__(self) -> None:
        self.resumed: list[str] = []
        self.on_epoch: Callable[[], None] = lambda: None

    def say(self, sentence: str) -> None:
        """A sentence, of which those on going on are kept."""
        if "going on after epoch" in sentence:
            self.resumed.append(sentence.rpartition("going on ")[2].strip())

    @contextlib.contextmanager
    def track(self, description: str, total: int) -> Iterator[Advance]:
        """A training, whose epochs are told."""
        yield lambda done, words: self.on_epoch()


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Everything, in about the time of three times all trainings on one processor."""
    dataset = find_dataset(options.data)
    recipes = [recipe_of(name) for name in options.recipes]
    if options.epochs:  # a trial
        recipes = [recipe.with_settings({"epochs": str(options.epochs)}) for recipe in recipes]
    trainings = [(recipe, seed) for recipe in recipes for seed in range(options.seeds)]
    few = max(3, options.seeds // 2)  # of the cluster that loses a node, to save time
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        again = [
            (dataclasses.replace(recipe, name=f"{recipe.name}-{number}"), 0)  # type: ignore[type-var]
            for number in range(1, options.repeats + 1)
            for recipe in recipes
        ]
        two = on_workers(2, trainings, dataset, folder / "two", again)
        one = on_workers(1, trainings, dataset, folder / "one")
        plain = [
            in_processes(count, trainings, dataset, folder / f"plain-{count}") for count in (1, 2)
        ]
        killed = with_a_node_killed(
            [each for each in trainings if each[1] < few], dataset, folder / "killed"
        )
        pictures = [
            answering(dataset, options.pictures // 5, folder / "few"),
            answering(dataset, options.pictures, folder / "many"),
            answering(dataset, 20 * options.pictures, folder / "most", shards=20),
            answering(dataset, options.photos, folder / "photos", side=1000),
        ]
        here = [
            train(recipe, session=Session(data=dataset, runs=folder / "here", threads=1))
            for recipe in recipes
        ]
        alone = {f"{run.recipe.name}, seed 0": hash_of(run.folder) for run in here}
        began = time.perf_counter()
        for run in here:
            evaluate(run, session=Session(data=dataset, threads=1), purpose="evaluate")
        scoring = (time.perf_counter() - began) / len(here)
    same = one["hashes"] == two["hashes"] and killed["hashes"].items() <= one["hashes"].items()
    repeats = {
        recipe.name: [
            two["again"][f"{recipe.name}-{number}, seed 0"] == alone[f"{recipe.name}, seed 0"]
            for number in range(1, options.repeats + 1)
        ]
        for recipe in recipes
    }
    return {
        "recipes": options.recipes,
        "seeds": options.seeds,
        "trainings": len(trainings),
        "one": without_hashes(one),
        "two": without_hashes(two),
        "efficiency": one["seconds"] / (2 * two["seconds"]),
        "efficiency_with_start": (one["seconds"] + one["start_seconds"])
        / (2 * (two["seconds"] + two["start_seconds"])),
        "plain_seconds": plain,
        "plain_efficiency": plain[0] / (2 * plain[1]),
        "killed": without_hashes(killed),
        "scoring_seconds": scoring,
        "pictures": pictures,
        "same_weights": same and alone.items() <= one["hashes"].items(),
        "repeats": {name: [sum(each), len(each)] for name, each in repeats.items()},
        "hashes": one["hashes"],
        "environment": describe_environment(),
        "ray": ray_version(),
    }


def without_hashes(measured: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in measured.items() if name not in ("hashes", "again")}


def on_workers(
    count: int,
    trainings: Sequence[tuple[BaseRecipe, int]],
    dataset: Dataset,
    runs: Path,
    again: Sequence[tuple[BaseRecipe, int]] = (),
) -> dict[str, Any]:
    """All trainings on so many workers of one processor, their imports done before.

    Those in ``again`` follow, untimed.
    """
    import ray

    began = time.perf_counter()
    start_ray(count)
    try:
        with trainer_of(None, dataset, runs, Listener()) as (trainer, _):
            warm(trainer, trainings, count)
            started = time.perf_counter()
            hashes = outcomes(trainer, trainings)
            ended = time.perf_counter()
        # Another name makes no other training: without `fresh` it would be found to be done.
        with trainer_of(None, dataset, runs, Listener(), fresh=True) as (trainer, _):
            repeated = outcomes(trainer, again)
    finally:
        ray.shutdown()
    return {
        "start_seconds": started - began,
        "seconds": ended - started,
        "hashes": hashes,
        "again": repeated,
    }


def in_processes(
    count: int, trainings: Sequence[tuple[BaseRecipe, int]], dataset: Dataset, runs: Path
) -> float:
    """The seconds of all trainings in so many processes without Ray, their imports done before."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, spawn, _take, (dataset, runs)) as pool:
        # Longer than it takes to start a process, so that each gets one.
        list(pool.map(_train, [(warm_up(trainings), seed) for seed in range(2 * count)]))
        began = time.perf_counter()
        list(pool.map(_train, trainings))
        return time.perf_counter() - began


_taken: dict[str, Any] = {}


def _take(dataset: Dataset, runs: Path) -> None:
    _taken.update(data=dataset, runs=runs)


def _train(training: tuple[BaseRecipe, int]) -> None:
    recipe, seed = training
    train(recipe, seed=seed, session=Session(device="cpu", threads=1, **_taken))


def with_a_node_killed(
    trainings: Sequence[tuple[BaseRecipe, int]], dataset: Dataset, runs: Path
) -> dict[str, Any]:
    """All trainings on two nodes of one processor, one of which is killed once half are done and
    it has an epoch of another behind it."""
    from ray.cluster_utils import Cluster

    size = {"object_store_memory": _OBJECT_STORE}
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **size}
    )
    nodes = [cluster.add_node(num_cpus=1, **size) for _ in range(2)]
    cluster.wait_for_nodes()
    listener = Listener()
    half = len(trainings) // 2
    killed_after: list[int] = []

    def kill() -> None:
        done = len(list(runs.glob("*/manifest.json")))
        if done < half or killed_after:
            return
        # One that has an epoch of a training behind it.
        busy = [node for node in nodes if at_work(node)]
        if busy and len(list(runs.glob("*/checkpoint.safetensors"))) >= len(busy):
            killed_after.append(done)
            cluster.remove_node(busy[0], allow_graceful=False)

    try:
        with trainer_of(cluster.address, dataset, runs, listener) as (trainer, _):
            listener.on_epoch = kill
            began = time.perf_counter()
            hashes = outcomes(trainer, trainings)
            seconds = time.perf_counter() - began
    finally:
        cluster.shutdown()
    return {
        "nodes": 3,
        "killed_after": killed_after[0] if killed_after else None,
        "trainings": len(hashes),
        "resumed": listener.resumed,
        "seconds": seconds,
        "hashes": hashes,
    }


def at_work(node: Any) -> bool:
    """Whether a worker of a node trains."""
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    for worker in raylet.children(recursive=True):
        with contextlib.suppress(psutil.Error, IndexError):
            if worker.cmdline()[0].startswith("ray::_train"):
                return True
    return False


def answering(
    dataset: Dataset, count: int, folder: Path, *, side: int = 28, shards: int = 10
) -> dict[str, Any]:
    """Test pictures as files, classified on two workers of one processor.

    Args:
        dataset: whose test half, repeated as often as needed.
        count: how many files.
        folder: where to.
        side: of each, in pixels: 28 for PNG as they are, more for photos in JPEG on white.
        shards: in so many.
    """
    import ray

    images = dataset.open_test().images
    (folder / "pictures").mkdir(parents=True)
    for number in range(count):
        image = images[number % len(images)]
        path = folder / "pictures" / f"{number:07d}"
        if side == 28:
            Image.fromarray(image).save(path.with_suffix(".png"))
        else:
            photo = Image.fromarray(255 - image).resize((side, side))
            photo.save(path.with_suffix(".jpg"))
    began = time.perf_counter()
    start_ray(2)
    try:
        started = time.perf_counter()
        with peak_memory() as peak:
            left = classify_shards(
                [str(folder / "pictures")], folder / "answers", shard=max(count // shards, 1)
            )
        ended = time.perf_counter()
    finally:
        ray.shutdown()
    written = sum(path.stat().st_size for path in left.out.glob("*.parquet"))
    began_names = time.perf_counter()
    names = sum(1 for _ in find_pictures([str(folder / "pictures")]))
    return {
        "pictures": left.pictures,
        "broken": left.broken,
        "side": side,
        "shards": left.shards,
        "start_seconds": started - began,
        "seconds": ended - started,
        "bytes_a_picture": written / left.pictures,
        "names_a_second": names / (time.perf_counter() - began_names),
        "peak_memory_mb": {name: value / 1e6 for name, value in peak.items()},
    }


@contextlib.contextmanager
def peak_memory() -> Iterator[dict[str, int]]:
    """The most that this process and the largest worker held meanwhile, in bytes."""
    peak = {"here": 0, "worker": 0}
    ended = threading.Event()

    def look() -> None:
        here = psutil.Process()
        while not ended.wait(0.1):
            peak["here"] = max(peak["here"], here.memory_full_info().uss)
            for process in psutil.process_iter():
                with contextlib.suppress(psutil.Error, IndexError):
                    if process.cmdline()[0].startswith("ray::Map"):
                        peak["worker"] = max(peak["worker"], process.memory_full_info().uss)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield peak
    finally:
        ended.set()
        looking.join()


def start_ray(processors: int) -> None:
    import ray

    ray.init(
        "local",
        num_cpus=processors,
        object_store_memory=_OBJECT_STORE,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )


@contextlib.contextmanager
def trainer_of(
    address: str | None, dataset: Dataset, runs: Path, listener: Listener, *, fresh: bool = False
) -> Iterator[tuple[ClusterTrainer, Any]]:
    with (
        connected(address) as ray,
        ClusterTrainer(
            ray,
            Session(data=dataset, runs=runs, device="cpu", threads=1, progress=listener),
            marker=seen_by_all(ray, runs),
            fresh=fresh,
        ) as trainer,
    ):
        yield trainer, ray


def warm(
    trainer: ClusterTrainer, trainings: Sequence[tuple[BaseRecipe, int]], workers: int
) -> None:
    """One short training a worker, which imports everything and fetches the pictures."""
    recipe = warm_up(trainings)
    # Longer than it takes to start a worker, so that each gets one.
    waiting = [trainer(recipe, seed, "cpu") for seed in range(2 * workers)]
    for wait in waiting:
        wait()


def warm_up(trainings: Sequence[tuple[BaseRecipe, int]]) -> BaseRecipe:
    """A short one of these."""
    return dataclasses.replace(trainings[-1][0], name="warm-up", epochs=1)  # type: ignore[type-var]


def outcomes(
    trainer: ClusterTrainer, trainings: Sequence[tuple[BaseRecipe, int]]
) -> dict[str, str]:
    """Hand all trainings over, and wait for the hashes of their weights."""
    waiting = [(recipe, seed, trainer(recipe, seed, "cpu")) for recipe, seed in trainings]
    runs = {f"{recipe.name}, seed {seed}": wait() for recipe, seed, wait in waiting}
    if len({run.folder for run in runs.values()}) < len(runs):
        raise RuntimeError(f"Expected a training for each of {', '.join(runs)}. Received fewer.")
    return {name: hash_of(run.folder) for name, run in runs.items()}


def hash_of(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def ray_version() -> str:
    import ray

    return str(ray.__version__)


def page(measured: dict[str, Any]) -> str:
    """The results as Markdown."""
    environment, killed = measured["environment"], measured["killed"]
    rows = [
        f"| {words} | {each['seconds']:.1f} s | {each['start_seconds']:.1f} s |"
        for words, each in (("one", measured["one"]), ("two", measured["two"]))
    ]
    efficiency = measured["efficiency"]
    reached = "reached" if efficiency >= BAR else "**not reached**"
    drift = (
        " What is above 100% is noise of the machine, which was slower while one worked."
        if efficiency > 1
        else ""
    )
    resumed = ", ".join(killed["resumed"]) or "none had an epoch behind it"
    same = "the same, byte for byte" if measured["same_weights"] else "**not the same**"
    repeats = " and ".join(
        f"{right} of {count} `{name}`" for name, (right, count) in measured["repeats"].items()
    )
    return "\n".join(
        [
            "# Trainings on a Ray cluster",
            "",
            f"By `benchmarks/cluster.py`; {environment['processor']}; Python "
            f"{environment['python']}, PyTorch {environment['versions'].get('torch')}, Ray "
            f"{measured['ray']}. {measured['trainings']} trainings: "
            f"{', '.join(f'`{name}`' for name in measured['recipes'])}, each with "
            f"{measured['seeds']} seeds, one thread a training.",
            "",
            "| workers | all trainings | start |",
            "|---|---|---|",
            *rows,
            "",
            f"**Efficiency of two workers: {efficiency:.1%}** (at least {BAR:.0%} wanted: {reached}), "
            "the time on one over twice the time on two. A training is the whole of it: fit, export, "
            "checks, calibration and writing. *Start* is Ray's own, and short trainings by which "
            "workers import everything; with it the efficiency is "
            f"{measured['efficiency_with_start']:.1%}.{drift}",
            "",
            "The same trainings in plain processes of this machine, without Ray: "
            f"{measured['plain_seconds'][0]:.1f} s in one, {measured['plain_seconds'][1]:.1f} s in "
            f"two, an efficiency of **{measured['plain_efficiency']:.1%}**. What that is below 100% "
            "the two processors take from each other, which share memory, caches and clock.",
            "",
            f"On a cluster of {killed['nodes']} nodes on this machine, two with a processor each, one "
            f"of these was killed with {killed['killed_after']} of {killed['trainings']} trainings "
            f"done. All {killed['trainings']} were finished, in {killed['seconds']:.1f} s; what went on "
            f"elsewhere: {resumed}.",
            "",
            f"The weights of all trainings on one worker, on two, on the cluster that lost a node, and "
            f"of each recipe's first seed trained without Ray are {same}.",
            "",
            "Each recipe's first seed trained again and again on the two workers, each beside another: "
            f"{repeats} have the weights of the one that was trained alone and without Ray, byte for "
            "byte.",
            "",
            "What the command does itself, run after run, is to score them on the test half: "
            f"{measured['scoring_seconds']:.2f} s each on one processor.",
            "",
            "## Pictures through Ray Data",
            "",
            "By the model inside the package, on two workers of a processor each.",
            "",
            "| files | shards | all | a second | Parquet | memory of a worker | of the command |",
            "|---|---|---|---|---|---|---|",
            *(
                f"| {each['pictures']:,} of {each['side']}×{each['side']} | {each['shards']} "
                f"| {each['seconds']:.1f} s "
                f"| {each['pictures'] / each['seconds']:,.0f} "
                f"| {each['bytes_a_picture']:.0f} bytes a picture "
                f"| {each['peak_memory_mb']['worker']:.0f} MB "
                f"| {each['peak_memory_mb']['here']:.0f} MB |"
                for each in measured["pictures"]
            ),
            "",
            "*All* is from the search for files to the last answer, with the workers' imports and "
            "without Ray's start. *Memory* is the most that a process held for itself alone. The "
            f"search alone finds {measured['pictures'][1]['names_a_second']:,.0f} files a second.",
            "",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--recipes", nargs="+", default=["ann", "cnn-fast"])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=10, help="of each recipe's first seed")
    parser.add_argument("--pictures", type=int, default=10_000, help="of 28×28, in PNG")
    parser.add_argument("--photos", type=int, default=200, help="of 1000×1000, in JPEG")
    parser.add_argument("--epochs", type=int, help="for a trial: of every recipe; needs --out")
    parser.add_argument("--data", help="for a trial: as for fittingroom; needs --out")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args(arguments)
    if (options.data or options.epochs) and options.out == OUT:
        parser.error("a trial with --data or --epochs needs an --out of its own")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # loopback alone
    measured = measure(options)
    options.out.mkdir(parents=True, exist_ok=True)
    write_file(options.out / "cluster.json", (json.dumps(measured, indent=1) + "\n").encode())
    write_file(options.out / "cluster.md", page(measured).encode())
    print(page(measured))
    repeated = all(right == count for right, count in measured["repeats"].values())
    killed = measured["killed"]["killed_after"] is not None
    return 0 if measured["same_weights"] and repeated and killed else 1


if __name__ == "__main__":
    sys.exit(main())
