"""Does training scale with the data? Time and memory at several numbers of images.

    python -m benchmarks.scaling [--images 15000 60000 600000] [--recipes ann cnn]

One epoch of each recipe at each size: the training set's images, cut or repeated into a temporary
folder, trained on as unknown data. Time should be linear; memory beyond what the libraries take, a
byte a pixel. Writes scaling.json and scaling.md. Nothing else should run meanwhile.
"""

import argparse
import itertools
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks import measure
from benchmarks.made_data import write_set
from benchmarks.measure import Measured, MeasurementError, in_process, render, say
from fittingroom.data import find_dataset
from fittingroom.data.official import TEST, TRAINING
from fittingroom.runs import describe_environment


def everything(options: argparse.Namespace, stored: Measured) -> Iterator[Measured]:
    """All recipes at all sizes, the smallest first."""
    image_set = find_dataset(options.data).training()
    kept = ("seconds", "before_training_seconds", "peak_memory_mb")
    rows = []
    for count in sorted(set(options.images)):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_set(folder, TRAINING, image_set.images, image_set.labels, count)
            # Never opened, but a data set has a test set.
            write_set(folder, TEST, image_set.images, image_set.labels, 100)
            for recipe in options.recipes:
                measured = in_process(
                    "benchmarks.one_training:train",
                    began=time.time(),
                    recipe=recipe,
                    epochs=1,
                    data=name,
                    runs=f"{name}/runs",
                    threads=options.threads,
                )
                if "failure" in measured:
                    raise MeasurementError(measured["failure"])
                rows.append({"recipe": recipe, "images": count} | {k: measured[k] for k in kept})
                say(f"{recipe}, {count:,} images: {measured['seconds']:.1f} s")
    yield {
        "instructions": "all that the processor has",
        "threads": options.threads,
        "environment": describe_environment(),
        "recipes": {recipe: growth(recipe, rows) for recipe in options.recipes},
        "rows": rows,
    }


def growth(recipe: str, rows: Sequence[Measured]) -> Measured:
    """How a recipe's time and memory grow.

    Returns:
        ``"bytes_an_image"``: of memory, from the smallest data to the largest;
        ``"seconds_an_image"``: of each further image, from one size to the next. Time is linear
        if these are equal, whatever it takes to begin.
    """
    own = [row for row in rows if row["recipe"] == recipe]
    pairs = list(itertools.pairwise(own))
    if not pairs:
        return {"bytes_an_image": None, "seconds_an_image": []}
    memory = 1e6 * (own[-1]["peak_memory_mb"] - own[0]["peak_memory_mb"])
    return {
        "bytes_an_image": memory / (own[-1]["images"] - own[0]["images"]),
        "seconds_an_image": [
            (more["seconds"] - less["seconds"]) / (more["images"] - less["images"])
            for less, more in pairs
        ],
    }


page = partial(render, "scaling")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = measure.parser(__doc__)
    parser.add_argument("--images", nargs="+", type=int, default=[15_000, 60_000, 600_000])
    parser.add_argument("--recipes", nargs="+", default=["ann", "cnn"])
    measure.run("scaling", measure.parse(parser, arguments), everything, page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
