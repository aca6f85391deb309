"""Figures: what is drawn is what was given, and matplotlib is left as it was found."""

import io
import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

from fittingroom import plots
from fittingroom.comparison import ClassGain, Comparison, Entrant, ModelResult, compare_models
from fittingroom.evaluation import Calibration, CalibrationBin
from fittingroom.metrics import Estimate, RiskCoverage, risk_coverage
from fittingroom.plots.style import spread
from fittingroom.predictions import Predictions
from fittingroom.runs import Epoch

CLASSES = ("Bag", "Coat", "T-shirt/top")
CONFUSION = np.array([[90, 10, 0], [3, 1095, 2], [0, 0, 0]])


def words(figure: Figure) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", plots.svg(figure, "x", "a picture"))


def test_squares_of_calibration_have_the_same_axes() -> None:
    estimate = Estimate(0.9, 0.88, 0.92)
    sure = Calibration((CalibrationBin(0.9, 1.0, 12, 0.95, estimate),), 0.05)
    unsure = Calibration(
        (CalibrationBin(0.2, 0.3, 9, 0.25, Estimate(0.2, 0.1, 0.4)), *sure.bins), 0.05
    )
    figure = plots.calibration_curves([("a", 0, sure), ("b", 1, unsure)])
    squares = [axes for axes in figure.axes if axes.get_title(loc="left")]
    assert len({(*axes.get_xlim(), *axes.get_ylim()) for axes in squares}) == 1


def test_the_epoch_kept_is_called_what_it_is() -> None:
    colour = plots.model_colour(0)
    assert "best epoch 2" in words(plots.accuracy_curve(curve(), 2, colour))
    for figure in (plots.accuracy_curve, plots.loss_curve):
        said = words(figure(curve(), 3, colour, mark="last epoch"))
        assert "last epoch 3" in said
        assert not any("best" in word for word in said)


def curve(epochs: int = 3) -> list[Epoch]:
    return [
        Epoch(e, float(e), 0.5 / e, 0.9 - 0.1 / e, 0.6 / e, 0.91 - 0.1 / e, 0.1)
        for e in range(1, epochs + 1)
    ]


def three_compared() -> Comparison:
    """Of three models c is better than a, b and a are equal, and names are as in a matrix."""
    labels = np.zeros(400, np.uint8)
    entrants = []
    for name, wrong in (("a", 60), ("b", 60), ("c", 20)):
        predicted = labels + (np.arange(400) < wrong).astype(np.uint8)
        said = Predictions(labels, predicted, None, np.arange(400), CLASSES)
        entrants.append(Entrant(name, name, (0,), (said,)))
    return compare_models(entrants, margin=0.02)


def risk(pictures: int = 3) -> RiskCoverage:
    sure = np.linspace(0.9, 0.6, pictures)
    wrong = np.arange(pictures) % 2
    return risk_coverage(wrong, np.zeros(pictures, int), np.stack([sure, 1 - sure], axis=1))


def test_the_verdict_matrix_says_each_verdict_from_either_side() -> None:
    said = words(plots.verdict_matrix(three_compared()))
    assert said.count("better") == said.count("worse") == 2
    assert said.count("equivalent") == 2
    assert said.count("+10.00") == said.count("−10.00") == 2
    # The most accurate stands first.
    names = [word for word in said if word in "abc"]
    assert names[0] == "c"


@pytest.mark.parametrize("pictures", [1, 2, 5000])
def test_a_risk_coverage_curve_ends_at_the_share_of_mistakes_of_all(pictures: int) -> None:
    curve = risk(pictures)
    figure = plots.risk_coverage([("ann", 0, curve)])
    line, last = (np.asarray(each.get_xydata()) for each in figure.axes[0].lines)
    assert tuple(line[-1]) == tuple(last[0]) == (100, 100 * curve.risk[-1])
    assert len(line) <= 152
    assert f"ann {100 * curve.risk[-1]:.1f}%" in words(figure)


def test_seeds_are_dots_beneath_the_interval() -> None:
    estimate = Estimate(0.9, 0.88, 0.92)
    figure = plots.accuracies([ModelResult("ann", "ann", (0, 1), estimate, (0.89, 0.91), 0.01)], [])
    drawn = [np.asarray(line.get_xydata()) for line in figure.axes[0].lines]
    dots = next(points for points in drawn if list(points[:, 0]) == [89, 91])
    assert (dots[:, 1] > 0).all()  # the interval lies at 0, and rows go downwards


@pytest.mark.parametrize("margin", [0.0, 0.005, 0.99])
def test_the_margin_is_shaded_and_never_hides_the_differences(margin: float) -> None:
    found = three_compared()
    pairs = [replace(pair, margin=margin) for pair in found.pairs]
    figure = plots.accuracies(found.models, pairs)
    low, high = figure.axes[1].get_xlim()
    ends = [100 * end for pair in pairs for end in (pair.difference.low, pair.difference.high)]
    assert low < min(ends) < max(ends) < high
    assert high - low < 10 * max(abs(end) for end in ends)
    said = [word for word in words(figure) if word.startswith("shaded")]
    assert said == ([f"shaded: within ±{100 * margin:g} points"] if margin else [])


def figures() -> dict[str, Figure]:
    picture = np.full((28, 28), 200, np.uint8)
    estimate = Estimate(0.9, 0.88, 0.92)
    tile = plots.Tile(picture, "Bag", "Coat", False, "51%")
    return {
        "accuracy": plots.accuracy_curve(curve(), 2, plots.model_colour(0), [estimate] * 3),
        "loss": plots.loss_curve(curve(1), 1, plots.model_colour(1)),
        "confusion": plots.confusion_matrix(CONFUSION, CLASSES, plots.model_colour(0)),
        "recalls": plots.recalls(CLASSES, [("ann", 0, [estimate] * 3)]),
        "gains": plots.class_gains(
            [ClassGain("Bag", Estimate(0.02, 0.01, 0.03)), ClassGain("Coat", Estimate(0, -1, 1))],
            ("ann", "cnn"),
            (0, 1),
        ),
        "accuracies": plots.accuracies(
            [ModelResult("ann", "ann", (0, 1), estimate, (0.89, 0.91), 0.01)], []
        ),
        "calibration": plots.calibration_curves(
            [("ann", 0, Calibration((CalibrationBin(0.8, 0.9, 12, 0.85, estimate),), 0.05))]
        ),
        "verdicts": plots.verdict_matrix(three_compared()),
        "risk": plots.risk_coverage([("ann", 0, risk())]),
        "tiles": plots.tile_sheet([plots.TileGroup("Some", (tile, tile))]),
        "samples": plots.sample_sheet([plots.SampleRow("Bag", picture[None])]),
        "confused": plots.confused_sheet(
            [plots.ConfusedRow("Bag", "Coat", 3, "1.0%", picture[None])], plots.model_colour(2)
        ),
    }


@pytest.mark.parametrize(
    "name",
    [
        "accuracy",
        "loss",
        "confusion",
        "recalls",
        "gains",
        "accuracies",
        "calibration",
        "verdicts",
        "risk",
        "tiles",
        "samples",
        "confused",
    ],
)
def test_each_figure_becomes_a_png_and_markup(name: str) -> None:
    figure = figures()[name]
    with Image.open(io.BytesIO(plots.png(figure, "A title"))) as image:
        assert image.mode == "P"
        assert image.width > 150
        assert np.asarray(image.convert("L")).std() > 3
    markup = plots.svg(figure, name, 'says "this" & <that>')
    assert markup.startswith(
        '<svg role="img" aria-label="says &quot;this&quot; &amp; &lt;that&gt;"'
    )
    assert "font-family" not in markup
    assert "A title" not in markup  # it belongs to the file alone


def test_confusion_matrix_says_counts_and_shares() -> None:
    said = words(plots.confusion_matrix(CONFUSION, CLASSES, plots.model_colour(0)))
    for word in ("90.0%", "90", "10", "10.0%", "1,095", "3", *CLASSES):
        assert word in said
    # A class without pictures, and mistakes never made, leave empty cells.
    assert said.count("0") == 1
    assert "0.0%" in said


def test_confusion_difference_is_signed_and_in_the_colour_of_the_better() -> None:
    after = CONFUSION + np.array([[4, -4, 0], [2, -2, 0], [0, 0, 0]])
    figure = plots.confusion_difference(
        CONFUSION, after, CLASSES, (plots.model_colour(0), plots.model_colour(1))
    )
    said = words(figure)
    assert [said.count(word) for word in ("+4", "−4", "+2", "−2")] == [1, 1, 1, 1]
    markup = plots.svg(figure, "x", "y")
    assert markup.count("fill: var(--model-1)") == 1  # four mistakes fewer by b
    assert markup.count("fill: var(--model-0)") == 1  # two more


def test_curves_name_their_ends_and_the_best_epoch() -> None:
    said = words(plots.accuracy_curve(curve(), 2, plots.model_colour(0)))
    for word in ("best epoch 2", "training", "86.7%", "validation", "87.7%"):
        assert word in said


def test_gains_are_ordered_and_hollow_where_unsure() -> None:
    gains = [
        ClassGain("few", Estimate(0.001, -0.01, 0.012)),
        ClassGain("many", Estimate(0.05, 0.04, 0.06)),
        ClassGain("fewer", Estimate(-0.05, -0.06, -0.04)),
    ]
    said = words(plots.class_gains(gains, ("ann", "cnn"), (0, 1)))
    order = [word for word in said if word in {"few", "many", "fewer"}]
    assert order == ["many", "few", "fewer"]
    assert "−5.0  (−6.0 to −4.0)" in said


def test_a_name_is_never_read_as_mathematics_or_markup() -> None:
    said = plots.svg(
        plots.confusion_matrix(np.eye(2, dtype=np.int64), ("$x^2$", "<b>"), "#0067a6"), "x", "y"
    )
    assert "$x^2$" in said
    assert "&lt;b&gt;" in said


def test_a_name_in_another_script_is_no_error() -> None:
    figure = plots.confusion_matrix(np.eye(2, dtype=np.int64), ("鞋", "包"), "#0067a6")
    assert plots.png(figure)


def test_ids_of_two_charts_do_not_meet() -> None:
    figure = plots.accuracy_curve(curve(), 2, plots.model_colour(0))
    one, other = (
        set(re.findall(r' id="([^"]+)"', plots.svg(figure, name, ""))) for name in ("a", "b")
    )
    assert one
    assert not one & other


def test_matplotlib_is_left_as_it_was() -> None:
    before = dict(matplotlib.rcParams)
    plots.png(figures()["confusion"])
    assert dict(matplotlib.rcParams) == before


def test_no_windows_and_no_global_figures() -> None:
    code = "import fittingroom.plots, sys; assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=600)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=4), st.floats(0.1, 10))
def test_labels_are_spread_and_keep_their_order(places: list[float], gap: float) -> None:
    moved = spread(places, gap)
    order = sorted(range(len(places)), key=lambda item: places[item])
    for below, above in pairwise(order):
        assert moved[above] - moved[below] >= 0.95 * gap
    assert np.mean(moved) == pytest.approx(np.mean(places), abs=1e-6)
