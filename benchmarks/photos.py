"""Are photos read as the data set's own images are? Test images rendered as photos.

    python -m benchmarks.photos [--model RUN|FILE] [--images 2000]

Each kind of damage (photo_scenes.py) is done to the same test images. `read_photo` reads the photos,
and so do the two naive ways: resized to 28×28 and made grey, negated or not. One model classifies all
three. Writes photos.json and photos.md.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import measure, photo_scenes
from benchmarks.measure import Measured, render, say, share_of
from benchmarks.photo_scenes import SCENES
from fittingroom.comparison.paired import paired_difference
from fittingroom.data import find_dataset
from fittingroom.errors import PhotoError
from fittingroom.photos import read_photo
from fittingroom.predict import Predictor
from fittingroom.predict.packaged import packaged_model
from fittingroom.runs import describe_environment

UInt8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]

WAYS = ("read_photo", "negated", "as_is")
WITHIN = 0.03  # of the clean accuracy: the bar on plain backgrounds
_SEED = 0
_CHUNK = 100


def convert(task: tuple[int, int, UInt8]) -> tuple[UInt8, int, int]:
    """Some photos of one kind, read in all ways.

    Args:
        task: place in ``SCENES``; number of the first image; the images, uint8 ``(N, 28, 28)``.

    Returns:
        uint8 ``(3, N, 28, 28)`` in the order of ``WAYS``, black if a photo was refused; how
        many were refused; how many came with a warning.
    """
    place, start, images = task
    result = np.zeros((len(WAYS), *images.shape), np.uint8)
    refused = warned = 0
    for at, image in enumerate(images):
        random = np.random.default_rng([_SEED, place, start + at])
        photo = photo_scenes.render(image, SCENES[place], random)
        try:
            read = read_photo(photo)
            result[0, at] = read.image
            warned += bool(read.warnings)
        except PhotoError:
            refused += 1
        result[1, at] = photo_scenes.naive(photo, invert=True)
        result[2, at] = photo_scenes.naive(photo, invert=False)
    return result, refused, warned


def measure_scene(
    place: int, images: UInt8, labels: UInt8, clean: Bool, model: Predictor, pool: Any
) -> Measured:
    """Accuracy on one kind of photo in all ways, compared with the clean images and each other."""
    tasks = [(place, at, images[at : at + _CHUNK]) for at in range(0, len(images), _CHUNK)]
    parts = list(pool.map(convert, tasks))
    converted = np.concatenate([part[0] for part in parts], axis=1)
    right = [model.log_probabilities(each).argmax(axis=1) == labels for each in converted]
    best = max(right[1:], key=lambda each: int(each.sum()))
    return {
        "bar": SCENES[place].bar,
        **{way: share_of(each) for way, each in zip(WAYS, right, strict=True)},
        "against_clean": _difference(clean, right[0]),
        "against_best_naive": _difference(best, right[0]),
        "refused": sum(part[1] for part in parts),
        "warned": sum(part[2] for part in parts),
    }


def _difference(one: Bool, other: Bool) -> Measured:
    only = int((one & ~other).sum()), int((other & ~one).sum())
    return paired_difference(*only, len(one)).as_dict()


def everything(options: argparse.Namespace, stored: Measured) -> Iterator[Measured]:
    """All kinds of photos, one after another."""
    if options.model is None:
        name, path = "cnn-tiny", packaged_model("cnn-tiny")
    else:
        path = options.model / "model.onnx" if options.model.is_dir() else options.model
        name = path.parent.name if path.name == "model.onnx" else path.name
    image_set = find_dataset(options.data).open_test()
    images, labels = image_set.images[: options.images], image_set.labels[: options.images]
    model = Predictor(path, threads=1)
    clean = model.log_probabilities(images).argmax(axis=1) == labels
    scenes = {}
    with ProcessPoolExecutor() as pool:
        for place, scene in enumerate(SCENES):
            row = measure_scene(place, images, labels, clean, model, pool)
            scenes[scene.name] = row
            say(f"{scene.name}: {_percent(row['read_photo'])}")
    yield {
        "model": name,
        "images": len(images),
        "clean": share_of(clean),
        "scenes": scenes,
        "environment": describe_environment(),
    }


def missed_bars(measured: Measured) -> list[str]:
    """The bars that were missed, each in words; empty if all hold."""
    missed = []
    for name, row in measured["scenes"].items():
        if row["bar"] == "plain" and row["against_clean"]["value"] < -WITHIN:
            missed.append(f"{name}: {_points(row['against_clean'])} against the clean images")
        if row["against_best_naive"]["value"] < 0:
            missed.append(f"{name}: {_points(row['against_best_naive'])} against the naive way")
    return missed


def page(measured: Measured) -> str:
    """The results as Markdown."""
    missed = missed_bars(measured)
    return render("photos", measured, missed=missed, share=_percent, points=_points)


def _percent(estimate: Measured) -> str:
    return f"{estimate['value']:.2%} ({100 * estimate['low']:.1f}–{100 * estimate['high']:.1f})"


def _points(estimate: Measured) -> str:
    value, low, high = (
        f"{100 * estimate[name]:+.2f}".replace("-", "−") for name in ("value", "low", "high")
    )
    return f"{value} ({low} to {high})"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = measure.parser(__doc__)
    parser.add_argument("--model", type=Path, help="an ONNX file or a run; default: the package's")
    parser.add_argument("--images", type=int, default=2000, help="the first ones of the test set")
    measure.run("photos", measure.parse(parser, arguments), everything, page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
