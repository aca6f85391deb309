"""Is anything lost when a training is killed, or its disk fails? Kills, failures, full disks.

    python benchmarks/crash.py [--kills 1000] [--parts kills failures full read-only scores]

A small network is trained on the embedded sample in processes forked for it, on one thread. They
are killed by SIGKILL at random moments and resumed until they finish; or one operation on the disk
fails: each write, flush and rename in its turn, as a full disk lets it, half-way, or by death there
and then; or the disk is full for real, or the folder read-only. After each of them: whatever reads
as finished is, with the bytes of a training that nothing disturbed; a finished run beside it is as
it was; everything else is listed as unfinished; and resuming ends in those same bytes. Scoring a
finished run, which writes into its folder, has each of its operations fail too. It writes
``crash.json`` and ``crash.md``; ends with 1 where anything of this does not hold.
"""

import argparse
import contextlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

# Before NumPy starts threads of its own, with which no process may be forked.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

if __name__ == "__main__":
    # In place of this folder, whose statistics.py would hide Python's own.
    sys.path[0] = str(Path(__file__).parents[1])

import numpy as np

from benchmarks.crash_faults import FINISHED, REFUSED, Moment, Plan, fork, wait
from benchmarks.crash_page import page
from fittingroom.data import find_dataset
from fittingroom.engines import engine_named
from fittingroom.errors import FittingRoomError
from fittingroom.jobs.evaluate import evaluate
from fittingroom.jobs.reproduce import compare_runs
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.networks import BatchNorm, Conv, Dense, Flatten, ReLU
from fittingroom.recipes import Augmentation, Recipe
from fittingroom.runs import (
    Run,
    describe_environment,
    list_runs,
    open_run,
    read_openings,
    write_file,
)

OUT = Path(__file__).parents[1] / "docs" / "results"
PARTS = ("kills", "failures", "full", "read-only", "scores")
RECIPE = Recipe(
    name="small",
    title="A network that trains in less than a second",
    network=(Conv(8, kernel=4, stride=4, bias=False), BatchNorm(), ReLU(), Flatten(), Dense(10)),
    epochs=3,
    batch_size=100,
    optimizer="muon",
    learning_rate=0.02,
    augmentation=Augmentation(flip=True, shift=1),
)
_NOBODY = 65534


class Scene:
    """The training that is disturbed, and what it has to come to.

    Args:
        folder: for everything that is written.
        recipe: of the training.
    """

    def __init__(self, folder: Path, recipe: Recipe = RECIPE) -> None:
        self.folder = folder
        self.recipe = recipe
        self.moment = Moment()
        self.data = find_dataset("sample")
        engine_named(recipe.engine)  # imported here, once for all that are forked
        folder.chmod(0o755)  # for processes without the rights of root
        self._import_what_training_imports()
        for name, seed in (("whole", 0), ("other", 1)):
            code, _, words = self.run(folder / name, seed=seed)
            assert code == FINISHED, words
        (self.whole,) = _runs(folder / "whole")
        (self.other,) = _runs(folder / "other")
        took = []
        for _ in range(3):
            with self.runs() as runs:
                began = time.perf_counter()
                code, self.operations, words = self.run(runs)
                took.append(time.perf_counter() - began)
                assert code == FINISHED, words
        self.seconds = min(took)

    def _import_what_training_imports(self) -> None:
        """Once, here: not in each process again, nor where one may not read what it imports."""
        names = self.folder / "modules.txt"

        def work() -> None:
            self._train(self.folder / "first", 0)
            for run in _runs(self.folder / "first"):
                self.score(run.folder)
            names.write_text("\n".join(sys.modules))

        code, _, words = wait(*fork(work, self.folder / "first", self.moment))
        assert code == FINISHED, words
        for name in names.read_text().split("\n"):
            with contextlib.suppress(Exception):  # some can be imported by their makers alone
                importlib.import_module(name)

    def _train(self, runs: Path, seed: int) -> None:
        train(
            self.recipe,
            seed=seed,
            session=Session(data=self.data, runs=runs, device="cpu", threads=1),
            resume=True,
        )

    def score(self, folder: Path) -> None:
        """What a process does that scores a finished run."""
        evaluate(folder, session=Session(data=self.data, threads=1), purpose="benchmark")

    def run(self, runs: Path, plan: Plan | None = None, **options: Any) -> tuple[int, str, str]:
        """Train in a process of its own, or go on: see :func:`benchmarks.crash_faults.wait`."""
        return wait(*self.start(runs, plan, **options))

    def start(
        self,
        runs: Path,
        plan: Plan | None = None,
        *,
        seed: int = 0,
        scored: bool = False,
        **options: Any,
    ) -> tuple[int, int]:
        """The same, without waiting; ``scored``: the finished run is scored and nothing trained."""

        def work() -> None:
            if scored:
                self.score(runs / self.other.name)
            else:
                self._train(runs, seed)

        return fork(work, runs, self.moment, plan, **options)

    @contextlib.contextmanager
    def runs(self, folder: Path | None = None) -> Iterator[Path]:
        """A folder of runs with one finished run in it, gone afterwards."""
        runs = folder or Path(tempfile.mkdtemp(dir=self.folder))
        runs.chmod(0o755)
        shutil.copytree(self.other.folder, runs / self.other.name)
        if os.geteuid() == 0:
            os.chown(runs, _NOBODY, _NOBODY)
        yield runs
        if folder is None:
            shutil.rmtree(runs)

    def faults(self, runs: Path, *, finished: bool = False) -> list[str]:
        """What is not as it must be, in words.

        Args:
            runs: the folder.
            finished: whether the training must have been finished by now.
        """
        found, ends = [], 0
        for listed in list_runs(runs):
            name = listed.folder.name
            if name == self.other.name:
                if _content(listed.folder) != _content(self.other.folder):
                    found.append(f"the finished run {name} was changed")
            elif listed.run is not None:
                ends += 1
                if not self.is_whole(listed.run):
                    found.append(f"{name} is finished with other bytes than undisturbed")
            elif listed.state != "unfinished" or (listed.folder / "manifest.json").exists():
                found.append(f"{name} is {listed.state}: {listed.reason}")
        if not (runs / self.other.name).is_dir():
            found.append(f"the finished run {self.other.name} is gone")
        folders = [each for each in runs.iterdir() if each.name.startswith(self.whole.name)]
        if len(folders) > 1 or (finished and ends != 1):
            found.append(f"{len(folders)} folders of one training, {ends} of them finished")
        return found

    def is_whole(self, run: Run) -> bool:
        """Whether a run holds what it holds when nothing disturbs its training."""
        models = [each.model_path.read_bytes() for each in (run, self.whole)]
        return compare_runs(self.whole, run).finding == "identical" and models[0] == models[1]

    def resumed(self, runs: Path) -> list[str]:
        """Let the training go on undisturbed; what is not as it must be then."""
        code, _, words = self.run(runs)
        if code != FINISHED:
            return [f"resuming ended with {code}: {words}"]
        left = [
            path.name
            for path in runs.rglob("*")
            if path.name == "checkpoint.safetensors" or path.name.startswith(".model")
        ]
        found = self.faults(runs, finished=True)
        return [*found, *(f"{name} was left behind" for name in left)]


def kills(
    scene: Scene,
    count: int,
    seed: int,
    before: dict[str, Any] | None,
    save: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """SIGKILL at random moments; each training is killed and resumed until it has finished.

    Args:
        scene: what is killed.
        count: kills in all.
        seed: of the moments.
        before: what an earlier call came to, which this one goes on from.
        save: told what there is so far, now and then.
    """
    part = before or {"count": 0, "trainings": 0, "fell": {}, "failures": []}
    fell, failures = Counter(part["fell"]), list(part["failures"])
    trainings = part["trainings"]
    generator = np.random.default_rng((seed, trainings))
    while fell.total() < count:
        with scene.runs() as runs:
            while fell.total() < count:
                process, words = scene.start(runs)
                time.sleep(generator.uniform(0, scene.seconds))
                os.kill(process, signal.SIGKILL)
                where = scene.moment.words
                code, _, said = wait(process, words)
                if code != -signal.SIGKILL:
                    failures += [] if code == FINISHED else [f"ended with {code}: {said}"]
                    break
                fell[where] += 1
                failures += [f"killed {where}: {each}" for each in scene.faults(runs)]
            failures += [f"after kills: {each}" for each in scene.resumed(runs)]
            trainings += 1
        part = {
            "count": fell.total(),
            "trainings": trainings,
            "fell": dict(fell.most_common()),
            "failures": failures,
        }
        if trainings % 10 == 0:
            print(f"{fell.total()} kills, {len(failures)} failures", flush=True)
            save(part)
    return part


def injected(scene: Scene, every: int = 1) -> dict[str, Any]:
    """Each operation in its turn goes wrong."""
    counts: Counter[str] = Counter()
    failures: list[str] = []
    for fault in ("error", "half", "death", "half death"):
        for at, kind in enumerate(scene.operations, start=1):
            if (fault.startswith("half") and kind != "w") or at % every:
                continue
            with scene.runs() as runs:
                code, _, words = scene.run(runs, Plan(fault, at))  # type: ignore[arg-type]
                found = [] if code == _expected(fault) else [f"ended with {code}: {words}"]
                found += scene.faults(runs)
                found += scene.resumed(runs)
                counts[fault] += 1
                for each in found:
                    print(f"{fault} at operation {at}: {each}", flush=True)
                failures += [f"{fault} at operation {at} ({kind}): {each}" for each in found]
        print(f"{fault}: {counts[fault]}, {len(failures)} failures so far", flush=True)
    return {"operations": len(scene.operations), "counts": dict(counts), "failures": failures}


def _expected(fault: str) -> int:
    """How a process ends in which that goes wrong: an error in words, or death."""
    return -signal.SIGKILL if fault.endswith("death") else REFUSED


def full(scene: Scene) -> dict[str, Any]:
    """A disk that is full for real: a small one in memory, where it may be mounted; and files that
    may not grow, everywhere."""
    largest = max(path.stat().st_size for path in scene.whole.folder.iterdir())
    failures: list[str] = []
    limits = sorted({1, *(int(largest * share) for share in np.linspace(0.02, 0.98, 12))})
    refused = 0
    for limit in limits:
        with scene.runs() as runs:
            code, _, words = scene.run(runs, file_bytes=limit)
            found = [] if code == REFUSED else [f"ended with {code}: {words}"]
            refused += code == REFUSED
            found += scene.faults(runs) + scene.resumed(runs)
            failures += [f"files of at most {limit} bytes: {each}" for each in found]
    disks: list[bool | None] = []
    needed = sum(path.stat().st_size for path in scene.whole.folder.iterdir())
    for size in range(64, 64 + needed * 3 // 1024, 16):
        place = scene.folder / f"disk-{size}"
        place.mkdir()
        if _mount(place, f"size={size}k"):
            try:
                disks.append(_on_disk(scene, place, failures, size))
            finally:
                subprocess.run(["umount", str(place)], check=True)
    return {
        "file_limits": len(limits),
        "refused_by_limit": refused,
        "disks": len(disks),
        "refused_by_disk": disks.count(True),
        "too_small_for_the_other_run": disks.count(None),
        "failures": failures,
    }


def _on_disk(scene: Scene, place: Path, failures: list[str], size: int) -> bool | None:
    """Train on a small disk, then on the same with room; whether the small one was full.

    None where it does not even hold the finished run that is there before, so that nothing trains.
    """
    runs = place / "runs"
    try:
        runs.mkdir()
        with scene.runs(runs):
            code, _, words = scene.run(runs)
            found = [] if code in (FINISHED, REFUSED) else [f"ended with {code}: {words}"]
            found += scene.faults(runs)
            _mount(place, "remount,size=64m")
            found += scene.resumed(runs)
    except OSError:
        return None
    failures += [f"a disk of {size} KiB: {each}" for each in found]
    return code == REFUSED


def _mount(place: Path, options: str) -> bool:
    """Whether a disk in memory could be mounted."""
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def read_only(scene: Scene, every: int = 1) -> dict[str, Any]:
    """The folder of runs becomes one that may not be written to, before and during a training."""
    failures: list[str] = []
    refused = 0
    places = range(1, len(scene.operations) + 1, every)
    for at in places:
        with scene.runs() as runs:
            code, _, words = scene.run(runs, Plan("read-only", at), as_nobody=True)
            found = [] if code in (FINISHED, REFUSED) else [f"ended with {code}: {words}"]
            refused += code == REFUSED
            found += scene.faults(runs)
            for folder in (runs, *(each for each in runs.rglob("*") if each.is_dir())):
                folder.chmod(0o755)
            failures += [
                f"read-only from operation {at}: {each}" for each in found + scene.resumed(runs)
            ]
    return {"count": len(places), "refused": refused, "failures": failures}


def scores(scene: Scene, every: int = 1) -> dict[str, Any]:
    """Each operation of scoring a finished run in its turn goes wrong."""
    failures: list[str] = []
    counts: Counter[str] = Counter()
    with scene.runs() as runs:
        code, operations, words = scene.run(runs, scored=True)
        assert code == FINISHED, words
        answers = _answers(runs / scene.other.name)
    for fault in ("error", "half", "death", "half death"):
        for at, kind in enumerate(operations, start=1):
            if (fault.startswith("half") and kind != "w") or at % every:
                continue
            with scene.runs() as runs:
                code, _, words = scene.run(runs, Plan(fault, at), scored=True)  # type: ignore[arg-type]
                allowed = (FINISHED, REFUSED) if fault in ("error", "half") else (-signal.SIGKILL,)
                found = [] if code in allowed else [f"ended with {code}: {words}"]
                found += _scored_faults(scene, runs, answers, least=0)
                code, _, words = scene.run(runs, scored=True)
                found += [] if code == FINISHED else [f"again it ended with {code}: {words}"]
                found += _scored_faults(scene, runs, answers, least=1)
                counts[fault] += 1
                failures += [f"scoring, {fault} at operation {at} ({kind}): {e}" for e in found]
    return {"operations": len(operations), "counts": dict(counts), "failures": failures}


def _scored_faults(scene: Scene, runs: Path, answers: bytes, *, least: int) -> list[str]:
    """What is not as it must be in a run that somebody scored, or began to.

    Args:
        scene: whose finished run it is.
        runs: where it lies.
        answers: of that run where nothing goes wrong.
        least: how often the test half was opened at least, by the log.
    """
    folder = runs / scene.other.name
    found = [
        f"the finished run's {name} was changed"
        for name, content in _content(scene.other.folder).items()
        if (folder / name).read_bytes() != content
    ]
    try:
        given = _answers(folder)
    except FittingRoomError as error:
        return [*found, f"it does not open: {error}"]
    openings = len(read_openings(runs))
    if given not in (b"", answers):
        found.append("other answers are kept than undisturbed")
    if openings < max(least, bool(given)) or (least and not given):
        found.append(f"{openings} openings are logged, and {len(given)} bytes of answers kept")
    return found


def _answers(folder: Path) -> bytes:
    """The answers that a run keeps on the test half, as bytes; none where it keeps none."""
    said = open_run(folder).read_predictions("sample")
    if said is None:
        return b""
    logs = said.log_probabilities
    return said.predicted.tobytes() + (b"" if logs is None else logs.tobytes())


def _runs(folder: Path) -> list[Run]:
    return [open_run(listed.folder) for listed in list_runs(folder)]


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def _begun(path: Path, recipe: Recipe, seed: int, revision: str | None) -> dict[str, Any]:
    """What was measured before of the same recipe, seed and code, which this goes on from."""
    if not path.exists() or revision is None:
        return {}
    stored = json.loads(path.read_text(encoding="utf-8"))
    before = (stored["recipe"], stored.get("seed"), stored["environment"]["revision"])
    same = before == (json.loads(json.dumps(recipe.to_json())), seed, revision)
    return dict(stored["parts"]) if same else {}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--kills", type=int, default=1000, help="in all; broken off, it goes on where it was"
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--every", type=int, default=1, help="of the operations, only each so many")
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs, help="of each training")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        scene = Scene(Path(name), replace(RECIPE, epochs=options.epochs))
        environment = describe_environment()
        measured: dict[str, Any] = {
            "recipe": scene.recipe.to_json(),
            "epochs": scene.recipe.epochs,
            "seed": options.seed,
            "seconds": scene.seconds,
            "environment": environment,
            "parts": _begun(
                options.out / "crash.json", scene.recipe, options.seed, environment["revision"]
            ),
        }

        def save() -> None:
            text = json.dumps(measured, indent=1) + "\n"
            write_file(options.out / "crash.json", text.encode())
            write_file(options.out / "crash.md", page(measured).encode())

        def save_kills(part: dict[str, Any]) -> None:
            measured["parts"]["kills"] = part
            save()

        work = {
            "failures": lambda: injected(scene, options.every),
            "full": lambda: full(scene),
            "read-only": lambda: read_only(scene, options.every),
            "scores": lambda: scores(scene, options.every),
            "kills": lambda: kills(
                scene, options.kills, options.seed, measured["parts"].get("kills"), save_kills
            ),
        }
        for part, do in work.items():
            if part in options.parts:
                measured["parts"][part] = do()
                save()
    print(page(measured))
    return 1 if any(part["failures"] for part in measured["parts"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
