"""How long the statistics of a whole comparison take, and how much memory: a bar to meet.

    python -m benchmarks.comparison_speed [--out docs/results]

Two recipes of ten seeds each on 10,000 images of ten classes: every number about each of the twenty
fitted models, the comparison, and its findings, on two threads. The time leaves imports out, the
memory includes them. Writes comparison-speed.json and
comparison-speed.md; ends with 1 if a bar is missed.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence

from benchmarks import measure
from benchmarks.measure import Measured, in_process, peak_memory_mb, table

SECONDS, MEGABYTES = 5.0, 500
RECIPES, SEEDS, PICTURES = 2, 10, 10_000
REPEATS = 3


def compare_once() -> dict[str, float]:
    """One comparison: seconds of its parts, and the process' peak memory."""
    import numpy as np
    from scipy import special

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
        predicted = logs.argmax(axis=1).astype(np.uint8)
        classes = tuple(f"class {k}" for k in range(10))
        return Predictions(labels, predicted, logs, np.arange(PICTURES), classes)

    models = {name: [model(lift) for _ in range(SEEDS)] for name, lift in (("a", 4.0), ("b", 4.2))}
    evaluate_predictions(models["a"][0], draws=100)  # imports what is imported late
    start = time.perf_counter()
    evaluations = {name: [evaluate_predictions(each) for each in models[name]] for name in models}
    evaluated = time.perf_counter()
    entrants = [Entrant(name, name, tuple(range(SEEDS)), tuple(models[name])) for name in models]
    comparison = compare_models(entrants)
    find([Subject(name, evaluations[name][0]) for name in models], comparison)
    done = time.perf_counter()
    return {
        "seconds": done - start,
        "evaluation_seconds": evaluated - start,
        "comparison_seconds": done - evaluated,
        "megabytes": peak_memory_mb(),
    }


def everything(options: argparse.Namespace, stored: Measured) -> Iterator[Measured]:
    """Three comparisons, each in a process of its own."""
    from fittingroom.runs import describe_environment

    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "2")
    runs = [
        in_process("benchmarks.comparison_speed:compare_once", variables=threads)
        for _ in range(REPEATS)
    ]
    runs.sort(key=lambda run: run["seconds"])
    peak = max(run["megabytes"] for run in runs)
    yield {
        "runs": runs,
        "bars": {"seconds": SECONDS, "megabytes": MEGABYTES},
        "met": runs[REPEATS // 2]["seconds"] <= SECONDS and peak <= MEGABYTES,
        "environment": describe_environment(),
    }


def page(measured: Measured) -> str:
    """The results as Markdown: the median run."""
    median = measured["runs"][len(measured["runs"]) // 2]
    peak = max(run["megabytes"] for run in measured["runs"])
    rows = [
        (
            f"every number about {RECIPES * SEEDS} models",
            f"{median['evaluation_seconds']:.2f} s",
            "",
        ),
        ("comparison and findings", f"{median['comparison_seconds']:.2f} s", ""),
        ("everything", f"{median['seconds']:.2f} s", f"{measured['bars']['seconds']:g} s"),
        ("peak memory, imports included", f"{peak:.0f} MB", f"{measured['bars']['megabytes']} MB"),
    ]
    draws = measured.get("bootstrap_draws")
    note = (
        f"It included {draws:,} bootstrap draws, which a comparison no longer has." if draws else ""
    )
    return f"""# Speed of a comparison

{RECIPES} recipes × {SEEDS} seeds × {PICTURES:,} images, two threads, median of {len(measured["runs"])} runs.
Measured by `benchmarks/comparison_speed.py` on {measured["environment"]["processor"]}. {note}

{table(("", "measured", "bar"), rows)}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    options = measure.parse(measure.parser(__doc__), arguments)
    return 0 if measure.run("comparison-speed", options, everything, page)["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
