"""Is anything lost if a training is killed, or its disk fails?

    python -m benchmarks.crash [--kills 1000] [--parts kills failures scores]

A small network is trained on the embedded sample in processes forked for it, on one thread. They are
killed by SIGKILL at random moments and resumed until they finish; or one operation on the disk
fails: each write, flush and rename in its turn, with an error, half-way, or by death there and then.
After each of them: what reads as finished has
the bytes of an undisturbed training; a finished run beside it is unchanged; everything else is
listed as unfinished; and resuming ends in those same bytes. Scoring a finished run, which writes
into its folder, has each of its operations fail too. Writes crash.json and crash.md; ends with 1 if
any of this does not hold.
"""

import argparse
import contextlib
import importlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

# Before NumPy starts threads of its own, with which no process may be forked.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np

from benchmarks import measure
from benchmarks.crash_faults import FINISHED, REFUSED, Plan, fork, wait
from benchmarks.measure import Measured, render, say
from fittingroom.data import find_dataset
from fittingroom.engines import engine_named
from fittingroom.errors import FittingRoomError
from fittingroom.jobs.evaluate import evaluate
from fittingroom.jobs.reproduce import compare_runs
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.networks import BatchNorm, Conv, Dense, Flatten, ReLU
from fittingroom.recipes import Augmentation, Recipe
from fittingroom.runs import Run, describe_environment, list_runs, open_run, read_openings
from fittingroom.runs.files import is_leftover

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
FAULTS = {
    "error": "an error at each write, flush, rename and folder made",
    "half": "half of each write, then an error",
    "death": "death at each of them",
    "half death": "half of each write, then death",
}


class Scene:
    """The training that is disturbed, and how it must end.

    Args:
        folder: for everything that is written.
        recipe: of the training.
    """

    def __init__(self, folder: Path, recipe: Recipe = RECIPE) -> None:
        self.folder = folder
        self.recipe = recipe
        self.data = find_dataset("sample")
        engine_named(recipe.engine)  # imported here, once for all that are forked
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
        """Import here once what each process would import again."""
        names = self.folder / "modules.txt"

        def work() -> None:
            self._train(self.folder / "first", 0)
            for run in _runs(self.folder / "first"):
                self.score(run.folder)
            names.write_text("\n".join(sys.modules))

        code, _, words = wait(*fork(work, self.folder / "first"))
        assert code == FINISHED, words
        for name in names.read_text().split("\n"):
            with contextlib.suppress(Exception):  # some can only be imported by their makers
                importlib.import_module(name)

    def _session(self, runs: Path) -> Session:
        return Session(data=self.data, runs=runs, device="cpu", threads=1)

    def _train(self, runs: Path, seed: int) -> None:
        train(self.recipe, seed=seed, resume=True, session=self._session(runs))

    def score(self, folder: Path) -> None:
        """Score a finished run."""
        evaluate(folder, purpose="benchmark", session=self._session(folder.parent))

    def run(self, runs: Path, plan: Plan | None = None, **what: Any) -> tuple[int, str, str]:
        """Train in a process of its own, or resume: see :func:`benchmarks.crash_faults.wait`."""
        return wait(*self.start(runs, plan, **what))

    def start(
        self, runs: Path, plan: Plan | None = None, *, seed: int = 0, scored: bool = False
    ) -> tuple[int, int]:
        """The same, without waiting; ``scored``: score the finished run and train nothing."""

        def work() -> None:
            if scored:
                self.score(runs / self.other.name)
            else:
                self._train(runs, seed)

        return fork(work, runs, plan)

    @contextlib.contextmanager
    def runs(self) -> Iterator[Path]:
        """A folder of runs with one finished run in it, gone afterwards."""
        runs = Path(tempfile.mkdtemp(dir=self.folder))
        shutil.copytree(self.other.folder, runs / self.other.name)
        yield runs
        shutil.rmtree(runs)

    def faults(self, runs: Path, *, finished: bool = False) -> list[str]:
        """What is wrong in a folder, in words; ``finished``: the training must have ended."""
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
        folders = self.begun(runs)
        if len(folders) > 1 or (finished and ends != 1):
            found.append(f"{len(folders)} folders of one training, {ends} of them finished")
        return found

    def begun(self, runs: Path) -> list[Path]:
        """The folders of the training that is disturbed."""
        return [each for each in runs.iterdir() if each.name.startswith(self.whole.name)]

    def is_whole(self, run: Run) -> bool:
        """Whether a run has the bytes of an undisturbed training."""
        models = [each.model_path.read_bytes() for each in (run, self.whole)]
        return compare_runs(self.whole, run).verdict == "identical" and models[0] == models[1]

    def resumed(self, runs: Path) -> list[str]:
        """Let the training resume undisturbed; what is wrong then, in words."""
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


def where(scene: Scene, runs: Path, leftovers: set[Path]) -> str:
    """How far a killed training had come, by the files that it left.

    Args:
        scene: whose training it is.
        runs: the folder of runs.
        leftovers: half-written files from before this training was started.
    """
    new = [path for path in runs.rglob("*") if is_leftover(path) and path not in leftovers]
    if new:
        return f"while writing {new[0].stem.removeprefix('.')}"
    folders = scene.begun(runs)
    names = {path.name for folder in folders for path in folder.iterdir()}
    for name, words in (
        ("manifest.json", "after the manifest"),
        ("model.safetensors", "in the export"),
        ("checkpoint.safetensors", "with a checkpoint"),
        ("recipe.json", "before the first checkpoint"),
    ):
        if name in names:
            return words
    return "before its folder"


def kills(scene: Scene, options: argparse.Namespace, before: Measured) -> Iterator[Measured]:
    """SIGKILL at random moments; each training is killed and resumed until it has finished.

    Args:
        scene: what is killed.
        options: of the command line.
        before: the results of an earlier call, which this one continues.
    """
    fell, failures = Counter(before.get("fell", {})), list(before.get("failures", []))
    trainings = before.get("trainings", 0)
    generator = np.random.default_rng((options.seed, trainings))
    while fell.total() < options.kills:
        with scene.runs() as runs:
            while fell.total() < options.kills:
                leftovers = {path for path in runs.rglob("*") if is_leftover(path)}
                process, reading = scene.start(runs)
                time.sleep(generator.uniform(0, scene.seconds))
                os.kill(process, signal.SIGKILL)
                code, _, words = wait(process, reading)
                if code != -signal.SIGKILL:
                    failures += [] if code == FINISHED else [f"ended with {code}: {words}"]
                    break
                place = where(scene, runs, leftovers)
                fell[place] += 1
                failures += [f"killed {place}: {each}" for each in scene.faults(runs)]
            failures += [f"after kills: {each}" for each in scene.resumed(runs)]
            trainings += 1
        if trainings % 10 == 0 or fell.total() >= options.kills:
            say(f"{fell.total()} kills, {len(failures)} failures")
            yield {
                "count": fell.total(),
                "trainings": trainings,
                "fell": dict(fell.most_common()),
                "failures": failures,
            }


def _injected(
    operations: str, every: int, check: Callable[[Plan], list[str]], words: str = ""
) -> Measured:
    """Each operation in its turn goes wrong, in each way; ``check`` gives what is wrong then."""
    counts: Counter[str] = Counter()
    failures: list[str] = []
    for fault in FAULTS:
        for at, kind in enumerate(operations, start=1):
            if (fault.startswith("half") and kind != "w") or at % every:
                continue
            counts[fault] += 1
            found = check(Plan(fault, at))
            failures += [f"{words}{fault} at operation {at} ({kind}): {each}" for each in found]
        say(f"{words}{fault}: {counts[fault]}, {len(failures)} failures so far")
    return {"operations": len(operations), "counts": dict(counts), "failures": failures}


def failures(scene: Scene, options: argparse.Namespace, _: Measured) -> Iterator[Measured]:
    """Each operation of a training goes wrong in its turn."""

    def check(plan: Plan) -> list[str]:
        with scene.runs() as runs:
            code, _, words = scene.run(runs, plan)
            expected = -signal.SIGKILL if plan.fault.endswith("death") else REFUSED
            found = [] if code == expected else [f"ended with {code}: {words}"]
            return found + scene.faults(runs) + scene.resumed(runs)

    yield _injected(scene.operations, options.every, check)


def scores(scene: Scene, options: argparse.Namespace, _: Measured) -> Iterator[Measured]:
    """Each operation of scoring a finished run goes wrong in its turn."""
    with scene.runs() as runs:
        code, operations, words = scene.run(runs, scored=True)
        assert code == FINISHED, words
        kept = _predictions(runs / scene.other.name)

    def check(plan: Plan) -> list[str]:
        with scene.runs() as runs:
            code, _, words = scene.run(runs, plan, scored=True)
            allowed = (-signal.SIGKILL,) if plan.fault.endswith("death") else (FINISHED, REFUSED)
            found = [] if code in allowed else [f"ended with {code}: {words}"]
            found += _scored_faults(scene, runs, kept, least=0)
            code, _, words = scene.run(runs, scored=True)
            found += [] if code == FINISHED else [f"again it ended with {code}: {words}"]
            return found + _scored_faults(scene, runs, kept, least=1)

    yield _injected(operations, options.every, check, "scoring, ")


def _scored_faults(scene: Scene, runs: Path, kept: bytes, *, least: int) -> list[str]:
    """What is wrong in a run that was scored, or nearly.

    Args:
        scene: whose finished run it is.
        runs: where it lies.
        kept: its predictions if nothing goes wrong.
        least: how often the test set was opened at least, by the log.
    """
    folder = runs / scene.other.name
    found = [
        f"the finished run's {name} was changed"
        for name, content in _content(scene.other.folder).items()
        if (folder / name).read_bytes() != content
    ]
    try:
        given = _predictions(folder)
    except FittingRoomError as error:
        return [*found, f"it does not open: {error}"]
    openings = len(read_openings(runs))
    if given not in (b"", kept):
        found.append("other predictions are kept than undisturbed")
    if openings < max(least, bool(given)) or (least and not given):
        found.append(f"{openings} openings are logged, and {len(given)} bytes of predictions kept")
    return found


def _predictions(folder: Path) -> bytes:
    """The predictions that a run keeps on the test set, as bytes; none if it keeps none."""
    kept = open_run(folder).read_predictions("sample")
    if kept is None or kept.log_probabilities is None:
        return b""
    return kept.predicted.tobytes() + kept.log_probabilities.tobytes()


def _runs(folder: Path) -> list[Run]:
    return [open_run(listed.folder) for listed in list_runs(folder)]


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


PARTS = {"failures": failures, "scores": scores, "kills": kills}


def everything(options: argparse.Namespace, stored: Measured) -> Iterator[Measured]:
    """The parts asked for; of the same code and seed, kills continue and the others are kept."""
    environment = describe_environment()
    with tempfile.TemporaryDirectory() as name:
        scene = Scene(Path(name), replace(RECIPE, epochs=options.epochs))
        same = {"epochs": options.epochs, "seed": options.seed}.items() <= stored.items()
        same = same and stored["environment"]["revision"] == environment["revision"]
        measured = {
            "recipe": scene.recipe.to_json(),
            "epochs": options.epochs,
            "seed": options.seed,
            "seconds": scene.seconds,
            "environment": environment,
            "parts": stored["parts"] if same else {},
        }
        for part in (part for part in PARTS if part in options.parts):
            before = measured["parts"].get(part, {})
            for found in PARTS[part](scene, options, before):
                measured["parts"][part] = found
                yield measured


page = partial(render, "crash", faults=FAULTS)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = measure.parser(__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="in all; continued if stopped")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--every", type=int, default=1, help="of the operations, one in so many")
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs, help="of each training")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    measured = measure.run("crash", measure.parse(parser, arguments), everything, page)
    return 1 if any(part["failures"] for part in measured["parts"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
