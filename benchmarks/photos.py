"""Real photos, in five folds by who sent them: is the model of photos right, and does it know it?

    python -m benchmarks.photos [--photos FOLDER] [--folds 0 1 2 3 4] [--more-seeds]

For each fold, the model is trained without the fold's senders (`make photo-model`'s trainer, about
40 minutes on one core; two at a time), and answers their photos. So do the two ways that need no
training: the conversion to 28×28 for cnn-tiny, and naive resizing. A fold's temperature and
thresholds are chosen on the other folds; those of the package's model, `chosen`, on all of them.
Trained folds stay in the folder of --work. Writes photos.json, photos.md and two figures.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks import measure, no_garment, photo_damage, photo_folds, photo_measures, teaching
from benchmarks.measure import ROOT, Measured, render, say
from benchmarks.photo_folds import Photos, float32_of, log_probabilities, model_of
from benchmarks.photo_measures import Rows, measures
from benchmarks.photo_rule import RISK, Rule, broken, choose, excess, right_class
from fittingroom.comparison.paired import paired_difference
from fittingroom.metrics import reliability, risk_coverage
from fittingroom.metrics.checks import Float64
from fittingroom.plots.lines import calibration_curves
from fittingroom.plots.lines import risk_coverage as draw_risk_coverage
from fittingroom.plots.style import png
from fittingroom.predict import Model, Predictor
from fittingroom.predict.packaged import packaged_model
from fittingroom.predictions import Float32, UInt8
from fittingroom.runs import describe_environment, write_file

_MORE_SEEDS = (1, 2)  # of fold 0


def answers_of(model: Path, images: UInt8, kept: Path) -> Float64:
    """Log-probabilities ``(N, 11)``; kept in a file beside a trained model."""
    if not kept.exists() or kept.stat().st_mtime < model.stat().st_mtime:
        np.save(kept, log_probabilities(model, images))
    return np.load(kept)


def features_of(model: Path, images: UInt8, kept: Path) -> Float32:
    """Features ``(N, D)``; kept like answers."""
    if not kept.exists() or kept.stat().st_mtime < model.stat().st_mtime:
        np.save(kept, Predictor(model, threads=1).run(("features",), images)[0].astype(np.float16))
    return np.load(kept).astype(np.float32)


def by_rule(photos: Photos, logs: Float64, rules: dict[int, Rule], names: Rows) -> Measured:
    """All measures of the photo model's answers, each fold's by its own rule."""
    predicted, abstains = np.zeros(len(logs), int), np.zeros(len(logs), np.uint8)
    for fold, rule in rules.items():
        rows = photos.fold == fold
        predicted[rows] = rule.apply(logs[rows])[0].argmax(axis=1)
        abstains[rows] = rule.abstain(logs[rows])
    return measures(names, photos.sender, predicted, abstains)


def small(images: UInt8, photos: Photos, refused: Rows) -> Measured:
    """All measures of cnn-tiny's answers, with its own thresholds; refused photos are unknown."""
    answers = Model(packaged_model("cnn-tiny"), threads=1).answers(images)
    abstains = np.where(refused, 2, answers.abstain)
    return measures(photos.given, photos.sender, answers.label, abstains)


def draw(photos: Photos, logs: Float64, rules: dict[int, Rule], out: Path) -> None:
    """The two figures: is a probability what it says, and what is wrong if fewer are answered."""
    ten = np.zeros((len(logs), logs.shape[1] - 1))
    for fold, rule in rules.items():
        ten[photos.fold == fold] = rule.apply(logs[photos.fold == fold])[0]
    rows = photos.corrected != "other garment"
    ten, names = ten[rows], photos.corrected[rows]
    predicted = ten.argmax(axis=1)
    # A photo of a shoe has three right labels.
    labels = np.where(right_class(names, predicted), predicted, (predicted + 1) % ten.shape[1])
    bins = reliability(labels, predicted, ten, bins=10, binning="equal mass")
    curve = risk_coverage(labels, predicted, ten)
    for name, figure in (
        ("calibration", calibration_curves([("photo", 0, bins)])),
        ("answered", draw_risk_coverage([("photo", 0, curve)])),
    ):
        write_file(out / f"photos-{name}.png", png(figure))


def everything(options: argparse.Namespace, stored: Measured) -> Iterator[Measured]:
    """Real photos, then rendered ones."""
    every = photo_folds.read_photos(options.photos)
    runs = [(fold, 0) for fold in options.folds]
    runs += [(0, seed) for seed in _MORE_SEEDS if options.more_seeds]
    options.work.mkdir(parents=True, exist_ok=True)
    photo_folds.train(options.photos, every, runs, options.work, options.threads)

    photos = every.take(np.isin(every.fold, options.folds))
    shape = Predictor(model_of(options.work, *runs[0]), threads=1).shape
    opened = photo_folds.open_all(photos.paths, shape, options.work / "opened.npz", options.threads)
    things = no_garment.listed("test")
    paths = no_garment.fetch(ROOT / "photos" / "things", things)
    nothing = photo_folds.open_all(paths, shape, options.work / "things.npz", options.threads)
    logs, whole = np.zeros((len(photos.paths), 11)), np.zeros((len(photos.paths), 11))
    of_things, features = {}, {}
    for fold in options.folds:
        rows, model = photos.fold == fold, model_of(options.work, fold, 0)
        say(f"Asking about {rows.sum()} photos of fold {fold}.")
        images, kept = opened.colour[rows], options.work / f"fold{fold}"
        logs[rows] = answers_of(model, images, kept.with_suffix(".npy"))
        whole[rows] = answers_of(float32_of(model), images, kept.with_suffix(".float32.npy"))
        features[fold] = features_of(model, images, kept.with_suffix(".feat.npy"))
        of_things[fold] = answers_of(model, nothing.colour, kept.with_suffix(".things.npy"))

    rules = {
        fold: choose(logs[rows], photos.corrected[rows], photos.sender[rows])
        for fold in options.folds
        for rows in [(photos.fold != fold) | (len(options.folds) == 1)]
    }
    chosen = choose(logs, photos.corrected, photos.sender)
    found, given = (
        by_rule(photos, logs, rules, names) for names in (photos.corrected, photos.given)
    )
    rejected = np.concatenate([rules[fold].abstain(each) == 2 for fold, each in of_things.items()])
    kinds = np.array([each.kind for each in things] * len(rules))
    half = np.array([each.half for each in things] * len(rules))
    image = np.array([each.path for each in things] * len(rules))
    share = photo_measures.share
    predicted = logs[:, :-1].argmax(axis=1)
    ten = photos.corrected != "other garment"
    right, also = (
        right_class(photos.corrected, each[:, :-1].argmax(axis=1))[ten] for each in (logs, whole)
    )
    only = int((right & ~also).sum()), int((also & ~right).sum())
    nobody = np.zeros(len(photos.paths), bool)
    measured = {
        "folds": list(options.folds),
        "photos": len(photos.paths),
        "senders": len(np.unique(photos.sender[photos.sender >= 0])),
        "risk": RISK,
        "chosen": vars(chosen),
        "broken": broken(excess(chosen, logs, photos.corrected, photos.sender)),
        "photo": found,
        "as_given": given,
        "corrected": int((photos.given != photos.corrected).sum()),
        "converted": small(opened.converted, photos, opened.refused),
        "naive": small(opened.negated, photos, nobody),
        "not_trained": share(
            np.concatenate([rules[f].abstain(logs[photos.fold == f]) == 2 for f in rules]),
            np.concatenate([photos.original[photos.fold == f] == photo_folds.NEVER for f in rules]),
            np.concatenate([photos.sender[photos.fold == f] for f in rules]),
        ),
        "things": {
            "images": len(things),
            "rejected": share(rejected, np.ones(len(rejected), bool), image),
            "not_trained": share(rejected, half == "b", image),
            "kinds": {kind: float(rejected[kinds == kind].mean()) for kind in np.unique(kinds)},
        },
        "worst": photo_measures.worst_senders(photos.corrected, photos.sender, predicted),
        "curve": photo_measures.curve(photos.corrected, predicted, logs[:, :-1].max(axis=1)),
        "float32": paired_difference(*only, int(ten.sum())).as_dict(),
        "seeds": [
            seed_of(photos, opened.colour, seed, options)
            for seed in _MORE_SEEDS
            if options.more_seeds
        ],
        "teaching": teaching.measure_teaching(features, photos),
        "damage": stored.get("damage"),
        "environment": describe_environment(),
    }
    names = ("correct", "kind", "answered", "answered_correct", "rejected")
    measured["model"] = {
        name: [given[name][each] for each in ("value", "low", "high")] for name in names
    }
    draw(photos, logs, rules, options.out)
    yield measured
    measured["damage"] = photo_damage.measure_damage(options.images, options.data)
    yield measured


def seed_of(photos: Photos, colour: UInt8, seed: int, options: argparse.Namespace) -> float:
    """The share of fold 0's photos that a model of another seed answers correctly."""
    rows = photos.fold == 0
    model, kept = model_of(options.work, 0, seed), options.work / f"fold0-seed{seed}.npy"
    predicted = answers_of(model, colour[rows], kept)[:, :-1].argmax(axis=1)
    names = photos.corrected[rows]
    return float(right_class(names, predicted)[names != "other garment"].mean())


def page(measured: Measured) -> str:
    """The results as Markdown."""
    return render("photos", measured)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = measure.parser(__doc__)
    parser.add_argument("--photos", type=Path, default=ROOT / "photos", help="their folder")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "photos", help="trained folds")
    parser.add_argument("--folds", type=int, nargs="+", default=list(range(photo_folds.FOLDS)))
    parser.add_argument("--more-seeds", action="store_true", help="two more seeds of fold 0")
    parser.add_argument("--images", type=int, default=500, help="of the test set, to be rendered")
    measure.run("photos", measure.parse(parser, arguments), everything, page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
