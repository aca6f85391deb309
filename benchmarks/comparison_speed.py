"""How long the statistics of a whole comparison take, and how much memory: a bar that they must meet.

    python benchmarks/comparison_speed.py [--out docs/results]

Two recipes of ten seeds each on 10,000 pictures of ten classes: every number about each of the
twenty fitted models, the comparison, and its findings. It is measured in a process of its own on two threads, imports left out of the time and in the memory. Writes
``comparison-speed.json`` and ``comparison-speed.md``; ends with 1 where a bar is not met.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # Beside this file there is one that is called as a module of Python's own, statistics.
    sys.path[0] = str(Path(__file__).parents[1])

import argparse
import json
import os
import subprocess
import time

SECONDS, MEGABYTES = 5.0, 500
RECIPES, SEEDS, PICTURES = 2, 10, 10_000
REPEATS = 3


def measure() -> dict[str, float]:
    """One comparison in this process: seconds of its parts, and the process' peak memory."""
    import numpy as np
    from scipy import special

    from benchmarks.worker import peak_memory_mb
    from fittingroom.comparison import Entrant, compare_models
    from fittingroom.evaluation import evaluate_predictions
    from fittingroom.findings import Subject, find
    from fittingroom.predictions import Predictions

    generator = np.random.default_rng(0)
    labels = generator.integers(0, 10, PICTURES).astype(np.uint8)
    difficulty = generator.normal(size=(PICTURES, 10))

    def model(lift: float) -> Predictions:
        logits = difficulty + generator.normal(size=(PICTURES, 10))
        logits[np.arange(PICTURES), labels] += lift
        logs = special.log_softmax(logits, axis=1).astype(np.float32)
        called = logs.argmax(axis=1).astype(np.uint8)
        classes = tuple(f"class {k}" for k in range(10))
        return Predictions(labels, called, logs, np.arange(PICTURES), classes)

    said = {name: [model(lift) for _ in range(SEEDS)] for name, lift in (("a", 4.0), ("b", 4.2))}
    # What is imported late is imported by now.
    evaluate_predictions(said["a"][0], draws=100)
    start = time.perf_counter()
    evaluations = {name: [evaluate_predictions(each) for each in said[name]] for name in said}
    evaluated = time.perf_counter()
    entrants = [Entrant(name, name, tuple(range(SEEDS)), tuple(said[name])) for name in said]
    comparison = compare_models(entrants)
    find([Subject(name, evaluations[name][0]) for name in said], comparison)
    done = time.perf_counter()
    return {
        "seconds": done - start,
        "evaluation_seconds": evaluated - start,
        "comparison_seconds": done - evaluated,
        "megabytes": peak_memory_mb(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("docs/results"), help="folder to write to")
    parser.add_argument("--here", action="store_true", help="measure once in this process")
    arguments = parser.parse_args()
    if arguments.here:
        print(json.dumps(measure()))
        return 0
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "2")
    runs = []
    for _ in range(REPEATS):
        done = subprocess.run(
            [sys.executable, __file__, "--here"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, **threads},
        )
        runs.append(json.loads(done.stdout))
        print(runs[-1], flush=True)
    runs.sort(key=lambda run: run["seconds"])
    median = runs[len(runs) // 2]
    peak = max(run["megabytes"] for run in runs)
    met = median["seconds"] <= SECONDS and peak <= MEGABYTES
    from fittingroom.runs import describe_environment

    environment = describe_environment()
    result = {"runs": runs, "bars": {"seconds": SECONDS, "megabytes": MEGABYTES}, "met": met}
    result["environment"] = environment
    arguments.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1) + "\n"
    (arguments.out / "comparison-speed.json").write_text(text, encoding="utf-8")
    page = (
        "# Speed of a comparison\n\n"
        f"{RECIPES} recipes × {SEEDS} seeds × {PICTURES:,} pictures, two threads"
        f", median of {REPEATS} runs; measured by `benchmarks/comparison_speed.py` on "
        f"{environment['processor']}.\n\n"
        "| | measured | bar |\n|---|---|---|\n"
        f"| every number about {RECIPES * SEEDS} models | {median['evaluation_seconds']:.2f} s | |\n"
        f"| comparison and findings | {median['comparison_seconds']:.2f} s | |\n"
        f"| everything | {median['seconds']:.2f} s | {SECONDS:g} s |\n"
        f"| peak memory, imports included | {peak:.0f} MB | {MEGABYTES} MB |\n"
    )
    (arguments.out / "comparison-speed.md").write_text(page, encoding="utf-8")
    print(page)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
