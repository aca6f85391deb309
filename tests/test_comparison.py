"""Two or more models on the same images: tests, intervals, verdicts, sentences."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special, stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import normal_sample_size_one_tail
from statsmodels.stats.proportion import proportion_confint

from fittingroom import metrics
from fittingroom.comparison import (
    Entrant,
    Power,
    SeedScores,
    accuracy_interval,
    compare_models,
    holm,
    images_needed,
    mcnemar,
    paired_difference,
    seed_difference,
    seed_power,
    tango_interval,
)
from fittingroom.comparison.entrants import verdict_of
from fittingroom.comparison.seeds import SeedDifference, _beyond, error_ratio
from fittingroom.errors import PredictionsError, UsageError
from fittingroom.predictions import Predictions

TABLES = 200
CLASSES = ("shirt", "coat", "bag")


def predictions_of(correct, indices=None, shift=0, classes=CLASSES):
    """Predictions that are correct where given, on labels that go round the classes."""
    labels = ((np.arange(len(correct)) + shift) % 3).astype(np.uint8)
    predicted = np.where(correct, labels, (labels + 1) % 3).astype(np.uint8)
    indices = np.arange(len(correct)) if indices is None else indices
    return Predictions(labels, predicted, None, indices, classes)


def entrant(name, correct, **changed):
    """An entrant from which seed classifies which image correctly, ``(S, N)``."""
    correct = np.atleast_2d(correct)
    return Entrant(
        name, name, tuple(range(len(correct))), tuple(predictions_of(c, **changed) for c in correct)
    )


def simulated(seed, seeds, images, lift=0.0, spread=0.05):
    """One recipe's models on images whose difficulty is the same in each call."""
    difficulty = np.random.default_rng(0).normal(size=images) * 2
    generator = np.random.default_rng(seed)
    latent = difficulty + generator.normal(size=(seeds, images))
    return latent + 2.5 + lift + spread * generator.normal(size=(seeds, 1)) > 0


def table(a_only, b_only, both, neither=0):
    """Two fitted models that disagree so often."""
    a = np.repeat([True, False, True, False], [a_only, b_only, both, neither])
    b = np.repeat([False, True, True, False], [a_only, b_only, both, neither])
    return entrant("ann", a), entrant("cnn", b)


def compared(a, b, **options):
    """Two recipes ``a`` and ``b`` from their correct answers, ``(S, N)`` each."""
    return compare_models([entrant("a", a), entrant("b", b)], **options)


def ends(estimate):
    return (estimate.value, estimate.low, estimate.high)


# --- Two fitted models --------------------------------------------------------------------------


def test_mcnemar_is_that_of_statsmodels():
    generator = np.random.default_rng(1)
    for a_only, b_only in generator.integers(0, [[60, 60]] * 500 + [[5, 5]] * 500):
        found = mcnemar(int(a_only), int(b_only))
        expected = statsmodels_mcnemar([[9, a_only], [b_only, 9]], exact=True).pvalue
        # statsmodels gives a hair above 1 for a tie.
        assert found.p_exact == pytest.approx(min(expected, 1.0), abs=1e-10)
        n, fewer = int(a_only + b_only), int(min(a_only, b_only))
        chances = special.comb(n, np.arange(fewer + 1)) / 2.0**n
        assert found.p_mid == pytest.approx(min(2 * chances.sum() - chances[-1], 1.0), abs=1e-10)
    assert mcnemar(0, 0).p_exact == mcnemar(0, 0).p_mid == 1.0


def test_tangos_interval_excludes_zero_where_the_asymptotic_test_rejects():
    generator = np.random.default_rng(2)
    a_only, b_only = generator.integers(0, 80, (2, TABLES))
    low, high = tango_interval(a_only, b_only, 500)
    for a, b, from_, to in zip(a_only, b_only, low, high, strict=True):
        test = statsmodels_mcnemar([[0, a], [b, 0]], exact=False, correction=False)
        rejected = a + b > 0 and test.pvalue < 0.05
        assert (from_ > 0 or to < 0) == rejected


def score_statistic(a, b, n, difference):
    """Tango's statistic from its definition: the likelihood of all tables with this difference has
    its maximum where its derivative, a polynomial in the chance ``q`` that only the first is right,
    is zero."""
    q = np.polynomial.Polynomial([0, 1])
    both_or_none = 1 - 2 * q - difference
    slope = a * (q + difference) * both_or_none + b * q * both_or_none
    slope -= 2 * (n - a - b) * q * (q + difference)
    least, most = max(0, -difference), (1 - difference) / 2
    (likeliest,) = [root for root in slope.roots().real if least < root < most]
    return (b - a - n * difference) / np.sqrt(n * (2 * likeliest + difference - difference**2))


def test_tangos_interval_and_equivalence_are_those_of_the_likelihoods_maximum():
    generator = np.random.default_rng(3)
    for _ in range(TABLES // 5):
        n = int(generator.integers(20, 2000))
        a, b = (int(x) for x in generator.integers(1, max(n // 8, 3), 2))
        confidence, margin = generator.uniform(0.8, 0.99), generator.uniform(0.005, 0.2)
        z = stats.norm.ppf((1 + confidence) / 2)
        found = paired_difference(a, b, n, confidence)
        gap = (b - a) / n
        for end, sign, edge in ((found.low, 1, -1 + 1e-9), (found.high, -1, 1 - 1e-9)):

            def beyond(difference, a=a, b=b, n=n, sign=sign, z=z):
                return sign * score_statistic(a, b, n, difference) - z

            assert end == pytest.approx(optimize.brentq(beyond, edge, gap, xtol=1e-14), abs=1e-10)
        # Equivalent: both one-sided score tests reject that the gap is the margin or more.
        narrow = paired_difference(a, b, n, 0.90)
        p_values = (
            stats.norm.sf(score_statistic(a, b, n, -margin)),
            stats.norm.cdf(score_statistic(a, b, n, margin)),
        )
        assert (-margin < narrow.low and narrow.high < margin) == (max(p_values) < 0.05)


def test_tangos_interval_gives_known_values():
    # Newcombe (1998), table II: 12 and 2 of 50; without a parting z²/(n + z²) either way.
    found = paired_difference(2, 12, 50)
    assert ends(found) == pytest.approx((0.2, 0.0611, 0.3447), abs=5e-5)
    z = stats.norm.ppf(0.975)
    found = paired_difference(0, 0, 100)
    assert found.high == -found.low == pytest.approx(z**2 / (100 + z**2), abs=1e-12)
    assert paired_difference(0, 3, 3).high == 1.0
    assert paired_difference(0, 0, 0) == metrics.Estimate(0.0, -1.0, 1.0)


def test_images_needed_are_those_of_statsmodels():
    generator = np.random.default_rng(16)
    for _ in range(TABLES):
        share = generator.uniform(0.01, 0.5)
        gap = share * generator.uniform(0.01, 1)
        deviations = np.sqrt(share), np.sqrt(share - gap**2)  # without a gap, and with it
        expected = normal_sample_size_one_tail(gap, 0.8, 0.025, *deviations)
        assert images_needed(share, gap) == np.ceil(expected)
    assert images_needed(0.1, 0.0) is images_needed(0.1, 0.2) is None


# --- Two recipes --------------------------------------------------------------------------------


def drawn_parts(generator):
    """Parts of a variance, some of them zero, each with its degrees of freedom."""
    count = int(generator.integers(1, 4))
    variances = generator.exponential(size=count) * (generator.random(count) < 0.8)
    variances[-1] += 1e-3
    return tuple(zip(variances, generator.choice([2.0, 4.0, 9.0, 499.0], count), strict=True))


def test_the_quantile_is_the_weighted_mean_of_students_and_p_its_inverse():
    generator = np.random.default_rng(5)
    for _ in range(TABLES):
        parts = drawn_parts(generator)
        variances, freedoms = np.array(parts).T
        gap = generator.normal() * np.sqrt(variances.sum()) * 2
        found = SeedDifference(gap, parts, None)
        for confidence in (0.95, 0.90):
            quantiles = stats.t.ppf((1 + confidence) / 2, freedoms)
            half = variances @ quantiles / np.sqrt(variances.sum())
            expected = max(gap - half, -1), min(gap + half, 1)
            assert ends(found.interval(confidence))[1:] == pytest.approx(expected, abs=1e-10)
        # The interval of confidence 1 - p ends at zero.
        edge = found.interval(1 - found.p_value)
        if edge.low > -1 and edge.high < 1:
            assert min(abs(edge.low), abs(edge.high)) == pytest.approx(0, abs=1e-9)


def test_with_equally_many_seeds_and_no_images_it_is_students_with_those_of_one_side():
    generator = np.random.default_rng(6)
    for _ in range(TABLES):
        seeds = generator.integers(2, 12)
        a, b = (0.5 + 0.03 * generator.normal(size=seeds) for _ in range(2))
        found = seed_difference(*(SeedScores(side, np.full(5_000, side.mean())) for side in (a, b)))
        expected = stats.ttest_ind(b, a, equal_var=False)
        assert found.error == pytest.approx((b.mean() - a.mean()) / expected.statistic)
        assert found.p_value == pytest.approx(2 * stats.t.sf(abs(expected.statistic), seeds - 1))


@given(st.integers(0, 10**6), st.floats(0, 0.2), st.floats(0, 0.2))
@settings(max_examples=50, deadline=None)
def test_probabilities_follow_from_the_interval(seed, margin, more):
    """A 90% interval within the margin, two one-sided tests at 5%, and a probability of 90%."""
    generator = np.random.default_rng(seed)
    parts = tuple((0.003 * variance, freedom) for variance, freedom in drawn_parts(generator))
    found = SeedDifference(generator.normal() * 0.05, parts, None)
    interval = found.interval(0.90)
    if -margin < interval.low and interval.high < margin:
        assert found.p_equivalent(margin) <= 0.1 + 1e-9
        assert found.p_within(margin) >= 0.9 - 1e-9
    elif margin > 0:
        assert found.p_equivalent(margin) >= 0.1 - 1e-9
    assert 0 <= found.p_within(margin) <= found.p_within(margin + more) <= 1
    assert found.p_equivalent(margin + more) <= found.p_equivalent(margin) + 1e-12


def test_where_seeds_add_nothing_it_is_the_paired_t_test_over_images():
    generator = np.random.default_rng(6)
    for _ in range(TABLES):
        a, b = generator.random((2, 200)) < generator.uniform(0.2, 0.8, (2, 1))
        found = seed_difference(*(SeedScores.of(np.stack([x] * 3)) for x in (a, b)))
        expected = stats.ttest_rel(b.astype(float), a.astype(float))
        assert found.p_value == pytest.approx(expected.pvalue, abs=1e-10)


def unbiased_variance(a, b):
    """Of the difference of means, from its definition: the square of the difference seen, less an
    estimate of the square of the true one by products of which no two terms share a seed or a
    image."""
    images = a.shape[1]

    def within(x):
        shared = (x.sum(axis=1) ** 2).sum() + (x.sum(axis=0) ** 2).sum() - x.sum()
        return (x.sum() ** 2 - shared) / (len(x) * (len(x) - 1) * images * (images - 1))

    between = a.sum() * b.sum() - (a.sum(axis=0) * b.sum(axis=0)).sum()
    between /= len(a) * len(b) * images * (images - 1)
    return (b.mean() - a.mean()) ** 2 - (within(a) + within(b) - 2 * between)


def drawn_recipes(generator):
    """Two recipes with numbers of seeds, of images and spreads of their own, as floats."""
    images, spread = int(generator.integers(50, 200)), generator.uniform(0, 1)
    difficulty = generator.uniform(0.5, 3) * generator.normal(size=images)

    def recipe():
        seeds = int(generator.integers(2, 7))
        latent = difficulty + generator.normal(size=(seeds, images))
        return (latent + 1 + spread * generator.normal(size=(seeds, 1)) > 0).astype(float)

    return recipe(), recipe()


def test_the_variance_over_seeds_and_images_is_the_unbiased_one():
    generator = np.random.default_rng(17)
    whole = 0
    for _ in range(TABLES):
        a, b = drawn_recipes(generator)
        images = a.shape[1]
        found = seed_difference(SeedScores.of(a > 0), SeedScores.of(b > 0))
        # Never below what the seeds alone say, nor below what is known of models that never part.
        parts = [x.mean(axis=1).var(ddof=1) / len(x) for x in (a, b)]
        unbiased = unbiased_variance(a, b)
        variance = max(unbiased, sum(parts), (1.96 / images) ** 2)
        whole += variance == unbiased
        assert found.error**2 == pytest.approx(variance, abs=1e-10)
        parts.append(variance - sum(parts))
        student = np.array(parts) @ stats.t.ppf(0.975, [len(a) - 1, len(b) - 1, images - 1])
        student /= np.sqrt(variance)
        gap = b.mean() - a.mean()
        interval = max(gap - student, -1), min(gap + student, 1)
        assert ends(found.interval())[1:] == pytest.approx(interval, abs=1e-10)
    assert whole > TABLES / 3


def test_a_recipes_accuracy_has_wilsons_interval_of_as_many_images_as_its_variance_is_worth():
    generator = np.random.default_rng(18)
    checked = 0
    for _ in range(TABLES):
        a, _ = drawn_recipes(generator)
        images, mean = a.shape[1], a.mean()
        from_seeds = a.mean(axis=1).var(ddof=1) / len(a)
        variance = max(unbiased_variance(np.zeros_like(a), a), from_seeds)
        if variance <= 0:
            continue
        checked += 1
        parts = np.array([from_seeds, variance - from_seeds])
        quantile = parts @ stats.t.ppf(0.975, [len(a) - 1, images - 1]) / variance
        worth = mean * (1 - mean) / variance
        expected = proportion_confint(
            mean * worth, worth, alpha=2 * stats.norm.sf(quantile), method="wilson"
        )
        found = accuracy_interval(SeedScores.of(a > 0))
        assert ends(found) == pytest.approx((mean, *expected), abs=1e-10)
    assert checked > TABLES * 0.9


def test_a_side_with_one_seed_is_taken_not_to_vary():
    many, one = SeedScores.of(simulated(1, 5, 400)), SeedScores.of(simulated(2, 1, 400))
    found = seed_difference(one, many)
    images = (many.per_image - one.per_image).var(ddof=1) / 400
    expected = many.seed_variance / 5 + max(images - many.interaction / 5 / 400, 0)
    assert found.error**2 == pytest.approx(expected, rel=1e-12)
    assert found.p_better is not None  # a new training of the one that varies
    assert seed_difference(one, many.as_one()).p_better is None


def test_p_better_predicts_new_trainings_from_the_variation_between_seeds():
    a, b = SeedScores.of(simulated(1, 6, 500, spread=0.3)), SeedScores.of(simulated(2, 4, 500))
    found = seed_difference(a, b)
    of_new_seeds = [max(x.seed_variance - x.interaction / 500, 0) for x in (a, b)]
    assert sum(of_new_seeds) > 0
    *seeds, images = found.parts
    parts = [(v + new, free) for (v, free), new in zip(seeds, of_new_seeds, strict=True)]
    assert found.new_parts == (*parts, images)
    new = SeedDifference(found.difference, found.new_parts, None)
    assert found.p_better == pytest.approx(1 - new.p_value / 2, abs=1e-12)  # `b` is ahead
    assert seed_difference(a, a).p_better == pytest.approx(0.5)


def test_the_ratio_of_errors_is_that_of_the_delta_method():
    generator = np.random.default_rng(20)
    for _ in range(TABLES):
        a, b = generator.random((2, 1, 400)) < generator.uniform(0.5, 0.9, (2, 1, 1))
        found = error_ratio(SeedScores.of(a), SeedScores.of(b))
        x, y, both = (~a).sum(), (~b).sum(), (~a & ~b).sum()
        # Of two paired shares: Nam and Blackwelder (2002), Statistics in Medicine 21:689.
        error = np.sqrt((1 / x + 1 / y - 2 * both / (x * y)) * 400 / 399)
        half = stats.t.ppf(0.975, 399) * error
        expected = y / x * np.exp([0, -half, half])
        assert ends(found) == pytest.approx(expected, rel=1e-9)
    right = SeedScores.of(np.ones((3, 50), bool))
    assert error_ratio(right, SeedScores.of(b)) is None


def test_the_ratio_of_errors_covers_seeds_as_the_difference_does():
    """Where it varies little, its relative error is that of the difference of equal shares."""
    a, b = (SeedScores.of(simulated(k, 4, 3000, lift=-2.3, spread=0.3)) for k in (1, 2))
    ratio, difference, back = error_ratio(a, b), seed_difference(a, b).interval(), error_ratio(b, a)
    assert ratio is not None
    assert back is not None
    relative = (difference.high - difference.low) / (2 - a.accuracy - b.accuracy)
    assert np.log(ratio.high / ratio.low) / 2 == pytest.approx(relative, rel=0.05)
    assert ends(back) == pytest.approx((1 / ratio.value, 1 / ratio.high, 1 / ratio.low))


def test_a_single_seed_has_wilsons_interval_and_several_keep_within_0_and_1():
    one = simulated(3, 1, 300)
    found = accuracy_interval(SeedScores.of(one))
    assert ends(found) == pytest.approx(ends(metrics.wilson(int(one.sum()), 300)))
    perfect = accuracy_interval(SeedScores.of(np.ones((4, 300), bool)))
    assert ends(perfect) == pytest.approx(ends(metrics.wilson(300, 300)))


@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 6), st.integers(1, 40))
@settings(max_examples=25, deadline=None)
def test_swapping_two_recipes_mirrors_their_difference(seed, seeds_a, seeds_b, images):
    generator = np.random.default_rng(seed)
    a = generator.random((seeds_a, images)) < 0.7
    b = generator.random((seeds_b, images)) < generator.random()
    forth, back = compared(a, b), compare_models([entrant("b", b), entrant("a", a)])
    one, other = forth.pairs[0], back.pairs[0]
    value, low, high = ends(one.difference)
    assert ends(other.difference) == pytest.approx((-value, -high, -low), abs=1e-12)
    assert low <= value <= high
    assert other.p_value == pytest.approx(one.p_value)
    assert other.equivalent == one.equivalent
    mirrored = {"better": "worse", "worse": "better"}
    assert other.verdict == mirrored.get(one.verdict, one.verdict)
    for gain, loss in zip(one.gains, other.gains, strict=True):
        expected = (-gain.difference.value, -gain.difference.high, -gain.difference.low)
        assert ends(loss.difference) == pytest.approx(expected, abs=1e-12)
    for model in forth.models:
        assert 0 <= model.accuracy.low <= model.accuracy.value <= model.accuracy.high <= 1


@given(st.floats(1e-9, 1), st.integers(1, 40), st.floats(1e-22, 10))
def test_the_chance_of_a_larger_error_is_that_of_t_however_small_the_error(part, freedom, distance):
    expected = stats.t.sf(distance / part**0.5, freedom)
    assert _beyond([(part, float(freedom))], distance) == pytest.approx(expected, rel=1e-6)


def outcome(labels, predicted, classes=CLASSES, indices=None):
    """The JSON of a comparison, from predicted labels ``(2, S, N)``, and its gains by class."""
    entrants = [
        Entrant(
            name,
            name,
            tuple(range(len(each))),
            tuple(Predictions(labels, one, None, indices, classes) for one in each),
        )
        for name, each in zip("ab", predicted, strict=True)
    ]
    result = compare_models(entrants).as_dict()
    pair = result["pairs"][0]
    del pair["power"], pair["sentence"], result["sentence"]  # whole numbers turn on the last digit
    pair["gains"] = {gain["name"]: gain for gain in pair["gains"]}
    return json.loads(json.dumps(result), parse_float=lambda text: round(float(text), 9))


@given(
    st.integers(0, 10**6),
    st.integers(1, 4),
    st.permutations(range(30)).map(np.array),
    st.permutations(range(3)).map(lambda order: np.array(order, np.uint8)),
)
@settings(max_examples=15, deadline=None)
def test_neither_the_order_of_images_nor_that_of_classes_matters(seed, seeds, order, renamed):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, 30).astype(np.uint8)
    predicted = generator.integers(0, 3, (2, seeds, 30)).astype(np.uint8)
    classes = tuple(CLASSES[k] for k in np.argsort(renamed))
    after = outcome(renamed[labels[order]], renamed[predicted[:, :, order]], classes, order)
    assert after == outcome(labels, predicted, indices=np.arange(30))


# --- Power --------------------------------------------------------------------------------------


def test_the_power_of_seeds_is_that_of_the_noncentral_t():
    """Where images add nothing and both recipes vary alike."""
    generator = np.random.default_rng(19)
    told = 0
    for _ in range(TABLES // 4):
        a = 0.5 + 0.05 * generator.normal(size=generator.integers(3, 12))
        scores = SeedScores(a, np.full(5_000, a.mean()))
        gap, variance = generator.uniform(0.01, 0.15), scores.seed_variance

        def power(seeds, gap=gap, variance=variance):
            effect = gap / np.sqrt(2 * variance / seeds)
            return stats.nct.sf(stats.t.ppf(0.975, seeds - 1), 2 * seeds - 2, effect)

        found = seed_power(scores, scores, gap)
        assert found.seeds_range is not None
        if found.seeds is None:
            assert power(1000) < 0.8
            continue
        told += 1
        assert power(found.seeds) >= 0.8 - 1e-6
        assert found.seeds == 2 or power(found.seeds - 1) < 0.8 + 1e-6
        freedom = 2 * len(a) - 2
        factor = freedom / stats.chi2.ppf(0.025, freedom)
        largest = variance + (factor - 1) * scores.pure_seed_variance
        low, high = found.seeds_range
        assert low is not None
        assert low <= found.seeds
        assert high is None or power(high, variance=largest) >= 0.8 - 1e-6
    assert told > TABLES / 8


def test_seeds_and_images_that_power_names_are_enough():
    """Images drawn anew from these, with new seeds: the gap is shown about four times in five."""
    generator = np.random.default_rng(8)

    def recipe(lift, difficulty, seeds=5):
        latent = difficulty + lift + generator.normal(size=(seeds, len(difficulty)))
        return SeedScores.of(latent + 2.5 + 0.005 * generator.normal(size=(seeds, 1)) > 0)

    difficulty = 2 * generator.normal(size=200_000)
    pilot = recipe(0.0, difficulty), recipe(0.15, difficulty)
    gap = pilot[1].accuracy - pilot[0].accuracy
    needed = seed_power(*pilot, gap).images
    assert needed is not None
    shown = []
    for _ in range(400):
        difficulty = 2 * generator.normal(size=needed)
        found = seed_difference(recipe(0.0, difficulty), recipe(0.15, difficulty))
        shown.append(found.interval().low > 0)
    assert np.mean(shown) == pytest.approx(0.8, abs=0.08)
    # With as many images, about as many seeds are needed.
    assert seed_power(*pilot, gap, images=needed).seeds in (4, 5, 6)
    assert seed_power(*pilot, gap=0.0) == Power(None, None, None)
    assert seed_power(pilot[0].as_one(), pilot[1].as_one(), gap).seeds is None


# --- Verdicts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("difference", "p", "p_equivalent", "verdict"),
    [
        (0.001, 0.04, 1.0, "better"),
        (-0.2, 0.05, 0.001, "worse"),
        (-0.004, 0.06, 0.05, "equivalent"),
        (0.004, 0.06, 0.06, "not shown"),
    ],
)
def test_the_verdict_follows_from_the_adjusted_p_values(difference, p, p_equivalent, verdict):
    assert verdict_of(difference, p, p_equivalent) == verdict


@given(st.integers(0, 30), st.integers(0, 30), st.integers(60, 3000))
@settings(max_examples=200, deadline=None)
def test_interval_and_verdict_of_fitted_models_do_not_disagree(a_only, b_only, images):
    pair = compare_models(table(a_only, b_only, images - a_only - b_only)).pairs[0]
    assert pair.decided == (pair.difference.low > 0 or pair.difference.high < 0)
    within = -pair.margin < pair.difference.low and pair.difference.high < pair.margin
    assert (pair.verdict == "equivalent") == (within and not pair.decided)


def test_four_images_against_none_show_nothing():
    pair = compare_models(table(0, 4, 96)).pairs[0]  # Tango's own interval excludes zero
    assert float(tango_interval(0, 4, 100)[0]) > 0
    assert (pair.difference.low, pair.verdict) == (0.0, "not shown")


@pytest.mark.parametrize(
    ("seeds", "images", "verdict"),
    [
        (1, 100, "not shown"),
        (1, 3000, "equivalent"),
        (4, 100, "not shown"),
        (4, 40_000, "equivalent"),
    ],
)
def test_identical_predictions_are_equivalent_once_there_are_enough_images(seeds, images, verdict):
    correct = simulated(1, seeds, images, spread=0.0)
    pair = compared(correct, correct).pairs[0]
    assert pair.difference.value == 0
    assert (pair.p_value, pair.p_adjusted) == (1.0, 1.0)
    assert pair.difference.low < 0 < pair.difference.high
    assert pair.verdict == verdict
    assert compared(correct, correct, margin=0).pairs[0].verdict == "not shown"


def test_two_fitted_models_disagree_on_these_images():
    pair = compare_models(table(2, 5, 90, 3)).pairs[0]
    assert pair.level == "fitted models"
    assert pair.mcnemar == mcnemar(2, 5)
    np.testing.assert_array_equal(pair.a_only, [0, 1])
    np.testing.assert_array_equal(pair.b_only, [2, 3, 4, 5, 6])
    assert pair.p_better is None
    assert ends(pair.difference) == ends(paired_difference(2, 5, 100))
    # Labels go round: `a` alone is right of a shirt and a coat, `b` of 2 shirts, a coat, 2 bags.
    gains = {gain.name: gain.difference.value for gain in pair.gains}
    assert gains == {"shirt": 1 / 34, "coat": 0, "bag": 2 / 33}


def test_recipes_are_compared_over_seeds():
    a, b = simulated(1, 5, 900), simulated(2, 4, 900, lift=0.4)
    found = compared(a, b)
    pair, model = found.pairs[0], seed_difference(SeedScores.of(a), SeedScores.of(b))
    assert (pair.level, pair.mcnemar) == ("recipes", None)
    assert (pair.difference, pair.p_value) == (model.interval(), model.p_value)
    assert found.models[0].deviation == pytest.approx(a.mean(axis=1).std(ddof=1))
    np.testing.assert_array_equal(pair.a_only, np.flatnonzero(a[0] & ~b[0]))
    shirt = seed_difference(SeedScores.of(a[:, ::3]), SeedScores.of(b[:, ::3]))
    assert pair.gains[0].difference == shirt.interval()


@pytest.mark.parametrize(
    ("seeds", "deterministic", "level"),
    [
        ((3, 3), False, "recipes"),
        ((2, 10), False, "fitted models"),
        ((1, 5), False, "fitted models"),
        ((1, 5), True, "recipes"),
        ((1, 2), True, "fitted models"),
        ((1, 1), True, "fitted models"),
    ],
)
def test_below_three_seeds_only_these_trained_models_are_compared(seeds, deterministic, level):
    a, b = simulated(1, seeds[0], 600), simulated(2, seeds[1], 600, lift=0.1)
    pair = compare_models(
        [replace(entrant("a", a), deterministic=deterministic), entrant("b", b)]
    ).pairs[0]
    assert pair.level == level
    assert (pair.p_better is None) == (level == "fitted models")
    said = "a was trained once (every seed gives the same)" in pair.sentence
    assert said == (deterministic and seeds[1] > 1)
    if level == "fitted models" and max(seeds) > 1:
        test = stats.ttest_rel(b.mean(axis=0), a.mean(axis=0))
        assert pair.p_value == pytest.approx(test.pvalue)
        assert ends(pair.difference)[1:] == pytest.approx(test.confidence_interval())


def test_gains_of_classes_are_corrected_for_all_classes():
    pair = compared(simulated(1, 3, 900), simulated(2, 3, 900, lift=0.4)).pairs[0]
    kinds = [
        (simulated(1, 3, 900)[:, k::3], simulated(2, 3, 900, lift=0.4)[:, k::3]) for k in range(3)
    ]
    p_values = [seed_difference(*map(SeedScores.of, kind)).p_value for kind in kinds]
    assert [gain.p_adjusted for gain in pair.gains] == holm(p_values)
    assert [gain.shown for gain in pair.gains] == [p <= 0.05 for p in holm(p_values)]


def test_a_class_without_images_has_an_unknown_gain():
    one, two = (
        Entrant(name, name, (0,), (predictions_of(np.ones(30, bool), classes=(*CLASSES, "boot")),))
        for name in "ab"
    )
    gains = compare_models([one, two]).pairs[0].gains
    assert gains[3].difference == metrics.Estimate(0.0, -1.0, 1.0)


def test_holm_is_that_of_statsmodels(monkeypatch):
    monkeypatch.setattr("gc.collect", lambda: 0)  # statsmodels collects at every call
    generator = np.random.default_rng(9)
    for _ in range(TABLES):
        p = generator.random(generator.integers(1, 12)) ** 3
        expected = multipletests(p, method="holm")[1]
        np.testing.assert_allclose(holm(p.tolist()), expected, rtol=0, atol=1e-10)


def test_of_several_entrants_each_pair_is_judged_and_corrected():
    correct = [simulated(k, 3, 1200, lift=lift) for k, lift in ((1, 0), (2, 0.2), (3, 0.9))]
    found = compare_models([entrant(n, c) for n, c in zip("abc", correct, strict=True)])
    assert [(pair.a, pair.b) for pair in found.pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    p_values = [pair.p_value for pair in found.pairs]
    assert [pair.p_adjusted for pair in found.pairs] == holm(p_values)
    assert found.pairs[1].verdict == "better"
    assert found.sentence.startswith("c has the highest accuracy of the 3 models compared on 1,200")
    assert "It is better than a" in found.sentence


@pytest.mark.parametrize(
    ("seeds", "words"),
    [
        ((1, 1, 1), "Each model was trained once"),
        ((3, 3, 3), "Each recipe was trained 3 times, with different random seeds"),
        ((3, 2, 1), "a was trained 3 times, b was trained 2 times and c was trained once"),
        ((3, 3, 3), "another training set is not covered"),
        ((3, 2, 1), "Fewer than 3 trainings show nothing of a recipe"),
    ],
)
def test_a_comparison_of_several_says_what_it_is_based_on(seeds, words):
    entrants = [
        entrant(name, simulated(k, count, 600))
        for k, (name, count) in enumerate(zip("abc", seeds, strict=True))
    ]
    assert words in compare_models(entrants).sentence


# --- Sentences ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (
            (110, 180, 8700, 1010),
            "Of these trained models, cnn is better than ann by 0.70 percentage points",
        ),
        ((110, 180, 8700, 1010), "(95% interval 0.37 to 1.04)"),
        ((110, 180, 8700, 1010), "88.80% accuracy on the 10,000 test images, ann 88.10%"),
        ((110, 180, 8700, 1010), "gaps of less than the 0.50 points that matter"),
        ((110, 180, 8700, 1010), "Each model was trained once"),
        ((300, 200, 8700, 800), "cnn is worse than ann by 1.00 percentage points"),
        ((300, 200, 8700, 800), "(95% interval 0.56 to 1.44)"),
        ((300, 200, 8700, 800), "The whole interval is above 0.50 points"),
        (
            (40, 30, 9000, 930),
            "equivalent within the margin of 0.50 percentage points: ann is ahead",
        ),
        ((40, 30, 9000, 930), "ahead by 0.10 percentage points (95% interval −0.27 to +0.07)"),
        ((280, 310, 8700, 710), "neither cnn nor ann is shown to be better: cnn is ahead by 0.30"),
        ((280, 310, 8700, 710), "not shown to be equivalent within 0.50 points either"),
        ((280, 310, 8700, 710), "Showing a gap of 0.50 points with 80% power takes about 18,5"),
        ((10, 40, 9000, 950), "A gap is shown, smaller than the 0.50 points that matter"),
    ],
)
def test_verdicts_in_words(parts, words):
    found = compare_models(table(*parts))
    assert words in found.sentence
    assert found.sentence == found.pairs[0].sentence


@pytest.mark.parametrize(
    ("seeds", "words"),
    [
        (5, "% mean accuracy on the 4,000 test images"),
        (5, "On endless images like these, a new training of b beats a new training of a with"),
        (2, "Of these trained models, b is better than a"),
    ],
)
def test_recipes_are_described_with_their_seeds(seeds, words):
    found = compared(simulated(1, 5, 4000), simulated(2, 5, 4000, lift=0.5)[:seeds])
    assert words in found.sentence


def test_a_verdict_that_is_lost_by_holms_correction_says_so():
    generator = np.random.default_rng(10)
    base = generator.random(2000) < 0.9
    # `b` is right on 34 more and wrong on 18 of the images: p ≈ 0.027, and 0.08 of three.
    right, wrong = np.flatnonzero(base)[:18], np.flatnonzero(~base)[:34]
    b = base.copy()
    b[right], b[wrong] = False, True
    found = compare_models([entrant("a", base), entrant("b", b), entrant("c", base)])
    assert found.pairs[0].verdict == "not shown"
    assert found.pairs[0].difference.low > 0
    assert "(95% interval of this pair alone +0.1" in found.pairs[0].sentence
    assert "not ruled out after the correction for 3 pairs" in found.pairs[0].sentence
    assert "0 of the 3 pairs are shown to differ" in found.sentence


# --- What scripts read --------------------------------------------------------------------------


def test_the_names_that_scripts_read_are_a_contract():
    result = compare_models(table(2, 5, 90, 3)).as_dict()
    assert list(result) == ["models", "pairs", "images", "headline", "sentence"]
    assert result["sentence"].startswith(result["headline"])
    assert result["models"][0] == {
        "name": "ann",
        "recipe": "ann",
        "seeds": [0],
        "accuracy": metrics.wilson(92, 100).as_dict(),
        "per_seed": [0.92],
        "deviation": None,
        "deterministic": False,
    }
    pair = result["pairs"][0]
    assert list(pair) == [
        *("a", "b", "level", "difference", "error_ratio", "mcnemar", "p_better", "p_within"),
        *("margin", "equivalent", "verdict", "sentence", "gains", "p_value", "p_adjusted"),
        *("p_equivalent", "power"),
    ]
    assert (pair["a"], pair["b"], pair["difference"]["value"]) == ("ann", "cnn", 0.03)
    assert list(pair["difference"]) == ["value", "low", "high"]
    assert list(pair["mcnemar"]) == ["a_only", "b_only", "p_exact", "p_mid"]


def test_the_frame_has_a_row_for_each_pair():
    correct = [simulated(k, 1, 300) for k in (1, 2, 3)]
    found = compare_models([entrant(n, c) for n, c in zip("abc", correct, strict=True)])
    frame = found.frame()
    assert list(zip(frame["a"], frame["b"], strict=True)) == [(p.a, p.b) for p in found.pairs]
    assert list(frame["difference_low"]) == [pair.difference.low for pair in found.pairs]


@pytest.mark.parametrize("seeds", [(1, 1), (3, 3), (1, 3)])
@pytest.mark.parametrize("images", [1, 2, 300])
def test_json_holds_no_nan_however_little_there_is(seeds, images):
    a, b = (simulated(k, count, images) for k, count in enumerate(seeds))
    result = compared(a, b).as_dict()
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_a_model_whose_seed_is_not_known_has_none():
    theirs = entrant("theirs", simulated(1, 1, 300))
    theirs = Entrant("theirs", "theirs", (), theirs.predictions)
    ours = entrant("cnn", simulated(2, 3, 300))
    found = compare_models([ours, theirs])
    assert found.pairs[0].level == "fitted models"
    assert found.as_dict()["models"][1]["seeds"] == []
    assert found.models[1].per_seed == (theirs.predictions[0].correct.mean(),)
    assert "theirs was trained once" in found.sentence


# --- What is refused ----------------------------------------------------------------------------


def test_what_cannot_be_compared_is_refused():
    right = np.ones(10, bool)
    one = entrant("a", right)
    cases = {
        "compare, not a.": [one],
        "compare, not a and a.": [one, entrant("a", right)],
        "different images": [one, entrant("b", right, shift=1)],
        "9 and 10 images": [one, entrant("b", right[:9])],
        "a different order": [one, entrant("b", right, indices=np.arange(10)[::-1])],
        "classes: x, y, z and shirt": [one, entrant("b", right, classes=("x", "y", "z"))],
    }
    for message, entrants in cases.items():
        with pytest.raises(PredictionsError, match=message):
            compare_models(entrants)


@pytest.mark.parametrize("margin", [-0.1, 1.0, float("nan")])
def test_a_margin_that_is_none_is_refused(margin):
    with pytest.raises(UsageError, match="The margin is"):
        compare_models(table(1, 1, 1), margin=margin)
