"""Does the audit find planted faults, what does it find in Fashion-MNIST, and how long does it take?

    python -m benchmarks.audit [--parts found flips copies mirrored time] [--runs FOLDER]

Writes audit.json, audit.md, audit.png, and what was found to audit-fashion-mnist.md. Parts that are not
measured keep their last results.

- found: `fittingroom audit` on the real data; a finished one in --runs is used.
- flips: one label in a hundred, in both sets, becomes another at random; the audit of that is
  compared with what was planted. Doubtful labels of Fashion-MNIST's own count as false alarms here,
  rightly or not; a second precision leaves out those that `found` doubts too.
- copies: 1,000 test images replace training images, exact or altered; how many are flagged?
- mirrored: how many pairs correlate at each threshold, and how many of an image and a mirrored one,
  which do so by chance; and whether the search finds every pair that all products give.
- time: the whole audit, and the search through all images. Nothing else should run meanwhile.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import measure
from benchmarks.made_data import write_set
from benchmarks.measure import Measured, in_process, peak_memory_mb, render, share
from fittingroom.auditing import Audit, search, unit_images
from fittingroom.data import Dataset, find_dataset
from fittingroom.data.official import TEST, TRAINING
from fittingroom.jobs.audit import audit
from fittingroom.jobs.session import Session
from fittingroom.numbers import sureness
from fittingroom.predictions import Int64, UInt8
from fittingroom.runs import describe_environment, write_file

FINDINGS = Path("audit-fashion-mnist.md")

SHARE = 0.01  # of labels that are flipped
COPIES = 1000
THRESHOLDS = (0.98, 0.985, 0.99, 0.9925, 0.995, 0.9975, 0.999)
_STRANGEST, _KINDS = 10, 8
_SEED = 0


def _audited(dataset: Dataset, runs: Path, options: argparse.Namespace) -> Audit:
    session = Session(data=dataset, runs=runs, threads=options.threads, device="cpu")
    return audit(recipe=options.recipe, session=session)


def _positions(audit: Audit) -> Int64:
    """Where the doubtful labels are, counted through the training set and then the test set."""
    training = audit.values["basis"]["training"]
    rows = audit.values["doubtful"]
    return np.array([row["index"] + training * (row["set"] == "test") for row in rows], np.int64)


def _images(dataset: Dataset) -> UInt8:
    return np.concatenate([dataset.training().images, dataset.open_test().images])


def found(dataset: Dataset, runs: Path, options: argparse.Namespace) -> Measured:
    """What the audit finds in the data as it is."""
    stored = _audited(dataset, runs, options)
    values, doubtful = stored.values, stored.values["doubtful"]
    kinds = np.zeros((len(dataset.classes),) * 2, int)
    for row in doubtful:
        kinds[row["given"], row["suggested"]] += 1
    strangest = doubtful[:_STRANGEST]
    png = draw(strangest, _images(dataset)[_positions(stored)[:_STRANGEST]], dataset.classes)
    write_file(options.out / "audit.png", png)
    return {
        "data": dataset.name,
        "classes": list(dataset.classes),
        **{name: values["basis"][name] for name in ("recipe", "folds", "similarity", "neighbours")},
        "epochs": values["epochs"],
        "accuracy": values["accuracy"],
        "test_accuracy": values["test_accuracy"],
        "counts": values["counts"],
        "kinds": kinds.tolist(),
        "strangest": strangest,
    }


def draw(strangest: Sequence[Mapping[str, Any]], images: UInt8, classes: Sequence[str]) -> bytes:
    """The strangest labels as a PNG: image, given label, suggested label, its probability."""
    from fittingroom import plots

    tiles = tuple(
        plots.Tile(
            image,
            classes[each["given"]],
            f"→ {classes[each['suggested']]} {sureness(each['suggested_probability'])}",
        )
        for each, image in zip(strangest, images, strict=True)
    )
    title = "Given label, and what models that never saw the image predict"
    figure = plots.tile_sheet({title: tiles}, columns=5)
    return plots.png(figure, "The strangest labels", dots_per_inch=140, colours=32)


def flip(labels: UInt8, kinds: int, generator: np.random.Generator) -> Int64:
    """Change a share of the labels to others, at random, in place; the positions, rising."""
    count = round(len(labels) * SHARE)
    chosen = np.sort(generator.choice(len(labels), count, replace=False))
    labels[chosen] = (labels[chosen] + generator.integers(1, kinds, count)) % kinds
    return chosen.astype(np.int64)


def flips(dataset: Dataset, runs: Path, options: argparse.Namespace) -> Measured:
    """Precision and recall of the doubtful labels if one in a hundred is wrong."""
    clean = _audited(dataset, runs, options)
    generator = np.random.default_rng(_SEED)
    planted, before = [], 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for files, image_set in ((TRAINING, dataset.training()), (TEST, dataset.open_test())):
            labels = image_set.labels.copy()
            planted.append(before + flip(labels, len(dataset.classes), generator))
            before += len(labels)
            write_set(folder, files, image_set.images, labels, len(labels))
        flipped = find_dataset(folder)
        audited = _audited(flipped, folder / "runs", options)
    return score(audited, np.concatenate(planted), clean)


def score(audited: Audit, planted: Int64, clean: Audit) -> Measured:
    """The doubtful labels of an audit compared with the planted ones.

    Args:
        audited: of the data with planted labels.
        planted: their positions.
        clean: of the same data without them.
    """
    flagged = _positions(audited)
    hits = np.isin(flagged, planted)
    new = ~np.isin(flagged, _positions(clean)) | hits
    first = hits[: len(planted)]
    boundary = audited.values["basis"]["training"]
    halves = {"training": planted[planted < boundary], "test": planted[planted >= boundary]}
    return {
        "planted": len(planted),
        "flagged": len(flagged),
        "recall": share(int(hits.sum()), len(planted)),
        "recall_by_set": {
            half: share(int(np.isin(where, flagged).sum()), len(where))
            for half, where in halves.items()
            if len(where)
        },
        "precision": share(int(hits.sum()), len(flagged)),
        "precision_of_new": share(int(hits.sum()), int(new.sum())),
        "precision_of_first": share(int(first.sum()), len(first)),
        "accuracy": audited.values["accuracy"],
    }


def alterations(images: UInt8, generator: np.random.Generator) -> dict[str, UInt8]:
    """Images as they are, and altered in one way each."""
    moved = np.zeros_like(images)
    moved[:, :, 1:] = images[:, :, :-1]
    noise = generator.normal(0, 5, images.shape) * (images > 0)
    return {
        "exact": images,
        "contrast × 0.7": (images * 0.7).round().astype(np.uint8),
        "gamma 0.8": (255 * (images / 255) ** 0.8).round().astype(np.uint8),
        "noise of 5 grey values": (images + noise).round().clip(0, 255).astype(np.uint8),
        "moved by 1 pixel": moved,
        "mirrored": images[:, :, ::-1].copy(),
    }


def copies(dataset: Dataset, runs: Path, options: argparse.Namespace) -> Measured:
    """How many test images are flagged that were put into training, by how they were altered."""
    generator = np.random.default_rng(_SEED)
    training, test = dataset.training().images, dataset.open_test().images
    count = min(COPIES, len(test))
    shares = {}
    for name, altered in alterations(test[:count], generator).items():
        images = training.copy()
        places = generator.choice(len(images), count, replace=False)
        images[places] = altered
        pairs, _ = search(np.concatenate([images, test]))
        alike = set(zip(pairs["first"], pairs["second"], strict=True))
        wanted = zip(places.tolist(), range(len(images), len(images) + count), strict=True)
        shares[name] = share(sum(pair in alike for pair in wanted), count)
    return {"copies": count, "flagged": shares}


def mirrored(dataset: Dataset, runs: Path, options: argparse.Namespace) -> Measured:
    """Pairs by threshold, as they are and with one of the two mirrored, from all products."""
    images = _images(dataset)
    vectors, turned = unit_images(images), unit_images(images[:, :, ::-1])
    counts = {kind: np.zeros(len(THRESHOLDS), int) for kind in ("as they are", "mirrored")}
    for start in range(0, len(vectors), 500):
        block = vectors[start : start + 500]
        later = np.arange(len(vectors)) > start + np.arange(len(block))[:, None]
        for kind, others in (("as they are", vectors), ("mirrored", turned)):
            products = block @ others.T
            near = products[(products >= THRESHOLDS[0]) & later]
            counts[kind] += [int((near >= threshold).sum()) for threshold in THRESHOLDS]
    return {
        "thresholds": list(THRESHOLDS),
        "as_they_are": counts["as they are"].tolist(),
        "mirrored": counts["mirrored"].tolist(),
        "searched": {f"{each:g}": len(search(images, threshold=each)[0]) for each in (0.98, 0.995)},
    }


def timed(dataset: Dataset, runs: Path, options: argparse.Namespace) -> Measured:
    """Seconds and memory of the search, and of the whole audit."""
    variables = {"OMP_NUM_THREADS": str(options.threads)}
    work = {"data": options.data, "threads": options.threads}
    return {
        "audit_search": in_process("benchmarks.audit:time_search", variables=variables, **work),
        "audit_whole": in_process(
            "benchmarks.audit:time_audit",
            variables=variables,
            recipe=options.recipe,
            began=time.time(),
            **work,
        ),
        "threads": options.threads,
        "environment": describe_environment(),
    }


def time_search(*, data: str | None, threads: int) -> Measured:
    """Compare all images of a data set with each other, as ``fittingroom audit`` does."""
    from threadpoolctl import threadpool_limits

    images = _images(find_dataset(data))
    before = time.time()
    with threadpool_limits(threads):
        pairs, _ = search(images)
    return {
        "images": len(images),
        "pairs": len(pairs),
        "seconds": time.time() - before,
        "peak_memory_mb": peak_memory_mb(),
    }


def time_audit(*, data: str | None, threads: int, recipe: str | None, began: float) -> Measured:
    """``fittingroom audit`` in an empty folder of runs."""
    with tempfile.TemporaryDirectory() as runs:
        session = Session(data=data, runs=runs, threads=threads, device="cpu")
        stored = audit(recipe=recipe, session=session)
        parts = json.loads((stored.folder / "environment.json").read_text())["seconds"]
        return {
            "seconds": time.time() - began,
            "cross_validation_seconds": parts["cross_validation"],
            "images_seconds": parts["images"],
            "page_bytes": stored.page.stat().st_size,
            "peak_memory_mb": peak_memory_mb(),
        }


PARTS = {"found": found, "flips": flips, "copies": copies, "mirrored": mirrored, "time": timed}


def everything(options: argparse.Namespace, stored: Measured) -> Iterator[Measured]:
    """Measure the parts asked for; the others keep their results."""
    dataset = find_dataset(options.data)
    with tempfile.TemporaryDirectory() as name:
        for part in (part for part in PARTS if part in options.parts):
            stored[part] = PARTS[part](dataset, options.runs or Path(name), options)
            if part != "time":
                stored["environment"] = describe_environment()
            yield stored


page = partial(render, "audit")


def findings_page(measured: Measured) -> str:
    """What was found in the data, with the confusions of labels that are doubted most often."""
    classes, kinds = measured["found"]["classes"], np.array(measured["found"]["kinds"])
    order = np.argsort(-kinds, axis=None, kind="stable")[:_KINDS]
    most = [
        (classes[row], classes[column], int(kinds[row, column]))
        for row, column in zip(*np.unravel_index(order, kinds.shape), strict=True)
    ]
    return render(FINDINGS.stem, measured, kinds=most, sureness=sureness)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = measure.parser(__doc__)
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--runs", type=Path, help="a folder of runs for the audit; default: new")
    parser.add_argument("--recipe", help="for a trial: as for fittingroom audit; needs --out")
    options = measure.parse(parser, arguments, trial=("recipe",))
    measured = measure.run("audit", options, everything, page)
    if "found" in measured:
        write_file(options.out / FINDINGS, findings_page(measured).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
