"""How long does it take to read 60,000 + 10,000 images as CSV, and how much memory?

    python -m benchmarks.reading [--repeats 3]

Fashion-MNIST as Kaggle has it, two tables of 785 columns. In turn, each in a process of its own:
``pandas.read_csv`` reads both files, Fitting Room reads them for the first time, and for the second
time, from its cache. Writes reading.json and reading.md.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

from benchmarks import measure
from benchmarks.measure import Measured, in_process, peak_memory_mb, render, say

WAYS = {"pandas": "`pandas.read_csv`", "first": "the first time", "second": "the second time"}


def read(way: str, folder: str) -> Measured:
    """Read both tables; seconds and memory, imports not counted as time."""
    import pandas as pd

    from fittingroom.data import find_dataset

    files = sorted(Path(folder).glob("*.csv"))
    began, processor = time.perf_counter(), time.process_time()
    if way == "pandas":
        sizes = [len(pd.read_csv(file)) for file in files]
    else:
        dataset = find_dataset(folder)
        sizes = [len(dataset.open_test()), len(dataset.training())]
    return {
        "seconds": time.perf_counter() - began,
        "processor_seconds": time.process_time() - processor,
        "peak_memory_mb": peak_memory_mb(),
        "images": sum(sizes),
    }


def everything(options: argparse.Namespace, stored: Measured) -> Iterator[Measured]:
    """All ways in turn, again and again."""
    from fittingroom.data import find_dataset
    from fittingroom.runs import describe_environment

    dataset = find_dataset(options.data)
    rows: list[Measured] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "data")
        folder.mkdir()
        for part, image_set in (("test", dataset.open_test()), ("train", dataset.training())):
            write_table(folder / f"fashion-mnist_{part}.csv", image_set)
        for turn in range(options.repeats):
            cache = {"XDG_CACHE_HOME": f"{name}/cache-{turn}"}
            for way in WAYS:
                row = in_process(
                    "benchmarks.reading:read", variables=cache, way=way, folder=str(folder)
                )
                rows.append({"way": way, **row})
                say(f"{way}: {row['seconds']:.2f} s, {row['peak_memory_mb']:.0f} MB")
        content = sum(each.images.nbytes for each in (dataset.training(), dataset.open_test()))
        yield {
            "environment": describe_environment(),
            "pandas": version("pandas"),
            "repeats": options.repeats,
            "images_mb": content / 1e6,
            "others_share": max(row["others_share"] for row in rows),
            "ways": {way: middle([row for row in rows if row["way"] == way]) for way in WAYS},
            "rows": rows,
        }


def write_table(path: Path, image_set: object) -> None:
    import pandas as pd

    images, labels = image_set.images, image_set.labels  # type: ignore[attr-defined]
    names = [f"pixel{number}" for number in range(1, 785)]
    table = pd.DataFrame(images.reshape(len(images), -1), columns=names)
    table.insert(0, "label", labels)
    table.to_csv(path, index=False)


def middle(rows: Sequence[Measured]) -> Measured:
    """The median of each number."""
    names = ("seconds", "processor_seconds", "peak_memory_mb")
    return {name: statistics.median(row[name] for row in rows) for name in names}


page = partial(render, "reading", names=WAYS)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = measure.parser(__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    measure.run("reading", measure.parse(parser, arguments), everything, page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
