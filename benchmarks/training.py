"""Accuracy against time: every recipe over its seeds, beside the predecessor and the machine.

    python benchmarks/training.py [--recipes ann cnn] [--seeds 3] [--minutes 30] [--avx2]
    python benchmarks/training.py --device cuda

In one run and one process tree, each piece in a process of its own while this one sleeps: the
machine's ceilings; three epochs of the predecessor (``keras-cnn``, batch 32) with Keras on
TensorFlow, of which the fastest is *the predecessor's epoch*; the same on PyTorch, and a PyTorch
loop as tutorials write it; then each recipe over its seeds, seed by seed. It writes
``training.json``, ``training.md`` and ``training.png``, with ``--avx2`` ``training-avx2``. On a GPU
(``training-cuda``) recipes of PyTorch alone are trained; the predecessor's epoch with TensorFlow is
the processor's there too, that on PyTorch the GPU's.

After every row the table is written, whole. Interrupted or out of minutes, the same command goes
on with what is missing, in a new sitting with ceilings and a predecessor's epoch of its own.
Nothing else should run meanwhile.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # In place of this folder, whose statistics.py would hide Python's own.
    sys.path[0] = str(Path(__file__).parents[1])

from benchmarks import processes
from benchmarks.table import TUTORIAL, Row, Slot, Table, code_digest, summarise, training_code
from fittingroom.networks import operation_count
from fittingroom.recipes import RECIPES, Recipe
from fittingroom.runs import available_processors, write_file

OUT = processes.ROOT / "docs" / "results"
PREDECESSOR = "keras-cnn"

# Seeds of each recipe; of any other that is named, three.
SEEDS = {
    "ann-fast": 10,
    "cnn-fast": 10,
    "cnn-tiny": 5,
    "ann": 10,
    "cnn": 10,
    "ann-best": 5,
    "cnn-strong": 5,
    "cnn-best": 3,
}
# On a GPU these as well, which take days without.
GPU_SEEDS = {**SEEDS, "gpu-best": 3, "gpu-ensemble": 3}
_OTHER_SEEDS = 3
# For each library and size; a trial's ceilings are for nobody.
_CEILING_SECONDS, _TRIAL_SECONDS = 1.0, 0.02


class Benchmark:
    """One sitting: what it was asked for, and the table that it adds to.

    Args:
        options: the command line's.
        python: the interpreter with TensorFlow, or None where there is none.
    """

    def __init__(self, options: argparse.Namespace, python: Path | None) -> None:
        self.options = options
        self.python = python
        self.on_gpu = options.device == "cuda"
        self.stem = "training" + ("-cuda" if self.on_gpu else "-avx2" if options.avx2 else "")
        self.path = options.out / f"{self.stem}.json"
        allowed = processes.instructions(options.avx2)
        self.table = Table.load(self.path, f"{allowed}, and a GPU" if self.on_gpu else allowed)
        self.until = None if options.minutes is None else time.time() + 60 * options.minutes

    def plan(self) -> list[Slot]:
        """Every row asked for: the first seed of all recipes, then the second, and so on."""
        usual = GPU_SEEDS if self.on_gpu else SEEDS
        names = self.options.recipes or list(usual)
        seeds = {name: self.options.seeds or usual.get(name, _OTHER_SEEDS) for name in names}
        slots = [self.slot(TUTORIAL, 0)] if self.options.peers and not self.on_gpu else []
        for seed in range(max(seeds.values())):
            slots += [self.slot(name, seed) for name in names if seed < seeds[name]]
        return slots

    def slot(self, name: str, seed: int) -> Slot:
        """The place of a recipe and a seed, with the conditions under which a row counts now."""
        common = {
            "threads": self.options.threads,
            "data": str(self.options.data or "fashion-mnist"),
            "epochs": self.options.epochs,
            **({"device": self.options.device} if self.on_gpu else {}),
        }
        if name == TUTORIAL:
            own = {"key": RECIPES[PREDECESSOR].key, "code": code_digest([_here("tutorial.py")])}
        else:
            engine = RECIPES[name].engine
            backend = "tensorflow" if engine == "keras" and self.python else None
            own = {
                "key": RECIPES[name].key,
                "code": training_code(engine, on_gpu=self.on_gpu),
                **({"backend": backend} if backend else {}),
            }
        return Slot(name, seed, {**own, **common})

    def run(self) -> None:
        """Measure what is missing, one row after another."""
        missing = [slot for slot in self.plan() if self.table.find(slot) is None]
        if not missing:
            _say("Every row that was asked for is there already.")
            return
        if not any(self._fits(slot) for slot in missing):
            return
        self.table.sittings.append(self._sitting())
        for slot in missing:
            if not self._fits(slot):
                continue
            row = self._row(slot)
            self.table.put(row)
            self.save()
            _say(f"{slot.recipe}, seed {slot.seed}: {_words(row)}")

    def _fits(self, slot: Slot) -> bool:
        """Whether a row is expected to end in time; says so where it is not."""
        if self.until is None:
            return True
        left = self.until - time.time()
        expected = self.table.expected_seconds(slot.recipe)
        if left > (expected or 0.0):
            return True
        why = "no time is left" if expected is None else f"it takes about {expected:.0f} s"
        _say(f"{slot.recipe}, seed {slot.seed}: left out, {why} (--minutes).")
        return False

    def _sitting(self) -> dict[str, Any]:
        """The machine and the predecessor, as they are now."""
        options = self.options
        _say("The machine's ceilings …")
        measured = processes.measure(
            "ceilings",
            {
                "threads": options.threads,
                "avx2": options.avx2,
                "device": options.device,
                "seconds": _TRIAL_SECONDS if options.epochs else _CEILING_SECONDS,
            },
            variables=processes.settings(avx2=options.avx2),
        )
        sitting = {
            "threads": options.threads,
            "environment": measured.pop("environment"),
            **({"device": measured.pop("device")} if self.on_gpu else {}),
            "ceilings": measured,
            "predecessor": {},
        }
        environment = sitting["environment"]
        kinds = {"tensorflow": self.python}
        if options.peers and not any(
            "torch" in earlier["predecessor"]
            and earlier["environment"]["processor"] == environment["processor"]
            and earlier["environment"]["versions"] == environment["versions"]
            for earlier in self.table.sittings
        ):
            kinds["torch"] = Path(sys.executable)
        for backend, python in kinds.items():
            if python is None:
                _say("The predecessor on TensorFlow: left out, as there is no TensorFlow here.")
                continue
            _say(f"Three epochs of the predecessor, Keras on {backend} …")
            sitting["predecessor"][backend] = self._predecessor(backend, python)
        return sitting

    def _predecessor(self, backend: str, python: Path) -> dict[str, Any]:
        device = self.options.device if backend == "torch" else "cpu"
        measured = self._train(
            PREDECESSOR, 0, python, backend, epochs=3, score=False, device=device
        )
        ends = [0.0, *(epoch["seconds"] for epoch in measured["history"])]
        return {
            # The first builds the graph, and times are noisy: the fastest flatters nobody but it.
            "epoch_seconds": min(end - start for start, end in pairwise(ends)),
            "training_pictures": measured["training_pictures"],
            "peak_memory_mb": measured["peak_memory_mb"],
            "versions": measured["versions"],
            "history": measured["history"],
        }

    def _row(self, slot: Slot) -> Row:
        if slot.recipe == TUTORIAL:
            measured = processes.measure(
                "tutorial",
                {"seed": slot.seed, **self._places(), "threads": self.options.threads},
                variables=processes.settings(avx2=self.options.avx2),
            )
        else:
            backend = slot.conditions.get("backend")
            python = self.python if backend and self.python else Path(sys.executable)
            measured = self._train(
                slot.recipe,
                slot.seed,
                python,
                backend,
                self.options.epochs,
                score=True,
                device=self.options.device,
            )
        return {
            "recipe": slot.recipe,
            "seed": slot.seed,
            "sitting": len(self.table.sittings) - 1,
            "conditions": dict(slot.conditions),
            "gflops": _gflops(slot.recipe, measured),
            **measured,
        }

    def _train(
        self,
        recipe: str,
        seed: int,
        python: Path,
        backend: str | None,
        epochs: int | None,
        score: bool,
        device: str,
    ) -> dict[str, Any]:
        work = {
            "recipe": recipe,
            "seed": seed,
            "epochs": epochs,
            "unknown": False,
            "threads": self.options.threads,
            "device": device,
            "score": score,
            **self._places(),
        }
        variables = processes.settings(avx2=self.options.avx2, backend=backend)
        return processes.measure("train", work, variables=variables, python=python)

    def _places(self) -> dict[str, Any]:
        return {"data": self.options.data, "runs": str(self.options.runs)}

    def save(self) -> None:
        """Write the table as it is."""
        self.options.out.mkdir(parents=True, exist_ok=True)
        self.table.save(self.path, self.summary())

    def counted(self) -> list[Row]:
        """The rows that count, of whichever recipes; in the catalogue's order."""
        order = {name: place for place, name in enumerate([*RECIPES, TUTORIAL])}
        known = [row for row in self.table.rows if row["recipe"] in order]
        slots = [self.slot(row["recipe"], row["seed"]) for row in known]
        rows = [row for slot, row in zip(slots, known, strict=True) if self.table.find(slot)]
        return sorted(rows, key=lambda row: (order[row["recipe"]], row["seed"]))

    def summary(self) -> dict[str, Any]:
        """What the rows that count say together."""
        return summarise(self.table, self.counted(), whole_epochs())

    def write_page(self) -> None:
        """The page and its picture, from the table."""
        from benchmarks.training_page import page, picture

        rows, summary = self.counted(), self.summary()
        if not rows:
            _say("No row is there yet, and so no page.")
            return
        outdated = len(self.table.rows) - len(rows)
        write_file(
            self.options.out / f"{self.stem}.md",
            page(self.table, rows, summary, f"{self.stem}.png", outdated).encode(),
        )
        write_file(self.options.out / f"{self.stem}.png", picture(self.table, rows, summary))


def whole_epochs() -> int | None:
    """After how many epochs the predecessor's own training ended; None where nobody verified it."""
    path = OUT / f"verify-{PREDECESSOR}.json"
    if not path.exists():
        return None
    seeds = json.loads(path.read_text(encoding="utf-8"))["seeds"]
    return round(sum(len(seed["history"]) for seed in seeds) / len(seeds))


def _gflops(name: str, measured: Row) -> float | None:
    """Floating-point operations a second of a training, in 10^9; None for a classical model.

    A multiply-add is two; a training picture costs three forward passes (one forward, two
    backward), a validation picture one, or two where the engine looks at its mirror image too.
    """
    recipe = RECIPES[PREDECESSOR if name == TUTORIAL else name]
    if "failure" in measured or not isinstance(recipe, Recipe):
        return None
    passes = 3 * measured["training_pictures"]
    passes += (2 if recipe.mirror else 1) * measured["validation_pictures"]
    operations = 2 * operation_count(recipe.layers) * passes * len(measured["history"])
    return operations / measured["seconds"] / 1e9


def _words(row: Row) -> str:
    if "failure" in row:
        return f"broken down: {row['failure']}"
    return f"test accuracy {row['test_accuracy']:.2%} after {row['seconds']:.1f} s of training"


def _here(name: str) -> Path:
    return Path(__file__).parent / name


def _say(sentence: str) -> None:
    print(sentence, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--recipes", nargs="+", choices=list(RECIPES), metavar="NAME")
    parser.add_argument("--seeds", type=int, help="of each recipe; left out: as the table has it")
    parser.add_argument("--minutes", type=float, help="begin no row that would not end in time")
    parser.add_argument("--threads", type=int, default=min(2, available_processors()))
    parser.add_argument("--avx2", action="store_true", help="hold all libraries to AVX2")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="what trains")
    parser.add_argument(
        "--tensorflow-python",
        default=str(processes.TENSORFLOW),
        help="an interpreter with TensorFlow, or 'none'",
    )
    parser.add_argument(
        "--peers",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="the predecessor on PyTorch, and the tutorial's loop",
    )
    parser.add_argument("--page", action="store_true", help="measure nothing: page and picture")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--runs", type=Path, default=processes.ROOT / "runs" / "benchmark")
    parser.add_argument("--data", help="for a trial: as for fittingroom; needs --out")
    parser.add_argument("--epochs", type=int, help="for a trial: at most so many; needs --out")
    options = parser.parse_args(arguments)
    if (options.data or options.epochs) and options.out == OUT:
        parser.error("a trial with --data or --epochs needs an --out of its own")
    if options.seeds is not None and options.seeds < 1:
        parser.error("--seeds: expected at least 1")
    if options.device == "cuda":
        if options.avx2:
            parser.error("--avx2 is for the processor, and goes without --device cuda")
        others = [name for name in options.recipes or () if RECIPES[name].engine != "pytorch"]
        if others:
            parser.error(f"--device cuda is for recipes of PyTorch, not {', '.join(others)}")
        import torch

        if not torch.cuda.is_available():
            parser.error("--device cuda: PyTorch finds no GPU here")
    python = Path(options.tensorflow_python)
    benchmark = Benchmark(options, python if os.access(python, os.X_OK) else None)
    stopped = False
    try:
        if not options.page:
            benchmark.run()
    except KeyboardInterrupt:
        stopped = True
        _say("Stopped. Finished rows are kept; the same command goes on with what is missing.")
    benchmark.write_page()
    return 130 if stopped else 0


if __name__ == "__main__":
    sys.exit(main())
