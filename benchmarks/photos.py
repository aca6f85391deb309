"""Are photos read as the data set's own pictures are? Test pictures rendered back as photos, and drawings.

    python benchmarks/photos.py [--model RUN|FILE] [--pictures 2000] [--scenes NAME …]

Each kind of damage (``photo_scenes.py``) is done to the same test pictures; the photos go through
``read_photo`` and, beside it, through the two naïve ways: resized to 28×28 and made grey, negated or
not. One model classifies all three. Drawings by other hands, garments among emoji and pictographs of
fonts, are scored where their fonts are found (Debian: ``fonts-noto-color-emoji``, ``fonts-symbola``).
Writes ``photos.json`` and ``photos.md``.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # In place of this folder, whose statistics.py would hide Python's own.
    sys.path[0] = str(Path(__file__).parents[1])

import numpy as np
import numpy.typing as npt

from benchmarks import drawings, photo_scenes, photos_page, processes
from benchmarks.photo_scenes import SCENES
from fittingroom.comparison.paired import paired_difference
from fittingroom.data import find_dataset
from fittingroom.errors import PhotoError
from fittingroom.metrics import Estimate, wilson
from fittingroom.photos import read_photo
from fittingroom.predict import Predictor
from fittingroom.predict.packaged import packaged_model, packaged_numbers
from fittingroom.runs import describe_environment, write_file

UInt8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]

OUT = processes.ROOT / "docs" / "results"
WAYS = ("read_photo", "negated", "as_is")
_SEED = 0
_CHUNK = 100


def convert(task: tuple[int, int, UInt8]) -> tuple[UInt8, int, int]:
    """Some photos of one kind, read in all ways.

    Args:
        task: place in ``SCENES``; number of the first picture; the pictures, uint8 ``(N, 28, 28)``.

    Returns:
        uint8 ``(3, N, 28, 28)`` in the order of ``WAYS``, black where a photo was refused; how
        many were refused; how many came with a warning.
    """
    place, start, pictures = task
    result = np.zeros((len(WAYS), *pictures.shape), np.uint8)
    refused = warned = 0
    for at, picture in enumerate(pictures):
        random = np.random.default_rng([_SEED, place, start + at])
        photo = photo_scenes.render(picture, SCENES[place], random)
        try:
            read = read_photo(photo)
            result[0, at] = read.image
            warned += bool(read.warnings)
        except PhotoError:
            refused += 1
        result[1, at] = photo_scenes.naive(photo, invert=True)
        result[2, at] = photo_scenes.naive(photo, invert=False)
    return result, refused, warned


def measure(
    place: int,
    pictures: UInt8,
    labels: UInt8,
    clean: Bool,
    model: Predictor,
    pool: ProcessPoolExecutor,
) -> dict[str, Any]:
    """Accuracy on one kind of photo in all ways, against the clean pictures and against each other."""
    tasks = [(place, at, pictures[at : at + _CHUNK]) for at in range(0, len(pictures), _CHUNK)]
    parts = list(pool.map(convert, tasks))
    images = np.concatenate([part[0] for part in parts], axis=1)
    right = [model.log_probabilities(each).argmax(axis=1) == labels for each in images]
    best = max(right[1:], key=lambda each: int(each.sum()))
    return {
        "bar": SCENES[place].bar,
        **{
            way: values(wilson(int(each.sum()), len(each)))
            for way, each in zip(WAYS, right, strict=True)
        },
        "against_clean": values(_difference(clean, right[0])),
        "against_best_naive": values(_difference(best, right[0])),
        "refused": sum(part[1] for part in parts),
        "warned": sum(part[2] for part in parts),
    }


def _difference(one: Bool, other: Bool) -> Estimate:
    return paired_difference(int((one & ~other).sum()), int((other & ~one).sum()), len(one))


def values(estimate: Estimate) -> dict[str, float]:
    """An estimate as JSON holds it."""
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def find_model(named: Path | None) -> tuple[str, Path]:
    """The model to classify with: its name and file.

    Args:
        named: an ONNX file or a run's folder; None is the model inside the package.
    """
    if named is None:
        return str(packaged_numbers()["name"]), packaged_model()
    path = named / "model.onnx" if named.is_dir() else named
    return (path.parent.name if path.name == "model.onnx" else path.name), path


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="an ONNX file or a run; else the package's own")
    parser.add_argument(
        "--pictures", type=int, default=2000, help="the first so many of the test half"
    )
    parser.add_argument("--scenes", nargs="*", choices=[scene.name for scene in SCENES])
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument(
        "--fonts", type=Path, default=drawings.FONTS, help="where fonts are looked for"
    )
    parser.add_argument(
        "--validation", action="store_true", help="for trials: of the training half's end"
    )
    parser.add_argument("--data", help="for a trial: as for fittingroom; needs --out")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args(arguments)
    trial = options.data or options.scenes or options.validation
    if trial and options.out == OUT:
        parser.error("a trial needs an --out of its own")
    name, path = find_model(options.model)
    dataset = find_dataset(options.data)
    half = dataset.training() if options.validation else dataset.open_test()
    chosen = slice(-options.pictures, None) if options.validation else slice(options.pictures)
    pictures, labels = half.images[chosen], half.labels[chosen]
    model = Predictor(path, threads=1)
    clean = model.log_probabilities(pictures).argmax(axis=1) == labels
    measured: dict[str, Any] = {
        "model": name,
        "pictures": len(pictures),
        "clean": values(wilson(int(clean.sum()), len(clean))),
        "scenes": {},
    }
    with ProcessPoolExecutor(options.processes) as pool:
        for place, scene in enumerate(SCENES):
            if options.scenes is None or scene.name in options.scenes:
                row = measure(place, pictures, labels, clean, model, pool)
                measured["scenes"][scene.name] = row
                print(photos_page.line(scene.name, row), flush=True)
    measured["drawings"] = drawings.score(model, options.fonts)
    measured["environment"] = describe_environment()
    options.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(measured, indent=1, ensure_ascii=False) + "\n"
    write_file(options.out / "photos.json", text.encode())
    write_file(options.out / "photos.md", photos_page.page(measured).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
