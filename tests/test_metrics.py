"""Numbers about one model's predictions: reference values, hand-made cases, laws."""

import tracemalloc
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special, stats
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, precision_recall_fscore_support, top_k_accuracy_score
from sklearn.metrics import confusion_matrix as sklearn_confusion_matrix
from sklearn.metrics import log_loss as sklearn_log_loss
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from fittingroom import metrics
from fittingroom.errors import PredictionsError

TABLES = 60


def some_predictions(seed, count=60, classes=4, sure=2.0):
    """Labels, predicted labels and log-probabilities of a middling model."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, count)
    logits = generator.normal(size=(count, classes))
    logits[np.arange(count), labels] += 1.5
    logs = special.log_softmax(sure * logits, axis=1)
    return labels, logs.argmax(axis=1), logs


def ends(estimate):
    return (estimate.value, estimate.low, estimate.high)


# --- Wilson -------------------------------------------------------------------------------------


def test_top_accuracy_is_that_of_scikit_learn():
    generator = np.random.default_rng(30)
    for _ in range(20):
        count, kinds = int(generator.integers(20, 200)), int(generator.integers(4, 12))
        labels, shares = generator.integers(0, kinds, count), generator.random((count, kinds))
        for top in (1, 2, 3):
            expected = top_k_accuracy_score(labels, shares, k=top, labels=range(kinds))
            assert metrics.top_accuracy(labels, np.log(shares), top).value == expected
    # Nothing is known where all are as likely.
    assert metrics.top_accuracy(labels, np.ones((count, kinds))).value == 0


def test_the_difference_of_two_shares_is_that_of_statsmodels():
    generator = np.random.default_rng(13)
    for _ in range(TABLES):
        n, m = (int(x) for x in generator.integers(1, 10_000, 2))
        x, y = int(generator.integers(0, n + 1)), int(generator.integers(0, m + 1))
        found = metrics.difference_of_shares(x, n, y, m)
        expected = confint_proportions_2indep(x, n, y, m, method="newcomb", compare="diff")
        assert (found.low, found.high) == pytest.approx(expected, abs=1e-10)
        assert found.value == pytest.approx(x / n - y / m)


def test_wilson_is_that_of_statsmodels():
    generator = np.random.default_rng(1)
    trials = generator.integers(1, 20_000, TABLES)
    successes = generator.binomial(trials, generator.random(TABLES))
    low, high = metrics.wilson_interval(successes, trials)
    expected = proportion_confint(successes, trials, method="wilson")
    np.testing.assert_allclose([low, high], expected, rtol=0, atol=1e-10)
    x, n = int(successes[0]), int(trials[0])
    assert metrics.wilson(x, n) == metrics.Estimate(x / n, low[0], high[0])


def test_wilson_ends_exactly_at_0_and_1_and_knows_nothing_without_trials():
    assert metrics.wilson(0, 7).low == 0.0
    assert metrics.wilson(7, 7).high == 1.0
    assert metrics.wilson(0, 0) == metrics.Estimate(0.0, 0.0, 1.0)
    assert metrics.wilson(4686, 5000).percent == "93.72% (93.0–94.4)"


@given(st.integers(0, 10**6), st.integers(0, 10**6))
@settings(deadline=None)
def test_wilson_stays_within_0_and_1_and_mirrors(right, wrong):
    estimate = metrics.wilson(right, right + wrong)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    if right + wrong:
        mirror = metrics.wilson(wrong, right + wrong)
        assert mirror.low == pytest.approx(1 - estimate.high, abs=1e-12)


# --- Means --------------------------------------------------------------------------------------


def test_the_mean_of_symmetric_values_has_students_interval():
    generator = np.random.default_rng(2)
    for _ in range(TABLES):
        half = generator.normal(size=generator.integers(2, 40))
        values = 3 + np.concatenate([half, -half])
        estimate = metrics.mean_estimate(values)
        expected = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
        assert (estimate.low, estimate.high) == pytest.approx(expected, abs=1e-6)


def test_the_interval_of_a_mean_reaches_further_towards_the_long_tail():
    values = np.random.default_rng(3).exponential(size=300)
    estimate = metrics.mean_estimate(values)
    mirror = metrics.mean_estimate(-values)
    assert estimate.high - estimate.value > 1.1 * (estimate.value - estimate.low)
    assert (mirror.low, mirror.high) == pytest.approx((-estimate.high, -estimate.low))


@given(st.lists(st.floats(0, 50), min_size=1, max_size=60))
@settings(deadline=None)
def test_the_interval_of_a_mean_holds_it_and_keeps_to_its_range(values):
    estimate = metrics.mean_estimate(np.array(values), minimum=0.0, maximum=50.0)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 50


# --- Labels -------------------------------------------------------------------------------------


def test_confusion_precision_recall_and_f1_are_those_of_scikit_learn():
    generator = np.random.default_rng(4)
    for _ in range(TABLES):
        classes = int(generator.integers(2, 7))
        count = int(generator.integers(1, 80))
        weights = generator.dirichlet(np.full(classes, 0.7))  # some classes without an image
        labels = generator.choice(classes, count, p=weights)
        noise = generator.integers(0, classes, count)
        predicted = np.where(generator.random(count) < 0.7, labels, noise)
        confusion = metrics.confusion_matrix(labels, predicted, classes)
        expected = sklearn_confusion_matrix(labels, predicted, labels=range(classes))
        np.testing.assert_array_equal(confusion, expected)
        per_class = precision_recall_fscore_support(
            labels, predicted, labels=range(classes), zero_division=0
        )
        occurs = np.union1d(labels, predicted)
        for score, of_sklearn in zip(
            (metrics.precision, metrics.recall, metrics.f1), per_class, strict=False
        ):
            found = score(confusion)
            values = [estimate.value for estimate in found.per_class]
            np.testing.assert_allclose(values, of_sklearn, rtol=0, atol=1e-10)
            assert found.macro.value == pytest.approx(of_sklearn[occurs].mean(), abs=1e-10)
            for estimate in (*found.per_class, found.macro):
                assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_intervals_of_precision_recall_and_f1_are_wilsons():
    confusion = np.array([[50, 3, 2], [4, 40, 1], [0, 5, 60]])
    assert metrics.precision(confusion).per_class[0] == metrics.wilson(50, 54)
    assert metrics.recall(confusion).per_class[0] == metrics.wilson(50, 55)
    low, high = proportion_confint(50, 59, method="wilson")  # of all that are or are called so
    f1 = metrics.f1(confusion).per_class[0]
    assert f1.value == pytest.approx(100 / 109)
    assert (f1.low, f1.high) == pytest.approx((2 * low / (1 + low), 2 * high / (1 + high)))
    perfect = metrics.f1(np.diag([50, 50])).macro
    assert (perfect.value, perfect.high) == (1.0, 1.0)
    assert perfect.low == pytest.approx(metrics.wilson(100, 100).low)


@pytest.mark.parametrize("score", [metrics.precision, metrics.recall, metrics.f1])
def test_a_macro_average_is_as_sure_as_drawing_the_images_anew_says(score):
    confusion = np.array([[90, 8, 2], [12, 70, 18], [1, 20, 79]])
    generator = np.random.default_rng(5)
    drawn = generator.multinomial(300, confusion.ravel() / 300, 2000).reshape(-1, 3, 3)
    deviation = np.std([score(table).macro.value for table in drawn])
    macro = score(confusion).macro
    assert (macro.high - macro.low) / 3.92 == pytest.approx(deviation, rel=0.06)


def test_a_class_that_is_never_called_has_no_precision_and_one_without_images_no_recall():
    labels, predicted = np.array([0, 0, 1, 1]), np.array([0, 0, 0, 2])
    confusion = metrics.confusion_matrix(labels, predicted, ("a", "b", "c", "d"))
    nothing = metrics.Estimate(0.0, 0.0, 1.0)
    assert metrics.precision(confusion).per_class[1] == nothing
    assert metrics.recall(confusion).per_class[2] == nothing
    assert metrics.f1(confusion).per_class[3] == nothing
    # The fourth class occurs nowhere, and counts for nothing in the mean of the others.
    assert metrics.recall(confusion).macro.value == pytest.approx(1 / 3)


@given(st.integers(0, 10**6), st.permutations(range(4)))
@settings(max_examples=25, deadline=None)
def test_permuting_classes_permutes_scores(seed, order):
    labels, predicted, _ = some_predictions(seed)
    order = np.array(order)
    plain = metrics.confusion_matrix(labels, predicted, 4)
    permuted = metrics.confusion_matrix(order[labels], order[predicted], 4)
    np.testing.assert_array_equal(permuted[np.ix_(order, order)], plain)
    for score in (metrics.precision, metrics.recall, metrics.f1):
        before, after = score(plain), score(permuted)
        assert tuple(after.per_class[k] for k in order) == before.per_class
        assert after.macro.low == pytest.approx(before.macro.low, abs=1e-12)
        assert after.macro.high == pytest.approx(before.macro.high, abs=1e-12)


# --- Log loss and Brier score -------------------------------------------------------------------


def test_log_loss_and_brier_score_are_those_of_scikit_learn():
    for seed in range(TABLES):
        labels, _, logs = some_predictions(seed, count=25)
        expected = sklearn_log_loss(labels, np.exp(logs), labels=range(4))
        assert metrics.log_loss(labels, logs).value == pytest.approx(expected, abs=1e-10)
        expected = brier_score_loss(labels, np.exp(logs), labels=[0, 1, 2, 3], scale_by_half=False)
        assert metrics.brier_score(labels, np.exp(logs)).value == pytest.approx(expected, abs=1e-10)


def test_a_probability_too_small_for_a_float_still_has_its_right_loss():
    logs = np.array([[0.0, -800.0], [0.0, -800.0], [0.0, -800.0], [-800.0, 0.0]])
    assert np.exp(-800.0) == 0
    assert metrics.log_loss([1, 0, 0, 1], logs).value == pytest.approx(200.0, abs=1e-12)


def test_ruling_out_what_then_happens_costs_infinitely_much():
    logs = np.array([[0.0, -np.inf], [0.0, -np.inf]])
    infinite = float("inf")
    assert metrics.log_loss([0, 1], logs) == metrics.Estimate(infinite, infinite, infinite)
    assert metrics.log_loss([0, 0], logs) == metrics.Estimate(0.0, 0.0, 0.0)


# --- Calibration --------------------------------------------------------------------------------


def two_classes(confidence, correct):
    """Labels, predictions and probabilities with these confidences, right where said."""
    confidence = np.asarray(confidence, dtype=float)
    predicted = np.zeros(len(confidence), dtype=int)
    labels = np.where(correct, 0, 1)
    return labels, predicted, np.column_stack([confidence, 1 - confidence])


def test_the_reliability_diagram_by_hand():
    curve = metrics.reliability(
        *two_classes([0.2, 0.4, 0.41, 1.0, 0.0], [True, False, True, True, False]), bins=5
    )
    # Upper ends belong to their bin, and 0 to the lowest.
    np.testing.assert_allclose(curve.low, [0, 0.2, 0.4, 0.8])
    np.testing.assert_allclose(curve.high, [0.2, 0.4, 0.6, 1.0])
    np.testing.assert_array_equal(curve.count, [2, 1, 1, 1])
    np.testing.assert_array_equal(curve.correct, [1, 0, 1, 1])
    np.testing.assert_allclose(curve.confidence, [0.1, 0.4, 0.41, 1.0])
    assert curve.plug_in_error == pytest.approx((2 * 0.4 + 0.4 + 0.59 + 0) / 5)


def test_the_reliability_diagram_is_that_of_scikit_learn():
    generator = np.random.default_rng(15)
    for _ in range(TABLES):
        count = int(generator.integers(1, 200))
        confidence = generator.uniform(0.5, 1, count)
        correct = generator.random(count) < confidence
        curve = metrics.reliability(*two_classes(confidence, correct))
        shares, means = calibration_curve(correct, confidence, n_bins=15)
        np.testing.assert_allclose(curve.correct / curve.count, shares, rtol=0, atol=1e-10)
        np.testing.assert_allclose(curve.confidence, means, rtol=0, atol=1e-10)


def test_the_calibration_error_of_bins_of_equal_mass_is_that_of_sorted_pieces():
    generator = np.random.default_rng(17)
    for _ in range(TABLES):
        count = 15 * int(generator.integers(1, 20))
        confidence = generator.uniform(0.5, 1, count)
        correct = generator.random(count) < confidence
        curve = metrics.reliability(*two_classes(confidence, correct), binning="equal mass")
        order = np.argsort(confidence)
        pieces = np.split(order, 15)
        gaps = [abs(correct[piece].mean() - confidence[piece].mean()) for piece in pieces]
        assert curve.plug_in_error == pytest.approx(np.mean(gaps), abs=1e-10)
        np.testing.assert_array_equal(curve.count, np.full(15, count // 15))


def test_bins_of_equal_mass_keep_equal_confidences_together():
    tied = metrics.reliability(*two_classes([0.7] * 30, [True] * 30), binning="equal mass")
    np.testing.assert_array_equal(tied.count, [30])


def test_debiasing_takes_off_the_mean_of_the_folded_normal():
    generator = np.random.default_rng(16)
    for _ in range(TABLES):
        bins = int(generator.integers(1, 16))
        count = generator.integers(1, 300, bins)
        confidence = generator.uniform(0.05, 0.95, bins)
        correct = generator.binomial(count, generator.uniform(0, 1, bins))
        gap = np.abs(correct / count - confidence)
        share = (correct + confidence) / (count + 1)
        deviation = np.sqrt(share * (1 - share) / count)
        mean = stats.foldnorm.mean(gap / deviation, scale=deviation)
        weight = count / count.sum()
        ends = np.linspace(0, 1, bins + 1)
        curve = metrics.Reliability(ends[:-1], ends[1:], count, confidence, correct)
        error = metrics.calibration_error(curve, draws=100).value
        assert error == pytest.approx(max(weight @ (2 * gap - mean), 0), abs=1e-10)


@pytest.mark.parametrize("binning", ["equal width", "equal mass"])
def test_a_perfect_model_is_not_shown_to_be_miscalibrated_and_an_overconfident_one_is(binning):
    generator = np.random.default_rng(8)
    errors: dict[float, list[metrics.Estimate]] = {0.0: [], 0.1: []}
    plug_in = []
    for _ in range(40):
        confidence = generator.uniform(0.5, 1, 3000)
        for true_error, found in errors.items():
            correct = generator.random(3000) < confidence - true_error
            curve = metrics.reliability(*two_classes(confidence, correct), binning=binning)
            found.append(metrics.calibration_error(curve, draws=500))
            plug_in += [curve.plug_in_error] * (true_error == 0)
    assert np.mean([each.low == 0 for each in errors[0.0]]) >= 0.9
    assert np.mean([each.value for each in errors[0.0]]) < 0.7 * np.mean(plug_in)
    assert np.mean([each.value for each in errors[0.1]]) == pytest.approx(0.1, abs=0.003)
    assert np.mean([each.low <= 0.1 <= each.high for each in errors[0.1]]) >= 0.85


@given(st.integers(0, 10**6), st.integers(1, 60), st.floats(0.2, 9))
@settings(max_examples=40, deadline=None)
def test_the_interval_of_the_calibration_error_holds_it(seed, count, sure):
    labels, predicted, logs = some_predictions(seed, count=count, sure=sure)
    curve = metrics.reliability(labels, predicted, np.exp(logs))
    found = metrics.calibration_error(curve, draws=200)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.value <= curve.plug_in_error + 1e-12
    assert metrics.calibration_error(curve, draws=200) == found


def test_certainty_that_is_always_right_has_no_calibration_error():
    found = metrics.calibration_error(metrics.reliability(*two_classes([1.0, 1.0], [True, True])))
    assert found == metrics.Estimate(0.0, 0.0, 0.0)


# --- Temperature --------------------------------------------------------------------------------


def test_the_temperature_minimises_the_log_loss():
    for seed in range(TABLES):
        labels, _, logs = some_predictions(seed, count=200)

        def loss(exponent, labels=labels, logs=logs):
            scaled = special.log_softmax(logs / np.exp(exponent), axis=1)
            return -scaled[np.arange(200), labels].mean()

        best = optimize.minimize_scalar(
            loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-10}
        )
        # It scales with the logits, and heeds no shift.
        shift = np.random.default_rng(seed).normal(size=(200, 1)) * 100
        found = metrics.fit_temperature(3 * logs + shift, labels)
        assert found == pytest.approx(3 * np.exp(best.x), rel=1e-5)


def test_the_temperature_stops_where_the_data_do_not_determine_it():
    logits = np.array([[5.0, 0.0], [0.0, 5.0]])
    assert metrics.fit_temperature(logits, [0, 1]) == 0.05  # always right: the surer the better
    assert metrics.fit_temperature(logits, [1, 0]) == 20.0
    assert metrics.fit_temperature(np.ones((2, 2)), [0, 1]) == 1.0
    assert 0.05 <= metrics.fit_temperature(1e6 * logits, [0, 0]) <= 20.0


def test_the_effect_of_a_temperature_is_the_change_from_temperature_1():
    labels, predicted, raw = some_predictions(11, count=2000, sure=3.0)
    temperature = metrics.fit_temperature(raw[:1000], labels[:1000])
    logs = special.log_softmax(raw / temperature, axis=1)
    found = metrics.temperature_effect(labels, logs, temperature, draws=200)
    assert found.temperature == temperature > 1.5
    before, after = metrics.log_loss(labels, raw), metrics.log_loss(labels, logs)
    assert ends(found.log_loss_before) == pytest.approx(ends(before), abs=1e-10)
    change = found.log_loss_change
    assert change.value == pytest.approx(after.value - before.value)
    assert change.low < change.high < 0
    curve = metrics.reliability(labels, predicted, np.exp(raw))
    expected = metrics.calibration_error(curve, draws=200)
    assert ends(found.error_before) == pytest.approx(ends(expected), abs=1e-6)


# --- Risk and coverage --------------------------------------------------------------------------


def test_the_risk_coverage_curve_by_hand():
    curve = metrics.risk_coverage(*two_classes([0.9, 0.8, 0.7, 0.6], [True, False, True, False]))
    np.testing.assert_allclose(curve.coverage, [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(curve.risk, [0, 1 / 2, 1 / 3, 1 / 2])
    np.testing.assert_allclose(curve.threshold, [0.9, 0.8, 0.7, 0.6])
    assert curve.area.value == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
    assert (curve.low[3], curve.high[3]) == pytest.approx(
        (metrics.wilson(2, 4).low, metrics.wilson(2, 4).high)
    )


def test_among_equal_confidences_the_area_is_the_mean_over_all_orders():
    confidence = np.array([0.9, 0.8, 0.8, 0.8, 0.6, 0.6])
    correct = np.array([True, False, True, True, False, True])
    areas = []
    for order in permutations(range(6)):
        if (np.diff(confidence[list(order)]) <= 0).all():
            risks = np.cumsum(~correct[list(order)]) / np.arange(1, 7)
            areas.append(risks.mean())
    curve = metrics.risk_coverage(*two_classes(confidence, correct))
    assert curve.area.value == pytest.approx(np.mean(areas), abs=1e-12)
    np.testing.assert_allclose(curve.coverage, [1 / 6, 4 / 6, 1])


def test_the_areas_interval_is_as_wide_as_drawing_the_images_anew_says():
    labels, predicted, logs = some_predictions(10, count=2000)
    area = metrics.risk_coverage(labels, predicted, np.exp(logs)).area
    generator = np.random.default_rng(10)
    drawn = []
    for _ in range(300):
        sample = generator.integers(0, 2000, 2000)
        drawn.append(
            metrics.risk_coverage(
                labels[sample], predicted[sample], np.exp(logs[sample])
            ).area.value
        )
    assert (area.high - area.low) / 3.92 == pytest.approx(np.std(drawn), rel=0.12)


def test_without_a_mistake_the_area_may_still_be_above_0():
    area = metrics.risk_coverage(*two_classes([0.9, 0.8], [True, True])).area
    assert area == metrics.Estimate(0.0, 0.0, metrics.wilson(0, 2).high)


@given(st.integers(0, 10**6), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_permuting_images_changes_nothing(seed, random):
    labels, predicted, logs = some_predictions(seed)
    order = list(range(60))
    random.shuffle(order)
    before = (labels, predicted, np.exp(logs))
    after = (labels[order], predicted[order], np.exp(logs[order]))
    for number in (
        lambda said: metrics.risk_coverage(*said).area,
        lambda said: metrics.calibration_error(metrics.reliability(*said), draws=100),
        lambda said: metrics.brier_score(said[0], said[2]),
    ):
        assert ends(number(before)) == pytest.approx(ends(number(after)), abs=1e-6)


# --- What is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (metrics.wilson, (5, 4), "5 successes in 4 trials"),
        (metrics.confusion_matrix, ([], [], 3), "one or more"),
        (metrics.confusion_matrix, ([0, 1], [0], 3), "`predicted` holds 1 numbers for 2 images"),
        (metrics.confusion_matrix, ([0, 3], [0, 1], 3), "`labels` holds 3"),
        (metrics.confusion_matrix, ([0, 1], [-1, 1], 3), "`predicted` holds -1"),
        (metrics.confusion_matrix, ([0.0, 1.0], [0, 1], 3), "whole numbers"),
        (metrics.confusion_matrix, ([[0, 1]], [[0, 1]], 3), "shape"),
        (metrics.f1, (np.zeros((2, 3), int),), "shape"),
        (metrics.f1, (np.zeros((2, 2), int),), "counts no image"),
        (metrics.log_loss, ([0], [[0.5, 0.5]]), "is 1.64"),
        (metrics.log_loss, ([0], [[-3.0, -3.0]]), "sum to one"),
        (metrics.log_loss, ([0], [[np.nan, 0.0]]), "nan in row 0"),
        (metrics.log_loss, ([0], [0.0, 0.0]), "shape"),
        (metrics.brier_score, ([0], [[0.5, 0.4]]), "row 0 sum to 0.9"),
        (metrics.brier_score, ([0], [[1.2, -0.2]]), "probability is -0.2"),
        (metrics.brier_score, ([0], [[1.0, 0.0], [0.0, 1.0]]), "1 numbers for 2 images"),
        (metrics.fit_temperature, ([[np.inf, 0.0]], [0]), "inf in row 0"),
        (metrics.temperature_effect, ([0], [[0.0, -np.inf]], 1.0), "-inf in row 0"),
    ],
)
def test_what_does_not_fit_is_refused(function, arguments, message):
    with pytest.raises(PredictionsError, match=message):
        function(*arguments)


def test_a_thousand_classes_take_little_memory() -> None:
    confusion = 3 * np.eye(1000, dtype=int)
    confusion[0, 1] = 1
    tracemalloc.start()
    score = metrics.f1(confusion)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200e6
    assert score.macro.value == pytest.approx(1 - 2 * (1 - 6 / 7) / 1000)
