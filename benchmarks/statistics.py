"""Do intervals cover, and do tests err, as often as they promise? A simulation.

    python -m benchmarks.statistics [--quick] [--parts PART …] [--out docs/results]

Writes statistics.json and statistics.md. Parts that are not measured keep their last results. Each
line is a share of simulated experiments, with its Monte-Carlo standard error.

- Two fitted models: tables of images that both, one or none of the models classifies correctly.
- Two recipes: images of varying difficulty, part of it specific to a recipe, variation between
  seeds, and chance; the true difference of accuracies is known in closed form. A class is a tenth
  of the images. Three, five and ten seeds meet each other, and vary alike or one in three; two meet
  two to ten for the record, as there are no verdicts on recipes then. The widths are the mean
  widths of the interval over those with Welch's degrees of freedom, and of min(S) - 1.
- Equivalence: two one-sided tests when the true gap is the margin itself, so that finding
  equivalence is an error.
- Many models: two to eight equally accurate ones, trained once or over seeds, and the chance that
  any pair, or any class of a pair, is shown to differ; and looks after more and more seeds.
- Claims: an accuracy claimed for the same test images, the mean of a recipe or a single training of
  it, true or too high, and how often trainings with other seeds give which verdict.
- One model: ten classes, probabilities calibrated or overconfident; the truth comes from four
  million images.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from itertools import chain, combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from benchmarks import measure
from benchmarks.measure import Measured, render, say
from fittingroom import metrics
from fittingroom.comparison import (
    ALPHA,
    LEAST_SEEDS,
    MARGIN,
    SeedScores,
    accuracy_interval,
    holm,
    judge_claim,
    mcnemar,
    seed_difference,
    tango_interval,
)
from fittingroom.comparison.seeds import SeedDifference, error_ratio
from fittingroom.evaluation import evaluate_predictions
from fittingroom.numbers import listed
from fittingroom.predictions import Predictions

Correct = npt.NDArray[np.bool_]

# Accuracy of recipe a throughout; about that of a small network on Fashion-MNIST.
ACCURACY = 0.92
# Latent spreads: difficulty that all recipes share, difficulty to one recipe, chance. Two trainings
# of one recipe then disagree about 6% of the images, two of different recipes about 8%.
SHARED, OWN, CHANCE = 2.5, 0.8, 1.0
# Standard deviations of accuracy over seeds, in points, of both recipes.
DEVIATIONS = ((0.3, 0.3), (0.3, 0.9), (0.9, 0.3))
SEEDS = (3, 5, 10)
LOOKS = (3, 5, 8, 10)
# A share within so many errors of its limit is simulated again with ten times as many trials.
NEAR = 2


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
        widths: of the interval over Welch's, and that of min(S) - 1 over Welch's.
    """

    part: str
    setting: str
    method: str
    share: float
    error: float
    target: Sequence[float] | None
    trials: int
    widths: Sequence[float] | None = None


# Each is a chapter of the page.
SECTIONS = (
    "Two fitted models",
    "Type-I error",
    "Equivalence",
    "Two recipes, too few seeds",
    "Two recipes",
    "Ratio of errors",
    "Gain of a class",
    "Accuracy of a recipe",
    "For the record",
    "Many models",
    "One model",
    "Claims",
)
AT_THE_MARGIN = "equivalent within a margin of the gap"
CLASSES = 10
COVERAGE = (0.94, 0.96)
# Cautious intervals are allowed: with three seeds nothing else errs seldom enough.
COVERAGE_OVER_SEEDS = (0.93, 1.0)
# A truth at the end of its range (a calibration error of 0) can be missed on one side only.
COVERAGE_AT_END = (0.94, 0.985)
TRUTHS_AT_END = ("calibration error, equal width", "calibration error, equal mass")
TYPE_ONE = (0.0, 0.055)


def line(
    part: str,
    setting: str,
    method: str,
    hits: npt.ArrayLike,
    target: tuple[float, float] | None,
    widths: tuple[float, float] | None = None,
) -> Line:
    values = np.asarray(hits, dtype=np.float64)
    share = float(values.mean())
    # Laplace's estimate keeps the error away from zero where all or none hit.
    smooth = (values.sum() + 1) / (len(values) + 2)
    error = math.sqrt(smooth * (1 - smooth) / len(values))
    return Line(part, setting, method, share, error, target, len(values), widths)


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
                        ("Tango's interval excludes zero", (low > 0) | (high < 0)),
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
    pairs = [(2, seeds) for seeds in (2, *SEEDS)]
    pairs += [(a, b) for a in SEEDS for b in SEEDS if a <= b]
    for seeds in pairs:
        count = trials if seeds[0] >= LEAST_SEEDS else trials // 5
        for deviations in DEVIATIONS:
            if seeds[0] == seeds[1] and deviations[0] > deviations[1]:
                continue  # the mirror image of another
            # On few images, equivalence within a point would never be found.
            for gap in (0.0, 0.01 if images > 1_000 else 0.04):
                lines = list(two_recipes(generator, images, count, seeds, deviations, gap))
                if any(near_the_limit(each) for each in lines):
                    lines = list(
                        two_recipes(generator, images, 10 * trials, seeds, deviations, gap)
                    )
                yield from lines


def near_the_limit(result: Line) -> bool:
    if result.target is None:
        return False
    low, high = result.target
    return min(abs(result.share - end) for end in (low, high) if 0 < end < 1) < NEAR * result.error


def two_recipes(
    generator: np.random.Generator,
    images: int,
    trials: int,
    seeds: tuple[int, int],
    deviations: tuple[float, float],
    gap: float,
) -> Iterator[Line]:
    covered, rejected, accurate, gains, equivalent, new = [], [], [], [], [], []
    ratios, widths = [], []
    true_ratio = (1 - ACCURACY - gap) / (1 - ACCURACY)
    for _ in range(trials):
        difficulty = SHARED * generator.standard_normal(images, dtype=np.float32)
        a = recipe(generator, difficulty, seeds[0], ACCURACY, deviations[0])
        b = recipe(generator, difficulty, seeds[1], ACCURACY + gap, deviations[1])
        scores = SeedScores.of(a), SeedScores.of(b)
        model = seed_difference(*scores)
        interval = model.interval()
        covered.append(interval.low <= gap <= interval.high)
        rejected.append(interval.low > 0 or interval.high < 0)
        variance, freedom = welch(model.parts)
        widths.append(
            (
                interval.high - interval.low,
                *(2 * special.stdtrit((freedom, min(seeds) - 1), 0.975) * math.sqrt(variance)),
            )
        )
        own = accuracy_interval(scores[0])
        accurate.append(own.low <= ACCURACY <= own.high)
        ratio = error_ratio(*scores)
        ratios.append(ratio is None or ratio.low <= true_ratio <= ratio.high)
        some = images // CLASSES
        of_class = SeedScores.of(a[:, :some]), SeedScores.of(b[:, :some])
        gain = seed_difference(*of_class).interval()
        gains.append(gain.low <= gap <= gain.high)
        narrow = model.interval(0.90)
        equivalent.append(-gap < narrow.low and narrow.high < gap)
        # Two new trainings: does what `p_better` rests on foresee them?
        truth = np.diff(
            [
                true_accuracy(generator, accuracy, deviation)
                for accuracy, deviation in zip((ACCURACY, ACCURACY + gap), deviations, strict=True)
            ]
        )[0]
        assert model.new_parts is not None
        foreseen = SeedDifference(model.difference - truth, model.new_parts, None).interval()
        new.append(foreseen.low <= 0 <= foreseen.high)
    between = f"{deviations[0]:g} and {deviations[1]:g}"
    setting = (
        f"{images:,} images, {seeds[0]} and {seeds[1]} seeds, {between} points over seeds, "
        f"gap {100 * gap:g} points"
    )
    # Below three seeds there are no verdicts on recipes.
    said = seeds[0] >= LEAST_SEEDS
    coverage, type_one = (COVERAGE_OVER_SEEDS, TYPE_ONE) if said else (None, None)
    mean = np.mean(widths, axis=0)
    over_welch = (float(mean[0] / mean[1]), float(mean[2] / mean[1]))
    part = "Two recipes" if said else "Two recipes, too few seeds"
    yield line(part, setting, "over seeds and images", covered, coverage, over_welch)
    yield line("Ratio of errors", setting, "over seeds and images", ratios, coverage)
    yield line("Gain of a class", setting, "a tenth of the images", gains, coverage)
    yield line("Accuracy of a recipe", setting, "Wilson's, widened", accurate, coverage)
    if gap > 0:
        yield line("Equivalence", setting, AT_THE_MARGIN, equivalent, type_one)
    else:
        yield line("Type-I error", setting, "verdict better or worse", rejected, type_one)
    yield line("For the record", setting, "foresees two new trainings at 95%", new, None)


def welch(parts: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """A variance made of parts, and Satterthwaite's degrees of freedom of it."""
    variance = sum(part for part, _ in parts)
    freedom = variance**2 / sum(part**2 / free for part, free in parts)
    return variance, max(freedom, min(free for _, free in parts))


def many_models(generator: np.random.Generator, trials: int) -> Iterator[Line]:
    """Models of which none is better: is any pair, or any class of a pair, shown to differ?"""
    for models in (2, 3, 5, 8):
        for seeds in (1, 3, 5):
            for images in (500, 10_000):
                alone, shown, of_class = [], [], []
                for _ in range(trials):
                    difficulty = SHARED * generator.standard_normal(images, dtype=np.float32)
                    right = [
                        recipe(generator, difficulty, seeds, ACCURACY, 0.3 * (seeds > 1))
                        for _ in range(models)
                    ]
                    p = p_values(combinations(right, 2))
                    alone.append(min(p) <= ALPHA)
                    shown.append(min(holm(p)) <= ALPHA)
                    if models == 2:
                        kinds = [np.array_split(each, CLASSES, axis=1) for each in right]
                        of_class.append(min(holm(p_values(zip(*kinds, strict=True)))) <= ALPHA)
                trained = "once" if seeds == 1 else f"with {seeds} seeds"
                setting = f"{models} models trained {trained}, {images:,} images, gap 0 points"
                yield line("Many models", setting, "any pair is shown to differ", shown, TYPE_ONE)
                if models == 2:
                    method = "any of ten classes is shown to differ"
                    yield line("Many models", setting, method, of_class, TYPE_ONE)
                else:
                    yield line("For the record", setting, "any pair, uncorrected", alone, None)


def p_values(pairs: Iterable[tuple[Correct, ...]]) -> list[float]:
    """Of two models, mid-p; of two recipes, that of the interval."""
    return [
        mcnemar(int((a & ~b).sum()), int((b & ~a).sum())).p_mid
        if len(a) == 1
        else seed_difference(SeedScores.of(a), SeedScores.of(b)).p_value
        for a, b in pairs
    ]


def looks(generator: np.random.Generator, trials: int) -> Iterator[Line]:
    """Two equal recipes, looked at after more and more seeds until they differ."""
    for images in (500, 10_000):
        for deviation in (0.3, 0.9):
            found = []
            for _ in range(trials):
                difficulty = SHARED * generator.standard_normal(images, dtype=np.float32)
                a, b = (
                    recipe(generator, difficulty, max(LOOKS), ACCURACY, deviation) for _ in range(2)
                )
                found.append(min(p_values((a[:seeds], b[:seeds]) for seeds in LOOKS)) <= ALPHA)
            setting = f"{images:,} images, looks after {listed(list(map(str, LOOKS)))} seeds, "
            setting += f"{deviation:g} points over seeds, gap 0 points"
            yield line("For the record", setting, "any look shows a difference", found, None)


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


def claims(generator: np.random.Generator, trials: int) -> Iterator[Line]:
    """True and inflated claims, judged by trainings on their test images."""
    for deviation in (0.2, 0.4):
        mean, spread = latent(ACCURACY, deviation)
        found: dict[tuple[int, str, float], list[str]] = {}
        for _ in range(trials):
            own = math.hypot(SHARED, OWN) * generator.standard_normal(10_000, dtype=np.float32)
            luck = mean + spread * generator.standard_normal((1 + max(SEEDS), 1), dtype=np.float32)
            chance = generator.standard_normal((1 + max(SEEDS), 10_000), dtype=np.float32)
            single, *accuracies = (chance > -(own + luck)).mean(axis=1)
            # Over all seeds that there could be, on these images.
            whole = special.ndtr((mean + own) / math.sqrt(CHANCE**2 + spread**2)).mean()
            for claimed, start in (("the mean", whole), ("a single training", single)):
                for gap in (0.0, 0.005, 0.01):
                    for seeds in SEEDS:
                        said, *_ = judge_claim(start + gap, accuracies[:seeds], MARGIN)
                        found.setdefault((seeds, claimed, gap), []).append(said)
        for (seeds, claimed, gap), verdicts in found.items():
            high = f"{100 * gap:.1f} points too high" if gap else "true"
            setting = f"{seeds} seeds, {deviation} points over seeds, {claimed}, {high}"
            for said, limited in (
                # The number claimed is tested: one that is the margin away from the mean is wrong.
                ("reproduced", claimed == "the mean" and gap >= MARGIN),
                ("compatible, not confirmed", False),
                ("not reproduced, or exceeded", gap == 0),
            ):
                hits = [each in said.split(", or ") for each in verdicts]
                yield line("Claims", setting, said, hits, TYPE_ONE if limited else None)


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
    """The results as Markdown, and which of them the code would add."""
    lines = [Line(**each) for part in measured["parts"].values() for each in part["lines"]]
    there = {*measured["parts"], *(each.part for each in lines)}
    missing = [name for name in (*PARTS, *SECTIONS) if name not in there]
    return render("statistics", {}, lines=lines, verdict=verdict, missing=missing)


PARTS: dict[str, Callable[[np.random.Generator, int], Iterator[Line]]] = {
    "fitted": lambda generator, scale: fitted_models(generator, 10_000 // scale),
    "recipes-500": lambda generator, scale: recipes(generator, 500, 10_000 // scale),
    "recipes-10000": lambda generator, scale: recipes(generator, 10_000, 10_000 // scale),
    "many": lambda generator, scale: chain(
        two_halves(generator, 10_000 // scale),
        many_models(generator, 10_000 // scale),
        looks(generator, 4_000 // scale),
    ),
    "model": lambda generator, scale: one_model(
        generator, lambda images: (4_000 if images == 500 else 2_000) // scale
    ),
    "claims": lambda generator, scale: claims(generator, 10_000 // scale),
}


def everything(options: argparse.Namespace, stored: Measured) -> Iterator[Measured]:
    """Simulate the parts asked for, two at a time; the others keep their results."""
    parts = stored.get("parts", {})
    with ProcessPoolExecutor(2) as pool:
        running = {
            pool.submit(simulate, name, options.seed, options.quick): name
            for name in PARTS
            if not options.parts or name in options.parts
        }
        for done in as_completed(running):
            parts[running[done]] = done.result()
            yield {"parts": {name: parts[name] for name in PARTS if name in parts}}


def simulate(name: str, seed: int, quick: bool) -> dict[str, Any]:
    """One part; seeded for itself, so that it gives the same alone and among the others."""
    lines: list[Line] = []
    start = time.perf_counter()
    generator = np.random.default_rng([seed, list(PARTS).index(name)])
    for each in PARTS[name](generator, 20**quick):
        share = f"{100 * each.share:.2f}% ± {100 * each.error:.2f}"
        say(f"{each.part}: {each.setting}; {each.method}: {share} {verdict(each)}")
        lines.append(each)
    return {
        "seed": seed,
        "quick": quick,
        "seconds": round(time.perf_counter() - start, 1),
        "lines": [asdict(each) for each in lines],
    }


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
