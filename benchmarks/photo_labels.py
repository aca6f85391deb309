"""Which photos have a wrong label? `fittingroom.auditing` on answers of models that never saw them.

    python -m benchmarks.photo_labels [--photos FOLDER] [--work FOLDER]

Asks no model: `python -m benchmarks.photos` leaves the answers in the folder of --work. Compares
what the audit finds with the 37 labels that were corrected before, and with verdicts by eye of its
first 60, in photo_verdicts.csv. Writes photo-labels.json and photo-labels.md, and changes no label.
"""

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import measure
from benchmarks.measure import ROOT, Measured, render, share_of
from benchmarks.photo_folds import FOLDS, NEVER, read_photos
from benchmarks.photo_rule import OTHER, SHOE
from fittingroom.auditing import doubtful_labels
from fittingroom.classes import GARMENTS

VERDICTS = Path(__file__).with_name("photo_verdicts.csv")
CLASSES = [*GARMENTS, OTHER]
page = partial(render, "photo-labels")  # the results as Markdown


def everything(options: argparse.Namespace, _: Measured) -> Iterator[Measured]:
    """The doubtful labels, beside the corrections and the verdicts."""
    every = read_photos(options.photos)
    logs = np.zeros((len(every.paths), len(CLASSES)))
    for fold in range(FOLDS):
        logs[every.fold == fold] = np.load(options.work / f"fold{fold}.npy")
    # Any shoe is right where it could not be told, and no model knows skirts.
    rows = (every.given != SHOE) & (every.original != NEVER)
    photos, probabilities = every.take(rows), np.exp(logs[rows])
    found = doubtful_labels([CLASSES.index(name) for name in photos.given], probabilities)
    with VERDICTS.open(encoding="utf-8", newline="") as lines:
        verdicts = {row["file"]: row["verdict"] for row in csv.DictReader(lines)}
    corrected = photos.given != photos.corrected
    listed = [
        {
            "file": str(photos.files[row.position]),
            "original": str(photos.original[row.position]),
            "given": CLASSES[row.given],
            "suggested": CLASSES[row.suggested],
            "probability": round(row.suggested_probability, 3),
            "corrected": str(photos.corrected[row.position]) * bool(corrected[row.position]),
            "verdict": verdicts.get(str(photos.files[row.position]), ""),
        }
        for row in found.itertuples()
    ]
    seen = [each for each in listed if each["verdict"]]
    right_to_doubt = np.array([each["verdict"] == "wrong" for each in seen])
    yield {
        "photos": len(photos.paths),
        "doubtful": len(listed),
        "corrections": int(corrected.sum()),
        "corrections_found": sum(bool(each["corrected"]) for each in listed),
        "verdicts": dict(Counter(each["verdict"] for each in seen)),
        "new": sum(each["verdict"] == "wrong" and not each["corrected"] for each in seen),
        "precision": {n: share_of(right_to_doubt[:n]) for n in (20, 40, 60)},
        "suggestion_right": sum(each["suggested"] == each["corrected"] for each in listed),
        "listed": listed,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = measure.parser(__doc__)
    parser.add_argument("--photos", type=Path, default=ROOT / "photos", help="their folder")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "photos", help="answers")
    measure.run("photo-labels", measure.parse(parser, arguments), everything, page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
