"""Do intervals cover, and do tests err, as often as they promise? A simulation.

    python -m benchmarks.statistics [--quick] [--parts PART …] [--out docs/results]

Writes statistics.json and statistics.md. Parts that are not measured keep their last results. Each
line is a share of simulated experiments, with its Monte-Carlo standard error.

- Two fitted models: tables of images that both, one or none of the models classifies correctly.
- Two recipes: images of varying difficulty, part of it specific to a recipe, variation between
  seeds, and chance; the true difference of accuracies is known in closed form. A class is a tenth
  of the images.
- Equivalence: two one-sided tests when the true gap is the margin itself, so that finding
  equivalence is an error.
- Many models: five equally accurate ones, ten pairs, and the chance that any pair is significant.
- One model: ten classes, probabilities calibrated or overconfident; the truth comes from four
  million images.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from benchmarks import measure
from benchmarks.measure import Measured, render, say
from fittingroom import metrics
from fittingroom.comparison import (
    SeedScores,
    accuracy_interval,
    holm,
    seed_difference,
    tango_interval,
)
from fittingroom.evaluation import evaluate_predictions
from fittingroom.predictions import Predictions

Correct = npt.NDArray[np.bool_]

# Accuracy of recipe a throughout; about that of a small network on Fashion-MNIST.
ACCURACY = 0.92
# Latent spreads: difficulty that all recipes share, difficulty to one recipe, chance. Two trainings
# of one recipe then disagree about 6% of the images, two of different recipes about 8%.
SHARED, OWN, CHANCE = 2.5, 0.8, 1.0
# Standard deviations of accuracy over seeds, in points.
DEVIATIONS = (0.05, 0.2, 1.0)


@dataclass(frozen=True)
class Line:
    """One simulated share.

    Attributes:
        part: what was simulated.
        setting: under which conditions.
        method: what was judged.
        share: how often it covered (or rejected).
        error: Monte-Carlo standard error of the share.
        target: the range that is asked for, null where the line is for the record only.
        trials: simulated experiments.
    """

    part: str
    setting: str
    method: str
    share: float
    error: float
    target: Sequence[float] | None
    trials: int


AT_THE_MARGIN = "equivalent within a margin of the gap"
CLASSES = 10
COVERAGE = (0.94, 0.96)
# A truth at the end of its range (a calibration error of 0) can be missed on one side only.
COVERAGE_AT_END = (0.94, 0.985)
TRUTHS_AT_END = ("reliability", "calibration error, equal width", "calibration error, equal mass")
TYPE_ONE = (0.0, 0.055)


def line(
    part: str,
    setting: str,
    method: str,
    hits: npt.ArrayLike,
    target: tuple[float, float] | None,
) -> Line:
    values = np.asarray(hits, dtype=np.float64)
    share = float(values.mean())
    # Laplace's estimate keeps the error away from zero where all or none hit.
    smooth = (values.sum() + 1) / (len(values) + 2)
    error = math.sqrt(smooth * (1 - smooth) / len(values))
    return Line(part, setting, method, share, error, target, len(values))


def fitted_models(generator: np.random.Generator, trials: int) -> Iterator[Line]:
    for images in (500, 10_000):
        for disagree in (0.02, 0.05, 0.15):
            for gap in (0.0, 0.01):
                chances = [(disagree - gap) / 2, (disagree + gap) / 2, 1 - disagree]
                tables = generator.multinomial(images, chances, trials)
                a_only, b_only = tables[:, 0], tables[:, 1]
                low, high = tango_interval(a_only, b_only, images)
                setting = f"{images:,} images, {disagree:.0%} disagree, gap {100 * gap:g} points"
                covered = (low <= gap) & (gap <= high)
                yield line("Two fitted models", setting, "Tango's interval", covered, COVERAGE)
                if gap > 0:
                    low, high = tango_interval(a_only, b_only, images, 0.90)
                    equivalent = (-gap < low) & (high < gap)
                    yield line("Equivalence", setting, AT_THE_MARGIN, equivalent, TYPE_ONE)
                if gap == 0:
                    fewer, both = np.minimum(a_only, b_only), a_only + b_only
                    twice = 2 * stats.binom.cdf(fewer, both, 0.5)
                    middle = twice - stats.binom.pmf(fewer, both, 0.5)
                    for method, rejected in (
                        ("McNemar, exact", twice <= 0.05),
                        ("McNemar, mid-p", middle <= 0.05),
                        ("verdict better or worse", (low > 0) | (high < 0)),
                    ):
                        yield line("Type-I error", setting, method, rejected, TYPE_ONE)


def latent(accuracy: float, deviation: float) -> tuple[float, float]:
    """Latent mean of a recipe, and latent spread of its seeds, for these points of accuracy."""
    base = SHARED**2 + OWN**2 + CHANCE**2
    z = float(special.ndtri(accuracy))
    density = math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    spread = deviation / 100 / density * math.sqrt(base)
    return z * math.sqrt(base + spread**2), spread


def recipe(
    generator: np.random.Generator,
    difficulty: npt.NDArray[np.float32],
    seeds: int,
    accuracy: float,
    deviation: float,
) -> Correct:
    images = len(difficulty)
    mean, spread = latent(accuracy, deviation)
    own = difficulty + OWN * generator.standard_normal(images, dtype=np.float32)
    luck = mean + spread * generator.standard_normal(seeds)
    chance = generator.standard_normal((seeds, images), dtype=np.float32)
    return chance > -(own + luck.astype(np.float32)[:, None])


def true_accuracy(generator: np.random.Generator, accuracy: float, deviation: float) -> float:
    """Of one new training, on all images there could be."""
    mean, spread = latent(accuracy, deviation)
    luck = mean + spread * generator.standard_normal()
    return float(special.ndtr(luck / math.sqrt(SHARED**2 + OWN**2 + CHANCE**2)))


def recipes(generator: np.random.Generator, images: int, trials: int) -> Iterator[Line]:
    settings = [(deviation, 0.0) for deviation in DEVIATIONS] + [(0.2, 0.01)]
    for seeds in ((5, 5), (10, 10), (20, 20), (1, 5), (5, 20)):
        for deviation, gap in settings:
            if seeds[0] != seeds[1] and (deviation, gap) != (0.2, 0.01):
                continue
            covered, rejected, new = [], [], []
            accurate, gains, equivalent = [], [], []
            for _ in range(trials):
                difficulty = SHARED * generator.standard_normal(images, dtype=np.float32)
                a = recipe(generator, difficulty, seeds[0], ACCURACY, deviation)
                b = recipe(generator, difficulty, seeds[1], ACCURACY + gap, deviation)
                scores = SeedScores.of(a), SeedScores.of(b)
                model = seed_difference(*scores)
                interval = model.interval()
                covered.append(interval.low <= gap <= interval.high)
                rejected.append(interval.low > 0 or interval.high < 0)
                if seeds[0] > 1:
                    own = accuracy_interval(scores[0])
                    accurate.append(own.low <= ACCURACY <= own.high)
                some = images // CLASSES
                of_class = SeedScores.of(a[:, :some]), SeedScores.of(b[:, :some])
                gain = seed_difference(*of_class).interval()
                gains.append(gain.low <= gap <= gain.high)
                if gap > 0:
                    narrow = model.interval(0.90)
                    equivalent.append(-gap < narrow.low and narrow.high < gap)
                if model.new_error is not None and model.new_freedom is not None:
                    # Two new trainings: does what `p_better` rests on foresee them?
                    truth = np.diff(
                        [
                            true_accuracy(generator, ACCURACY, deviation),
                            true_accuracy(generator, ACCURACY + gap, deviation),
                        ]
                    )[0]
                    half = special.stdtrit(model.new_freedom, 0.975) * model.new_error
                    new.append(abs(truth - model.difference) <= half)
            count = f"{seeds[0]}" if seeds[0] == seeds[1] else f"{seeds[0]} and {seeds[1]}"
            setting = (
                f"{images:,} images, {count} seeds, {deviation:g} points over seeds, "
                f"gap {100 * gap:g} points"
            )
            yield line("Two recipes", setting, "t over seeds and images", covered, COVERAGE)
            yield line("Gain of a class", setting, "t, a tenth of the images", gains, COVERAGE)
            if accurate:
                yield line("Accuracy of a recipe", setting, "Wilson's, widened", accurate, COVERAGE)
            if equivalent:
                yield line("Equivalence", setting, AT_THE_MARGIN, equivalent, TYPE_ONE)
            if gap == 0:
                yield line("Type-I error", setting, "verdict better or worse", rejected, TYPE_ONE)
            if new:
                yield line(
                    "For the record", setting, "foresees two new trainings at 95%", new, None
                )


def many_models(generator: np.random.Generator, trials: int) -> Iterator[Line]:
    """Five fitted models of which none is better: does any of ten pairs count as shown?"""
    models, images = 5, 10_000
    first, second = np.triu_indices(models, 1)
    alone, corrected = [], []
    for _ in range(trials):
        difficulty = SHARED * generator.standard_normal(images, dtype=np.float32)
        right = np.concatenate(
            [recipe(generator, difficulty, 1, ACCURACY, 0.0) for _ in range(models)]
        ).astype(np.float32)
        both = np.rint(right @ right.T).astype(int)  # (models, models)
        own = np.diag(both)
        a_only, b_only = own[first] - both[first, second], own[second] - both[first, second]
        fewer, parted = np.minimum(a_only, b_only), a_only + b_only
        p = 2 * stats.binom.cdf(fewer, parted, 0.5) - stats.binom.pmf(fewer, parted, 0.5)
        alone.append(p.min() <= 0.05)
        corrected.append(min(holm(np.minimum(p, 1).tolist())) <= 0.05)
    setting = f"{models} models, {len(first)} pairs, {images:,} images, gap 0 points"
    yield line("Many models", setting, "any pair, after Holm's correction", corrected, TYPE_ONE)
    yield line("For the record", setting, "any pair, uncorrected", alone, None)


def two_halves(generator: np.random.Generator, trials: int) -> Iterator[Line]:
    """Validation and test half of one model, equally accurate on both."""
    for images, others in ((500, 500), (10_000, 5_000)):
        apart = []
        for right, right_others in zip(
            generator.binomial(images, ACCURACY, trials),
            generator.binomial(others, ACCURACY, trials),
            strict=True,
        ):
            gap = metrics.difference_of_shares(int(right), images, int(right_others), others)
            apart.append(gap.low > 0 or gap.high < 0)
        setting = f"{images:,} test and {others:,} validation images"
        yield line("Type-I error", setting, "validation and test disagree", apart, TYPE_ONE)


def images_of_one_model(generator: np.random.Generator, count: int, sure: float) -> Predictions:
    """Ten classes; ``sure`` = 1 is calibrated, above is too sure."""
    z = 1.2 * generator.standard_normal((count, CLASSES))
    z[np.arange(count), generator.integers(0, CLASSES, count)] += 7
    z[:, 6] += 0.5 * z[:, 2]  # two classes that are often confused
    likely = special.softmax(z, axis=1)
    labels = (likely.cumsum(axis=1) < generator.random((count, 1))).sum(axis=1)
    logs = special.log_softmax(sure * z, axis=1).astype(np.float32)
    return Predictions(
        labels=np.minimum(labels, CLASSES - 1).astype(np.uint8),
        predicted=logs.argmax(axis=1).astype(np.uint8),
        log_probabilities=logs,
        indices=np.arange(count),
        classes=tuple(f"class {k}" for k in range(CLASSES)),
    )


# What a score is called on the page, where it is not its key.
_SCORES = {
    "macro_f1": "macro F1",
    "brier": "Brier score",
    "brier_reliability": "reliability",
    "brier_resolution": "resolution",
    "brier_uncertainty": "uncertainty",
    "calibration_error": "calibration error, equal width",
    "calibration_error_equal_mass": "calibration error, equal mass",
    "risk_coverage_area": "area under risk-coverage",
}


def numbers(predictions: Predictions) -> dict[str, metrics.Estimate]:
    found = evaluate_predictions(predictions, draws=1000)
    logs = predictions.log_probabilities
    assert logs is not None
    effect = metrics.temperature_effect(predictions.labels, logs, 1.25, draws=100)
    return {
        "accuracy (Wilson)": found.accuracy,
        "precision of one class (Wilson)": found.per_class[6].precision,
        "recall of one class (Wilson)": found.per_class[6].recall,
        "F1 of one class (Wilson)": found.per_class[6].f1,
        "change of the log loss by a temperature": effect.log_loss_change,
        **{
            _SCORES.get(key, key.replace("_", " ")): score
            for key, score in found.scores.items()
            if score is not None and key != "accuracy"
        },
    }


def one_model(generator: np.random.Generator, trials: Callable[[int], int]) -> Iterator[Line]:
    for sure, said in ((1.0, "calibrated"), (1.5, "too sure")):
        parts = [numbers(images_of_one_model(generator, 500_000, sure)) for _ in range(8)]
        truth = {name: float(np.mean([part[name].value for part in parts])) for name in parts[0]}
        if sure == 1.0:
            truth |= dict.fromkeys(TRUTHS_AT_END, 0.0)
        for images in (500, 10_000):
            hits: dict[str, list[bool]] = {name: [] for name in truth}
            for _ in range(trials(images)):
                found = numbers(images_of_one_model(generator, images, sure))
                for name, value in truth.items():
                    hits[name].append(found[name].low <= value <= found[name].high)
            for name, hit in hits.items():
                target = COVERAGE_AT_END if truth[name] == 0 else COVERAGE
                yield line("One model", f"{images:,} images, {said}", name, hit, target)


def verdict(result: Line) -> str:
    if result.target is None:
        return ""
    low, high = result.target
    if low <= result.share <= high:
        return "met"
    if low - 2 * result.error <= result.share <= high + 2 * result.error:
        return "within twice its error"
    # An interval that covers too often misleads nobody, and says less than it could.
    return "**missed**: too wide" if result.share > high and low > 0 else "**missed**"


def page(measured: Measured) -> str:
    """The results as Markdown."""
    lines = [Line(**each) for part in measured["parts"].values() for each in part["lines"]]
    return render("statistics", {}, lines=lines, verdict=verdict)


PARTS: dict[str, Callable[[np.random.Generator, int], Iterator[Line]]] = {
    "fitted": lambda generator, scale: fitted_models(generator, 10_000 // scale),
    "recipes-500": lambda generator, scale: recipes(generator, 500, 10_000 // scale),
    "recipes-10000": lambda generator, scale: recipes(generator, 10_000, 10_000 // scale),
    "many": lambda generator, scale: chain(
        many_models(generator, 10_000 // scale), two_halves(generator, 10_000 // scale)
    ),
    "model": lambda generator, scale: one_model(
        generator, lambda images: (4_000 if images == 500 else 2_000) // scale
    ),
}


def everything(options: argparse.Namespace, stored: Measured) -> Iterator[Measured]:
    """Simulate the parts asked for; the others keep their results."""
    parts = stored.get("parts", {})
    for number, (name, part) in enumerate(PARTS.items()):
        if options.parts and name not in options.parts:
            continue
        lines: list[Line] = []
        start = time.perf_counter()
        # Seeded for itself, so that a part gives the same alone and among the others.
        for each in part(np.random.default_rng([options.seed, number]), 20**options.quick):
            share = f"{100 * each.share:.2f}% ± {100 * each.error:.2f}"
            say(f"{each.part}: {each.setting}; {each.method}: {share} {verdict(each)}")
            lines.append(each)
        parts[name] = {
            "seed": options.seed,
            "quick": options.quick,
            "seconds": round(time.perf_counter() - start, 1),
            "lines": [asdict(each) for each in lines],
        }
        yield {"parts": {name: parts[name] for name in PARTS if name in parts}}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = measure.parser(__doc__)
    parser.add_argument("--quick", action="store_true", help="a trial: a twentieth; needs --out")
    parser.add_argument("--seed", type=int, default=20170828, help="of all simulations")
    parser.add_argument("--parts", choices=PARTS, nargs="+", help="simulate these alone")
    options = measure.parse(parser, arguments, trial=("quick",))
    measure.run("statistics", options, everything, page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
