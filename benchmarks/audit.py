"""Does the audit find what was planted, and what does it find in Fashion-MNIST? How long does it take?

    python benchmarks/audit.py [--parts found flips copies mirrored time] [--runs FOLDER]

Each part is kept in ``audit.json`` as soon as it is measured, and replaces its last measurement;
``audit.md``, ``audit.png`` and ``docs/results/audit-fashion-mnist.md`` show all parts that there are.

- ``found``: `fittingroom audit` on the real data; a finished one in ``--runs`` is used.
- ``flips``: one label in a hundred, in both halves, becomes another at random, and the audit of
  that is held against what was planted. Labels of Fashion-MNIST's own that are doubtful count as
  false alarms here, right or not; a second precision leaves out those that ``found`` doubts too.
- ``copies``: 1,000 test pictures take the place of training pictures, exact or altered; how many
  are flagged?
- ``mirrored``: how many pairs correlate at each threshold, and how many of a picture and a mirrored
  one, which do so by chance; and whether the search finds every pair that all products give.
- ``time``: the whole audit, and the search through all pictures, each in a process of its own, on
  two threads. Nothing else should run meanwhile.
"""

import argparse
import dataclasses
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # In place of this folder, whose statistics.py would hide Python's own.
    sys.path[0] = str(Path(__file__).parents[1])

import numpy as np

from benchmarks import audit_page, processes
from fittingroom.auditing import Audit, find_audit, search, unit_pictures
from fittingroom.data import Dataset, find_dataset
from fittingroom.engines import engine_named
from fittingroom.jobs.audit import audit, audit_recipe, examine, out_of_fold
from fittingroom.jobs.session import Session
from fittingroom.metrics import wilson
from fittingroom.predictions import Int64, UInt8
from fittingroom.runs import describe_environment, write_file

OUT = processes.ROOT / "docs" / "results"
PAGE = processes.ROOT / "docs" / "results" / "audit-fashion-mnist.md"
PARTS = ("found", "flips", "copies", "mirrored", "time")

SHARE = 0.01  # of labels that are flipped
COPIES = 1000
THRESHOLDS = (0.98, 0.985, 0.99, 0.9925, 0.995, 0.9975, 0.999)
_STRANGEST = 10
_SEED = 0


def found(dataset: Dataset, runs: Path, options: argparse.Namespace) -> dict[str, Any]:
    """What the audit finds in the data as it is."""
    stored = audit(
        recipe=options.recipe,
        session=Session(data=dataset, runs=runs, threads=options.threads, device="cpu"),
    )
    values = stored.audit.as_dict()
    kinds = np.zeros((len(dataset.classes),) * 2, int)
    np.add.at(kinds, (stored.audit.doubtful.given, stored.audit.doubtful.suggested), 1)
    images = np.concatenate([dataset.training().images, dataset.open_test().images])
    strangest = values["doubtful"][:_STRANGEST]
    positions = stored.audit.doubtful.positions[:_STRANGEST]
    options.out.mkdir(parents=True, exist_ok=True)
    png = audit_page.draw(strangest, images[positions], dataset.classes)
    write_file(options.out / "audit.png", png)
    return {
        "data": dataset.name,
        "classes": list(dataset.classes),
        "recipe": values["basis"]["recipe"],
        "folds": values["basis"]["folds"],
        "epochs": values["epochs"],
        "similarity": values["basis"]["similarity"],
        "neighbours": values["basis"]["neighbours"],
        "accuracy": values["accuracy"],
        "test_accuracy": values["test_accuracy"],
        "counts": values["counts"],
        "kinds": kinds.tolist(),
        "strangest": strangest,
    }


def flip(labels: UInt8, share: float, kinds: int, generator: np.random.Generator) -> Int64:
    """Make a share of the labels others, at random, in place; the positions, rising."""
    count = round(len(labels) * share)
    chosen = np.sort(generator.choice(len(labels), count, replace=False))
    labels[chosen] = (labels[chosen] + generator.integers(1, kinds, count)) % kinds
    return chosen.astype(np.int64)


def flips(dataset: Dataset, runs: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Precision and recall of the doubtful labels where one in a hundred is wrong."""
    stored = find_audit(runs, dataset)
    assert stored is not None, "the part `found` comes first"
    basis = stored.audit.basis
    generator = np.random.default_rng(_SEED)
    halves, planted, before = [], [], 0
    for half in (dataset.training(), dataset.open_test()):
        labels = half.labels.copy()
        planted.append(before + flip(labels, SHARE, len(dataset.classes), generator))
        before += len(labels)
        halves.append(dataclasses.replace(half, labels=labels))
    training, test = halves
    recipe = audit_recipe(options.recipe, basis.folds, None)
    said = out_of_fold(
        recipe,
        training,
        test,
        dataset.classes,
        folds=basis.folds,
        seed=basis.seed,
        place=engine_named(recipe.engine).device("cpu", options.threads),
    )
    images = np.concatenate([training.images, test.images])
    return score(examine(basis, said, images), np.concatenate(planted), stored.audit)


def score(audited: Audit, planted: Int64, clean: Audit) -> dict[str, Any]:
    """The doubtful labels of an audit, held against those that were planted.

    Args:
        audited: of the data with planted labels.
        planted: their positions.
        clean: of the same data without them.
    """
    flagged = audited.doubtful.positions
    hits = np.isin(flagged, planted)
    new = ~np.isin(flagged, clean.doubtful.positions) | hits
    first = hits[: len(planted)]
    boundary = audited.basis.training
    by_half = {
        half: estimate(
            int(np.isin(where, flagged).sum()),
            len(where),
        )
        for half, where in (
            ("training", planted[planted < boundary]),
            ("test", planted[planted >= boundary]),
        )
        if len(where)
    }
    return {
        "planted": len(planted),
        "flagged": len(flagged),
        "recall": estimate(int(hits.sum()), len(planted)),
        "recall_by_half": by_half,
        "precision": estimate(int(hits.sum()), len(flagged)),
        "precision_of_new": estimate(int(hits.sum()), int(new.sum())),
        "precision_of_first": estimate(int(first.sum()), len(first)),
        "accuracy": {
            "value": audited.accuracy.value,
            "interval": [audited.accuracy.low, audited.accuracy.high],
        },
    }


def estimate(successes: int, trials: int) -> dict[str, Any]:
    """A share with Wilson's interval."""
    share = wilson(successes, trials)
    return {"value": share.value, "interval": [share.low, share.high]}


def alterations(images: UInt8, generator: np.random.Generator) -> dict[str, UInt8]:
    """Pictures as they are, and altered in one way each."""
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


def copies(dataset: Dataset, runs: Path, options: argparse.Namespace) -> dict[str, Any]:
    """How many test pictures are flagged that were put into training, by how they were altered."""
    generator = np.random.default_rng(_SEED)
    training, test = dataset.training().images, dataset.open_test().images
    count = min(COPIES, len(test))
    shares = {}
    for name, altered in alterations(test[:count], generator).items():
        images = training.copy()
        places = generator.choice(len(images), count, replace=False)
        images[places] = altered
        pairs = search(np.concatenate([images, test])).pairs
        # Of exact copies the first is at its place in training, so both kinds are such pairs.
        alike = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
        wanted = zip(places.tolist(), range(len(images), len(images) + count), strict=True)
        hits = sum(pair in alike for pair in wanted)
        shares[name] = estimate(hits, count)
        print(f"copies, {name}: {hits} of {count}", flush=True)
    return {"copies": count, "flagged": shares}


def mirrored(dataset: Dataset, runs: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Pairs by threshold, as they are and with one of the two mirrored, from all products."""
    images = np.concatenate([dataset.training().images, dataset.open_test().images])
    vectors, turned = unit_pictures(images), unit_pictures(images[:, :, ::-1])
    counts = {kind: np.zeros(len(THRESHOLDS), int) for kind in ("as they are", "mirrored")}
    for start in range(0, len(vectors), 500):
        block = vectors[start : start + 500]
        later = np.arange(len(vectors)) > start + np.arange(len(block))[:, None]
        for kind, others in (("as they are", vectors), ("mirrored", turned)):
            products = block @ others.T
            near = products[(products >= THRESHOLDS[0]) & later]
            counts[kind] += [int((near >= threshold).sum()) for threshold in THRESHOLDS]
    searched = [len(search(images, threshold=threshold).pairs) for threshold in (0.98, 0.995)]
    every = counts["as they are"]
    return {
        "thresholds": list(THRESHOLDS),
        "as_they_are": every.tolist(),
        "mirrored": counts["mirrored"].tolist(),
        "searched": {"0.98": searched[0], "0.995": searched[1]},
    }


def time_parts(dataset: Dataset, runs: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Seconds and memory of the search, and of the whole audit."""
    work = {"data": options.data, "threads": options.threads, "recipe": options.recipe}
    measured = {
        name: processes.measure(name, work, variables={"OMP_NUM_THREADS": str(options.threads)})
        for name in ("audit_search", "audit_whole")
    }
    return {
        **measured,
        "threads": options.threads,
        "environment": describe_environment(),
    }


_MEASURES = {
    "found": found,
    "flips": flips,
    "copies": copies,
    "mirrored": mirrored,
    "time": time_parts,
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--runs", type=Path, help="a folder of runs for the audit; else a new one")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", help="for a trial: as for fittingroom; needs --out")
    parser.add_argument("--recipe", help="for a trial: as for fittingroom audit; needs --out")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args(arguments)
    if (options.data or options.recipe) and options.out == OUT:
        parser.error("a trial needs an --out of its own")
    path = options.out / "audit.json"
    measured = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    dataset = find_dataset(options.data)
    with tempfile.TemporaryDirectory() as name:
        runs = options.runs or Path(name)
        for part in (part for part in PARTS if part in options.parts):
            if part == "flips":  # needs the audit of the data as it is
                found(dataset, runs, options)
            measured[part] = _MEASURES[part](dataset, runs, options)
            if part != "time":
                measured["environment"] = describe_environment()
            options.out.mkdir(parents=True, exist_ok=True)
            write_file(path, (json.dumps(measured, indent=1, ensure_ascii=False) + "\n").encode())
            print(f"{part}: {json.dumps(measured[part])[:400]}", flush=True)
    write_file(options.out / "audit.md", audit_page.results_page(measured).encode())
    page = PAGE if options.out == OUT else options.out / "audit-page.md"
    write_file(page, audit_page.findings_page(measured).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
