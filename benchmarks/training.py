"""Accuracy against training time: every recipe over its seeds, beside the predecessor.

    python -m benchmarks.training [--recipes ann cnn] [--seeds 3] [--avx2]

Each piece runs in a process of its own: three epochs of the predecessor (`keras-cnn`, batch 32) with
Keras on TensorFlow, the fastest of which is *the predecessor's epoch*; the same on PyTorch, and a
PyTorch loop as tutorials write it; then each recipe over its seeds. The predecessor's epoch is
measured again every quarter of an hour between them, in a new *sitting*.
Writes training.json, training.md and training.png (with --avx2, training-avx2) after every row.

Takes hours. If stopped, the same command continues with what is missing, in a new sitting with a
predecessor's epoch of its own. Nothing else should run meanwhile.
"""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks import measure
from benchmarks.measure import AVX2, Measured, in_process, say
from benchmarks.table import PREDECESSOR, TUTORIAL, Row, counted, key_of, summarise
from benchmarks.training_page import image, page
from fittingroom.recipes import RECIPES
from fittingroom.runs import describe_environment, write_file

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

# Seconds for which the predecessor's epoch is taken to be what it was.
FRESH = 900


def plan(options: argparse.Namespace) -> list[tuple[str, int, dict[str, Any]]]:
    """Every row to measure: recipe, seed and conditions. All recipes' first seeds come first."""
    names = options.recipes or list(SEEDS)
    seeds = {name: options.seeds or SEEDS.get(name, 3) for name in names}
    slots = [(TUTORIAL, 0)] if options.peers else []
    slots += [
        (name, seed) for seed in range(max(seeds.values())) for name in names if seed < seeds[name]
    ]
    common = {
        "threads": options.threads,
        "data": options.data or "fashion-mnist",
        "epochs": options.epochs,
    }
    return [(name, seed, {"key": key_of(name), **common}) for name, seed in slots]


def everything(options: argparse.Namespace, stored: Measured) -> Iterator[Measured]:
    """Measure the rows that are missing, one after another."""
    rows: list[Row] = stored.get("rows", [])
    used = {row["sitting"] for row in rows}
    sittings = stored.get("sittings", [])[: max(used, default=-1) + 1]

    def found(name: str, seed: int, conditions: Mapping[str, Any]) -> bool:
        return any(
            (row["recipe"], row["seed"]) == (name, seed)
            and conditions.items() <= row["conditions"].items()
            for row in rows
        )

    missing = [slot for slot in plan(options) if not found(*slot)]
    measured = -math.inf
    for name, seed, conditions in missing:
        if time.monotonic() - measured > FRESH:
            sittings.append(_sitting(options, sittings))
            measured = time.monotonic()
        row = {
            "recipe": name,
            "seed": seed,
            "sitting": len(sittings) - 1,
            "conditions": conditions,
            **_train(options, name, seed),
        }
        rows = [each for each in rows if (each["recipe"], each["seed"]) != (name, seed)] + [row]
        words = row.get("failure") or f"{row['test_accuracy']:.2%} after {row['seconds']:.1f} s"
        say(f"{name}, seed {seed}: {words}")
        instructions = "AVX2" if options.avx2 else "all that the processor has"
        yield summarised({"instructions": instructions, "sittings": sittings, "rows": rows})
    if not missing:
        say("All rows are there already.")
        yield summarised(stored)


def summarised(measured: Measured) -> Measured:
    """The sittings and rows with the summary of those rows that count."""
    sittings, rows = measured["sittings"], measured["rows"]
    return {
        "instructions": measured["instructions"],
        **summarise(counted(rows), sittings, verified()),
        "sittings": sittings,
        "rows": rows,
    }


def _sitting(options: argparse.Namespace, before: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The machine and the predecessor, as they are now."""
    environment = describe_environment()

    def same_machine(earlier: Mapping[str, Any]) -> bool:
        return all(
            earlier["environment"][name] == environment[name] for name in ("processor", "versions")
        )

    predecessor = {}
    if not os.access(options.tensorflow_python, os.X_OK):
        say("The predecessor on TensorFlow: left out, as TensorFlow is not installed.")
    else:
        predecessor["tensorflow"] = measured_predecessor(options, "tensorflow")
    if options.peers and not any(
        "torch" in each["predecessor"] and same_machine(each) for each in before
    ):
        predecessor["torch"] = measured_predecessor(options, "torch")
    return {
        "threads": options.threads,
        "environment": environment,
        "predecessor": predecessor,
    }


def measured_predecessor(options: argparse.Namespace, backend: str) -> dict[str, Any]:
    """Three epochs of the predecessor: how long the fastest took."""
    say(f"Three epochs of the predecessor, Keras on {backend} …")
    measured = _train(options, PREDECESSOR, 0, backend=backend, epochs=3, score=False)
    ends = [0.0, *(epoch["seconds"] for epoch in measured["history"])]
    kept = ("training_images", "peak_memory_mb", "versions", "history", "others_share")
    return {
        # The first builds the graph, and times are noisy: the fastest flatters nobody else.
        "epoch_seconds": min(end - start for start, end in pairwise(ends)),
        **{name: measured[name] for name in kept},
    }


def _train(
    options: argparse.Namespace, name: str, seed: int, *, backend: str | None = None, **more: Any
) -> dict[str, Any]:
    """One training in a process of its own; Keras' recipes use TensorFlow if it is installed."""
    tensorflow = os.access(options.tensorflow_python, os.X_OK)
    if backend is None and name != TUTORIAL and RECIPES[name].engine == "keras" and tensorflow:
        backend = "tensorflow"
    call = partial(
        in_process,
        variables={
            **(AVX2 if options.avx2 else {}),
            **({"KERAS_BACKEND": backend} if backend else {}),
        },
        python=options.tensorflow_python if backend == "tensorflow" else sys.executable,
        seed=seed,
        data=options.data,
        runs=str(options.runs),
        threads=options.threads,
        began=time.time(),
    )
    if name == TUTORIAL:
        return call("benchmarks.tutorial:train")
    work = {"recipe": name, "epochs": options.epochs, "score": True, **more}
    return call("benchmarks.one_training:train", **work)


def verified() -> dict[str, float]:
    """After how many epochs the predecessor's own training ended, and its mean accuracy; empty if
    nobody verified it."""
    path = measure.RESULTS / f"verify-{PREDECESSOR}.json"
    if not path.exists():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    epochs = [len(seed["history"]) for seed in found["seeds"]]
    return {"epochs": round(sum(epochs) / len(epochs)), "accuracy": found["accuracy"]["value"]}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = measure.parser(__doc__)
    parser.add_argument("--recipes", nargs="+", choices=list(RECIPES), metavar="NAME")
    parser.add_argument("--seeds", type=int, help="of each recipe; left out: as the table has it")
    parser.add_argument("--avx2", action="store_true", help="hold all libraries to AVX2")
    parser.add_argument("--tensorflow-python", type=Path, default=measure.TENSORFLOW)
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="recipes alone")
    parser.add_argument("--runs", type=Path, default=measure.ROOT / "runs" / "benchmark")
    parser.add_argument("--epochs", type=int, help="for a trial: at most so many; needs --out")
    options = measure.parse(parser, arguments, trial=("epochs",))
    name = "training-avx2" if options.avx2 else "training"
    try:
        measured = measure.run(
            name, options, everything, partial(page, image_name=f"{name}.png"), summarised
        )
    except KeyboardInterrupt:
        say("Stopped. The same command continues with what is missing.")
        return 130
    write_file(options.out / f"{name}.png", image(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
