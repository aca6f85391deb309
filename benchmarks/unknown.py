"""Does a model know what it does not know?

    python -m benchmarks.unknown [--model RUN|FILE] [--count 1000]

On clothes: how accurate the answers are against the share of images answered. On images of anything
else (strangers.py): how well `ood_score` tells them from clothes, and what the model's rule lets
through. Thresholds were chosen on validation data when the model was made; the test set only
measures them. Writes unknown.json and unknown.md.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import measure
from benchmarks.measure import Measured, render, share_of
from benchmarks.strangers import strangers
from fittingroom.data import find_dataset
from fittingroom.jobs.load import load
from fittingroom.metrics import risk_coverage
from fittingroom.predict import Model

COVERAGES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
ACCEPTED = 0.95

Floats = npt.NDArray[np.floating[Any]]


def auroc(garments: Floats, others: Floats) -> float:
    """The probability that an unknown image's score is above a garment's, ties counted half."""
    ordered = np.sort(garments)
    below = np.searchsorted(ordered, others, "left") + np.searchsorted(ordered, others, "right")
    return float(below.mean() / 2 / len(garments))


def measure_model(model: Model, data: str | None, count: int, seed: int) -> dict[str, Any]:
    test = find_dataset(data).open_test()
    said = model.answers(test.images)
    wrong, answered = said.label != test.labels, said.abstain == 0
    curve = risk_coverage(test.labels, said.label, said.probabilities)
    at = [int(np.searchsorted(curve.coverage, coverage)) for coverage in COVERAGES]
    at = [min(index, len(curve.coverage) - 1) for index in at]
    limit = float(np.quantile(said.ood_score, ACCEPTED))
    kinds: dict[str, Any] = {}
    surest = said.probabilities.max(axis=1)
    strange = strangers(count, seed)
    # A mixture of equal parts, so that no kind weighs more than another.
    strange["all of these"] = np.concatenate(list(strange.values()))
    for name, images in strange.items():
        given = model.answers(images)
        kinds[name] = {
            "images": len(images),
            "auroc": auroc(said.ood_score, given.ood_score),
            "auroc_of_probability": auroc(-surest, -given.probabilities.max(axis=1)),
            "false_accepts": share_of(given.ood_score <= limit),
            "answered": share_of(given.abstain == 0),
        }
    return {
        "model": model.name,
        "unsure": model.thresholds.unsure,
        "unknown": model.thresholds.unknown,
        "garments": {
            "images": len(test),
            "accuracy": share_of(~wrong),
            "answered": share_of(answered),
            "unsure": share_of(said.abstain == 1),
            "unknown": share_of(said.abstain == 2),
            "accuracy_of_answers": share_of(~wrong[answered]),
        },
        "coverage": [
            {
                "answered": float(curve.coverage[index]),
                "accuracy": 1 - float(curve.risk[index]),
                "low": 1 - float(curve.high[index]),
                "high": 1 - float(curve.low[index]),
                "least_probability": float(curve.threshold[index]),
            }
            for index in at
        ],
        "strangers": kinds,
        "seed": seed,
    }


page = partial(render, "unknown")


def everything(options: argparse.Namespace, stored: Measured) -> Iterator[Measured]:
    """One model."""
    yield measure_model(
        load(options.model or "cnn-tiny"), options.data, options.count, options.seed
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = measure.parser(__doc__)
    parser.add_argument("--model", type=Path, help="a run or an ONNX file; default: cnn-tiny")
    parser.add_argument("--count", type=int, default=1000, help="unknown images of each kind")
    parser.add_argument("--seed", type=int, default=1, help="of the unknown images")
    measure.run("unknown", measure.parse(parser, arguments), everything, page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
