"""Does training grow as the pictures do? Time and memory at several sizes of the data.

    python benchmarks/scaling.py [--pictures 15000 60000 600000] [--recipes ann cnn]

One epoch of each recipe at each size: the training file's pictures, cut or repeated into a
temporary folder, trained on as unknown data. It writes ``scaling.json`` and ``scaling.md``. Time
should be linear; memory beyond what the libraries take, a byte a pixel. Nothing else should run
meanwhile.
"""

import argparse
import itertools
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # In place of this folder, whose statistics.py would hide Python's own.
    sys.path[0] = str(Path(__file__).parents[1])


from benchmarks import processes
from fittingroom.data import find_dataset
from fittingroom.data.official import TEST, TRAINING, HalfFiles
from fittingroom.predictions import UInt8
from fittingroom.runs import available_processors, describe_environment, write_file

OUT = processes.ROOT / "docs" / "results"
_PIXELS = 28 * 28


def write_idx(folder: Path, files: HalfFiles, images: UInt8, labels: UInt8, count: int) -> None:
    """Two IDX files of ``count`` pictures and labels, repeated from the start as often as needed."""
    header = b"".join(number.to_bytes(4, "big") for number in (0x803, count, 28, 28))
    _repeat(folder / files.images, header, images.reshape(len(images), -1), count)
    header = b"".join(number.to_bytes(4, "big") for number in (0x801, count))
    _repeat(folder / files.labels, header, labels[:, None], count)


def _repeat(path: Path, header: bytes, rows: UInt8, count: int) -> None:
    with path.open("wb") as stream:
        stream.write(header)
        for start in range(0, count, len(rows)):
            stream.write(rows[: count - start].tobytes())


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All rows, smallest data first."""
    half = find_dataset(options.data).training()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for count in sorted(set(options.pictures)):
            folder = Path(name) / str(count)
            folder.mkdir()
            write_idx(folder, TRAINING, half.images, half.labels, count)
            # Never opened; a data set has both halves.
            write_idx(folder, TEST, half.images[:100], half.labels[:100], 100)
            for recipe in options.recipes:
                measured = processes.measure(
                    "train",
                    {
                        "recipe": recipe,
                        "seed": 0,
                        "epochs": 1,
                        "data": str(folder),
                        "unknown": True,
                        "runs": f"{name}/runs",
                        "threads": options.threads,
                        "score": False,
                    },
                    variables=processes.settings(avx2=options.avx2),
                )
                if "failure" in measured:
                    raise processes.MeasurementError(measured["failure"])
                rows.append(
                    {
                        "recipe": recipe,
                        "pictures": count,
                        **{
                            name: measured[name]
                            for name in ("seconds", "before_training_seconds", "peak_memory_mb")
                        },
                    }
                )
                print(f"{recipe}, {count:,} pictures: {measured['seconds']:.1f} s", flush=True)
            for path in folder.iterdir():
                path.unlink()
    return {
        "instructions": processes.instructions(options.avx2),
        "threads": options.threads,
        "environment": describe_environment(),
        "recipes": {recipe: growth(recipe, rows) for recipe in options.recipes},
        "rows": rows,
    }


def growth(recipe: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How a recipe's time and memory grow.

    Returns:
        ``"bytes_a_picture"``: of memory, from the smallest data to the largest;
        ``"seconds_a_picture"``: of each further picture, from one size to the next. Time is linear
        where these are equal, whatever it takes to begin.
    """
    own = [row for row in rows if row["recipe"] == recipe]
    pairs = list(itertools.pairwise(own))
    if not pairs:
        return {"bytes_a_picture": None, "seconds_a_picture": []}
    memory = 1e6 * (own[-1]["peak_memory_mb"] - own[0]["peak_memory_mb"])
    return {
        "bytes_a_picture": memory / (own[-1]["pictures"] - own[0]["pictures"]),
        "seconds_a_picture": [
            (more["seconds"] - less["seconds"]) / (more["pictures"] - less["pictures"])
            for less, more in pairs
        ],
    }


def page(measured: dict[str, Any]) -> str:
    """The results as Markdown."""
    environment = measured["environment"]
    lines = [
        "| recipe | pictures | training, 1 epoch | a picture | before training | memory |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['recipe']} | {row['pictures']:,} | {row['seconds']:.1f} s "
        f"| {1e6 * row['seconds'] / row['pictures']:.0f} µs "
        f"| {row['before_training_seconds']:.1f} s | {row['peak_memory_mb']:.0f} MB |"
        for row in measured["rows"]
    ]
    sizes = [f"{size:,}" for size in sorted({row["pictures"] for row in measured["rows"]})]
    slopes = [
        f"- `{recipe}`: memory grows by {each['bytes_a_picture']:.0f} bytes a picture, of which "
        f"{_PIXELS} are its pixels; a further picture takes "
        + ", ".join(
            f"{1e6 * seconds:.0f} µs from {less} to {more}"
            for seconds, (less, more) in zip(
                each["seconds_a_picture"], itertools.pairwise(sizes), strict=True
            )
        )
        + "."
        for recipe, each in measured["recipes"].items()
        if each["bytes_a_picture"] is not None
    ]
    return "\n".join(
        [
            "# Training time and memory by size of the data",
            "",
            f"By `benchmarks/scaling.py`; {measured['threads']} threads of "
            f"{environment['processor']}, instructions: {measured['instructions']}; Python "
            f"{environment['python']}, PyTorch {environment['versions'].get('torch')}. The training "
            "file's pictures, cut or repeated; a twelfth of them validates.",
            "",
            *lines,
            "",
            *slopes,
            "",
            "*Memory* is the most that the process held until training and export ended, its "
            "libraries included. A picture also has its label (as int64 while training), its place "
            "in the file, and what is drawn for it in an epoch. *Before training*: imports, and "
            "reading and checking the data twice.",
            "",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--pictures", nargs="+", type=int, default=[15_000, 60_000, 600_000])
    parser.add_argument("--recipes", nargs="+", default=["ann", "cnn"])
    parser.add_argument("--threads", type=int, default=min(2, available_processors()))
    parser.add_argument("--avx2", action="store_true", help="hold PyTorch to AVX2 instructions")
    parser.add_argument("--data", help="for a trial: as for fittingroom; needs --out")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args(arguments)
    if options.data and options.out == OUT:
        parser.error("a trial with --data needs an --out of its own")
    measured = measure(options)
    stem = "scaling-avx2" if options.avx2 else "scaling"
    options.out.mkdir(parents=True, exist_ok=True)
    write_file(options.out / f"{stem}.json", (json.dumps(measured, indent=1) + "\n").encode())
    write_file(options.out / f"{stem}.md", page(measured).encode())
    print(page(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
