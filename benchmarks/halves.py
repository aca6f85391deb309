"""Why are models more accurate on validation images than on test images?

    python -m benchmarks.halves

Compares the 10,000 test images, the 5,000 validation images of the recipes' split, and all 60,000
of the training set. Writes halves.json and halves.md.

- Agreement: how many of the ten nearest of the 60,000 have an image's own label. An image is not
  its own neighbour, so that all are judged as test images are. The distance is that of the pixels,
  each image brought to mean 0 and length 1, as in the audit.
- Vote of these neighbours: a classifier that nobody tuned, out of fold everywhere.
- A model inside the package, which keeps its last epoch: validation chose none.
- At equal distance: in fifths of the distance to the nearest image, weighted as in the second set.
- Near-duplicates: images nearly the same as one of the 55,000 trained on are left out.

Intervals of gaps are normal; all cover the choice of images, with the 60,000 given as neighbours.
"""

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import measure
from benchmarks.measure import Measured, render, share_of
from fittingroom.auditing import search, unit_images
from fittingroom.data import find_dataset
from fittingroom.data.split import SplitRule
from fittingroom.jobs.load import load
from fittingroom.metrics import mean_estimate
from fittingroom.numbers import Estimate

MODEL = "cnn-tiny"
SPLIT = SplitRule("stratified", "1/12")
ALIKE = (0.995, 0.98)  # the audit's threshold, and one that many unrelated images reach
NEIGHBOURS, FIFTHS = 10, 5
PAIRS = (("test", "validation"), ("test", "all"), ("validation", "the rest"))
_BLOCK = 500  # images compared with all others at a time
Array = npt.NDArray[Any]


def nearest(points: Array, count: int) -> tuple[Array, Array]:
    """Correlation with the nearest of the first ``count``, ``(N, 10)``, and their positions.

    No point is near itself.
    """
    similar, places = [], []
    for start in range(0, len(points), _BLOCK):
        products = points[start : start + _BLOCK] @ points[:count].T  # (block, count)
        own = np.arange(start, min(start + len(products), count))
        products[own - start, own] = -1
        place = np.argpartition(products, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS:].copy()
        places.append(place)
        similar.append(np.take_along_axis(products, place, axis=1))
    return np.concatenate(similar), np.concatenate(places)


def mean(values: Array) -> Measured:
    """The mean of one number an image, with its interval."""
    return share_of(values) if values.dtype == bool else mean_estimate(values).as_dict()


def gap(values: Array, others: Array, bins: Array, other_bins: Array) -> Measured:
    """The mean of one number an image less that of other images, with its interval.

    It is the mean over bins, which weigh as much as they hold of the others.
    """
    total = variance = 0.0
    for each in np.unique(other_bins):
        one, two = values[bins == each], others[other_bins == each]
        weight = len(two) / len(others)
        total += weight * float(one.mean() - two.mean())
        variance += weight**2 * float(one.var() / len(one) + two.var() / len(two))
    error = 1.96 * math.sqrt(variance)
    return Estimate(total, total - error, total + error).as_dict()


def everything(options: argparse.Namespace, stored: Measured) -> Iterator[Measured]:
    """All at once."""
    dataset = find_dataset(options.data)
    training, test, split = dataset.training(), dataset.open_test(), dataset.split(SPLIT)
    images = np.concatenate([training.images, test.images])
    labels = np.concatenate([training.labels, test.labels])
    count, trained = len(training), split.training.indices
    sets = {
        "test": np.arange(count, len(images)),
        "validation": split.validation.indices,
        "the rest": trained,
        "all": np.arange(count),
    }
    similar, places = nearest(unit_images(images), count)
    votes = [(similar * (labels[places] == kind)).sum(axis=1) for kind in np.unique(labels)]
    agreement = (labels[places] == labels[:, None]).mean(axis=1)
    measures = {
        "agreement": agreement,
        "vote": np.argmax(votes, axis=0) == labels,
        MODEL: load(MODEL).answers(images).label == labels,
    }
    distance = np.sqrt(2 - 2 * similar.max(axis=1).clip(-1, 1))
    edges = np.quantile(distance[:count], np.arange(1, FIFTHS) / FIFTHS)
    fifths, together = np.digitize(distance, edges), np.zeros(len(images), int)
    pairs, _ = search(images, threshold=min(ALIKE))
    ways = {"all images": (together, together == 0), "at equal distance": (fifths, together == 0)}
    for threshold in ALIKE:
        alike = pairs[pairs["similarity"] >= threshold - 1e-6][["first", "second"]].to_numpy()
        one, other = np.concatenate([alike, alike[:, ::-1]]).T
        near = one[np.isin(other, trained)]
        ways[f"none alike by {threshold}"] = together, ~np.isin(np.arange(len(images)), near)

    def compare(values: Array, pair: tuple[str, str], bins: Array, kept: Array) -> Measured:
        one, other = (sets[half][kept[sets[half]]] for half in pair)
        return gap(values[one], values[other], bins[one], bins[other])

    def means(values: Array) -> Measured:
        return {half: mean(values[each]) for half, each in sets.items()}

    yield {
        "images": {half: len(each) for half, each in sets.items()},
        "model": MODEL,
        "alike": {way: means(~kept) for way, (_, kept) in ways.items() if not kept.all()},
        "means": {name: means(values) for name, values in measures.items()},
        "gaps": [
            {"measure": name, "pair": pair, "way": way, **compare(values, pair, *how)}
            for name, values in measures.items()
            for pair in (PAIRS[:1] if name == MODEL else PAIRS)  # it was trained on the rest
            for way, how in ways.items()
        ],
        "fifths": [
            {"up to": float(edge), "share": means(fifths == at)}
            | {half: mean(agreement[each[fifths[each] == at]]) for half, each in sets.items()}
            for at, edge in enumerate([*edges, distance.max()])
        ],
    }


page = partial(render, "halves")


def main(arguments: Sequence[str] | None = None) -> int:
    measure.run("halves", measure.parse(measure.parser(__doc__), arguments), everything, page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
